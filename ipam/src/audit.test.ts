import type { IPAMBlock, IPAMHandle } from "@brindle/api";
import { expect, it } from "vitest";
import { audit } from "./audit.ts";
import { newBlock, take } from "./block.ts";

const one = give(newBlock("10.0.0.0/30", "node1", 1n), "net.a");
const two = give(one, "net.a");
const broken = { ...one, attributes: [] };

const cases: { name: string; block: IPAMBlock; handles: Record<string, IPAMHandle["block"]>; findings: unknown[] }[] = [
  { name: "finds nothing where all agree", block: two, handles: { "net.a": { "10.0.0.0/30": 2 } }, findings: [] },
  {
    name: "finds an address whose handle is missing",
    block: one,
    handles: {},
    findings: [{ kind: "missingHandle", address: "10.0.0.0", handleId: "net.a" }],
  },
  {
    name: "finds a handle that counts too much",
    block: one,
    handles: { "net.a": { "10.0.0.0/30": 2 } },
    findings: [{ kind: "wrongCount", handleId: "net.a", block: "10.0.0.0/30", counted: 2, held: 1 }],
  },
  {
    name: "finds a handle that counts too little",
    block: two,
    handles: { "net.a": {} },
    findings: [{ kind: "wrongCount", handleId: "net.a", block: "10.0.0.0/30", counted: 0, held: 2 }],
  },
  {
    name: "finds a handle of a block that is gone",
    block: one,
    handles: { "net.a": { "10.0.0.0/30": 1 }, "net.b": { "10.9.9.0/30": 1 } },
    findings: [{ kind: "wrongCount", handleId: "net.b", block: "10.9.9.0/30", counted: 1, held: 0 }],
  },
  {
    name: "tells of a broken block once, and of nothing that follows from it",
    block: broken,
    handles: {},
    findings: [{ kind: "invalidBlock", block: "10.0.0.0/30", problems: ["ordinal 0 points to attribute 0 of 0"] }],
  },
];
for (const { name, block, handles, findings } of cases) {
  it(name, () => {
    const all = Object.entries(handles).map(([id, counts]) => [id, { block: counts, deleted: false }] as const);
    expect(audit([block], new Map(all))).toEqual(findings);
  });
}

function give(block: IPAMBlock, handleId: string): IPAMBlock {
  const taken = take(block, { handleId, attributes: { node: "node1" } }, () => false);
  if (!taken) throw new Error("the block is full");
  return taken.block;
}
