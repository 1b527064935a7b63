/**
 * Random clusters so small that a change touches several things of one flow: two or three pods of the node, two elsewhere,
 * networks around them, few labels, and rules that look for both ends, negated or not, in pods' policies and hosts'.
 */
import {
  apiVersion,
  type EntityRule,
  type GlobalPolicySpec,
  type HostEndpoint,
  type Labels,
  type PolicyDirection,
  type Profile,
  type Rule,
  type WorkloadEndpoint,
} from "@brindle/api";
import type { AnyNetworkSet, Policy, PolicyResource } from "@brindle/policy";
import { nodeName } from "./policyNode.ts";
import { Random } from "./random.ts";

export interface Place {
  readonly name: string;
  readonly namespace: string;
  readonly node: string;
  readonly address: string;
}

export const places: readonly Place[] = [
  { name: "p1", namespace: "a", node: nodeName, address: "10.0.0.0" },
  { name: "p2", namespace: "b", node: nodeName, address: "10.0.0.1" },
  { name: "p3", namespace: "a", node: nodeName, address: "10.0.0.2" },
  { name: "r1", namespace: "a", node: "node2", address: "10.0.1.0" },
  { name: "r2", namespace: "b", node: "node2", address: "10.0.1.1" },
];

/** Of the node itself, and of nobody's. */
export const ownAddress = "192.0.2.1";
export const strangerAddress = "198.51.100.1";
export const uplink = "uplink";

/** By kind and name. */
export type World = ReadonlyMap<string, PolicyResource>;

const nets = [
  "10.0.0.0/31",
  "10.0.0.1/32",
  "10.0.0.0/30",
  "10.0.1.0/31",
  "10.0.1.0/32",
  "10.0.0.0/23",
  "192.0.2.0/24",
  "198.51.100.0/24",
];

/** What a world may have beside sets of one end that change in place: each makes a commit of most changes. */
export interface Habits {
  readonly hasHosts: boolean;
  /** Policies select by labels that change. */
  readonly moves: boolean;
  /** Rules pass packets on, or look for both ends. */
  readonly mixes: boolean;
}

export function randomHabits(random: Random): Habits {
  return { hasHosts: random.chance(0.3), moves: random.chance(0.25), mixes: random.chance(0.25) };
}

export function randomWorld(random: Random, habits: Habits): World {
  const { hasHosts } = habits;
  const resources: PolicyResource[] = [
    ...["a", "b"].map((namespace) => randomProfile(random, namespace)),
    ...places.filter(() => random.chance(0.9)).map((place) => randomPod(random, place)),
    ...random.list(random.integer(3), (index) => randomNetworks(random, index)),
    ...random.list(1 + random.integer(2), (index) => randomPolicy(random, index, habits)),
    ...(hasHosts ? random.list(1 + random.integer(2), (index) => randomHost(random, index)) : []),
    {
      apiVersion,
      kind: "Tier",
      metadata: { name: "t" },
      spec: { order: 1, defaultAction: random.pick("Deny", "Pass") },
    },
  ];
  return new Map(resources.map((value) => [idOf(value), value]));
}

export function idOf({ kind, metadata: { namespace = "", name } }: PolicyResource): string {
  return `${kind} ${namespace} ${name}`;
}

/** With one resource that is another one, comes or goes: most often labels of pods and namespaces, and networks. */
export function changed(random: Random, world: World, habits: Habits): World {
  const made = random.chance(0.75)
    ? random.pick<() => PolicyResource>(
        () => relabelled(random, world),
        () => randomProfile(random, random.pick("a", "b")),
        () => randomNetworks(random, random.integer(2)),
      )()
    : random.pick<() => PolicyResource>(
        () => randomPod(random, pickOf(random, places)),
        () => randomPolicy(random, random.integer(2), habits),
        () => (habits.hasHosts ? randomHost(random, random.integer(2)) : randomPod(random, pickOf(random, places))),
      )();
  const after = new Map(world);
  const goes = made.kind !== "Profile" && random.chance(0.1);
  if (goes) after.delete(idOf(made));
  else after.set(idOf(made), made);
  return after;
}

/** A pod that is there. */
function relabelled(random: Random, world: World): PolicyResource {
  const pods = podsOf(world);
  const pod = pods[random.integer(pods.length)];
  return pod ? withLabels(random, pod) : randomProfile(random, "a");
}

/** As many things of a flow change at once as may. */
export function allRelabelled(random: Random, world: World): World {
  const pods = podsOf(world).map((pod) => withLabels(random, pod));
  return new Map([...world, ...pods.map((pod): [string, PolicyResource] => [idOf(pod), pod])]);
}

function podsOf(world: World): WorkloadEndpoint[] {
  return [...world.values()].filter((value): value is WorkloadEndpoint => value.kind === "WorkloadEndpoint");
}

function withLabels(random: Random, pod: WorkloadEndpoint): WorkloadEndpoint {
  return { ...pod, metadata: { ...pod.metadata, labels: { ...randomLabels(random), name: pod.metadata.name } } };
}

function randomPod(random: Random, { name, namespace, node, address }: Place): WorkloadEndpoint {
  return {
    apiVersion,
    kind: "WorkloadEndpoint",
    metadata: { name, namespace, labels: { ...randomLabels(random), name } },
    spec: {
      ...{ orchestrator: "k8s", node, endpoint: "eth0", pod: name, interfaceName: `cali${name}` },
      ipNetworks: [`${address}/32`],
      profiles: [`kns.${namespace}`],
      ports: [{ name: "web", protocol: "TCP", port: random.pick(80, 81) }],
      ...(random.chance(0.15) ? { allowSpoofedSourcePrefixes: [pickOf(random, ["10.0.1.0/31", "10.0.1.0/32"])] } : {}),
    },
  };
}

/** Each says something else of somebody, so that rules seldom share a set. */
const labels = ["a", "b", "c", "d"];

function randomLabels(random: Random): Labels {
  return Object.fromEntries(random.some(labels, 0.5).map((label) => [label, ""]));
}

function randomProfile(random: Random, namespace: string): Profile {
  return profile(namespace, random.pick("x", "y"));
}

function profile(namespace: string, team: string): Profile {
  const allow: Rule[] = [{ action: "Allow" }];
  const labelsToApply = { "pcns.team": team, "pcns.projectcalico.org/name": namespace };
  return {
    apiVersion,
    kind: "Profile",
    metadata: { name: `kns.${namespace}` },
    spec: { ingress: allow, egress: allow, labelsToApply },
  };
}

function randomNetworks(random: Random, index: number): AnyNetworkSet {
  const metadata = { name: `n${index}`, labels: randomLabels(random) };
  return { apiVersion, kind: "GlobalNetworkSet", metadata, spec: { nets: random.some(nets, 0.3, 0) } };
}

function randomHost(random: Random, index: number): HostEndpoint {
  const interfaceName = random.pick(uplink, "*");
  const spec = { node: nodeName, interfaceName, expectedIPs: [random.pick(ownAddress, strangerAddress)] };
  return { apiVersion, kind: "HostEndpoint", metadata: { name: `h${index}`, labels: randomLabels(random) }, spec };
}

function randomPolicy(random: Random, index: number, { hasHosts, moves, mixes }: Habits): Policy {
  const types = random.pick<PolicyDirection[]>(["Ingress"], ["Egress"], ["Ingress", "Egress"], ["Ingress", "Egress"]);
  const early = types.length === 1 && types[0] === "Ingress" ? random.pick({}, { preDNAT: true }, {}) : {};
  const isForward = hasHosts && random.chance(0.5);
  const rules = (direction: PolicyDirection): Rule[] =>
    types.includes(direction) ? random.list(1 + random.integer(2), () => randomRule(random, direction, mixes)) : [];
  const spec = {
    ...(random.chance(0.2) ? { tier: "t" } : {}),
    ...(random.chance(0.5) ? { selector: moves ? randomSelector(random) : fixedSelector(random) } : {}),
    ...(random.chance(0.5) ? { order: random.integer(3) } : {}),
    ...(isForward ? { applyOnForward: true, ...early } : {}),
    types,
    ingress: rules("Ingress"),
    egress: rules("Egress"),
  };
  return policy(index, spec);
}

function policy(index: number, spec: GlobalPolicySpec): Policy {
  return { apiVersion, kind: "GlobalNetworkPolicy", metadata: { name: `q${index}` }, spec };
}

/** Mostly it looks for whoever is at the other end. */
function randomRule(random: Random, direction: PolicyDirection, mixes: boolean): Rule {
  const action = mixes && random.chance(0.2) ? "Pass" : random.pick("Allow", "Allow", "Deny");
  const [far, own] =
    direction === "Ingress" ? (["source", "destination"] as const) : (["destination", "source"] as const);
  if (random.chance(0.1)) return { action };
  const end = random.chance(0.8) ? far : own;
  const withPorts = random.chance(0.15);
  return {
    action,
    ...(withPorts ? { protocol: "TCP" } : {}),
    [end]: {
      ...randomEntity(random),
      ...(withPorts && end === "destination" ? { ports: [random.pick<"web" | 80>("web", "web", 80)] } : {}),
    },
    ...(mixes && random.chance(0.4) ? { [end === far ? own : far]: randomEntity(random) } : {}),
  };
}

function randomEntity(random: Random): EntityRule {
  if (random.chance(0.08)) return { nets: [pickOf(random, nets)] };
  const selector = randomSelector(random);
  if (random.chance(0.25)) return { notSelector: selector };
  return {
    selector,
    ...(random.chance(0.1) ? { namespaceSelector: random.pick("team == 'x'", "all()", "global()") } : {}),
  };
}

function randomSelector(random: Random): string {
  return random.chance(0.15) ? `team == '${random.pick("x", "y")}'` : `has(${pickOf(random, labels)})`;
}

function fixedSelector(random: Random): string {
  return random.pick("name == 'p1'", "name == 'p2'", "name in {'p1', 'p2'}", "projectcalico.org/name == 'a'");
}

/** A world as a test writes it: what is not told is as plain as can be. */
export interface WorldSample {
  /** By pod; whose are told are there. */
  readonly roles: Readonly<Record<string, string>>;
  /** By namespace. */
  readonly teams?: Readonly<Record<string, string>>;
  readonly policies: readonly Partial<GlobalPolicySpec>[];
  /** The networks of a set, by its role. */
  readonly networks?: Readonly<Record<string, readonly string[]>>;
  /** The roles of host endpoints, by interface. */
  readonly hosts?: Readonly<Record<string, string>>;
  /** From which network a pod may send. */
  readonly sources?: Readonly<Record<string, string>>;
}

export function worldSample({
  roles,
  teams = {},
  policies,
  networks = {},
  hosts = {},
  sources = {},
}: WorldSample): World {
  const plain = new Random(0);
  const pods = places.flatMap((place): WorkloadEndpoint[] => {
    const [role, source] = [roles[place.name], sources[place.name]];
    if (role === undefined) return [];
    const { metadata, spec } = randomPod(plain, place);
    const { allowSpoofedSourcePrefixes: _, ...rest } = spec;
    const labels = { role, name: place.name };
    const lent = source === undefined ? {} : { allowSpoofedSourcePrefixes: [source] };
    return [{ apiVersion, kind: "WorkloadEndpoint", metadata: { ...metadata, labels }, spec: { ...rest, ...lent } }];
  });
  const resources: PolicyResource[] = [
    ...pods,
    { apiVersion, kind: "Tier", metadata: { name: "t" }, spec: { order: 1, defaultAction: "Deny" } },
    ...["a", "b"].map((namespace) => profile(namespace, teams[namespace] ?? "x")),
    ...policies.map(
      (spec, index): Policy =>
        policy(index, {
          types: [...(spec.ingress ? ["Ingress" as const] : []), ...(spec.egress ? ["Egress" as const] : [])],
          ...spec,
        }),
    ),
    ...Object.entries(networks).map(
      ([role, nets]): AnyNetworkSet => ({
        apiVersion,
        kind: "GlobalNetworkSet",
        metadata: { name: `n-${role}`, labels: { role } },
        spec: { nets },
      }),
    ),
    ...Object.entries(hosts).map(
      ([interfaceName, role]): HostEndpoint => ({
        apiVersion,
        kind: "HostEndpoint",
        metadata: { name: interfaceName === "*" ? "all" : interfaceName, labels: { role } },
        spec: { node: nodeName, interfaceName },
      }),
    ),
  ];
  return new Map(resources.map((value) => [idOf(value), value]));
}

function pickOf<T>(random: Random, list: readonly T[]): T {
  const one = list[random.integer(list.length)];
  if (one === undefined) throw new Error("an empty list has nothing to pick");
  return one;
}
