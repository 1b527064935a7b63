import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { formatExpression, type Labels, matches } from "./expression.ts";
import { randomExpression, randomLabels, seededRandom } from "./randomSelectors.ts";
import { calicoSetName, parseSelector, selectorDepthMax, selectorLengthMax, selectorOf } from "./selector.ts";

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
  { text: "!!! ! !has(role)", isTrue: false },
  { text: "!(!has(role))", isTrue: true },
  { text: "! role == 'web'", isTrue: false },
  { text: "role in {'web',}", isTrue: true },
  { text: "role\tstarts\twith\t'we'", isTrue: true },
  { text: "role startswith'we'&&role endswith'b'&&role contains'e'", isTrue: true },
  { text: "role notin{'web'}||role in{'x'}", isTrue: false },
  { text: `has(role) && role == 'web' && role in {${"'x', ".repeat(1_000)}'web'}`, isTrue: true },
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

/** The deepest that is read, and one more. */
const nested = (depth: number): string => `${"(".repeat(depth)}all()${")".repeat(depth)}`;

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
  { text: "a in {'b',", position: 10, reason: /a string in quotes/ },
  { text: "has()", position: 4, reason: /expected a label/ },
  { text: "all(x)", position: 4, reason: /expected "\)"/ },
  { text: "ü == 'x'", position: 0, reason: /expected a label/ },
  { text: `a == '${"x".repeat(70_000)}'`, position: selectorLengthMax, reason: /at most 65536/ },
  { text: nested(selectorDepthMax + 1), position: selectorDepthMax + 1, reason: /more than 512 deep/ },
  { text: "a =='b'\n", position: 7, reason: /expected "&&", "\|\|" or the end/ },
  { text: "has (a)", position: 4, reason: /expected "=="/ },
  { text: "a in {,}", position: 6, reason: /a string in quotes/ },
  { text: "a starts 'b'", position: 2, reason: /expected "=="/ },
  { text: "a not 'b'", position: 2, reason: /expected "=="/ },
  { text: "a == 'b' & c == 'd'", position: 9, reason: /expected "&&"/ },
  { text: "()", position: 1, reason: /expected a label/ },
  { text: "'b' == a", position: 0, reason: /expected a label/ },
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

/** The identifiers are those that Calico's own parser gives. */
const canonicalForms: { text: string; canonical: string; setId?: string }[] = [
  { text: "", canonical: "all()", setId: "s:5y5I3VdRZfDU01O--xXAPx2yxCQQqMf0M6IWug" },
  { text: " (all() )", canonical: "all()", setId: "s:5y5I3VdRZfDU01O--xXAPx2yxCQQqMf0M6IWug" },
  {
    text: "! (has( b)||! has(a ))",
    canonical: "!(has(b) || !has(a))",
    setId: "s:Iss0uCleLYv1GSv_pNm7hAO58kE9jAx1NKyG3Q",
  },
  {
    text: '! (a == "b"&&! c != "d")',
    canonical: '!(a == "b" && !c != "d")',
    setId: "s:lh3haoY1ikTRkd4UZu0nWSaIBknYLPJLX16d-w",
  },
  { text: "global( )", canonical: "global()" },
  { text: "!!has(a)", canonical: "has(a)" },
  { text: "!!!has(a)", canonical: "!has(a)" },
  { text: "!(a=='b')", canonical: '!a == "b"' },
  { text: "a=='x' && b=='y' || has(c)", canonical: '((a == "x" && b == "y") || has(c))' },
  { text: "has(a) && (has(b) && has(c)) && has(d)", canonical: "(has(a) && (has(b) && has(c)) && has(d))" },
  { text: "(has(a) && has(b)) || has(c) || (has(d))", canonical: "((has(a) && has(b)) || has(c) || has(d))" },
  { text: `a contains "'"`, canonical: `a contains "'"` },
  { text: `a startswith '"'`, canonical: `a starts with '"'` },
  { text: `a endswith "x"`, canonical: `a ends with "x"` },
  { text: "a != ''", canonical: 'a != ""' },
  { text: "a in {}", canonical: "a in {}" },
  { text: `a in {"z", 'z', "x", '"', "B", "a",}`, canonical: `a in {'"', "B", "a", "x", "z"}` },
  { text: `a notin {"\u{1F600}", "\uFB01"}`, canonical: `a not in {"\uFB01", "\u{1F600}"}` },
];

describe("the canonical form", () => {
  for (const { text, canonical, setId } of canonicalForms) {
    it(`of ${JSON.stringify(text)} is Calico's, and so is its identifier`, () => {
      const selector = selectorOf(text);
      assert.equal(selector.canonical, canonical);
      assert.equal(selectorOf(canonical).canonical, canonical, "and stays what it is");
      if (setId !== undefined) assert.equal(selector.setId(), setId);
    });
  }

  it("of two negations with a parenthesis between them keeps both, the one text that Calico reads otherwise again", () => {
    assert.equal(selectorOf("!(!(has(a)))").canonical, "!!has(a)");
    assert.equal(selectorOf("!!has(a)").canonical, "has(a)");
  });

  it("names the kernel's set as Calico does, cut to what the kernel takes", () => {
    const name = calicoSetName(4, selectorOf("all()").setId());
    assert.equal(name, "cali40s:5y5I3VdRZfDU01O--xXAPx2");
    assert.equal(name.length, 31);
  });

  it("stands for the deepest selector that is read", () => {
    assert.equal(selectorOf(nested(selectorDepthMax)).canonical, "all()");
    const negations = `${"!(".repeat(selectorDepthMax)}has(a)${")".repeat(selectorDepthMax)}`;
    assert.equal(selectorOf(negations).matches({ a: "b" }), true);
  });

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
    const seed = Number(process.env.BRINDLE_SEED ?? Date.now() % 2 ** 31);
    const random = seededRandom(seed);
    for (let i = 0; i < 2_000; i++) {
      const expression = randomExpression(random, 4);
      const canonical = formatExpression(expression);
      const parsed = selectorOf(canonical);
      assert.equal(parsed.canonical, canonical, `BRINDLE_SEED=${seed}, round ${i}`);
      for (let j = 0; j < 8; j++) {
        const labels = randomLabels(random);
        const context = `BRINDLE_SEED=${seed}, round ${i}: ${canonical} of ${JSON.stringify(labels)}`;
        assert.equal(parsed.matches(labels), matches(expression, labels), context);
      }
    }
  });

  it("is parsed once for each text", () => {
    assert.equal(selectorOf("a == 'once'"), selectorOf("a == 'once'"));
  });
});
