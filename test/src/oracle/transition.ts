/**
 * From one state to the next while packets of ever new flows are under way: what both states deny never passes, and what
 * both allow is never dropped. The agent may die on the way, after any of the things it does to the kernel.
 */
import { type Cluster, formatPolicyName, isOfStage, type Packet, type Policy, policyName } from "@brindle/policy";
import { desiredOf, isAllowed } from "./oracle.ts";
import type { FloodedWork } from "./packetSockets.ts";
import type { PolicyNode } from "./policyNode.ts";
import { Random } from "./random.ts";
import { randomPackets } from "./randomCase.ts";
import { randomClusterWithHosts } from "./randomHosts.ts";

export interface Transition {
  readonly before: Cluster;
  readonly after: Cluster;
  /** After how many operations the first agent that brings `after` about is killed; `null` for never. */
  readonly deathAfter: number | null;
  /** States on the way that nobody asked for: to see whether they are noticed. */
  readonly instants?: readonly Cluster[];
}

/** What the two states agree on. */
export interface Agreed {
  readonly allowed: readonly Packet[];
  readonly denied: readonly Packet[];
}

export interface TransitionOutcome {
  /** Packets that were sent meanwhile and are denied, or allowed, in both states. */
  readonly denied: number;
  readonly allowed: number;
  readonly passedThough: readonly Packet[];
  readonly droppedThough: readonly Packet[];
}

/** Of two random clusters one, or one with some things changed: labels, policies, sets, tiers, profiles. */
export function randomTransition(seed: number): Transition {
  const random = new Random(seed);
  const before = inOneTable(randomClusterWithHosts(seed));
  const other = inOneTable(randomClusterWithHosts(seed + 1_000_003));
  const encapsulation = before.encapsulation ?? { vxlan: "Drop", vxlanPort: 4789, ipip: "Drop" };
  const oneOf = <T>(a: readonly T[], b: readonly T[]): T[] =>
    Array.from({ length: Math.max(a.length, b.length) }, (_, at) => (random.chance(0.5) ? a[at] : b[at])).flatMap(
      (one) => (one === undefined ? [] : [one]),
    );
  const after: Cluster = {
    ...other,
    endpoints: random.chance(0.5) ? oneOf(before.endpoints, other.endpoints) : before.endpoints,
    policies: random.chance(0.7) ? named(oneOf(before.policies, other.policies)) : before.policies,
    profiles: random.chance(0.3) ? other.profiles : before.profiles,
    networkSets: oneOf(before.networkSets ?? [], other.networkSets ?? []),
    tiers: random.chance(0.3) ? (other.tiers ?? []) : (before.tiers ?? []),
    endpointToHostAction: before.endpointToHostAction ?? "Drop",
    encapsulation,
  };
  return { before, after, deathAfter: random.chance(0.4) ? 1 + random.integer(25) : null };
}

/** Of several with one name the last, as it would be in a datastore. */
function named(policies: readonly Policy[]): Policy[] {
  return [...new Map(policies.map((policy) => [formatPolicyName(policyName(policy)), policy])).values()];
}

/** Tables are commits of their own: what one decides before and another afterwards may be decided by neither in between. */
export function inOneTable(cluster: Cluster): Cluster {
  return { ...cluster, policies: cluster.policies.filter((policy) => isOfStage(policy, "tracked")) };
}

export function agreedOn({ before, after }: Transition, seed: number, count: number): Agreed {
  const packets = randomPackets(seed, count, before.hostEndpoints?.length ? { ofNode: 0.3 } : {});
  return sortedBy(
    before,
    packets.filter((packet) => isAllowed(before, packet) === isAllowed(after, packet)),
  );
}

export function sortedBy(cluster: Cluster, packets: readonly Packet[]): Agreed {
  const { true: allowed = [], false: denied = [] } = Object.groupBy(packets, (packet) =>
    isAllowed(cluster, packet) ? "true" : "false",
  );
  return { allowed, denied };
}

/** Makes the transition on a node, with packets all the while. */
export async function play(node: PolicyNode, transition: Transition, agreed: Agreed): Promise<TransitionOutcome> {
  await node.apply(desiredOf(transition.before));
  return flooded(node, agreed, (allSentAgain) => reach(node, transition, allSentAgain));
}

/** What becomes of packets that are sent while the work lasts. */
export async function flooded(node: PolicyNode, agreed: Agreed, work: FloodedWork): Promise<TransitionOutcome> {
  const packets = [...agreed.allowed, ...agreed.denied];
  const { sent, passed } = await node.flood(packets, agreed.allowed, work);
  const lost = (packet: Packet): number => (sent.get(packet) ?? 0) - (passed.get(packet) ?? 0);
  return {
    denied: total(agreed.denied, sent),
    allowed: total(agreed.allowed, sent),
    passedThough: agreed.denied.filter((packet) => (passed.get(packet) ?? 0) > 0),
    droppedThough: agreed.allowed.filter((packet) => lost(packet) > 0),
  };
}

async function reach(
  node: PolicyNode,
  { after, deathAfter, instants = [] }: Transition,
  allSentAgain: () => Promise<void>,
): Promise<void> {
  for (const instant of instants) {
    await node.apply(desiredOf(instant));
    await allSentAgain(); // Else an instant may be over before any packet meets it.
  }
  if (deathAfter !== null) await node.applyAndDie(desiredOf(after), deathAfter);
  await node.apply(desiredOf(after));
}

function total(packets: readonly Packet[], counts: ReadonlyMap<Packet, number>): number {
  return packets.reduce((sum, packet) => sum + (counts.get(packet) ?? 0), 0);
}
