/**
 * Clusters in which one field of policies or rules decides on many packets: that a random policy has a field says little,
 * as others before it, or the other end, have decided already.
 */
import type { PolicySpec, PortSpec, Rule, ServiceAccountMatch } from "@brindle/api";
import type { Cluster, Packet, Policy } from "@brindle/policy";
import { Random } from "./random.ts";
import { type PacketBias, randomCluster, randomPackets } from "./randomCase.ts";
import { randomService } from "./randomServices.ts";

type Direction = "Ingress" | "Egress";

interface Focus {
  readonly field: string;
  readonly traffic?: PacketBias["traffic"];
  /** Where it means something in one direction alone. */
  readonly direction?: Direction;
  /** Rules that allow, in the one direction that has a policy. */
  readonly rules?: (random: Random) => readonly Rule[];
  /** Policies, where a rule alone does not say it. */
  readonly specs?: (random: Random, direction: Direction) => readonly GlobalSpec[];
}

type GlobalSpec = PolicySpec & { readonly namespaceSelector?: string };

const rule = (fields: Partial<Rule>): Rule => ({ action: "Allow", ...fields });
const selectors = ["app == 'a'", "app in {'a', 'b'}", "env == 'x'", "has(env)", "app != 'a'", "!has(env)"] as const;
type Choice<T> = readonly [T, ...T[]];
const accounts: Choice<ServiceAccountMatch> = [{ names: ["one"] }, { names: ["two"] }, { selector: "role == 'ops'" }];
const nets: Choice<readonly string[]> = [
  ["10.65.0.0/31", "fd65::/127"],
  ["10.65.0.2/31", "fd65::2/127"],
  ["10.65.0.1/32", "10.65.1.0/24", "203.0.113.2/32", "fd65::1/128", "fd65:1::/64", "2001:db8:1::2/128"],
];
const ports: Choice<readonly PortSpec[]> = [[80, "443:8080"], ["web", 53], ["53:81"], [443, 8081, "web"]];

/** The same at either end: the pod's own, and the one that it speaks with. */
const entityFocuses = (["source", "destination"] as const).flatMap((side): Focus[] => [
  { field: `${side}.nets`, rules: (random) => [rule({ [side]: { nets: random.pick(...nets) } })] },
  { field: `${side}.notNets`, rules: (random) => [rule({ [side]: { notNets: random.pick(...nets) } })] },
  { field: `${side}.selector`, rules: (random) => [rule({ [side]: { selector: random.pick(...selectors) } })] },
  { field: `${side}.notSelector`, rules: (random) => [rule({ [side]: { notSelector: random.pick(...selectors) } })] },
  {
    field: `${side}.namespaceSelector`,
    rules: (random) => {
      const namespaceSelector = random.pick("projectcalico.org/name == 'ns1'", "projectcalico.org/name == 'ns2'");
      return [rule({ [side]: { namespaceSelector } })];
    },
  },
  {
    field: `${side}.serviceAccounts`,
    rules: (random) => [rule({ [side]: { serviceAccounts: random.pick(...accounts) } })],
  },
  {
    field: `${side}.ports`,
    traffic: "tcp",
    rules: (random) => [rule({ protocol: "TCP", [side]: { ports: portsOf(random, side) } })],
  },
  {
    field: `${side}.notPorts`,
    traffic: "tcp",
    rules: (random) => [rule({ protocol: "TCP", [side]: { notPorts: portsOf(random, side) } })],
  },
]);

function portsOf(random: Random, side: "source" | "destination"): readonly PortSpec[] {
  if (side === "destination") return random.pick(...ports);
  return [random.pick("20000:29999", "30000:39999", "25000:35000")];
}

/** A Service stands at the far end: as a source for addresses, as a destination for these with their ports. */
const serviceFocuses = (
  [
    ["source", "Ingress"],
    ["destination", "Egress"],
  ] as const
).map(
  ([side, direction]): Focus => ({
    field: `${side}.services`,
    traffic: "tcp",
    direction,
    rules: (random) => [rule({ [side]: { services: randomService(random) } })],
  }),
);

const icmpRules = (field: "icmp" | "notICMP", random: Random): Rule[] => {
  const code = random.chance(0.2) ? { code: random.pick(0, 1) } : {};
  const type = random.pick(8, 13);
  return [
    rule({ protocol: "ICMP", [field]: { type, ...code } }),
    rule({ protocol: "ICMPv6", [field]: { type: random.pick(128, 139), ...code } }),
  ];
};

const deny = (fields: Partial<Rule>): Rule => ({ ...fields, action: "Deny" });
const inDirection = (direction: Direction, rules: readonly Rule[]): PolicySpec =>
  direction === "Ingress" ? { types: [direction], ingress: rules } : { types: [direction], egress: rules };

export const focuses: readonly Focus[] = [
  { field: "ipVersion", rules: (random) => [rule({ ipVersion: random.pick<4 | 6>(4, 6) })] },
  {
    field: "protocol",
    rules: (random) => [rule({ protocol: random.pick<string | number>("TCP", "UDP", 17, "SCTP") })],
  },
  { field: "notProtocol", rules: (random) => [rule({ notProtocol: random.pick<string | number>("TCP", "UDP", 6) })] },
  { field: "icmp", traffic: "icmp", rules: (random) => icmpRules("icmp", random) },
  { field: "notICMP", traffic: "icmp", rules: (random) => icmpRules("notICMP", random) },
  ...entityFocuses,
  ...serviceFocuses,
  {
    field: "spec.selector",
    specs: (random, direction) => [{ ...inDirection(direction, []), selector: random.pick(...selectors) }],
  },
  {
    field: "spec.namespaceSelector",
    specs: (random, direction) => [
      {
        ...inDirection(direction, []),
        namespaceSelector: random.pick("projectcalico.org/name == 'ns1'", "projectcalico.org/name == 'ns2'"),
      },
    ],
  },
  {
    field: "spec.serviceAccountSelector",
    specs: (_, direction) => [{ ...inDirection(direction, []), serviceAccountSelector: "role == 'ops'" }],
  },
  {
    field: "spec.order",
    specs: (random, direction) => [
      { ...inDirection(direction, [deny({ protocol: random.pick("TCP", "UDP") })]), order: 2 },
      { ...inDirection(direction, [rule({})]), order: 1 },
    ],
  },
  {
    field: "spec.tier",
    specs: (random, direction) => [
      { ...inDirection(direction, [rule({})]), order: 1 },
      { ...inDirection(direction, [deny({ protocol: random.pick("TCP", "UDP") })]), order: 2, tier: "kube-admin" },
    ],
  },
];

const encapsulation = { vxlan: "Allow", vxlanPort: 4789, ipip: "Allow" } as const;

export interface FocusedCase {
  readonly cluster: Cluster;
  readonly packets: readonly Packet[];
}

/** All profiles allow everything, and one direction of all pods has a policy in which the field stands. */
export function focusedCase(seed: number, focus: Focus, count: number): FocusedCase {
  const random = new Random(seed);
  const direction = focus.direction ?? random.pick<Direction>("Ingress", "Egress");
  const base = randomCluster(seed);
  const specs = focus.specs?.(random, direction) ?? [inDirection(direction, focus.rules?.(random) ?? [])];
  const policies = specs.map(
    (spec, index): Policy => ({
      apiVersion: "projectcalico.org/v3",
      kind: "GlobalNetworkPolicy",
      metadata: { name: `policy-${index}` },
      spec,
    }),
  );
  const profiles = base.profiles.map((profile) => ({
    ...profile,
    spec: { ...profile.spec, ingress: [{ action: "Allow" } as const], egress: [{ action: "Allow" } as const] },
  }));
  const bias: PacketBias = { direction, ...(focus.traffic && { traffic: focus.traffic }) };
  return {
    cluster: { ...base, policies, profiles, tiers: [], endpointToHostAction: "Accept", encapsulation },
    packets: randomPackets(seed, count, bias),
  };
}
