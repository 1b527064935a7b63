import assert from "node:assert/strict";
import type { PolicyDirection } from "@brindle/api";
import { formatSetElement, parseSetElement, type SetElement } from "@brindle/net";
import { describe, it } from "vitest";
import type { Side } from "../render/ir.ts";
import { dispatchSetName } from "../render/names.ts";
import { type Growth, lookupOf } from "../render/setUse.ts";
import { Crossing } from "./crossing.ts";

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
    name: "one leaves what denies, and what allows, and stays by another of its ports",
    sets: [
      ["tightens", "web", ""],
      ["loosens", "a", ""],
      ["tightens", "dns", "dns"],
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
    name: "a network comes, and a pod in it",
    sets: [
      ["tightens", "", "a"],
      ["loosens", "a", "n a"],
    ],
    expected: true,
  },
  {
    name: "a network goes from what denies, and a pod in it joins what denies",
    sets: [
      ["tightens", "n", ""],
      ["tightens", "", "a"],
      ["loosens", "a", "a"],
    ],
    expected: true,
  },
  {
    name: "a network that is denied becomes a narrower one",
    sets: [["tightens", "n", "m"]],
    expected: false,
  },
  {
    name: "a network comes beside a pod that is not in it",
    sets: [
      ["tightens", "", "m"],
      ["loosens", "b", "a b"],
      ["tightens", "a", "a"],
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

interface Opening {
  readonly name: string;
  readonly sets: readonly (readonly [PolicyDirection, Side, string, string])[];
  readonly expected: boolean;
}

/** Of sets that loosen, where `a` and `b` are pods of the node, and `c` is not. */
const openings: readonly Opening[] = [
  {
    name: "one may send as the other may not receive any more",
    sets: [
      ["Egress", "destination", "", "a"],
      ["Ingress", "source", "b", ""],
    ],
    expected: true,
  },
  {
    name: "one may be received as the other may not be sent to any more",
    sets: [
      ["Egress", "destination", "a", ""],
      ["Ingress", "source", "", "b"],
    ],
    expected: true,
  },
  {
    name: "it is one pod, which sends nothing to itself",
    sets: [
      ["Egress", "destination", "", "a"],
      ["Ingress", "source", "a", ""],
    ],
    expected: false,
  },
  {
    name: "who sends is elsewhere",
    sets: [
      ["Egress", "destination", "", "a"],
      ["Ingress", "source", "c", ""],
    ],
    expected: false,
  },
  {
    name: "a network has the pod that sends",
    sets: [
      ["Egress", "destination", "", "a"],
      ["Ingress", "source", "n", ""],
    ],
    expected: true,
  },
  {
    name: "a network has none of the pods",
    sets: [
      ["Egress", "destination", "", "a"],
      ["Ingress", "source", "m", ""],
    ],
    expected: false,
  },
  {
    name: "one may send no more as what it is, and is received as what it becomes",
    sets: [
      ["Egress", "source", "a", ""],
      ["Ingress", "source", "", "a"],
    ],
    expected: true,
  },
  {
    name: "one goes from one set to another, of rules for one end",
    sets: [
      ["Ingress", "source", "a", ""],
      ["Ingress", "source", "", "a"],
    ],
    expected: false,
  },
  {
    name: "one leaves as a pod here joins what a rule asks for besides",
    sets: [
      ["Ingress", "source", "c", ""],
      ["Ingress", "destination", "", "a"],
    ],
    expected: true,
  },
  {
    name: "one leaves as a pod elsewhere joins what rules here ask of their own end",
    sets: [
      ["Ingress", "source", "a", ""],
      ["Ingress", "destination", "", "c"],
    ],
    expected: false,
  },
];

const texts: Readonly<Record<string, string>> = {
  a: "10.0.0.1/32",
  b: "10.0.0.2/32",
  c: "10.0.1.1/32",
  n: "10.0.0.0/24",
  m: "10.0.0.128/25",
  web: "10.0.0.1,tcp:80",
  dns: "10.0.0.1,tcp:53",
};

function members(names: string, suffix = ""): Map<string, SetElement> {
  const elements = names.split(" ").flatMap((name) => parseSetElement(`${texts[name] ?? ""}${suffix}`) ?? []);
  return new Map(elements.map((element) => [formatSetElement(element), element]));
}

const podsHere = (["Ingress", "Egress"] as const).map((direction) => ({
  name: `${dispatchSetName(4, direction, "chain")}a`,
  members: members("a b", ",cali1"),
}));

function crossing(
  sets: readonly { growth: Growth; direction: PolicyDirection; side: Side; before: string; after: string }[],
  here: readonly { name: string; members: Map<string, SetElement> }[],
): Crossing {
  const made = sets.map(({ before, after, growth, direction, side }) => ({
    set: { growth, lookups: lookupOf(direction, side) },
    before: members(before),
    after: members(after),
  }));
  const missing = (from: Map<string, SetElement>, of: Map<string, SetElement>): SetElement[] =>
    [...of].flatMap(([text, element]) => (from.has(text) ? [] : [element]));
  const named = (which: "before" | "after") => made.map((one, index) => ({ name: `set${index}`, members: one[which] }));
  return new Crossing(
    made.map(({ set, before, after }) => ({ set, added: missing(before, after), removed: missing(after, before) })),
    { before: [...here, ...named("before")], after: [...here, ...named("after")] },
  );
}

describe("changing sets one after the other would interrupt, where", () => {
  for (const { name, sets, expected } of cases) {
    it(`${name}: ${expected}`, () => {
      const made = sets.map(([growth, before, after]) => ({
        ...{ growth, direction: "Ingress" as const, side: "source" as const },
        ...{ before, after },
      }));
      assert.equal(crossing(made, []).interrupts(), expected);
    });
  }
});

describe("changing sets one after the other would open, where", () => {
  for (const { name, sets, expected } of openings) {
    it(`${name}: ${expected}`, () => {
      const made = sets.map(([direction, side, before, after]) => ({
        ...{ growth: "loosens" as const, direction, side },
        ...{ before, after },
      }));
      assert.equal(crossing(made, podsHere).opens(), expected);
    });
  }
});
