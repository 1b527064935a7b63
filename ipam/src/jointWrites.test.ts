import type { BlockAffinity, IPAMBlock, Profile, Write } from "@brindle/api";
import { describe, expect, it } from "vitest";
import { JointWrites } from "./jointWrites.ts";
import { emptyState } from "./state.ts";

const key = { kind: "IPAMBlock", name: "10.0.0.0/30" } as const;
const expected: Write = { op: "expect", key, revision: "7" };
const created: Write = { op: "create", key, value: block(1n) };
const updated: Write = { op: "update", key, value: block(2n), revision: "7" };
const deleted: Write = { op: "delete", key, revision: "7" };

describe("JointWrites", () => {
  const joined: readonly [string, readonly Write[], Write][] = [
    ["what is expected and then written is written", [expected, updated], updated],
    ["what is written is no more expected", [updated, { ...expected, revision: "7" }], updated],
    [
      "what is written twice is written once, over what was there before",
      [created, updated],
      { ...created, value: block(2n) },
    ],
    ["what is changed and then deleted is deleted", [updated, deleted], deleted],
  ];
  it.each(joined)("%s", (_name, writes, outcome) => {
    const joint = new JointWrites("node1", emptyState);
    for (const write of writes) expect(joint.add([write])).toBe(true);
    expect(joint.writes).toEqual([outcome]);
  });

  const apart: readonly [string, readonly [Write, Write]][] = [
    ["made and deleted", [created, deleted]],
    ["deleted and made anew", [deleted, created]],
    ["deleted and expected to be gone", [deleted, { op: "expect", key, revision: null }]],
  ];
  it.each(apart)("does not join what is %s: no single write is both", (_name, [first, second]) => {
    const joint = new JointWrites("node1", emptyState);
    joint.add([first]);
    expect(joint.add([second])).toBe(false);
    expect(joint.writes).toEqual([first]);
  });

  it("leaves what callers write to one of them, and nothing of the other is added", () => {
    const profile = { kind: "Profile", name: "p" } as const;
    const value: Profile = { apiVersion: "projectcalico.org/v3", kind: "Profile", metadata: { name: "p" }, spec: {} };
    const first: Write = { op: "update", key: profile, value, revision: "3" };
    const joint = new JointWrites("node1", emptyState);
    joint.add([first]);
    expect(joint.add([updated, { op: "delete", key: profile, revision: "3" }])).toBe(false);
    expect(joint.writes).toEqual([first]);
    expect(joint.state.blocks.size).toBe(0);
  });

  it("knows what will have been written", () => {
    const claim: BlockAffinity = { state: "confirmed", deleted: false };
    const joint = new JointWrites("node1", emptyState);
    joint.add([
      created,
      { op: "create", key: { kind: "BlockAffinity", name: `host:node1/${key.name}` }, value: claim },
    ]);
    expect(joint.state.blocks.get(key.name)?.value).toEqual(block(1n));
    expect(joint.state.affinities.get(key.name)?.value).toEqual(claim);
    joint.add([updated]);
    expect(joint.state.blocks.get(key.name)?.value).toEqual(block(2n));
  });
});

function block(sequenceNumber: bigint): IPAMBlock {
  return {
    cidr: key.name,
    affinity: "host:node1",
    allocations: [null, null, null, null],
    unallocated: [0, 1, 2, 3],
    attributes: [],
    sequenceNumber,
    sequenceNumberForAllocation: {},
    deleted: false,
  };
}
