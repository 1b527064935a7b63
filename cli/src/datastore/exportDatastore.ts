/** Reads a whole datastore. It has to be locked: addresses that are given meanwhile would be given again from the copy. */
import {
  type AnyKindOfResource,
  defaultAllowProfile,
  formatKey,
  type Listing,
  resourceKinds,
  type Store,
  withoutIdentity,
} from "@brindle/api";
import { failed } from "../error.ts";
import { type Archive, calicoKinds, clusterInformationOf, type IpamKind } from "./archive.ts";

export async function readArchive(store: Store): Promise<Archive> {
  const cluster = await store.get({ kind: "ClusterInformation", name: "default" });
  if (cluster?.value.spec.datastoreReady !== false) {
    throw failed(
      "the datastore is not locked; run `brindlectl datastore lock` first, so that nothing changes meanwhile",
    );
  }
  const others = resourceKinds.filter((kind) => !calicoKinds.includes(kind) && kind !== "ClusterInformation");
  const resources: AnyKindOfResource[] = [];
  for (const kind of [...calicoKinds, ...others]) {
    const { items } = complete(await store.list(kind));
    resources.push(...items.filter(({ value }) => !isBuiltIn(value)).map(({ value }) => forAnyDatastore(value)));
  }
  const config = await store.get({ kind: "IPAMConfig", name: "default" });
  return {
    resources,
    clusterInformation: clusterInformationOf(cluster.value.spec),
    ipam: {
      affinities: await entriesOf(store, "BlockAffinity"),
      blocks: await entriesOf(store, "IPAMBlock"),
      handles: await entriesOf(store, "IPAMHandle"),
      config: config && { key: config.key, value: config.value },
    },
  };
}

async function entriesOf<K extends Exclude<IpamKind, "IPAMConfig">>(store: Store, kind: K) {
  const { items } = complete(await store.list(kind));
  return items.map(({ key, value }) => ({ key, value }));
}

/** A copy that lacks what could not be read would lose it. */
function complete<L extends Pick<Listing<never>, "undecodable">>(listing: L): L {
  if (listing.undecodable.length === 0) return listing;
  const lines = listing.undecodable.map(({ key, reason }) => `${formatKey(key)} cannot be read: ${reason}`);
  throw failed([...lines, "mend or delete these first: nothing was exported"].join("\n"));
}

function isBuiltIn({ kind, metadata: { name } }: AnyKindOfResource): boolean {
  return kind === "Profile" && name === defaultAllowProfile.metadata.name;
}

/** In a node that Kubernetes made: which of its labels did not come from us. */
const kubernetesLabels = "projectcalico.org/kube-labels";

function forAnyDatastore<R extends AnyKindOfResource>(resource: R): R {
  const metadata = withoutIdentity(resource.metadata);
  const { [kubernetesLabels]: _labels, ...annotations } = metadata.annotations ?? {};
  const isBare = resource.kind !== "Node" || metadata.annotations?.[kubernetesLabels] === undefined;
  if (isBare) return { ...resource, metadata };
  const { annotations: _all, ...others } = metadata;
  return { ...resource, metadata: { ...others, ...(Object.keys(annotations).length > 0 && { annotations }) } };
}
