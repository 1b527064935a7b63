/** What this node knows of the cluster that bears on addresses. */
import { ipamConfigName, ipamConfigurationName } from "@brindle/api";
import { type ClusterView, ipamSettings, reservedPrefixes } from "@brindle/ipam";
import type { ClusterState } from "./clusterState.ts";

export function clusterView(node: string, state: ClusterState): ClusterView {
  return {
    pools: [...state.all("IPPool").values()],
    nodeLabels: state.all("Node").get(node)?.metadata.labels ?? {},
    reserved: reservedPrefixes(state.all("IPReservation").values()),
    settings: ipamSettings({
      config: state.all("IPAMConfig").get(ipamConfigName),
      configuration: state.all("IPAMConfiguration").get(ipamConfigurationName),
    }),
    doubtfulClaims: doubtfulClaims(`host:${node}/`, state),
  };
}

function doubtfulClaims(owner: string, state: ClusterState): string[] {
  return [...state.all("BlockAffinity")].flatMap(([name, affinity]) =>
    name.startsWith(owner) && (affinity.state !== "confirmed" || affinity.deleted) ? [name.slice(owner.length)] : [],
  );
}
