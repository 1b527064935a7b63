/** The comparison notices faults: each is put into what the graph renders, and must come out as a mismatch. */
import type { Packet } from "@brindle/policy";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { faults } from "./faults.ts";
import { compare, parseClusterAddress } from "./oracle.ts";
import { PolicyNode } from "./policyNode.ts";
import { listenPorts, plainEndpoints } from "./randomCase.ts";

/** From everybody to p2, and from p1 to its node. */
const ends: readonly (readonly [string, string])[] = [
  ...["10.65.0.1", "10.65.0.3", "203.0.113.1", "203.0.113.2"].map((source) => [source, "10.65.0.2"] as const),
  ...["fd65::1", "fd65::3", "2001:db8:1::1", "2001:db8:1::2"].map((source) => [source, "fd65::2"] as const),
  ["10.65.0.1", "203.0.113.1"],
  ["fd65::1", "2001:db8:1::1"],
];

/** Everything that the rules of the faults speak of. Other ports each time: conntrack remembers. */
function probes(round: number): Packet[] {
  return ends.flatMap(([from, to], index): Packet[] => {
    const [source, destination] = [parseClusterAddress(from), parseClusterAddress(to)];
    const isV4 = source.family === 4;
    const types = isV4 ? [8, 13] : [128, 139];
    return [
      ...[6, 17, 132].flatMap((protocol) =>
        [53, 80, 81, 443].map((destinationPort): Packet => {
          const sourcePort = 20_000 + round * 100 + index * 4;
          return { source, destination, protocol, sourcePort, destinationPort };
        }),
      ),
      ...types.flatMap((type) =>
        [0, 1].map((code): Packet => ({ source, destination, protocol: isV4 ? 1 : 58, icmp: { type, code } })),
      ),
    ];
  });
}

describe("the comparison", () => {
  let node: PolicyNode;
  let round = 0;
  beforeAll(async () => {
    node = await PolicyNode.create({ endpoints: plainEndpoints(), ports: listenPorts });
  });
  afterAll(() => node?.[Symbol.asyncDispose]());

  it("is tried with 30 faults and more", () => expect(faults.length).toBeGreaterThanOrEqual(30));

  it.each(faults)("finds $name", async ({ cluster, spoil }) => {
    const right = await compare(node, cluster, probes(round++));
    expect(right.mismatches).toEqual([]);
    // What is missing once is enough here: whether it would come later is no question of the fault.
    const wrong = await compare(node, cluster, probes(round++), { spoil, deadlineMs: 50 });
    expect(wrong.mismatches).not.toEqual([]);
  });
});
