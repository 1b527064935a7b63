/** What a cluster has to say about whether its policies can be enforced as they are written. */
import type { Cluster } from "./cluster.ts";
import { noServicesKnown, type PolicySurroundings } from "./enforceable.ts";
import { Tiers } from "./tiers.ts";

export function surroundingsOf({ tiers = [], endpointSlices }: Cluster): PolicySurroundings {
  return { tiers: new Tiers(tiers), unserved: endpointSlices ? null : noServicesKnown };
}
