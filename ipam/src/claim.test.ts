import { type Prefix, parsePrefix } from "@brindle/net";
import { describe, expect, it } from "vitest";
import { fnv32, inOrderOf, newBlocks } from "./claim.ts";
import type { UsablePool } from "./pools.ts";

describe("newBlocks", () => {
  const cases: {
    name: string;
    pool?: UsablePool;
    blocks?: string[];
    reserved?: string[];
    begun?: string[];
    first: string[];
  }[] = [
    { name: "starts where the node's name says and goes round", first: ["192/26", "0/26", "64/26", "128/26"] },
    { name: "passes over blocks that exist", blocks: ["192/26", "64/26"], first: ["0/26", "128/26"] },
    { name: "ends when all exist", blocks: ["0/26", "64/26", "128/26", "192/26"], first: [] },
    { name: "passes over all that a larger block of old covers", blocks: ["128/25"], first: ["0/26", "64/26"] },
    { name: "passes over what a smaller block of old touches", blocks: ["200/29"], first: ["0/26", "64/26", "128/26"] },
    { name: "passes over what is wholly reserved", reserved: ["0/25"], first: ["192/26", "128/26"] },
    { name: "takes what is reserved in part", reserved: ["192/28"], first: ["192/26", "0/26", "64/26", "128/26"] },
    {
      name: "takes a claim first that the node began",
      begun: ["128/26"],
      first: ["128/26", "192/26", "0/26", "64/26"],
    },
    {
      name: "forgets a begun claim that somebody else made",
      begun: ["128/26"],
      blocks: ["128/26"],
      first: ["192/26", "0/26", "64/26"],
    },
    { name: "forgets a begun claim of another size", begun: ["128/25"], first: ["192/26", "0/26", "64/26", "128/26"] },
  ];
  for (const { name, blocks = [], reserved = [], begun = [], first } of cases) {
    it(name, () => {
      const occupied = { blocks: blocks.map(full), reserved: reserved.map((text) => prefix(full(text))) };
      const found = [...newBlocks(pool("10.0.0.0/24", 26), occupied, { node: "node4", begun: begun.map(full) })];
      expect([...new Set(found)]).toEqual(first.map(full));
    });
  }

  it("finds a block at once in a pool that holds more than can be counted, half of it reserved", () => {
    const reserved = [prefix("fd00::/49")];
    const [first] = newBlocks(pool("fd00::/48", 122), { blocks: [], reserved }, { node: "n", begun: [] });
    expect(first).toBe("fd00:0:0:8000::/122");
  });

  it("lets nodes that know each other start at places that are all different", () => {
    const starts = Array.from({ length: 1_000 }, (_, index) => {
      const rank = { index, of: 1_000 };
      const claimant = { node: `node${index}`, begun: [], rank };
      return newBlocks(pool("10.0.0.0/16", 26), { blocks: [], reserved: [] }, claimant).next().value;
    });
    expect(new Set(starts).size).toBe(1_000);
  });

  it("looks elsewhere each time that a node was overtaken, and still finds the last block", () => {
    const all = Array.from({ length: 1_024 }, (_, i) => `10.0.${i >> 2}.${(i & 3) * 64}/26`);
    const [last = "", ...taken] = all;
    const of = (lostClaims: number) =>
      newBlocks(pool("10.0.0.0/16", 26), { blocks: taken, reserved: [] }, { node: "n", begun: [], lostClaims });
    expect(of(1).next().value).toBe(last);
    const empty = { blocks: [], reserved: [] };
    const firsts = [1, 2, 3].map(
      (lostClaims) => newBlocks(pool("10.0.0.0/16", 26), empty, { node: "n", begun: [], lostClaims }).next().value,
    );
    expect(new Set(firsts).size).toBe(3);
  });

  it("lets nodes start at different places", () => {
    const starts = Array.from({ length: 50 }, (_, i) => {
      const [first] = newBlocks(pool("10.0.0.0/16", 26), { blocks: [], reserved: [] }, { node: `node${i}`, begun: [] });
      return first;
    });
    expect(new Set(starts).size).toBeGreaterThan(40);
  });
});

describe("fnv32", () => {
  // Published vectors of FNV-1, which multiplies before it mixes (FNV-1a does it the other way round).
  const vectors: [text: string, hash: number][] = [
    ["", 0x811c9dc5],
    ["a", 0x050c5d7e],
    ["foobar", 0x31f0b262],
  ];
  for (const [text, hash] of vectors) it(`hashes ${JSON.stringify(text)}`, () => expect(fnv32(text)).toBe(hash));
});

it("keeps all items when it turns them", () => {
  const items = [1, 2, 3, 4, 5];
  expect(inOrderOf("node1", items).toSorted()).toEqual(items);
  expect(inOrderOf("node1", [])).toEqual([]);
});

function pool(cidr: string, blockLength: number): UsablePool {
  return { name: "p", prefix: prefix(cidr), blockLength };
}

/** `64/26` is `10.0.0.64/26`. */
function full(text: string): string {
  return `10.0.0.${text}`;
}

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (!parsed) throw new TypeError(text);
  return parsed;
}
