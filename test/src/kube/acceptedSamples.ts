/** Resources that Brindle accepts, whole and sparse, of every kind that has a CRD: an operator's manifests as they are. */
import { type AgentConfigurationSpec, brindleApiVersion, type FabricPeerSpec } from "@brindle/api";

export interface Sample {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: object;
}

function sample(kind: string, spec: object | undefined, name = "sample", namespace?: string): Sample {
  return {
    apiVersion: "projectcalico.org/v3",
    kind,
    metadata: { name, ...(namespace !== undefined && { namespace }) },
    ...(spec && { spec }),
  };
}

const everythingInARule = {
  action: "Allow",
  ipVersion: 4,
  protocol: "TCP",
  notProtocol: 17,
  source: {
    nets: ["10.0.0.0/8"],
    notNets: ["10.1.0.0/16"],
    selector: "a == 'b' && has(c)",
    namespaceSelector: "global()",
    notSelector: "has(d)",
    ports: [80, "1000:2000", "http", "443"],
    notPorts: [81],
    serviceAccounts: { names: ["default"], selector: "e in {'f'}" },
  },
  destination: { ports: ["https"] },
  metadata: { annotations: { "example.org/why": "because" } },
};
const policy = {
  tier: "default",
  order: 10.5,
  selector: "role == 'web'",
  serviceAccountSelector: "all()",
  types: ["Ingress", "Egress"],
  performanceHints: ["AssumeNeededOnEveryNode"],
  ingress: [
    everythingInARule,
    { action: "Log", protocol: 1, icmp: { type: 8, code: 0 } },
    { action: "Pass", protocol: "ICMPv6", ipVersion: 6, notICMP: { type: 254 } },
    { action: "Deny", source: { services: { name: "dns", namespace: "kube-system" } } },
  ],
  egress: [{ action: "Allow", destination: { services: { name: "dns", namespace: "kube-system" } } }],
};

const fabricPeer: FabricPeerSpec = { peerIP: "192.0.2.1", asNumber: 64567 };
const agentConfiguration: AgentConfigurationSpec = {};

export const acceptedSamples: readonly Sample[] = [
  sample("IPPool", { cidr: "10.10.0.0/16" }),
  sample(
    "IPPool",
    {
      cidr: "10.20.0.0/20",
      blockSize: 28,
      vxlanMode: "CrossSubnet",
      ipipMode: "Never",
      natOutgoing: true,
      disabled: false,
      disableBGPExport: true,
      nodeSelector: "zone == 'a'",
      namespaceSelector: "env == 'prod'",
      allowedUses: ["Workload"],
      assignmentMode: "Manual",
    },
    "whole",
  ),
  sample("IPPool", { cidr: "fd00:10:10::/48", blockSize: 0, nodeSelector: "" }, "v6"),
  sample("IPPool", { cidr: "10.30.0.0/30", disabled: true }, "small-and-disabled"),
  sample("IPPool", { cidr: "10.40.0.0/24", allowedUses: ["LoadBalancer"], nodeSelector: "all()" }, "services"),
  sample("BGPConfiguration", undefined, "default"),
  sample(
    "BGPConfiguration",
    {
      logSeverityScreen: "debug",
      nodeToNodeMeshEnabled: true,
      asNumber: "1.10",
      listenPort: 1179,
      serviceClusterIPs: [{ cidr: "10.96.0.0/12" }],
      serviceExternalIPs: [{ cidr: "2001:db8::/64" }],
      serviceLoadBalancerIPs: [{ cidr: "198.51.100.0/24" }],
      serviceLoadBalancerAggregation: "Disabled",
      communities: [{ name: "large", value: "64512:300:100" }],
      prefixAdvertisements: [{ cidr: "172.16.0.0/16", communities: ["large", "64512:120"] }],
      nodeMeshPassword: { secretKeyRef: { name: "bgp", key: "mesh", optional: true } },
      nodeMeshMaxRestartTime: "1m30s",
      bindMode: "NodeIP",
      ignoredInterfaces: ["docker*"],
      localWorkloadPeeringIPV4: "169.254.0.179",
      localWorkloadPeeringIPV6: "fe80::179",
      programClusterRoutes: "EnabledNoEncapOnly",
      ipv4NormalRoutePriority: 1024,
    },
    "node.node1",
  ),
  sample("BGPPeer", { peerIP: "192.0.2.1", asNumber: 64567 }, "router"),
  sample(
    "BGPPeer",
    {
      node: "node1",
      peerIP: "[2001:db8::1]:1790",
      asNumber: 4294967295,
      localASNumber: "64513",
      keepOriginalNextHop: true,
      password: { secretKeyRef: { name: "bgp", key: "tor" } },
      sourceAddress: "None",
      maxRestartTime: "90s",
      keepaliveTime: "10s",
      numAllowedLocalASNumbers: 1,
      ttlSecurity: 2,
      reachableBy: "2001:db8::2",
      filters: ["filter1"],
    },
    "whole",
  ),
  sample("BGPPeer", { nodeSelector: "!has(rr)", peerSelector: "rr == 'true'", reversePeering: "Manual" }, "nodes"),
  sample("BGPPeer", { localWorkloadSelector: "app == 'router'", asNumber: 64600, nextHopMode: "Self" }, "pods"),
  sample("BGPFilter", {
    importV4: [
      { action: "Reject", matchOperator: "In", cidr: "10.0.0.0/8", prefixLength: { min: 9, max: 32 } },
      { action: "Accept", source: "RemotePeers" },
    ],
    exportV4: [{ action: "Accept", interface: "*.calico", peerType: "eBGP" }],
    exportV6: [{ action: "Reject", matchOperator: "NotIn", cidr: "2001:db8::/32" }],
  }),
  sample("NetworkPolicy", undefined, "empty", "default"),
  sample("NetworkPolicy", policy, "whole", "default"),
  sample("GlobalNetworkPolicy", { ...policy, namespaceSelector: "env == 'prod'", applyOnForward: true }),
  sample("GlobalNetworkPolicy", { preDNAT: true, applyOnForward: true, ingress: [{ action: "Deny" }] }, "hosts"),
  sample("StagedNetworkPolicy", { ...policy, stagedAction: "Set" }, "sample", "default"),
  sample("StagedGlobalNetworkPolicy", { ...policy, stagedAction: "Set" }),
  sample(
    "StagedKubernetesNetworkPolicy",
    {
      podSelector: { matchLabels: { app: "web" } },
      policyTypes: ["Ingress"],
      ingress: [
        {
          ports: [
            { protocol: "TCP", port: "http" },
            { port: 80, endPort: 90 },
          ],
        },
      ],
    },
    "sample",
    "default",
  ),
  sample("Tier", { order: 100, defaultAction: "Pass" }, "platform"),
  sample("NetworkSet", { nets: ["192.0.2.0/24", "2001:db8::/32"] }, "sample", "default"),
  sample("GlobalNetworkSet", { nets: ["192.0.2.0/24"] }),
  sample("HostEndpoint", {
    node: "node1",
    interfaceName: "eth0",
    expectedIPs: ["192.0.2.1"],
    ports: [{ name: "ssh", protocol: "TCP", port: 22 }],
  }),
  sample("IPReservation", { reservedCIDRs: ["10.10.0.0/30"] }),
  sample("IPAMConfiguration", { strictAffinity: true, autoAllocateBlocks: true, maxBlocksPerHost: 4 }, "default"),
  sample("ClusterInformation", { clusterGUID: "a", datastoreReady: true }, "default"),
  sample("CalicoNodeStatus", { node: "node1", classes: ["Agent", "BGP"], updatePeriodSeconds: 10 }),
  sample(
    "FelixConfiguration",
    { bpfEnabled: false, logSeverityScreen: "Info", iptablesMarkMask: 0xffff0000 },
    "default",
  ),
  sample("KubeControllersConfiguration", { controllers: { node: { reconcilerPeriod: "5m" } } }, "default"),
  sample("IPAMBlock", {
    cidr: "10.10.0.0/30",
    affinity: "host:node1",
    allocations: [0, null, null, null],
    unallocated: [1, 2, 3],
    attributes: [{ handle_id: "a", secondary: { pod: "web" } }],
    sequenceNumber: 1_700_000_000,
    deleted: false,
  }),
  sample("BlockAffinity", { node: "node1", type: "host", cidr: "10.10.0.0/30", state: "confirmed", deleted: "false" }),
  sample("IPAMHandle", { handleID: "a", block: { "10.10.0.0/30": 1 }, deleted: false }),
  { apiVersion: brindleApiVersion, kind: "FabricPeer", metadata: { name: "sample" }, spec: fabricPeer },
  {
    apiVersion: brindleApiVersion,
    kind: "AgentConfiguration",
    metadata: { name: "default" },
    spec: agentConfiguration,
  },
];
