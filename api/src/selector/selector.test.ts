import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { type Expression, formatExpression, type Labels, matches } from "./expression.ts";
import { parseSelector, selectorOf } from "./selector.ts";

const web = { role: "web", app: "shop", "example.org/rack": "r1", empty: "" };

const meanings: { text: string; isTrue: boolean; labels?: Labels }[] = [
  { text: "", isTrue: true },
  { text: "all()", isTrue: true },
  { text: "  all( )  ", isTrue: true },
  { text: "global()", isTrue: true },
  { text: "role == 'web'", isTrue: true },
  { text: 'role=="web"', isTrue: true },
  { text: "role == 'db'", isTrue: false },
  { text: "role != 'db'", isTrue: true },
  { text: "absent == ''", isTrue: false },
  { text: "absent != 'x'", isTrue: true },
  { text: "empty == ''", isTrue: true },
  { text: "example.org/rack == 'r1'", isTrue: true },
  { text: "role in {'db', \"web\"}", isTrue: true },
  { text: "role in {}", isTrue: false },
  { text: "role not in {}", isTrue: true },
  { text: "role not  in {'web'}", isTrue: false },
  { text: "absent in {'x'}", isTrue: false },
  { text: "absent not in {'x'}", isTrue: true },
  { text: "role contains 'e'", isTrue: true },
  { text: "role starts with 'we'", isTrue: true },
  { text: "role starts  with 'eb'", isTrue: false },
  { text: "role ends with 'eb'", isTrue: true },
  { text: "absent contains ''", isTrue: false },
  { text: "absent starts with ''", isTrue: false },
  { text: "absent ends with ''", isTrue: false },
  { text: "has(role)", isTrue: true },
  { text: "has( absent )", isTrue: false },
  { text: "!has(absent)", isTrue: true },
  { text: "!!has(role)", isTrue: true },
  { text: "! role == 'web'", isTrue: false },
  { text: "has(absent) && has(absent) || has(role)", isTrue: true },
  { text: "has(role) || has(absent) && has(absent)", isTrue: true },
  { text: "(has(role) || has(absent)) && has(absent)", isTrue: false },
  { text: "!(has(role) && has(absent))", isTrue: true },
  { text: "!has(role) && has(absent) || all()", isTrue: true },
  { text: 'role == "it\'s"', isTrue: true, labels: { role: "it's" } },
  { text: "has == 'x' && in == 'y' && not == 'z'", isTrue: true, labels: { has: "x", in: "y", not: "z" } },
  { text: "constructor == 'x' || has(toString)", isTrue: false },
];

describe("a selector", () => {
  for (const { text, isTrue, labels = web } of meanings) {
    it(`${JSON.stringify(text)} ${isTrue ? "matches" : "does not match"}`, () => {
      assert.equal(selectorOf(text).matches(labels), isTrue);
    });
  }
});

const malformed: { text: string; position: number; reason: RegExp }[] = [
  { text: "a == ", position: 5, reason: /expected a string in quotes, found the end/ },
  { text: "a == b", position: 5, reason: /expected a string in quotes, found "b"/ },
  { text: "a", position: 1, reason: /expected "==", "!=", "in"/ },
  { text: "a = 'b'", position: 2, reason: /expected "=="/ },
  { text: "a == 'b", position: 5, reason: /a string in quotes/ },
  { text: "a == 'b' c", position: 9, reason: /expected "&&", "\|\|" or the end/ },
  { text: "a == 'b' &&", position: 11, reason: /expected a label/ },
  { text: "(a == 'b'", position: 9, reason: /or "\)"/ },
  { text: "a in 'b'", position: 5, reason: /expected "\{"/ },
  { text: "a in {'b'", position: 9, reason: /expected "," or "\}"/ },
  { text: "a in {'b',}", position: 10, reason: /a string in quotes/ },
  { text: "has()", position: 4, reason: /expected a label/ },
  { text: "all(x)", position: 4, reason: /expected "\)"/ },
  { text: "a startswith 'x'", position: 2, reason: /expected "=="/ },
  { text: "ü == 'x'", position: 0, reason: /expected a label/ },
  { text: `a == '${"x".repeat(1020)}'`, position: 1024, reason: /at most 1024/ },
];

describe("a malformed selector", () => {
  for (const { text, position, reason } of malformed) {
    it(`${JSON.stringify(text.slice(0, 20))} is refused at ${position}`, () => {
      const parsed = parseSelector(text);
      assert.ok(parsed.kind === "malformed");
      assert.equal(parsed.position, position);
      assert.match(parsed.reason, reason);
    });
  }
});

describe("the canonical form", () => {
  it("is one for every way to write a selector", () => {
    const ways = [
      "a=='x'&&b in{'2',\"1\",'1'}",
      "( a == \"x\" && b  in {'1' , '2'} )",
      "((a == 'x') && b in {'2','1'})",
    ];
    assert.deepEqual(
      new Set(ways.map((text) => selectorOf(text).canonical)),
      new Set(['(a == "x" && b in {"1", "2"})']),
    );
  });

  it("parses to the same meaning for random selectors, and does not change again", () => {
    const seed = 20261121;
    const random = mulberry32(seed);
    for (let i = 0; i < 2_000; i++) {
      const expression = randomExpression(random, 4);
      const canonical = formatExpression(expression);
      const parsed = selectorOf(canonical);
      assert.equal(parsed.canonical, canonical, `seed ${seed}, round ${i}`);
      for (let j = 0; j < 8; j++) {
        const labels = randomLabels(random);
        const context = `seed ${seed}, round ${i}: ${canonical} of ${JSON.stringify(labels)}`;
        assert.equal(parsed.matches(labels), matches(expression, labels), context);
      }
    }
  });

  it("is parsed once for each text", () => {
    assert.equal(selectorOf("a == 'once'"), selectorOf("a == 'once'"));
  });
});

type Random = () => number;

function pick<T>(random: Random, items: readonly T[]): T {
  const item = items[Math.floor(random() * items.length)];
  assert.ok(item !== undefined);
  return item;
}

const names = ["a", "b", "in", "has", "x.y/z"];
const values = ["", "1", "it's", 'say "x"', "web"];

function randomLabels(random: Random): Labels {
  return Object.fromEntries(names.filter(() => random() < 0.5).map((name) => [name, pick(random, values)]));
}

function randomExpression(random: Random, depth: number): Expression {
  const kind = random() * (depth > 0 ? 10 : 6);
  const label = pick(random, names);
  if (kind < 1) return { op: pick(random, ["all", "global"]) };
  if (kind < 2) return { op: "has", label };
  if (kind < 4)
    return {
      op: pick(random, ["==", "!=", "contains", "starts with", "ends with"]),
      label,
      value: pick(random, values),
    };
  if (kind < 6)
    return { op: pick(random, ["in", "not in"]), label, values: new Set(values.filter(() => random() < 0.4)) };
  if (kind < 7) return { op: "!", operand: randomExpression(random, depth - 1) };
  const operands = Array.from({ length: 2 + Math.floor(random() * 2) }, () => randomExpression(random, depth - 1));
  return { op: pick(random, ["&&", "||"]), operands };
}

/** A small generator, so that a failure can be run again by its seed. */
function mulberry32(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
