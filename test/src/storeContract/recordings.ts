/** What Calico and we store, as text. */
import { readFileSync } from "node:fs";
import { recording } from "../fixtures/recordings.ts";

export interface Recorded {
  readonly key: string;
  readonly text: string;
}

/** In Calico's layout: members that are empty, a number beyond 2^53, a time with its zone. */
export const samples: readonly Recorded[] = [
  {
    key: "/calico/ipam/v2/assignment/ipv4/block/10.244.7.4-31",
    text: `{"cidr":"10.244.7.4/31","affinity":"host:worker-a","allocations":[0,null],"unallocated":[1],"attributes":[{"handle_id":"k8s-pod-network.5eed","secondary":{"namespace":"shop","node":"worker-a","pod":"cart-1","timestamp":"2025-03-04 05:06:07.000000089 +0000 UTC"}}],"sequenceNumber":1741064767000000090,"sequenceNumberForAllocation":{"0":1741064767000000089},"deleted":false}`,
  },
  {
    key: "/calico/ipam/v2/handle/k8s-pod-network.5eed",
    text: `{"block":{"10.244.7.4/31":1},"deleted":false}`,
  },
  {
    key: "/calico/resources/v3/projectcalico.org/clusterinformations/default",
    text: `{"kind":"ClusterInformation","apiVersion":"projectcalico.org/v3","metadata":{"name":"default","uid":"0c9be7a2-5b63-4f0e-9d57-6a1f7e0c2d11","creationTimestamp":"2025-03-04T05:06:07Z"},"spec":{"clusterGUID":"a3c1","datastoreReady":true}}`,
  },
  {
    key: "/brindle/v1/fabricpeers/tor-a",
    text: `{"kind":"FabricPeer","apiVersion":"brindle.network/v1alpha1","metadata":{"name":"tor-a"},"spec":{"interface":"eth1","peerType":"External","holdTime":"9s","bfd":{"transmitInterval":"50ms"},"maxPrefixes":{"limit":1000},"fieldOfTomorrow":9007199254740993}}`,
  },
  {
    key: "/brindle/v1/agentconfigurations/node.worker-a",
    text: `{"kind":"AgentConfiguration","apiVersion":"brindle.network/v1alpha1","metadata":{"name":"node.worker-a"},"spec":{"policy":{"killEstablishedOnDeny":false},"podMTU":9000}}`,
  },
];

/** What a real Calico stored; `null` where no recordings are at hand. */
export function recordedKeys(): readonly Recorded[] | null {
  const path = recording("calico/etcd/keys.txt");
  if (path === null) return null;
  const lines = readFileSync(path, "utf8").split("\n");
  const recorded: Recorded[] = [];
  for (let i = 0; i + 1 < lines.length; i += 2) recorded.push({ key: lines[i] ?? "", text: lines[i + 1] ?? "" });
  return recorded;
}
