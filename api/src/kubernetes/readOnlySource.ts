/** What Kubernetes says by objects of its own, and Calico only reads. */
import { formatKey } from "../store/request.ts";
import type { Key, Kind } from "../store/store.ts";
import { refuse } from "./requests.ts";
import type { ApiName, ApiObject, ApiResource, Narrowing, Reading, Source } from "./source.ts";

export interface ReadOnly<K extends Kind> {
  readonly kind: K;
  readonly resource: ApiResource;
  read(object: ApiObject): Reading<K>;
  locate(key: Key<K>): ApiName | null;
  /** Whether a namespace of the kind is a namespace of Kubernetes too. */
  readonly narrowsToNamespace: boolean;
}

export function readOnlySource<K extends Kind>({ locate, narrowsToNamespace, ...source }: ReadOnly<K>): Source<K> {
  const { kind, plural } = source.resource;
  return {
    ...source,
    locate: (key) => {
      const at = locate(key);
      return at ? [at] : [];
    },
    narrow: ({ namespace }): Narrowing => (narrowsToNamespace && namespace !== undefined ? { namespace } : {}),
    needsCurrent: () => false,
    write: ({ key }) => refuse(`${formatKey(key)} is made from the ${kind} of that name: change that, in ${plural}`),
  };
}
