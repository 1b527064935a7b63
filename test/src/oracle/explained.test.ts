/** What `explain` names as the reason is what happened: the packet passed or did not, and that rule's counter rose. */

import { formatAddress } from "@brindle/net";
import { openRuleCounters, type RuleCounters } from "@brindle/net/shell";
import {
  type Cluster,
  type DirectionResult,
  explain,
  formatPolicyName,
  type HitRow,
  type Packet,
} from "@brindle/policy";
import { HitCounting } from "@brindle/policy/shell";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { desiredOf, isAllowed } from "./oracle.ts";
import { nodeAddresses, nodeName, PolicyNode } from "./policyNode.ts";
import { listenPorts, plainEndpoints, randomCluster, randomPackets } from "./randomCase.ts";

const cases = 5;
const packetsOfEach = 150;
const deadlineMs = 2_000;
const seed = Number(process.env.BRINDLE_SEED ?? Date.now() % 1_000_000);

/** The ends at which chains of this node are asked, and what decides there: behind a denial nothing is asked. */
function deciders(cluster: Cluster, packet: Packet): DirectionResult[] {
  const { egress, ingress } = explain(cluster, packet).evaluation;
  const ofNode = [egress, ingress].filter(
    ({ endpoint, decidedBy }) =>
      decidedBy.kind !== "sameEndpoint" &&
      decidedBy.kind !== "fromOwnNode" &&
      cluster.endpoints.some(
        ({ metadata, spec }) => `${metadata.namespace}/${metadata.name}` === endpoint && spec.node === nodeName,
      ),
  );
  return ofNode[0]?.verdict === "deny" ? ofNode.slice(0, 1) : ofNode;
}

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
function isToNode({ destination }: Packet): boolean {
  return nodeAddresses.includes(formatAddress(destination));
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

  it("are those that explain gives: the packet, and the rule whose counter rises", async () => {
    const reasons = new Set<string>();
    for (let index = 0; index < cases; index++) {
      const cluster = randomCluster(seed + index);
      const packets = randomPackets(seed + index, packetsOfEach).filter((packet) => !isToNode(packet));
      await node.apply(desiredOf(cluster, { denyAction: index % 2 === 0 ? "Drop" : "Reject" }));
      const failures: unknown[] = [];
      const counting = new HitCounting({
        sources,
        nowMs: () => performance.now(),
        onFailure: (error) => failures.push(error),
      });
      const hits = async (): Promise<Map<string, number>> =>
        counted(await counting.read(() => node.enforcer.state()), nameOf, (row) => row.hits);
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
});
