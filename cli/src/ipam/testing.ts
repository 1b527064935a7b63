/** What the tests of `ipam` have in blocks: pods of shop on node1, of which web is there. */
import { type WorkloadEndpoint, workloadEndpointName } from "@brindle/api";

export function owner(pod: string): { handle_id: string; secondary: Record<string, string> } {
  return { handle_id: `k8s-pod-network.${pod}`, secondary: { namespace: "shop", pod, node: "node1" } };
}

export const endpoint: WorkloadEndpoint = {
  apiVersion: "projectcalico.org/v3",
  kind: "WorkloadEndpoint",
  metadata: {
    namespace: "shop",
    name: workloadEndpointName({ node: "node1", orchestrator: "k8s", pod: "web", endpoint: "eth0" }),
  },
  spec: { orchestrator: "k8s", node: "node1", pod: "web", endpoint: "eth0", ipNetworks: ["10.1.0.0/32"] },
};
