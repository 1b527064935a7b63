import { describe, expect, it } from "vitest";
import { encodeAttributes } from "../wire/attributesEncoder.ts";
import type { AsPathSegment, PathAttributes } from "../wire/message.ts";
import { address, seededRandom } from "../wire/testing.ts";
import { narrowAsNumbers } from "./twoOctetBytes.ts";

const origin = "igp" as const;

const rows: { name: string; attributes: PathAttributes }[] = [
  { name: "an empty path", attributes: { origin, asPath: [] } },
  { name: "a path that fits", attributes: { origin, asPath: [{ type: "sequence", asns: [65_535, 1] }] } },
  { name: "one that does not", attributes: { origin, asPath: [{ type: "sequence", asns: [65_536, 1] }] } },
  {
    name: "a confederation in front, which AS4_PATH leaves out",
    attributes: {
      origin,
      asPath: [
        { type: "confedSequence", asns: [70_000] },
        { type: "sequence", asns: [1, 2] },
      ],
    },
  },
  {
    name: "a path that is long as two octets and longer as four",
    attributes: { origin, asPath: [{ type: "sequence", asns: Array.from({ length: 255 }, (_, i) => 65_500 + i) }] },
  },
  { name: "an aggregator that fits", attributes: { origin, asPath: [], aggregator: { asn: 7, address: 1 } } },
  {
    name: "one that does not, before communities of both kinds",
    attributes: {
      origin,
      asPath: [{ type: "sequence", asns: [70_000] }],
      aggregator: { asn: 70_000, address: 1 },
      communities: [1],
      extendedCommunities: ["0002fde800000001"],
      largeCommunities: [[1, 2, 3]],
    },
  },
];

describe("narrowAsNumbers (RFC 6793 §4.2.2)", () => {
  for (const { name, attributes } of rows) it(`takes ${name}`, () => agree(attributes));

  const seed = Number(process.env.BRINDLE_SEED ?? Date.now() % 2 ** 31);
  it(`makes the bytes that values would give (BRINDLE_SEED=${seed})`, () => {
    const random = seededRandom(seed);
    for (let i = 0; i < 3_000; i++) agree(randomAttributes(random));
  });
});

function agree(attributes: PathAttributes): void {
  const nextHop = address("192.0.2.1");
  const wide = encodeAttributes(attributes, nextHop, { fourOctetAs: true });
  const into = new Uint8Array(2 * wide.length + 64);
  const length = narrowAsNumbers(wide, wide.length, into);
  expect(into.subarray(0, length)).toEqual(encodeAttributes(attributes, nextHop, { fourOctetAs: false }));
}

function randomAttributes(random: (limit: number) => number): PathAttributes {
  const asn = (): number => (random(3) === 0 ? 65_500 + random(100_000) : 1 + random(65_535));
  const types = ["set", "sequence", "sequence", "confedSequence", "confedSet"] as const;
  const segment = (): AsPathSegment => ({
    type: types[random(types.length)] ?? "set",
    asns: Array.from({ length: 1 + random(random(9) === 0 ? 254 : 6) }, asn),
  });
  const has = (): boolean => random(3) === 0;
  return {
    origin,
    asPath: Array.from({ length: random(4) }, segment),
    ...(has() && { med: random(1000) }),
    ...(has() && { aggregator: { asn: asn(), address: random(2 ** 31) } }),
    ...(has() && { communities: Array.from({ length: 1 + random(70) }, () => random(2 ** 31)) }),
    ...(has() && { clusterList: [random(9), random(9)] }),
    ...(has() && { extendedCommunities: ["0002fde800000001"] }),
    ...(has() && { largeCommunities: [[1, 2, random(9)] as const] }),
    ...(has() && { unknown: [{ code: [11, 20, 99][random(3)] ?? 99, flags: 0xe0, value: Uint8Array.of(1, 2) }] }),
  };
}
