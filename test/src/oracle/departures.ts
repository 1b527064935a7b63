/**
 * A pod that goes, policies that change while its chains are kept for the next one, and a pod that comes in its place: by one
 * graph that remembers, as an agent's does, with packets of ever new flows all the while.
 */
import { formatAddress } from "@brindle/net";
import { type Cluster, type Desired, type Packet, PolicyGraph } from "@brindle/policy";
import { isAllowed, receiveCluster } from "./oracle.ts";
import { nodeAddresses, nodeName, type PolicyNode } from "./policyNode.ts";
import { Random } from "./random.ts";
import { randomCluster, randomPackets, relabelled } from "./randomCase.ts";
import { flooded, inOneTable, type TransitionOutcome } from "./transition.ts";

export interface DepartureOutcome extends TransitionOutcome {
  /** Chains of ends that no pod had, summed over all states. */
  readonly kept: number;
}

/** What both states say of each packet, as far as they say the same. */
type Verdict = boolean | null;

export async function playDeparture(node: PolicyNode, seed: number, packetCount: number): Promise<DepartureOutcome> {
  const random = new Random(seed);
  const before = inOneTable(randomCluster(seed));
  const other = inOneTable(randomCluster(seed + 1_000_003));
  const local = before.endpoints.filter(({ spec }) => spec.node === nodeName);
  const leaving = local[random.integer(local.length)];
  if (!leaving) throw new Error("no pod is on the node");
  const others = before.endpoints.filter((endpoint) => endpoint !== leaving);
  const relabelledAs = other.endpoints[random.integer(other.endpoints.length)]?.metadata.labels ?? {};
  const again = random.chance(0.5) ? leaving : relabelled(leaving, relabelledAs);
  const { endpointToHostAction = "Drop", encapsulation } = before;
  const changed: Cluster = { ...other, endpointToHostAction, ...(encapsulation && { encapsulation }) };
  const states: Cluster[] = [
    before,
    { ...before, endpoints: others },
    { ...changed, endpoints: others },
    { ...changed, endpoints: [...others, again] },
  ];

  const graph = new PolicyGraph({ node: nodeName, endpointToHostAction, keepsDeparted: true });
  if (encapsulation) graph.setFilterSettings({ encapsulation });
  const packets = randomPackets(seed, packetCount);
  let told: Cluster | null = null;
  let sum: DepartureOutcome = { denied: 0, allowed: 0, passedThough: [], droppedThough: [], kept: 0 };
  for (const state of states) {
    forgetGone(graph, told, state);
    receiveCluster(graph, state);
    if (random.chance(0.3)) graph.forgetDeparted();
    const desired = graph.desired();
    const deathAfter = random.chance(0.3) ? 1 + random.integer(10) : null;
    const work = async (): Promise<void> => {
      if (deathAfter !== null) await node.applyAndDie(desired, deathAfter);
      await node.apply(desired);
    };
    const earlier: Cluster | null = told;
    if (earlier === null) await work();
    else sum = added(sum, await flooded(node, agreed(earlier, state, { packets, leaving }), work));
    sum = { ...sum, kept: sum.kept + keptChains(desired) };
    told = state;
  }
  return sum;
}

function forgetGone(graph: PolicyGraph, before: Cluster | null, after: Cluster): void {
  const all = (cluster: Cluster) => [
    ...cluster.profiles,
    ...cluster.endpoints,
    ...(cluster.networkSets ?? []),
    ...(cluster.tiers ?? []),
    ...cluster.policies,
  ];
  const keyOf = ({ kind, metadata: { namespace, name } }: ReturnType<typeof all>[number]) =>
    ({ kind, name, ...(namespace === undefined ? {} : { namespace }) }) as const;
  const stays = new Set(all(after).map((value) => JSON.stringify(keyOf(value))));
  const slices = new Set(after.endpointSlices?.map(({ namespace, name }) => `${namespace}/${name}`));
  for (const { namespace, name } of before?.endpointSlices ?? [])
    if (!slices.has(`${namespace}/${name}`)) graph.receiveSlice(`${namespace}/${name}`, null);
  for (const value of before ? all(before) : [])
    if (!stays.has(JSON.stringify(keyOf(value)))) graph.receive({ key: keyOf(value), value: null });
}

function agreed(
  before: Cluster,
  after: Cluster,
  { packets, leaving }: { readonly packets: readonly Packet[]; readonly leaving: Cluster["endpoints"][number] },
): { allowed: Packet[]; denied: Packet[] } {
  const own = new Set((leaving.spec.ipNetworks ?? []).map((network) => network.replace(/\/\d+$/, "")));
  const verdict = (cluster: Cluster, packet: Packet): Verdict => {
    const isThere = cluster.endpoints.some(({ metadata }) => metadata.name === leaving.metadata.name);
    const ends = [packet.source, packet.destination].map(formatAddress);
    if (isThere || !ends.some((end) => own.has(end))) return isAllowed(cluster, packet);
    // An interface that leads to no chain is dropped whole, but for what the node itself sends.
    return nodeAddresses.includes(ends[0] ?? "") ? null : false;
  };
  const both = packets.filter((packet) => verdict(before, packet) === verdict(after, packet));
  return {
    allowed: both.filter((packet) => verdict(after, packet) === true),
    denied: both.filter((packet) => verdict(after, packet) === false),
  };
}

/** Of ends: those that no pod is led to. */
function keptChains({ tables, endpoints }: Desired): number {
  const used = new Set([...endpoints.values()].flatMap(({ chains }) => [chains.Ingress, chains.Egress]));
  const names = tables.flatMap(({ content }) => content.chains.map(({ name }) => name));
  return names.filter((name) => /^BRDL-(from|to)-/.test(name) && !used.has(name)).length;
}

function added(sum: DepartureOutcome, outcome: TransitionOutcome): DepartureOutcome {
  return {
    ...sum,
    denied: sum.denied + outcome.denied,
    allowed: sum.allowed + outcome.allowed,
    passedThough: [...sum.passedThough, ...outcome.passedThough],
    droppedThough: [...sum.droppedThough, ...outcome.droppedThough],
  };
}
