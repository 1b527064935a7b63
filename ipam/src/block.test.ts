import { formatJson, type IPAMBlock } from "@brindle/api";
import { type Address, formatAddress, parseAddress } from "@brindle/net";
import { describe, expect, it } from "vitest";
import { addressesOf, giveBack, newBlock, take } from "./block.ts";
import { blockProblems } from "./blockProblems.ts";

const nowNs = 1_767_225_600_000_000_000n; // 2026-01-01T00:00:00Z
const anyAddress = (): boolean => false;
const owner = { handleId: "net.c1", attributes: { pod: "web", node: "node1" } };

describe("take", () => {
  it("gives the addresses of a new block in order, each with the number of its write", () => {
    let block = newBlock("10.0.0.0/30", "node1", nowNs);
    const got: string[] = [];
    for (let taken = take(block, owner, anyAddress); taken; taken = take(block, owner, anyAddress)) {
      got.push(`${formatAddress(taken.held.address)} ${taken.held.sequenceNumber - nowNs}`);
      block = taken.block;
    }
    expect(got).toEqual(["10.0.0.0 0", "10.0.0.1 1", "10.0.0.2 2", "10.0.0.3 3"]);
    expect(block.sequenceNumber - nowNs).toBe(4n);
    expect(blockProblems(block)).toEqual([]);
  });

  it("gives a released address only after all the others", () => {
    const block = giveBack(takeMany("10.0.0.0/30", ["a", "b"]), [address("10.0.0.0")]);
    expect(takeAll(block)).toEqual(["10.0.0.2", "10.0.0.3", "10.0.0.0"]);
  });

  it("passes over a reserved address and leaves it at its place", () => {
    const isReserved = (candidate: Address): boolean => formatAddress(candidate) === "10.0.0.0";
    const taken = take(newBlock("10.0.0.0/30", "node1", nowNs), owner, isReserved);
    expect(taken?.held.address).toEqual(address("10.0.0.1"));
    expect(taken?.block.unallocated).toEqual([0, 2, 3]);
  });

  it("writes one attribute for all addresses of one owner", () => {
    const block = takeMany("fd00::/126", ["a", "b", "a"]);
    expect(block.attributes).toHaveLength(2);
    expect(block.allocations).toEqual([0, 1, 0, null]);
  });

  it("does not share an attribute that says more than we know", () => {
    const first = takeMany("10.0.0.0/30", ["a"]);
    const attributes = first.attributes.map((attribute) => ({ ...attribute, alternateOwnerAttrs: { pod: "other" } }));
    const taken = take({ ...first, attributes }, ownerOf("a"), anyAddress);
    expect(taken?.block.attributes).toHaveLength(2);
  });
});

describe("giveBack", () => {
  it("drops an attribute with its last address, and points the others at their new places", () => {
    const block = giveBack(takeMany("10.0.0.0/29", ["a", "b", "a", "c"]), [address("10.0.0.1")]);
    expect(block.attributes.map(({ handle_id }) => handle_id)).toEqual(["a", "c"]);
    expect(block.allocations).toEqual([0, null, 0, 1, null, null, null, null]);
    expect(blockProblems(block)).toEqual([]);
  });

  it("keeps an attribute that another address still points to", () => {
    const block = giveBack(takeMany("10.0.0.0/30", ["a", "a"]), [address("10.0.0.0")]);
    expect(addressesOf(block, "a").map((held) => formatAddress(held.address))).toEqual(["10.0.0.1"]);
  });

  it("leaves what calicoctl leaves, byte by byte", () => {
    // What `calicoctl ipam release --ip=10.10.0.64` made of this block.
    const secondary = { namespace: "prod", node: "node1", pod: "web-0", timestamp: "2026-01-01 00:00:00 +0000 UTC" };
    const before: IPAMBlock = {
      cidr: "10.10.0.64/26",
      affinity: "host:node1",
      affinity_claim_time: "2026-01-01T00:00:00Z",
      allocations: [0, 1, 2, ...new Array<null>(61).fill(null)],
      unallocated: ordinals(3, 63),
      attributes: [
        { handle_id: "k8s-pod-network.dead", secondary: { ...secondary, pod: "gone" } },
        { handle_id: "k8s-pod-network.c0ffee", secondary },
        { handle_id: "ipip-tunnel-addr-node1", secondary: { node: "node1", type: "ipipTunnelAddress" } },
      ],
      sequenceNumber: nowNs,
      sequenceNumberForAllocation: { "0": nowNs, "1": nowNs, "2": nowNs },
      deleted: false,
    };
    const nulls = ",null".repeat(61);
    expect(formatJson(giveBack(before, [address("10.10.0.64")]))).toBe(
      '{"cidr":"10.10.0.64/26","affinity":"host:node1","affinity_claim_time":"2026-01-01T00:00:00Z",' +
        `"allocations":[null,0,1${nulls}],"unallocated":[${[...ordinals(3, 63), 0].join(",")}],` +
        '"attributes":[{"handle_id":"k8s-pod-network.c0ffee","secondary":{"namespace":"prod","node":"node1",' +
        '"pod":"web-0","timestamp":"2026-01-01 00:00:00 +0000 UTC"}},{"handle_id":"ipip-tunnel-addr-node1",' +
        '"secondary":{"node":"node1","type":"ipipTunnelAddress"}}],"sequenceNumber":1767225600000000001,' +
        '"sequenceNumberForAllocation":{"1":1767225600000000000,"2":1767225600000000000},"deleted":false}',
    );
  });
});

it("makes blocks with the members of Calico's, in their order", () => {
  const taken = take(newBlock("10.0.0.0/32", "node1", nowNs), owner, anyAddress);
  expect(taken && formatJson(taken.block)).toBe(
    '{"cidr":"10.0.0.0/32","affinity":"host:node1","affinity_claim_time":"2026-01-01T00:00:00Z","allocations":[0],' +
      '"unallocated":[],"attributes":[{"handle_id":"net.c1","secondary":{"node":"node1","pod":"web"}}],' +
      '"sequenceNumber":1767225600000000001,"sequenceNumberForAllocation":{"0":1767225600000000000},"deleted":false}',
  );
});

describe("addressesOf", () => {
  const parked = { handle_id: "a", secondary: {}, releasedAt: "2026-01-01T00:00:00Z" };
  const cases: { name: string; attribute: IPAMBlock["attributes"][number]; held: number }[] = [
    { name: "finds an address by its handle", attribute: { handle_id: "a" }, held: 1 },
    { name: "finds it behind what an old migration left", attribute: { handle_id: "a\reth0" }, held: 1 },
    { name: "does not count an address in its cooldown", attribute: parked, held: 0 },
    { name: "does not take one handle for another", attribute: { handle_id: "ab" }, held: 0 },
    { name: "does not mind an address without a handle", attribute: {}, held: 0 },
  ];
  for (const { name, attribute, held } of cases) {
    it(name, () => {
      const block = { ...takeMany("10.0.0.0/30", ["x"]), attributes: [attribute] };
      expect(addressesOf(block, "a")).toHaveLength(held);
    });
  }
});

describe("blockProblems", () => {
  const sound = takeMany("10.0.0.0/30", ["a", "b"]);
  const cases: { name: string; block: Partial<IPAMBlock>; problem: string }[] = [
    { name: "no prefix", block: { cidr: "10.0.0.1/30" }, problem: '"10.0.0.1/30" is no prefix' },
    { name: "a huge block", block: { cidr: "10.0.0.0/8" }, problem: "a /8 is too large for a block" },
    {
      name: "too few allocations",
      block: { allocations: [0, 1, null] },
      problem: "3 allocations in a block of 4 addresses",
    },
    {
      name: "an address that is neither allocated nor free",
      block: { unallocated: [2] },
      problem: "2 allocated and 1 free addresses in a block of 4",
    },
    {
      name: "an attribute that is missing",
      block: { allocations: [0, 7, null, null] },
      problem: "ordinal 1 points to attribute 7 of 2",
    },
    {
      name: "a free address twice",
      block: { unallocated: [2, 2] },
      problem: "ordinal 2 is twice in the list of free ones",
    },
    { name: "an ordinal outside", block: { unallocated: [2, 9] }, problem: "ordinal 9 lies outside the block" },
    {
      name: "an address both allocated and free",
      block: { unallocated: [1, 2] },
      problem: "ordinal 1 is both allocated and free",
    },
  ];
  it("finds none in a sound block", () => expect(blockProblems(sound)).toEqual([]));
  for (const { name, block, problem } of cases) {
    it(`finds ${name}`, () => expect(blockProblems({ ...sound, ...block })).toContain(problem));
  }
});

function takeMany(cidr: string, handles: readonly string[]): IPAMBlock {
  return handles.reduce(
    (block, handleId) => take(block, ownerOf(handleId), anyAddress)?.block ?? block,
    newBlock(cidr, "node1", nowNs),
  );
}

function takeAll(block: IPAMBlock): string[] {
  const taken = take(block, owner, anyAddress);
  return taken ? [formatAddress(taken.held.address), ...takeAll(taken.block)] : [];
}

function ownerOf(handleId: string): { handleId: string; attributes: Record<string, string> } {
  return { handleId, attributes: { node: "node1" } };
}

function ordinals(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

function address(text: string): Address {
  const parsed = parseAddress(text);
  if (!parsed) throw new TypeError(text);
  return parsed;
}
