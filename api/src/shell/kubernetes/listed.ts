/** What there is of one resource at one moment, by the ids of its objects. */
import type { ApiObject, ApiResource, Narrowing } from "../../kubernetes/source.ts";
import { StoreError } from "../../store/error.ts";
import type { KubernetesApi } from "./kubernetesApi.ts";
import type { News } from "./reflectorLoop.ts";

/** Rejects with a `StoreError`. */
export async function listed<T>(
  api: Pick<KubernetesApi, "follow">,
  resource: ApiResource,
  read: (object: ApiObject) => T,
  narrowing?: Narrowing,
): Promise<ReadonlyMap<string, T>> {
  const found = new Map<string, T>();
  const whole = Promise.withResolvers<void>();
  const onNews = (news: News<T>): void => {
    if (news.type === "changed") found.set(news.item.id, news.item.object);
    else if (news.type === "deleted") found.delete(news.id);
    else if (news.type === "inSync") whole.resolve();
    else if (news.type === "away") {
      const code = news.isRefused ? "UNAUTHORIZED" : "UNAVAILABLE";
      whole.reject(new StoreError({ code, reason: news.reason }));
    }
  };
  const following = api.follow(resource, read, onNews, narrowing);
  try {
    await whole.promise;
    return found;
  } finally {
    await following.stop();
  }
}
