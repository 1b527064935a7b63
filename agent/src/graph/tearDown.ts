/**
 * Whether what a cluster has of Brindle is being deleted, as by `kubectl delete -f`: its kinds go first, and with them every
 * object, while agents still run and hear of it. What such an agent heard is no wish of anybody's for pods without routes: it
 * leaves all as it is, so that pods talk on until they are gone, or an agent comes back.
 */
import type { ClusterState } from "./clusterState.ts";

export interface TearDown {
  /** `all`: nothing that is told counts. `routing`: blocks are gone under pods that run, so routes and sessions stay. */
  readonly what: "all" | "routing";
  readonly reason: string;
}

export function tearDown(state: Pick<ClusterState, "all">): TearDown | null {
  // 1. Every cluster has it, from the first agent's start on; of our kinds it is deleted first.
  if (!state.all("ClusterInformation").has("default")) {
    return {
      what: "all",
      reason: "ClusterInformation default is gone: policy, routes and sessions stay as they are until it is back",
    };
  }
  // 2. A pod has its address from a block, and a block has a node.
  const hasPods = () =>
    state
      .all("WorkloadEndpoint")
      .values()
      .some(({ spec }) => spec.containerID !== undefined && (spec.ipNetworks?.length ?? 0) > 0);
  if (state.all("BlockAffinity").size === 0 && hasPods()) {
    return { what: "routing", reason: "no node has a block, and pods run: routes stay as they are until one has" };
  }
  return null;
}
