/** What address management keeps, for a person who asks: the objects of the datastore as resources. */
import { type IpamKind, type IpamResources, ipamResourceOf } from "../kinds/ipam.ts";
import { formatKey } from "../store/request.ts";
import type { Store } from "../store/store.ts";
import type { ResourceList } from "./resourceList.ts";

/** In the order of their names. */
export async function listIpamResources<K extends IpamKind>(
  store: Pick<Store, "list">,
  kind: K,
): Promise<ResourceList<IpamResources[K]>> {
  const { items, revision, undecodable } = await store.list(kind);
  const resources = items.map(({ key, value, revision: resourceVersion }): IpamResources[K] => {
    const resource = ipamResourceOf<K>(kind, key.name, value);
    return { ...resource, metadata: { ...resource.metadata, resourceVersion } };
  });
  return {
    resources: resources.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1)),
    resourceVersion: revision,
    problems: undecodable.map(({ key, reason }) => `${formatKey(key)} cannot be read: ${reason}`),
  };
}
