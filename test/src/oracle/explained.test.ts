/** What `explain` names as the reason is what happened: the packet passed or did not, and that rule's counter rose. */

import { apiVersion, type GlobalPolicySpec, type HostEndpoint, type Rule } from "@brindle/api";
import { formatAddress } from "@brindle/net";
import { openRuleCounters, type RuleCounters } from "@brindle/net/shell";
import {
  type Cluster,
  type DirectionResult,
  explain,
  formatPolicyName,
  type HitRow,
  type Packet,
  type Policy,
} from "@brindle/policy";
import { HitCounting } from "@brindle/policy/shell";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { desiredOf, isAllowed, packetOf } from "./oracle.ts";
import { nodeAddresses, nodeName, outsideAddresses, PolicyNode } from "./policyNode.ts";
import { clusterWith, listenPorts, plainEndpoints, randomCluster, randomPackets } from "./randomCase.ts";
import { randomClusterWithHosts } from "./randomHosts.ts";

const cases = 5;
const packetsOfEach = 150;
const deadlineMs = 10_000;
const seed = Number(process.env.BRINDLE_SEED ?? Date.now() % 1_000_000);

/** The ends at which chains of this node are asked, and what decides there: behind a denial nothing is asked. */
function deciders(cluster: Cluster, packet: Packet): DirectionResult[] {
  const { egress, ingress, hosts } = explain(cluster, packet).evaluation;
  const isOfNode = ({ endpoint, decidedBy }: DirectionResult): boolean =>
    !asksNobody.has(decidedBy.kind) &&
    cluster.endpoints.some(
      ({ metadata, spec }) => `${metadata.namespace}/${metadata.name}` === endpoint && spec.node === nodeName,
    );
  const ofHosts = hosts.filter(({ decidedBy }) => !asksNobody.has(decidedBy.kind));
  const asked = [
    ...ofHosts.filter(({ direction }) => direction === "Ingress"),
    ...[egress, ingress].filter(isOfNode),
    ...ofHosts.filter(({ direction }) => direction === "Egress"),
  ];
  const denial = asked.findIndex(({ verdict }) => verdict === "deny");
  return denial < 0 ? asked : asked.slice(0, denial + 1);
}

const asksNobody: ReadonlySet<string> = new Set(["sameEndpoint", "fromOwnNode", "failsafe"]);

/** As `policy explain` says it. */
function reasonOf({ decidedBy, direction }: DirectionResult): string {
  if (decidedBy.kind === "policyRule") return `${formatPolicyName(decidedBy.policy)} ${direction} ${decidedBy.rule}`;
  if (decidedBy.kind === "profileRule") return `Profile ${decidedBy.profile} ${direction} ${decidedBy.rule}`;
  return `no rule, ${direction}`;
}

/** As `policy hits` says it; what passes on decides nothing. */
function nameOf(row: HitRow): string | null {
  if (row.kind === "default") return `no rule, ${row.direction}`;
  if (row.action === "pass" || row.action === "log") return null;
  const { kind, namespace, name } = row.owner;
  return `${kind} ${namespace === null ? name : `${namespace}/${name}`} ${row.direction} ${row.rule}`;
}

function counted<T>(
  items: readonly T[],
  name: (item: T) => string | null,
  times: (item: T) => number,
): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) {
    const of = name(item);
    if (of !== null && times(item) > 0) counts.set(of, (counts.get(of) ?? 0) + times(item));
  }
  return counts;
}

function risen(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): Map<string, number> {
  const more = [...after].map(([name, count]): [string, number] => [name, count - (before.get(name) ?? 0)]);
  return new Map(more.filter(([, count]) => count !== 0));
}

/** What a pod sends its own node is asked twice: policy may allow what `endpointToHostAction` then drops. */
function isFromPodToNode({ source, destination }: Packet): boolean {
  const others = [...nodeAddresses, ...outsideAddresses];
  return nodeAddresses.includes(formatAddress(destination)) && !others.includes(formatAddress(source));
}

interface Case {
  readonly cluster: Cluster;
  readonly packets: readonly Packet[];
}

function caseOf(own: number): Case {
  return { cluster: randomCluster(own), packets: randomPackets(own, packetsOfEach) };
}

/** Of what is not tracked answers are asked as well, which are not among the packets. */
function caseWithHosts(own: number): Case {
  const { policies, ...cluster } = randomClusterWithHosts(own);
  const isTracked = (policy: Policy): boolean => policy.kind !== "GlobalNetworkPolicy" || !policy.spec.doNotTrack;
  const packets = randomPackets(own, packetsOfEach, { ofNode: 0.4 });
  return { cluster: { ...cluster, policies: policies.filter(isTracked) }, packets };
}

describe.each(["nft", "legacy"] as const)(`reasons, backend %s, BRINDLE_SEED=${seed},`, (backend) => {
  let node: PolicyNode;
  let sources: RuleCounters[];
  beforeAll(async () => {
    node = await PolicyNode.create({ endpoints: plainEndpoints(), ports: listenPorts, backend });
    const open = ([4, 6] as const).map((family) =>
      openRuleCounters({ family, backend, namespace: node.namespace.path }),
    );
    sources = await Promise.all(open);
  });
  afterAll(async () => {
    for (const source of sources ?? []) source.close();
    await node?.[Symbol.asyncDispose]();
  });

  const failures: unknown[] = [];
  const counting = (): HitCounting =>
    new HitCounting({ sources, nowMs: () => performance.now(), onFailure: (error) => failures.push(error) });
  const read = (from: HitCounting): Promise<HitRow[]> => from.read(() => node.enforcer.state());

  it.each([
    ["of pods", caseOf],
    ["of pods and hosts", caseWithHosts],
  ])("%s are those that explain gives: the packet, and the rule whose counter rises", async (_, made) => {
    const reasons = new Set<string>();
    for (let index = 0; index < cases; index++) {
      const { cluster, packets: all } = made(seed + index);
      const packets = all.filter((packet) => !isFromPodToNode(packet));
      await node.apply(desiredOf(cluster, { denyAction: index % 2 === 0 ? "Drop" : "Reject" }));
      const hitCounting = counting();
      const hits = async (): Promise<Map<string, number>> =>
        counted(await read(hitCounting), nameOf, (row) => row.hits);
      const before = await hits();
      const allowed = new Set(packets.filter((packet) => isAllowed(cluster, packet)));
      const passed = await node.send(packets, allowed, deadlineMs);
      const decided = packets.flatMap((packet) => deciders(cluster, packet).map(reasonOf));
      const expected = counted(
        decided,
        (reason) => reason,
        () => 1,
      );
      expect(Object.fromEntries(risen(before, await hits())), `case ${index}`).toEqual(Object.fromEntries(expected));
      expect(packets.filter((packet) => passed.has(packet) !== allowed.has(packet))).toEqual([]);
      expect(failures).toEqual([]);
      for (const reason of decided) reasons.add(reason);
    }
    expect(reasons.size).toBeGreaterThan(3 * cases);
  });

  it.each([
    ["10.65.0.1", 0, "flows"],
    ["fd65::1", 2, "flows"],
    ["10.65.0.1", 0, "packets"],
    ["fd65::1", 2, "packets"],
  ] as const)("before the filter: to %s from outside address %i, %s of a flow are counted", async (to, at, counts) => {
    const source = outsideAddresses[at] ?? "";
    const early = counts === "packets" ? { doNotTrack: true } : { preDNAT: true };
    const ingress: Rule[] = [{ action: "Allow", protocol: "UDP", destination: { ports: [53] } }];
    const spec: GlobalPolicySpec = { ...early, applyOnForward: true, types: ["Ingress"], ingress };
    const policy: Policy = { apiVersion, kind: "GlobalNetworkPolicy", metadata: { name: "early" }, spec };
    await node.apply(desiredOf({ ...clusterWith([]), hostEndpoints: [uplink], policies: [policy] }));
    const hitCounting = counting();
    const hits = async (): Promise<(string | number)[][]> =>
      (await read(hitCounting)).flatMap((row) =>
        row.kind === "rule" && row.owner.name === "early" ? [[row.hits, row.counts]] : [],
      );
    const [[before = 0] = []] = await hits();
    const packet = packetOf({
      id: "early",
      protocol: "udp",
      source,
      sourcePort: 15_000,
      destination: to,
      destinationPort: 53,
    });
    const answer = {
      ...packet,
      source: packet.destination,
      sourcePort: 53,
      destination: packet.source,
      destinationPort: 15_000,
    };
    // Its answer opens no flow, and neither does what comes behind that.
    for (const sent of [packet, answer, packet, packet])
      await node.sendOfOpenFlows([sent], new Set([sent]), deadlineMs);
    expect(await hits()).toEqual([[Number(before) + (counts === "packets" ? 3 : 1), counts]]);
    expect(failures).toEqual([]);
  });
});

const uplink: HostEndpoint = {
  apiVersion,
  kind: "HostEndpoint",
  metadata: { name: "uplink" },
  spec: { node: nodeName, interfaceName: "uplink" },
};
