/** The table of which objects of Kubernetes hold which kinds. */
import { isIpamKind } from "../kinds/ipam.ts";
import { isResourceKind } from "../kinds/kinds.ts";
import type { Kind } from "../store/store.ts";
import { clusterPolicySource } from "./clusterPolicySource.ts";
import { crdSource } from "./crdSource.ts";
import { ipamConfigSource } from "./ipamConfigSource.ts";
import { ipamSource } from "./ipamSource.ts";
import { networkPolicySource } from "./networkPolicySource.ts";
import { nodeSource } from "./nodeSource.ts";
import { podSource } from "./podSource.ts";
import { namespaceSource, serviceAccountSource } from "./profileSources.ts";
import type { Flavour, Source } from "./source.ts";

type Sources = { readonly [K in Kind]?: readonly Source<K>[] };

/** Kinds that are objects of Kubernetes' own, with no CRD. */
const derived: Sources = {
  Node: [nodeSource],
  WorkloadEndpoint: [podSource],
  Profile: [namespaceSource, serviceAccountSource],
};

/** Objects of Kubernetes' own beside those of the CRD. */
const beside: Sources = {
  NetworkPolicy: [networkPolicySource],
  GlobalNetworkPolicy: [clusterPolicySource],
};

/** Each key is held by the object of one of them, which says so by `locate`. */
export function sourcesOf<K extends Kind>(kind: K, flavour: Flavour): readonly Source<K>[] {
  return derived[kind] ?? [ownSource(kind, flavour), ...(beside[kind] ?? [])];
}

function ownSource<K extends Kind>(kind: K, flavour: Flavour): Source<K> {
  const source = isResourceKind(kind)
    ? crdSource(kind, flavour)
    : isIpamKind(kind)
      ? ipamSource(kind, flavour)
      : ipamConfigSource(flavour);
  return source as unknown as Source<K>; // The compiler does not follow `kind` into its own type.
}
