import { parseSetElement } from "@brindle/net";
import { describe, expect, it } from "vitest";
import type { Side } from "../render/ir.ts";
import { lookupsFor } from "../render/setUse.ts";
import { areApart, type SidedDifference } from "./apart.ts";

/** Who comes, and who goes: pods by the last number of their address, a network by all of it. */
type Change = readonly [Side | "both", { readonly added?: string; readonly removed?: string }];

const cases: readonly { name: string; ends: readonly Change[]; sets: readonly Change[]; expected: boolean }[] = [
  { name: "nobody moves", ends: [], sets: [["source", { added: "1 2" }]], expected: true },
  { name: "no set changes", ends: [["destination", { added: "1 2" }]], sets: [], expected: true },
  {
    name: "one goes as a destination and is another source",
    ends: [["destination", { added: "1" }]],
    sets: [["source", { added: "1" }]],
    expected: true,
  },
  {
    name: "one goes as a source and is another destination",
    ends: [["source", { removed: "1" }]],
    sets: [["destination", { removed: "1" }]],
    expected: true,
  },
  {
    name: "one goes as a source and is another source",
    ends: [["source", { added: "1" }]],
    sets: [["source", { removed: "1" }]],
    expected: false,
  },
  {
    name: "one goes as a destination and is another destination",
    ends: [["destination", { removed: "1" }]],
    sets: [["destination", { added: "1" }]],
    expected: false,
  },
  {
    name: "one goes as a destination and is looked for on both sides",
    ends: [["destination", { added: "1" }]],
    sets: [["both", { added: "1" }]],
    expected: false,
  },
  {
    name: "one goes as a destination and another is another source",
    ends: [["destination", { added: "1" }]],
    sets: [["source", { added: "2" }]],
    expected: false,
  },
  {
    name: "one of two that go as destinations is another source",
    ends: [["destination", { added: "1", removed: "2" }]],
    sets: [["source", { added: "1" }]],
    expected: false,
  },
  {
    name: "one goes as a destination and another is another destination",
    ends: [["destination", { added: "1" }]],
    sets: [["destination", { added: "2" }]],
    expected: true,
  },
  {
    name: "one goes both ways and is another source",
    ends: [
      ["source", { added: "1" }],
      ["destination", { added: "1" }],
    ],
    sets: [["source", { added: "1" }]],
    expected: false,
  },
  {
    name: "one goes as a destination and a network that may have it is another source",
    ends: [["destination", { added: "1" }]],
    sets: [["source", { added: "10.0.0.0/24" }]],
    expected: false,
  },
  {
    name: "one goes as a source and a network that may have it is another source",
    ends: [["source", { added: "1" }]],
    sets: [["source", { added: "10.0.0.0/24" }]],
    expected: false,
  },
  {
    name: "the sources of a pod move and a network of as many is another destination",
    ends: [["source", { added: "10.0.0.0/24" }]],
    sets: [["destination", { added: "10.0.0.0/24" }]],
    expected: false,
  },
];

function differenceOf([side, { added = "", removed = "" }]: Change, growth: "admits" | "loosens"): SidedDifference {
  const elements = (names: string) =>
    names
      .split(" ")
      .filter(Boolean)
      .flatMap(
        (name) =>
          parseSetElement(`${name.includes("/") ? name : `10.0.0.${name}/32`}${growth === "admits" ? ",cali1" : ""}`) ??
          [],
      );
  const lookups = side === "both" ? lookupsFor("source") | lookupsFor("destination") : lookupsFor(side);
  return { set: { growth, lookups }, added: elements(added), removed: elements(removed) };
}

describe("sets change by themselves beside ends that move, where", () => {
  for (const { name, ends, sets, expected } of cases) {
    it(`${name}: ${expected}`, () => {
      const of = (changes: readonly Change[], growth: "admits" | "loosens") =>
        changes.map((change) => differenceOf(change, growth));
      expect(areApart(of(ends, "admits"), of(sets, "loosens"))).toBe(expected);
    });
  }
});
