/** A cluster in which each kind of chain occurs: what agents of earlier layouts have made of it is kept in `layouts`. */
import { apiVersion, type PolicySpec, type Rule } from "@brindle/api";
import { type Cluster, type Desired, type Policy, PolicyGraph } from "@brindle/policy";
import { parseClusterAddress, receiveCluster } from "./oracle.ts";
import { nodeAddresses, nodeName } from "./policyNode.ts";
import { clusterWith } from "./randomCase.ts";

const to = (selector: string, ...ingress: Rule[]): PolicySpec => ({ selector, types: ["Ingress"], ingress });
const everybody = "has(place)";

/** More than pods have to share for a chain of the group. */
const shared: readonly PolicySpec[] = Array.from({ length: 9 }, (_, index) => ({
  ...to(everybody, {
    action: "Deny",
    protocol: "UDP",
    destination: { ports: [1_000 + index, `2${index}00:2${index}50`] },
  }),
  order: index,
}));

const own: readonly PolicySpec[] = [
  {
    ...to(
      "place == 'p2'",
      { action: "Allow", source: { selector: "place in {'p1', 'r1'}" } },
      { action: "Allow", protocol: "TCP", destination: { ports: ["web"] } },
      { action: "Deny", source: { selector: "kind == 'partner'", namespaceSelector: "global()" } },
      { action: "Allow", source: { nets: ["203.0.113.0/24", "198.51.100.0/24", "2001:db8::/32"] } },
    ),
    order: 20,
  },
  {
    selector: "place == 'p1'",
    order: 21,
    types: ["Egress"],
    egress: [
      { action: "Allow", protocol: "TCP", destination: { ports: [80, 443, "8080:8081"] } },
      { action: "Allow", protocol: "ICMP" },
      { action: "Allow", protocol: "ICMPv6", icmp: { type: 128 } },
    ],
  },
];

const ofTier: readonly Policy[] = [
  {
    apiVersion,
    kind: "GlobalNetworkPolicy",
    metadata: { name: "first-a-name-that-is-too-long-for-a-chain" },
    spec: {
      tier: "first",
      selector: "place == 'p3'",
      types: ["Ingress"],
      ingress: [
        { action: "Deny", source: { notSelector: "place == 'p1'" }, protocol: "UDP" },
        { action: "Pass", source: { nets: ["10.65.0.0/16", "fd65::/16"] } },
      ],
    },
  },
];

const forHosts: readonly Policy[] = [
  {
    apiVersion,
    kind: "GlobalNetworkPolicy",
    metadata: { name: "for-hosts" },
    spec: {
      selector: "role == 'uplink'",
      applyOnForward: true,
      types: ["Ingress", "Egress"],
      ingress: [{ action: "Deny", protocol: "TCP", destination: { ports: [81] } }, { action: "Allow" }],
      egress: [{ action: "Allow" }],
    },
  },
];

/** `withHost`: the node has a host endpoint, too. */
export function layoutCluster({ withHost }: { readonly withHost: boolean }): Cluster {
  const cluster = clusterWith([...shared, ...own]);
  return {
    ...cluster,
    policies: [...cluster.policies, ...ofTier, ...(withHost ? forHosts : [])],
    tiers: [{ apiVersion, kind: "Tier", metadata: { name: "first" }, spec: { order: 1, defaultAction: "Deny" } }],
    networkSets: [
      {
        apiVersion,
        kind: "GlobalNetworkSet",
        metadata: { name: "partners", labels: { kind: "partner" } },
        spec: { nets: ["198.51.100.8/30", "2001:db8:9::/64"] },
      },
    ],
    ...(withHost ? hostFields : {}),
  };
}

const hostFields: Partial<Cluster> = {
  hostEndpoints: [
    {
      apiVersion,
      kind: "HostEndpoint",
      metadata: { name: "uplink", labels: { role: "uplink" } },
      spec: { node: nodeName, interfaceName: "uplink" },
    },
  ],
  uplinks: new Map([[nodeName, "uplink"]]),
  interfaces: new Map([[nodeName, new Map([["uplink", nodeAddresses.map(parseClusterAddress)]])]]),
  failsafes: { inbound: [{ protocol: 6, port: 22, net: null }], outbound: [{ protocol: 17, port: 53, net: null }] },
};

/** With all that settings add, and a pool that is masqueraded. */
export function layoutDesired(cluster: Cluster): Desired {
  const graph = new PolicyGraph({ node: nodeName });
  graph.setHostInterfaces(cluster.interfaces?.get(nodeName) ?? new Map());
  graph.setFilterSettings({
    ...(cluster.failsafes && { failsafes: cluster.failsafes }),
    deniedFlowsPerSecond: 100,
    endsFlows: true,
  });
  receiveCluster(graph, cluster);
  for (const [name, cidr] of [
    ["pool4", "10.65.0.0/16"],
    ["pool6", "fd65::/16"],
  ] as const) {
    const value = { apiVersion, kind: "IPPool", metadata: { name }, spec: { cidr, natOutgoing: true } } as const;
    graph.receive({ key: { kind: "IPPool", name }, value });
  }
  return graph.desired();
}
