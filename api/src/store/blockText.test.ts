import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { formatJson } from "../json/json.ts";
import type { BlockAttribute, IPAMBlock } from "../kinds/ipamBlock.ts";
import { seededRandom } from "../selector/randomSelectors.ts";
import { formatBlock } from "./blockText.ts";
import { decodeValue, encodeValue } from "./codec.ts";

const empty: IPAMBlock = {
  cidr: "10.0.0.0/26",
  affinity: "host:node1",
  allocations: [],
  unallocated: [],
  attributes: [],
  sequenceNumber: 1_767_225_600_000_000_000n,
  deleted: false,
};

describe("formatBlock", () => {
  const seed = Number(process.env.BRINDLE_SEED ?? Date.now() % 2 ** 31);

  it(`writes what formatJson writes, while owners come and go (BRINDLE_SEED=${seed})`, () => {
    const random = below(seededRandom(seed));
    let block = empty;
    for (let change = 0; change < 2_000; change++) {
      block = changed(block, random);
      assert.equal(formatBlock(block), formatJson(block), `after change ${change}`);
    }
  });

  const cases: { readonly name: string; readonly block: object }[] = [
    { name: "members in the order in which they are", block: { deleted: true, attributes: [], cidr: "c" } },
    { name: "members that are undefined", block: { affinity: undefined, sequenceNumberForAllocation: undefined } },
    { name: "fields that it does not know", block: { "a<b": [{ "<&>": "\u2028" }], other: null } },
    {
      name: "numbers of ordinals beyond the block",
      block: { sequenceNumberForAllocation: { 3: 1n, 10: 2n, 7000: 3n } },
    },
    {
      name: "numbers under names that are no ordinals",
      block: { sequenceNumberForAllocation: { b: 1n, "01": 2n, 1: 3n } },
    },
    { name: "numbers that are small", block: { sequenceNumberForAllocation: { 1: 3, 10: 2n } } },
    { name: "a block of no size that there is", block: { allocations: [null, null, null], unallocated: [2, 0, 1] } },
    { name: "a block larger than any", block: { allocations: new Array(5000).fill(null) } },
  ];
  for (const { name, block } of cases) {
    it(`writes ${name} as formatJson does`, () => {
      const whole = { ...empty, allocations: new Array(64).fill(null), ...block } as IPAMBlock;
      assert.equal(formatBlock(whole), formatJson(whole));
    });
  }

  it("is what a block is encoded with: the text that was read", () => {
    const random = below(seededRandom(seed));
    const text = formatJson(changed(changed(empty, random), random));
    const read = decodeValue("IPAMBlock", text);
    assert.ok(read.kind === "value");
    assert.equal(encodeValue({ kind: "IPAMBlock", name: empty.cidr }, read.value), text);
  });
});

/** Some owner gone, some new one, other numbers: the objects of the other owners stay. */
function changed({ deleted, ...block }: IPAMBlock, random: (bound: number) => number): IPAMBlock {
  const size = [4, 64, 256][random(3)] ?? 64;
  const kept = block.attributes.filter(() => random(8) > 0);
  const attributes = random(3) > 0 && kept.length < 60 ? [...kept, attribute(random)] : kept;
  const ordinals = Array.from({ length: size }, (_, ordinal) => ordinal);
  const numbered = ordinals.filter(() => random(2) > 0);
  return {
    ...block,
    ...(random(2) > 0 && { affinity: `host:node${random(3)}` }),
    allocations: ordinals.map((ordinal) =>
      attributes.length > 0 && random(2) > 0 ? ordinal % attributes.length : null,
    ),
    unallocated: ordinals.filter(() => random(2) > 0).toReversed(),
    attributes,
    sequenceNumber: block.sequenceNumber + 1n,
    ...(random(9) > 0 && {
      sequenceNumberForAllocation: Object.fromEntries(
        numbered.map((ordinal) => [ordinal, block.sequenceNumber - BigInt(random(9))]),
      ),
    }),
    deleted,
  };
}

function attribute(random: (bound: number) => number): BlockAttribute {
  const texts = ["web", 'a "quoted" \\ one', "<&>", "\u2028", "ü€", "\u0001", ""];
  const text = (): string => texts[random(texts.length)] ?? "";
  if (random(5) === 0) return { releasedAt: "2026-01-01T00:00:00Z" };
  return {
    handle_id: `net.${random(1e6)}${text()}`,
    secondary: { pod: text(), [text()]: text() },
    ...(random(5) === 0 && { alternateOwnerAttrs: { 10: "b", 9: text() } }),
  };
}

function below(random: () => number): (bound: number) => number {
  return (bound) => Math.floor(random() * bound);
}
