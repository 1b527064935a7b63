import assert from "node:assert/strict";
import { formatSetElement, parseSetElement, type SetElement } from "@brindle/net";
import { describe, it } from "vitest";
import type { DesiredSet } from "../graph/desired.ts";
import type { Growth } from "../render/setUse.ts";
import { crosses } from "./crossing.ts";

/** The growth of a set, its members before, and afterwards. */
type Row = readonly [Growth, string, string];

const cases: { name: string; sets: readonly Row[]; expected: boolean }[] = [
  {
    name: "one joins what denies, and what allows",
    sets: [
      ["tightens", "", "a"],
      ["loosens", "", "a"],
      ["loosens", "a", "a"],
    ],
    expected: true,
  },
  {
    name: "one leaves what denies, and what allows",
    sets: [
      ["tightens", "a", ""],
      ["loosens", "a", ""],
      ["loosens", "a", "a"],
    ],
    expected: true,
  },
  {
    name: "one goes from one that denies to another",
    sets: [
      ["tightens", "a", ""],
      ["tightens", "", "a"],
    ],
    expected: true,
  },
  {
    name: "one joins what denies while another joins what allows",
    sets: [
      ["tightens", "a", "a b"],
      ["loosens", "b", "a b"],
    ],
    expected: false,
  },
  {
    name: "one goes from one that allows to another",
    sets: [
      ["loosens", "a", ""],
      ["loosens", "", "a"],
    ],
    expected: false,
  },
  {
    name: "one joins what denies and leaves what allows",
    sets: [
      ["tightens", "", "a"],
      ["loosens", "a", ""],
    ],
    expected: false,
  },
  {
    name: "one leaves what denies and joins what allows",
    sets: [
      ["tightens", "a", ""],
      ["loosens", "", "a"],
    ],
    expected: false,
  },
  {
    name: "a pod comes",
    sets: [
      ["tightens", "", "a"],
      ["loosens", "b", "a b"],
    ],
    expected: false,
  },
  {
    name: "a pod goes",
    sets: [
      ["tightens", "a", ""],
      ["loosens", "a b", "b"],
    ],
    expected: false,
  },
  {
    name: "a network comes, in which pods may be",
    sets: [
      ["tightens", "", "n"],
      ["loosens", "", "n"],
    ],
    expected: true,
  },
];

const texts: Readonly<Record<string, string>> = { a: "10.0.0.1/32", b: "10.0.0.2/32", n: "10.0.0.0/24" };

function members(names: string): Map<string, SetElement> {
  const elements = names.split(" ").flatMap((name) => parseSetElement(texts[name] ?? "") ?? []);
  return new Map(elements.map((element) => [formatSetElement(element), element]));
}

describe("changing sets one after the other would interrupt, where", () => {
  for (const { name, sets, expected } of cases) {
    it(`${name}: ${expected}`, () => {
      const made = sets.map(([growth, before, after], index) => ({
        growth,
        name: `set${index}`,
        family: 4 as const,
        type: "hash:net" as const,
        lookups: 15,
        before: members(before),
        members: members(after),
      }));
      const missing = (from: Map<string, SetElement>, of: Map<string, SetElement>): SetElement[] =>
        [...of].flatMap(([text, element]) => (from.has(text) ? [] : [element]));
      const changes = made.map((set) => ({
        set,
        added: missing(set.before, set.members),
        removed: missing(set.members, set.before),
      }));
      const before = made.map((set) => ({ ...set, members: set.before }));
      const after: DesiredSet[] = made;
      assert.equal(crosses(changes, { before, after }), expected);
    });
  }
});
