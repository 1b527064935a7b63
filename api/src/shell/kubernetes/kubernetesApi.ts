/** The objects of the API server themselves, for who needs of them what no `Store` tells: conditions, leases. */

import { apiPath } from "../../kubernetes/apiPath.ts";
import { resourceName } from "../../kubernetes/resourceName.ts";
import type { ApiName, ApiObject, ApiRequest, ApiResource, Narrowing } from "../../kubernetes/source.ts";
import type { Store } from "../../store/store.ts";
import type { ApiClient } from "./apiClient.ts";
import { Objects, type Sent } from "./objects.ts";
import { type ApiClientOptions, openApiClient } from "./openApiClient.ts";
import { type News, ReflectorLoop } from "./reflectorLoop.ts";
import { pageSizeDefault, relistIntervalMsDefault, streamSecondsDefault } from "./watchDefaults.ts";

export interface KubernetesApi {
  /** `null` where there is no such object, or no such kind of object. Rejects with a `StoreError`. */
  get(resource: ApiResource, name: ApiName): Promise<ApiObject | null>;
  send(resource: ApiResource, request: ApiRequest): Promise<Sent>;
  /** Tells what `read` makes of each object that is there, and of each as it changes; nothing else is kept. */
  follow<T>(
    resource: ApiResource,
    read: (object: ApiObject) => T,
    onNews: (news: News<T>) => void,
    narrowing?: Narrowing,
  ): Following;
  close(): void;
}

export interface Following {
  stop(): Promise<void>;
}

/** Opens nothing yet: the first call connects. */
export function openKubernetesApi(options: ApiClientOptions): KubernetesApi {
  return apiOver(openApiClient(options));
}

const byStore = new WeakMap<Store, KubernetesApi>();

/** Over the connection that the store has, and closed with it; `null` where Kubernetes is not the datastore. */
export function kubernetesApiOf(store: Store): KubernetesApi | null {
  return byStore.get(store) ?? null;
}

export function offerApi(store: Store, client: ApiClient): void {
  byStore.set(store, { ...apiOver(client), close: () => {} });
}

function apiOver(client: ApiClient): KubernetesApi {
  const objects = new Objects(client, pageSizeDefault);
  return {
    get: (resource, name) => objects.get(resource, name),
    send: (resource, request) => objects.send(resource, request),
    follow: (resource, read, onNews, { namespace, ...selectors } = {}) =>
      new ReflectorLoop(
        {
          collection: {
            path: apiPath(resource, namespace === undefined ? {} : { namespace }),
            resource: resourceName(resource),
            ...selectors,
          },
          trim: (object) => read(object as unknown as ApiObject), // Only what has a name comes here.
          onNews,
          pageSize: pageSizeDefault,
          streamSeconds: streamSecondsDefault,
          relistIntervalMs: relistIntervalMsDefault,
        },
        client,
      ),
    close: () => client.close(),
  };
}
