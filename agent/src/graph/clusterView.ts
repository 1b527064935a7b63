/** What this node knows of the cluster that bears on addresses. */
import { ipamConfigName, ipamConfigurationName } from "@brindle/api";
import { type ClusterView, ipamSettings, keptAddresses, reservedPrefixes } from "@brindle/ipam";
import type { ClusterState } from "./clusterState.ts";

export function clusterView(node: string, state: ClusterState): ClusterView {
  return {
    pools: [...state.all("IPPool").values()],
    poolRevisions: state.poolRevisions,
    nodeLabels: state.all("Node").get(node)?.metadata.labels ?? {},
    reserved: [
      ...reservedPrefixes(state.all("IPReservation").values()),
      ...state.floating.claimed(),
      ...state.unmanaged.reserved(),
    ],
    settings: ipamSettings({
      config: state.all("IPAMConfig").get(ipamConfigName),
      configuration: state.all("IPAMConfiguration").get(ipamConfigurationName),
    }),
    kept: (pod) => keptAddresses(pod, state.all("IPReservation").values()),
    rank: () => rankOf(node, state),
    doubtfulClaims: doubtfulClaims(`host:${node}/`, state),
  };
}

/** All agents read the same Nodes, so those that begin at the same moment begin at different places of a pool. */
function rankOf(node: string, state: ClusterState): { readonly index: number; readonly of: number } | undefined {
  const nodes = state.all("Node");
  if (!nodes.has(node)) return undefined;
  let index = 0;
  for (const name of nodes.keys()) if (name < node) index++;
  return { index, of: nodes.size };
}

function doubtfulClaims(owner: string, state: ClusterState): string[] {
  return [...state.all("BlockAffinity")].flatMap(([name, affinity]) =>
    name.startsWith(owner) && (affinity.state !== "confirmed" || affinity.deleted) ? [name.slice(owner.length)] : [],
  );
}
