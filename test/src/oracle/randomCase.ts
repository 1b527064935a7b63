/** Random policies over a fixed set of endpoints, dense enough that each field decides some of the probes. */
import {
  apiVersion,
  type EntityRule,
  type GlobalNetworkPolicy,
  type Labels,
  type NetworkPolicy,
  type PolicyDirection,
  type PolicySpec,
  type PortSpec,
  type Profile,
  type Rule,
  type ServiceAccountMatch,
  type Tier,
  type WorkloadEndpoint,
} from "@brindle/api";
import type { AnyNetworkSet, Cluster, EndpointToHostAction, Packet, Policy } from "@brindle/policy";
import { parseClusterAddress } from "./oracle.ts";
import { nodeAddresses, nodeName, outsideAddresses } from "./policyNode.ts";
import { Random } from "./random.ts";
import { randomSlice, withServices } from "./randomServices.ts";

/** Where probers listen. Policies speak of these and of what lies just beside them. */
export const listenPorts: readonly number[] = [53, 80, 81, 443, 5353, 8080, 8081];

interface Place {
  readonly name: string;
  readonly namespace: string;
  readonly node: string;
  readonly addresses: readonly [string, string];
}

const places: readonly Place[] = [
  { name: "p1", namespace: "ns1", node: nodeName, addresses: ["10.65.0.1", "fd65::1"] },
  { name: "p2", namespace: "ns1", node: nodeName, addresses: ["10.65.0.2", "fd65::2"] },
  { name: "p3", namespace: "ns2", node: nodeName, addresses: ["10.65.0.3", "fd65::3"] },
  { name: "r1", namespace: "ns1", node: "node2", addresses: ["10.65.1.1", "fd65:1::1"] },
  { name: "r2", namespace: "ns2", node: "node2", addresses: ["10.65.1.2", "fd65:1::2"] },
];

const namespaces = ["ns1", "ns2"];
const everybody = [...places.flatMap(({ addresses }) => addresses), ...outsideAddresses];
const allowAll: readonly Rule[] = [{ action: "Allow" }];

/** Each fifth case has so many policies that pods ask them in groups. */
export const casesPerCrowd = 5;

export function isCrowded(seed: number): boolean {
  return seed % casesPerCrowd === 0;
}

export function randomCluster(seed: number): Cluster {
  const random = new Random(seed);
  return {
    endpoints: places.map((place) => randomEndpoint(random, place)),
    profiles: [...namespaces.map((namespace) => randomProfile(random, namespace)), randomAccountProfile(random)],
    policies: isCrowded(seed)
      ? crowd(random)
      : random.list(1 + random.integer(5), (index) => randomPolicy(random, index)),
    tiers: random.list(random.integer(3), (index) => randomTier(random, index)),
    networkSets: random.list(random.integer(4), (index) => randomNetworkSet(random, index)),
    endpointSlices: random.list(random.integer(5), (index) => randomSlice(random, index, everybody)),
    nodes: new Map([[nodeName, nodeAddresses.map(parseClusterAddress)]]),
    endpointToHostAction: random.pick<EndpointToHostAction>("Drop", "Accept", "Return"),
    encapsulation: {
      vxlan: random.pick("Drop", "Allow"),
      vxlanPort: random.pick(4789, 8080),
      ipip: random.pick("Drop", "Allow"),
    },
  };
}

export interface PacketBias {
  /** At which end the pod of this node is; either, unless told. */
  readonly direction?: PolicyDirection;
  /** How many have an end in the node itself, and none in a pod of it. */
  readonly ofNode?: number;
  /** What most of them are. */
  readonly traffic?: "tcp" | "icmp";
}

/** Packets between addresses of one family, at least one of them a pod's of this node. */
export function randomPackets(
  seed: number,
  count: number,
  { direction, ofNode = 0, traffic: bias }: PacketBias = {},
): Packet[] {
  const random = new Random(seed);
  const local = places.filter(({ node }) => node === nodeName);
  return random.list(count, (index): Packet => {
    const family = random.integer(2);
    const isV6 = family === 1;
    const isOfNode = ofNode > 0 && random.chance(ofNode);
    const pod = isOfNode ? (nodeAddresses[family] ?? "") : (random.pick(...withFirst(local)).addresses[family] ?? "");
    const others = places.filter((place) => !place.addresses.includes(pod) && !(isOfNode && place.node === nodeName));
    const strangers = [...outsideAddresses, ...(isOfNode ? [] : nodeAddresses)].filter(
      (address) => address.includes(":") === isV6,
    );
    const other = random.chance(0.7)
      ? (random.pick(...withFirst(others)).addresses[family] ?? "")
      : random.pick(...withFirst(strangers));
    const isSource = direction === undefined ? random.chance(0.5) : direction === "Egress";
    const [source, destination] = (isSource ? [pod, other] : [other, pod]).map(parseClusterAddress);
    if (!source || !destination) throw new Error("a packet has two ends");
    const traffic = randomTraffic(random, { isV6, index, bias });
    if (traffic.protocol === 4) {
      // Replies to a first packet the other way.
      const isUp = source.value < destination.value;
      return { source: isUp ? source : destination, destination: isUp ? destination : source, protocol: 4 };
    }
    if (traffic.protocol !== 253) return { source, destination, ...traffic };
    // Without ports the two directions of a pair are one flow to conntrack, unless they differ in protocol.
    return { source, destination, protocol: source.value < destination.value ? 253 : 254 };
  });
}

/** Of ICMP only what conntrack takes for the first of a flow: anything else belongs to none, and is dropped before policy. */
function randomTraffic(
  random: Random,
  { isV6, index, bias }: { isV6: boolean; index: number; bias: PacketBias["traffic"] },
): Omit<Packet, "source" | "destination"> {
  if (random.chance(bias === "icmp" ? 0.8 : bias === "tcp" ? 0.1 : 0.2)) {
    const type = isV6 ? random.pick(128, 139) : random.pick(8, 8, 13, 15, 17);
    return { protocol: isV6 ? 58 : 1, icmp: { type, code: random.pick(0, 0, 1, 7) } };
  }
  const protocol = bias === "tcp" && random.chance(0.8) ? 6 : random.pick(6, 6, 6, 6, 17, 17, 17, 132, 132, 253);
  if (protocol === 253) return { protocol: random.chance(0.1) ? 4 : 253 };
  const sourcePort = random.pick(20_000, 30_000) + ((index * 7 + random.integer(7)) % 10_000);
  return { protocol, sourcePort, destinationPort: random.pick(...withFirst(listenPorts)) };
}

function withFirst<T>(list: readonly T[]): [T, ...T[]] {
  const [first, ...rest] = list;
  if (first === undefined) throw new Error("an empty list has nothing to pick");
  return [first, ...rest];
}

/** The same endpoints without labels and policies, to build the node with. */
export function plainEndpoints(): WorkloadEndpoint[] {
  const plain = new Random(0);
  return places.map((place) => randomEndpoint(plain, place));
}

/** The plain endpoints, each with its name as label `place`, under policies of the namespace ns1. */
export function clusterWith(specs: readonly PolicySpec[]): Cluster {
  const allow: Rule[] = [{ action: "Allow" }];
  return {
    endpoints: plainEndpoints().map((endpoint) => relabelled(endpoint, { place: endpoint.metadata.name })),
    profiles: namespaces.map((namespace) => ({
      apiVersion,
      kind: "Profile",
      metadata: { name: `kns.${namespace}` },
      spec: { ingress: allow, egress: allow },
    })),
    policies: specs.map((spec, index) => ({
      apiVersion,
      kind: "NetworkPolicy",
      metadata: { name: `policy-${index}`, namespace: "ns1" },
      spec,
    })),
    nodes: new Map([[nodeName, nodeAddresses.map(parseClusterAddress)]]),
  };
}

export function relabelled(endpoint: WorkloadEndpoint, labels: Labels): WorkloadEndpoint {
  return { ...endpoint, metadata: { ...endpoint.metadata, labels } };
}

/** Of the service account `one`; that of `two` does not exist. Behind the one of the namespace, it may be asked as well. */
function randomAccountProfile(random: Random): Profile {
  const rules = random.chance(0.3) ? { ingress: allowAll, egress: allowAll } : {};
  return {
    apiVersion,
    kind: "Profile",
    metadata: { name: "ksa.one" },
    spec: { ...rules, labelsToApply: { "pcsa.role": "ops" } },
  };
}

export function randomLabels(random: Random): Labels {
  return {
    ...(random.chance(0.9) ? { app: random.pick("a", "b", "c") } : {}),
    ...(random.chance(0.6) ? { env: random.pick("x", "y") } : {}),
  };
}

function randomEndpoint(random: Random, { name, namespace, node, addresses }: Place): WorkloadEndpoint {
  const account = random.pick("one", "two");
  const labels = { ...randomLabels(random), "projectcalico.org/serviceaccount": account };
  const [v4, v6] = addresses;
  return {
    apiVersion,
    kind: "WorkloadEndpoint",
    metadata: { name, namespace, labels },
    spec: {
      orchestrator: "k8s",
      node,
      endpoint: "eth0",
      pod: name,
      interfaceName: `cali${name}`,
      ipNetworks: [`${v4}/32`, `${v6}/128`],
      profiles: [`kns.${namespace}`, `ksa.${account}`],
      ports: [
        { name: "web", protocol: "TCP", port: random.pick(80, 8080) },
        { name: "dns", protocol: "UDP", port: random.pick(53, 5353) },
      ],
    },
  };
}

/** Of three that policies name, so that now and then one does not exist. */
function randomTier(random: Random, index: number): Tier {
  const order = random.pick(10, 5_000, 2_000_000);
  const spec = { order, defaultAction: random.pick<"Deny" | "Pass">("Deny", "Pass", "Pass") };
  return { apiVersion, kind: "Tier", metadata: { name: `tier-${index}` }, spec };
}

function randomTierName(random: Random): { readonly tier?: string } {
  if (random.chance(0.5)) return {};
  return { tier: random.pick("tier-0", "tier-0", "tier-1", "default", "kube-admin", "kube-baseline") };
}

/** With networks that overlap each other and those of pods. */
function randomNetworkSet(random: Random, index: number): AnyNetworkSet {
  const metadata = { name: `set-${index}`, labels: randomLabels(random) };
  const spec = { nets: random.some(nets, 0.2, 0) };
  if (random.chance(0.4)) return { apiVersion, kind: "GlobalNetworkSet", metadata, spec };
  const namespace = random.pick(...withFirst(namespaces));
  return { apiVersion, kind: "NetworkSet", metadata: { ...metadata, namespace }, spec };
}

/** Mostly as Calico's controllers make it; now and then one that has rules of its own, or passes on what it can pass to nobody. */
function randomProfile(random: Random, namespace: string): Profile {
  const passing = (): Rule[] => [{ ...randomRule(random), action: "Pass" }, ...allowAll];
  const rules = (): readonly Rule[] =>
    random.chance(0.7) ? allowAll : random.chance(0.5) ? randomRules(random) : passing();
  return {
    apiVersion,
    kind: "Profile",
    metadata: { name: `kns.${namespace}` },
    spec: {
      ingress: rules(),
      egress: rules(),
      labelsToApply: { "pcns.team": random.pick("red", "blue"), "pcns.projectcalico.org/name": namespace },
    },
  };
}

function randomPolicy(random: Random, index: number): Policy {
  const types = random.pick<PolicyDirection[]>(["Ingress"], ["Egress"], ["Ingress", "Egress"]);
  const spec = {
    ...randomTierName(random),
    ...(random.chance(0.7) ? { selector: randomSelector(random) } : {}),
    ...(random.chance(0.1) ? { serviceAccountSelector: randomAccounts(random) } : {}),
    ...(random.chance(0.5) ? { order: random.integer(3) } : {}),
    types,
    ingress: types.includes("Ingress") ? withServices(random, randomRules(random), "Ingress") : [],
    egress: types.includes("Egress") ? withServices(random, randomRules(random), "Egress") : [],
  };
  const name = `policy-${index}${random.chance(0.2) ? "-with-a-name-that-is-too-long-for-a-chain" : ""}`;
  if (random.chance(0.6)) {
    const namespace = random.pick(...withFirst(namespaces));
    return { apiVersion, kind: "NetworkPolicy", metadata: { name, namespace }, spec } satisfies NetworkPolicy;
  }
  const namespaceSelector = random.chance(0.3) ? { namespaceSelector: randomNamespaceSelector(random) } : {};
  return {
    apiVersion,
    kind: "GlobalNetworkPolicy",
    metadata: { name },
    spec: { ...spec, ...namespaceSelector },
  } satisfies GlobalNetworkPolicy;
}

/** Of one tier, and for most pods, in both directions; what the first of them decide leaves packets for the last. */
function crowd(random: Random): Policy[] {
  const tier = random.pick({}, { tier: "default" }, { tier: "kube-admin" });
  const crowded = random.pick(...withFirst(namespaces));
  return random.list(10 + random.integer(5), (index): Policy => {
    const types: PolicyDirection[] = ["Ingress", "Egress"];
    const spec = {
      ...tier,
      ...(random.chance(0.1) ? { selector: randomSelector(random) } : {}),
      ...(random.chance(0.5) ? { order: random.integer(3) } : {}),
      types,
      ingress: random.list(1 + random.integer(2), () => randomRule(random)),
      egress: random.list(1 + random.integer(2), () => randomRule(random)),
    };
    const name = `policy-${index}`;
    if (random.chance(0.5)) return { apiVersion, kind: "GlobalNetworkPolicy", metadata: { name }, spec };
    return { apiVersion, kind: "NetworkPolicy", metadata: { name, namespace: crowded }, spec };
  });
}

export function randomRules(random: Random): Rule[] {
  return random.list(1 + random.integer(5), () => randomRule(random));
}

function randomRule(random: Random): Rule {
  const action = random.pick("Allow", "Allow", "Allow", "Allow", "Allow", "Allow", "Deny", "Deny", "Pass");
  const withPorts = random.chance(0.5);
  const protocol = withPorts ? random.pick("TCP", "TCP", "UDP") : random.pick(...protocols);
  const isIcmp = protocol === "ICMP" || protocol === "ICMPv6";
  const icmp = { type: protocol === "ICMP" ? 8 : 128, ...(random.chance(0.5) ? { code: 0 } : {}) };
  return {
    action,
    ...(random.chance(0.1) ? { ipVersion: random.pick<4 | 6>(4, 6) } : {}),
    ...(protocol === undefined ? {} : { protocol }),
    ...(protocol === undefined && random.chance(0.2)
      ? { notProtocol: random.pick<string | number>("TCP", "UDP", 1) }
      : {}),
    ...(isIcmp && random.chance(0.5) ? { icmp } : {}),
    ...(isIcmp && random.chance(0.2) ? { notICMP: { type: random.pick(3, 13, icmp.type) } } : {}),
    source: randomEntity(random, withPorts && random.chance(0.2) ? sourcePorts : []),
    destination: randomEntity(random, withPorts ? destinationPorts : []),
  };
}

const protocols: [string | number | undefined, ...(string | number | undefined)[]] = [
  ...[undefined, undefined, "TCP", "UDP", "ICMP", "ICMPv6", 17],
] as [undefined];
const sourcePorts: readonly PortSpec[] = ["20000:29999", "30000:39999", "25000:35000"];
/** More than fifteen slots of a match when all are chosen. */
const destinationPorts: readonly PortSpec[] = [
  ...[
    53,
    80,
    81,
    443,
    8080,
    "80:81",
    "8080:8081",
    "54:79",
    "82:442",
    "web",
    "dns",
    "5000:5353",
    "1:52",
    9,
    10,
    11,
    12,
    13,
  ],
];

function randomEntity(random: Random, ports: readonly PortSpec[]): EntityRule {
  const some = (probability: number): PortSpec[] => random.some(ports, probability, 1);
  return {
    ...(random.chance(0.2) ? { nets: random.some(nets, 0.3, 1) } : {}),
    ...(random.chance(0.15) ? { notNets: random.some(nets, 0.2, 1) } : {}),
    ...(random.chance(0.35) ? { selector: randomSelector(random) } : {}),
    ...(random.chance(0.2) ? { notSelector: randomSelector(random) } : {}),
    ...(random.chance(0.2) ? { namespaceSelector: randomNamespaceSelector(random) } : {}),
    ...(random.chance(0.1) ? { serviceAccounts: randomAccountMatch(random) } : {}),
    ...(ports.length > 0 && random.chance(0.7) ? { ports: some(random.pick(0.15, 0.3, 1)) } : {}),
    ...(ports.length > 0 && random.chance(0.3) ? { notPorts: some(0.15) } : {}),
  };
}

const nets: readonly string[] = [
  ...["10.65.0.0/24", "10.65.0.2/32", "10.65.1.0/24", "203.0.113.0/24", "198.51.100.9/32", "0.0.0.0/0", "fd65::/64"],
  ...["fd65::2/128", "fd65:1::/64", "2001:db8:1::/64", "2001:db8:9::9/128", "::/0"],
];

export function randomSelector(random: Random): string {
  const term = (): string =>
    random.pick(
      ...(["app == 'a'", "app == 'b'", "app != 'c'", "app in {'a', 'c'}", "env == 'x'", "has(env)"] as const),
      ...(["!has(env)", "env not in {'y'}", "all()", "app starts with 'b'"] as const),
    );
  return random.chance(0.6) ? term() : `${term()} ${random.pick("&&", "||")} ${term()}`;
}

function randomAccounts(random: Random): string {
  return random.pick("role == 'ops'", "has(role)", "role != 'ops'", "all()");
}

function randomAccountMatch(random: Random): ServiceAccountMatch {
  return {
    ...(random.chance(0.6) ? { names: random.some(["one", "two"], 0.5, 1) } : {}),
    ...(random.chance(0.6) ? { selector: randomAccounts(random) } : {}),
  };
}

function randomNamespaceSelector(random: Random): string {
  const inNamespace = [
    "team == 'red'",
    "team == 'blue'",
    "projectcalico.org/name == 'ns1'",
    "all()",
    "has(team)",
  ] as const;
  return random.pick(...inNamespace, "global()");
}
