/** Compares what the kernel of a `PolicyNode` does with what `evaluate` says, and makes a case that differs small. */
import type { WorkloadEndpoint } from "@brindle/api";
import { type Address, parseAddress } from "@brindle/net";
import { type Cluster, type Desired, evaluate, explain, type Packet, type Policy, PolicyGraph } from "@brindle/policy";
import { nodeName, type PolicyNode } from "./policyNode.ts";
import type { ProbeOrder } from "./probe.ts";

export interface Mismatch {
  readonly order: ProbeOrder;
  readonly expected: boolean;
}

export interface Comparison {
  readonly denied: number;
  readonly mismatches: readonly Mismatch[];
}

/** What the graph makes of a cluster that it is told at once. */
export function desiredOf(cluster: Cluster): Desired {
  const { endpointToHostAction = "Drop" } = cluster;
  const graph = new PolicyGraph({ node: nodeName, endpointToHostAction });
  receiveCluster(graph, cluster);
  return graph.desired();
}

export function receiveCluster(graph: PolicyGraph, cluster: Cluster): void {
  for (const value of [
    ...cluster.profiles,
    ...cluster.endpoints,
    ...(cluster.networkSets ?? []),
    ...(cluster.tiers ?? []),
    ...cluster.policies,
  ]) {
    const { name, namespace } = value.metadata;
    graph.receive({ key: { kind: value.kind, name, ...(namespace === undefined ? {} : { namespace }) }, value });
  }
}

/** `spoil` is for tests of this very comparison: it must notice whatever that breaks. */
export async function compare(
  node: PolicyNode,
  cluster: Cluster,
  orders: readonly ProbeOrder[],
  spoil: (desired: Desired) => Desired = (desired) => desired,
): Promise<Comparison> {
  await node.apply(spoil(desiredOf(cluster)));
  const expected = new Set(orders.filter((order) => isAllowed(cluster, order)).map(({ id }) => id));
  const denied = orders.length - expected.size;
  const differing = await differences(node, orders, expected, 700);
  // A slow machine may be late with a packet; one that is not there the second time was dropped.
  const mismatches = differing.length === 0 ? [] : await differences(node, renewed(differing), expected, 1_500);
  return { denied, mismatches: mismatches.map((order) => ({ order, expected: expected.has(order.id) })) };
}

/** Leaves out of a case whatever is not needed for one of its mismatches, and says what is left in words. */
export async function describeMismatch(node: PolicyNode, cluster: Cluster, { order }: Mismatch): Promise<string> {
  const smallest = await shrink(node, cluster, order);
  await node.apply(desiredOf(smallest));
  const { policies, tiers, profiles, networkSets } = smallest;
  return [
    `${order.protocol} ${JSON.stringify(order)}: evaluate says ${isAllowed(smallest, order) ? "allow" : "deny"}, the kernel does not`,
    ...explain(smallest, packetOf(order)).lines,
    JSON.stringify({ policies, tiers, profiles, networkSets, endpoints: smallest.endpoints.map(brief) }, null, 1),
    await node.chains(),
  ].join("\n");
}

export function parseClusterAddress(text: string): Address {
  const address = parseAddress(text);
  if (!address) throw new Error(`${text} is no address`);
  return address;
}

/** Only the ends that are on this node are enforced by it. */
function isAllowed(cluster: Cluster, order: ProbeOrder): boolean {
  const { egress, ingress } = evaluate(cluster, packetOf(order));
  const isLocal = (id: string | null): boolean =>
    cluster.endpoints.some(
      ({ metadata, spec }) => `${metadata.namespace}/${metadata.name}` === id && spec.node === nodeName,
    );
  return [egress, ingress].every(({ endpoint, verdict }) => !isLocal(endpoint) || verdict === "allow");
}

function packetOf({ protocol, source, sourcePort, destination, destinationPort }: ProbeOrder): Packet {
  const addresses = { source: parseClusterAddress(source), destination: parseClusterAddress(destination) };
  if (protocol !== "echo") return { ...addresses, protocol: protocol === "tcp" ? 6 : 17, sourcePort, destinationPort };
  const [number, type] = addresses.source.family === 4 ? [1, 8] : [58, 128];
  return { ...addresses, protocol: number, icmp: { type, code: 0 } };
}

async function differences(
  node: PolicyNode,
  orders: readonly ProbeOrder[],
  expected: ReadonlySet<string>,
  deadlineMs: number,
): Promise<ProbeOrder[]> {
  const awaited = new Set(orders.map(({ id }) => id).filter((id) => expected.has(id)));
  const passed = await node.probe(orders, awaited, deadlineMs);
  return orders.filter(({ id }) => passed.has(id) !== expected.has(id));
}

/** From other ports of the same thousand: conntrack may know the old ones. */
function renewed(orders: readonly ProbeOrder[]): ProbeOrder[] {
  return orders.map((order) => ({ ...order, sourcePort: order.sourcePort === 0 ? 0 : renewedPort(order.sourcePort) }));
}

function renewedPort(port: number): number {
  const base = port - (port % 10_000);
  return base + ((port - base + 4_999) % 10_000);
}

async function shrink(node: PolicyNode, cluster: Cluster, order: ProbeOrder): Promise<Cluster> {
  let smallest = cluster;
  let source = order;
  for (let isSmaller = true; isSmaller; ) {
    isSmaller = false;
    for (const candidate of smallerOnes(smallest)) {
      [source = order] = renewed([source]);
      if ((await compare(node, candidate, [source])).mismatches.length === 0) continue;
      smallest = candidate;
      isSmaller = true;
      break;
    }
  }
  return smallest;
}

/** Each with one thing less. */
function* smallerOnes(cluster: Cluster): Generator<Cluster> {
  for (const [index, policy] of cluster.policies.entries()) {
    const others = (replacement: Policy[]): Cluster => ({
      ...cluster,
      policies: cluster.policies.toSpliced(index, 1, ...replacement),
    });
    yield others([]);
    for (const smaller of smallerPolicies(policy)) yield others([smaller]);
  }
}

function* smallerPolicies(policy: Policy): Generator<Policy> {
  for (const direction of ["ingress", "egress"] as const) {
    const rules = policy.spec[direction] ?? [];
    const withRules = (changed: typeof rules): Policy =>
      ({ ...policy, spec: { ...policy.spec, [direction]: changed } }) as Policy;
    for (const [index, rule] of rules.entries()) {
      yield withRules(rules.toSpliced(index, 1));
      for (const side of ["source", "destination"] as const) {
        for (const field of Object.keys(rule[side] ?? {})) {
          const entity = Object.fromEntries(Object.entries(rule[side] ?? {}).filter(([name]) => name !== field));
          yield withRules(rules.toSpliced(index, 1, { ...rule, [side]: entity }));
        }
      }
    }
  }
}

function brief({ metadata, spec }: WorkloadEndpoint): unknown {
  return { ...metadata, node: spec.node, ipNetworks: spec.ipNetworks, ports: spec.ports };
}
