/** Compares what the kernel of a `PolicyNode` does with what `evaluate` says, and makes a case that differs small. */
import type { WorkloadEndpoint } from "@brindle/api";
import { type Address, parseAddress } from "@brindle/net";
import {
  type Cluster,
  type Desired,
  evaluate,
  explain,
  type FilterSettings,
  noServicesKnown,
  type Packet,
  type Policy,
  PolicyGraph,
} from "@brindle/policy";
import { nodeName, type PolicyNode } from "./policyNode.ts";
import type { ProbeOrder } from "./probe.ts";

export interface Mismatch {
  readonly packet: Packet;
  readonly expected: boolean;
}

export interface Comparison {
  readonly denied: number;
  readonly mismatches: readonly Mismatch[];
}

/** What the graph makes of a cluster that it is told at once. */
export function desiredOf(cluster: Cluster, settings: Partial<FilterSettings> = {}): Desired {
  const { endpointToHostAction = "Drop", encapsulation } = cluster;
  const graph = new PolicyGraph({ node: nodeName, endpointToHostAction });
  graph.setHostInterfaces(cluster.interfaces?.get(nodeName) ?? new Map());
  if (cluster.failsafes) graph.setFilterSettings({ failsafes: cluster.failsafes });
  if (encapsulation) graph.setFilterSettings({ encapsulation });
  graph.setFilterSettings(settings);
  receiveCluster(graph, cluster);
  return graph.desired();
}

export function receiveCluster(graph: PolicyGraph, cluster: Cluster): void {
  graph.setUnserved(cluster.endpointSlices ? null : noServicesKnown);
  for (const slice of cluster.endpointSlices ?? []) graph.receiveSlice(`${slice.namespace}/${slice.name}`, slice);
  for (const value of [
    ...cluster.profiles,
    ...cluster.endpoints,
    ...(cluster.networkSets ?? []),
    ...(cluster.hostEndpoints ?? []),
    ...(cluster.tiers ?? []),
    ...cluster.policies,
  ]) {
    const { name, namespace } = value.metadata;
    graph.receive({ key: { kind: value.kind, name, ...(namespace === undefined ? {} : { namespace }) }, value });
  }
}

interface CompareOptions {
  /** For tests of this very comparison: it must notice whatever that breaks. */
  readonly spoil?: (desired: Desired) => Desired;
  /** How long a packet that should pass may take; then it is tried once more. */
  readonly deadlineMs?: number;
}

export async function compare(
  node: PolicyNode,
  cluster: Cluster,
  packets: readonly Packet[],
  { spoil = (desired) => desired, deadlineMs = 5_000 }: CompareOptions = {},
): Promise<Comparison> {
  await node.apply(spoil(desiredOf(cluster)));
  const expected = new Set(packets.filter((packet) => isAllowed(cluster, packet)));
  const denied = packets.length - expected.size;
  const differing = await differences(node, packets, expected, deadlineMs);
  // A slow machine may be late with a packet; one that is not there the second time was dropped.
  const mismatches = differing.length === 0 ? [] : await differences(node, differing, expected, 2 * deadlineMs);
  return { denied, mismatches: mismatches.map((packet) => ({ packet, expected: expected.has(packet) })) };
}

/** Leaves out of a case whatever is not needed for one of its mismatches, and says what is left in words. */
export async function describeMismatch(node: PolicyNode, cluster: Cluster, { packet }: Mismatch): Promise<string> {
  const smallest = await shrink(node, cluster, packet);
  await node.apply(desiredOf(smallest));
  const { policies, tiers, profiles, networkSets, endpointSlices, hostEndpoints } = smallest;
  return [
    `evaluate says ${isAllowed(smallest, packet) ? "allow" : "deny"}, the kernel does not`,
    ...explain(smallest, packet).lines,
    JSON.stringify(
      {
        policies,
        tiers,
        profiles,
        networkSets,
        endpointSlices,
        hostEndpoints,
        endpoints: smallest.endpoints.map(brief),
      },
      null,
      1,
    ),
    await node.chains(),
  ].join("\n");
}

export function parseClusterAddress(text: string): Address {
  const address = parseAddress(text);
  if (!address) throw new Error(`${text} is no address`);
  return address;
}

/** Only the ends that are on this node are enforced by it. */
export function isAllowed(cluster: Cluster, packet: Packet): boolean {
  const { egress, ingress, hosts } = evaluate(cluster, packet);
  if (hosts.some(({ verdict }) => verdict === "deny")) return false;
  const isLocal = (id: string | null): boolean =>
    cluster.endpoints.some(
      ({ metadata, spec }) => `${metadata.namespace}/${metadata.name}` === id && spec.node === nodeName,
    );
  return [egress, ingress].every(({ endpoint, verdict }) => !isLocal(endpoint) || verdict === "allow");
}

export function packetOf({ protocol, source, sourcePort, destination, destinationPort }: ProbeOrder): Packet {
  const addresses = { source: parseClusterAddress(source), destination: parseClusterAddress(destination) };
  if (protocol !== "echo") return { ...addresses, protocol: protocol === "tcp" ? 6 : 17, sourcePort, destinationPort };
  const [number, type] = addresses.source.family === 4 ? [1, 8] : [58, 128];
  return { ...addresses, protocol: number, icmp: { type, code: 0 } };
}

async function differences(
  node: PolicyNode,
  packets: readonly Packet[],
  expected: ReadonlySet<Packet>,
  deadlineMs: number,
): Promise<Packet[]> {
  const passed = await node.send(packets, new Set(packets.filter((packet) => expected.has(packet))), deadlineMs);
  return packets.filter((packet) => passed.has(packet) !== expected.has(packet));
}

async function shrink(node: PolicyNode, cluster: Cluster, packet: Packet): Promise<Cluster> {
  let smallest = cluster;
  for (let isSmaller = true; isSmaller; ) {
    isSmaller = false;
    for (const candidate of smallerOnes(smallest)) {
      if ((await compare(node, candidate, [packet], { deadlineMs: 500 })).mismatches.length === 0) continue;
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
