import type { IPAMBlock, IPPool } from "@brindle/api";
import { type Address, formatAddress, type Prefix, parseAddress, parsePrefix } from "@brindle/net";
import { describe, expect, it } from "vitest";
import { newBlock, take } from "./block.ts";
import { percentOf, summarise, type Usage, whoHolds } from "./summary.ts";

// The same blocks, pools and reservations of which calicoctl printed the figures below.
const own = give(newBlock("10.10.0.64/26", "node1", 5n), ["node1", "node1", "node1"]);
const lent = give(newBlock("10.10.2.0/26", "node2", 7n), ["node1"]);
const reserved = ["10.10.0.0/30", "10.10.1.0/28"].map(prefix);

describe("summarise", () => {
  const pools = [pool("pool-a", "10.10.0.0/16"), pool("pool-v6", "fd00:10:10::/48")];
  const summary = summarise(pools, [lent, own], reserved);

  it("counts by pool what calicoctl counts", () => {
    expect(summary.pools.map(figures)).toEqual([
      "10.10.0.0/16: 65536 = 4 + 20 + 65512",
      "fd00:10:10::/48: 1208925819614629174706176 = 0 + 0 + 1208925819614629174706176",
    ]);
  });

  it("counts by block, in the order of addresses, and names the node", () => {
    expect(summary.pools[0]?.blocks.map((block) => `${block.node} ${figures(block)}`)).toEqual([
      "node1 10.10.0.64/26: 64 = 3 + 0 + 61",
      "node2 10.10.2.0/26: 64 = 1 + 0 + 63",
    ]);
  });

  it("tells who uses an address of another node's block", () => {
    expect(
      summary.borrowed.map(({ address, node, block, blockNode }) => ({
        address: formatAddress(address),
        node,
        block,
        blockNode,
      })),
    ).toEqual([{ address: "10.10.2.0", node: "node1", block: "10.10.2.0/26", blockNode: "node2" }]);
  });

  const reservations: { name: string; reserved: string[]; pool: string; block: string }[] = [
    {
      name: "counts an address that is in use and reserved once, as in use",
      reserved: ["10.10.0.64/31"],
      pool: "10.10.0.0/16: 65536 = 3 + 0 + 65533",
      block: "10.10.0.64/26: 64 = 3 + 0 + 61",
    },
    {
      name: "counts what two reservations cover once",
      reserved: ["10.10.0.96/27", "10.10.0.112/28", "10.10.0.96/27"],
      pool: "10.10.0.0/16: 65536 = 3 + 32 + 65501",
      block: "10.10.0.64/26: 64 = 3 + 32 + 29",
    },
    {
      name: "counts no more than the pool when all of it is reserved",
      reserved: ["10.0.0.0/8"],
      pool: "10.10.0.0/16: 65536 = 3 + 65533 + 0",
      block: "10.10.0.64/26: 64 = 3 + 61 + 0",
    },
  ];
  for (const { name, ...wanted } of reservations) {
    it(name, () => {
      const [row] = summarise([pool("pool-a", "10.10.0.0/16")], [own], wanted.reserved.map(prefix)).pools;
      expect(row && figures(row)).toBe(wanted.pool);
      expect(row?.blocks.map(figures)).toEqual([wanted.block]);
    });
  }

  it("tells of blocks that lie in no pool, and of what is wrong with one", () => {
    const broken: IPAMBlock = { ...own, unallocated: own.unallocated.slice(1) };
    const { strays } = summarise([], [broken], []);
    expect(strays.map(({ cidr, problems }) => ({ cidr, problems }))).toEqual([
      { cidr: "10.10.0.64/26", problems: ["3 allocated and 60 free addresses in a block of 64"] },
    ]);
  });
});

describe("whoHolds", () => {
  it("names the holder of an address in use", () => {
    expect(whoHolds([own, lent], address("10.10.2.0"))).toEqual({
      kind: "inUse",
      block: "10.10.2.0/26",
      blockNode: "node2",
      holder: { handleId: "net.0", attributes: { node: "node1" }, sequenceNumber: 7n },
    });
  });
  it("says when an address is free", () => {
    expect(whoHolds([own, lent], address("10.10.0.100"))).toEqual({
      kind: "free",
      block: "10.10.0.64/26",
      blockNode: "node1",
    });
  });
  it("says of one that was given back that it rests", () => {
    const since = "2026-01-01T00:00:00Z";
    const resting = { ...lent, attributes: [{ releasedAt: since }, ...lent.attributes.slice(1)] };
    const said = { kind: "resting", block: "10.10.2.0/26", blockNode: "node2", since };
    expect(whoHolds([own, resting], address("10.10.2.0"))).toEqual(said);
  });
  it("says when no block holds an address", () => {
    expect(whoHolds([own], address("10.200.0.1"))).toEqual({ kind: "noBlock" });
  });
});

describe("percentOf", () => {
  const cases: [part: bigint, whole: bigint, percent: number][] = [
    [3n, 64n, 5],
    [61n, 64n, 95],
    [1n, 200n, 1],
    [0n, 64n, 0],
    [0n, 0n, 100],
    [2n ** 80n - 1n, 2n ** 80n, 100],
  ];
  for (const [part, whole, percent] of cases) {
    it(`is ${percent} for ${part} of ${whole}`, () => expect(percentOf(part, whole)).toBe(percent));
  }
});

function figures({ cidr, addresses, inUse, reserved, free }: Usage): string {
  return `${cidr}: ${addresses} = ${inUse} + ${reserved} + ${free}`;
}

function give(block: IPAMBlock, nodes: readonly string[]): IPAMBlock {
  return nodes.reduce((before, node, i) => {
    const taken = take(before, { handleId: `net.${i}`, attributes: { node } }, () => false);
    return taken?.block ?? before;
  }, block);
}

function pool(name: string, cidr: string): IPPool {
  return { apiVersion: "projectcalico.org/v3", kind: "IPPool", metadata: { name }, spec: { cidr } };
}

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (!parsed) throw new TypeError(text);
  return parsed;
}

function address(text: string): Address {
  const parsed = parseAddress(text);
  if (!parsed) throw new TypeError(text);
  return parsed;
}
