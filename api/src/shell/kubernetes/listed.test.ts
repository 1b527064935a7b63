import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { serviceResource } from "../../kubernetes/service.ts";
import { StoreError } from "../../store/error.ts";
import type { KubernetesApi } from "./kubernetesApi.ts";
import { listed } from "./listed.ts";
import type { News } from "./reflectorLoop.ts";

function answering(...news: News<string>[]): Pick<KubernetesApi, "follow"> {
  return {
    follow: (_resource, _read, onNews) => {
      for (const each of news) queueMicrotask(() => onNews(each as never));
      return { stop: async () => {} } as never;
    },
  };
}

const whyNot = async (news: News<string>): Promise<unknown> => {
  const error = await listed(answering(news), serviceResource, String).catch((reason: unknown) => reason);
  return error instanceof StoreError ? error.failure : error;
};

describe("what there is of a resource", () => {
  it("is what was told before all was told", async () => {
    const item = { id: "shop/web", object: "web", resourceVersion: "7" };
    const found = await listed(answering({ type: "changed", item }, { type: "inSync" }), serviceResource, String);
    assert.deepEqual([...found], [["shop/web", "web"]]);
  });

  it("is refused to whom lacks a right, and is not to be had of who does not answer: two things to do something about", async () => {
    const reason = "a role with the verb watch on services is missing";
    assert.deepEqual(await whyNot({ type: "away", reason, isRefused: true }), { code: "UNAUTHORIZED", reason });
    assert.deepEqual(await whyNot({ type: "away", reason: "no answer" }), { code: "UNAVAILABLE", reason: "no answer" });
  });
});
