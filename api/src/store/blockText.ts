/**
 * The text of a block, the same to the byte as `formatJson`'s, for a fraction of its time. Each address that is given or given
 * back writes the whole block, whose text is almost all owners, and of these all but one are the objects of the write before.
 */
import { formatJson } from "../json/json.ts";
import type { BlockAttribute, IPAMBlock } from "../kinds/ipamBlock.ts";

export function formatBlock(block: IPAMBlock): string {
  const members: string[] = [];
  for (const [name, value] of Object.entries(block)) {
    if (value !== undefined) members.push(`${formatJson(name)}:${memberText(name, block)}`);
  }
  return `{${members.join(",")}}`;
}

function memberText(name: string, block: IPAMBlock): string {
  switch (name) {
    case "attributes":
      return `[${block.attributes.map(attributeText).join(",")}]`;
    case "sequenceNumberForAllocation":
      return numbersText(block.sequenceNumberForAllocation ?? {}, block.allocations.length);
    default:
      return formatJson(block[name as keyof IPAMBlock]);
  }
}

/** Attributes are values that never change: a block's next version has the very objects of those that stay. */
const attributeTexts = new WeakMap<BlockAttribute, string>();

function attributeText(attribute: BlockAttribute): string {
  const known = attributeTexts.get(attribute);
  if (known !== undefined) return known;
  const text = formatJson(attribute);
  attributeTexts.set(attribute, text);
  return text;
}

/** Without sorting: ordinals are looked for in the order in which Go writes them. Whatever else is there is `formatJson`'s. */
function numbersText(numbers: Readonly<Record<string, unknown>>, size: number): string {
  const members: string[] = [];
  for (const ordinal of size <= ordinalsMax ? ordinalsByText(size) : []) {
    const number = numbers[ordinal];
    if (typeof number === "bigint") members.push(`"${ordinal}":${number}`);
  }
  return members.length === Object.keys(numbers).length ? `{${members.join(",")}}` : formatJson(numbers);
}

/** Of the largest block that Calico allows, a /20. */
const ordinalsMax = 4096;
/** By the size of a block, all its ordinals in the order of their text: 0, 1, 10, 11, … 2, 20. */
const sortedOrdinals = new Map<number, readonly string[]>();

function ordinalsByText(size: number): readonly string[] {
  const known = sortedOrdinals.get(size);
  if (known) return known;
  const sorted = Array.from({ length: size }, (_, ordinal) => `${ordinal}`).sort();
  // Sizes are powers of two. A block that is not sound may have any, and is written only by who repairs it.
  if (Number.isInteger(Math.log2(size))) sortedOrdinals.set(size, sorted);
  return sorted;
}
