import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { type Labels, matches } from "./expression.ts";
import { randomExpression, randomLabels, seededRandom } from "./randomSelectors.ts";
import { restrictionsOf } from "./restriction.ts";
import { Selector, selectorOf } from "./selector.ts";
import { type LabelledItem, type MatchChange, SelectorIndex } from "./selectorIndex.ts";

/** What is in the index, and its answer worked out by trying all. */
class Model {
  readonly items = new Map<string, LabelledItem>();
  readonly parents = new Map<string, Labels>();
  readonly selectors = new Map<string, Selector>();

  pairs(): string[] {
    const found: string[] = [];
    for (const [item, { labels, parents = [] }] of this.items) {
      const inherited = parents.map((name) => this.parents.get(name) ?? {}).reverse();
      const all: Labels = Object.assign({}, ...inherited, labels);
      for (const [id, selector] of this.selectors) if (matches(selector.expression, all)) found.push(`${id} ${item}`);
    }
    return found.sort();
  }
}

type Operation =
  | { readonly item: string; readonly value: LabelledItem | null }
  | { readonly parent: string; readonly value: Labels | null }
  | { readonly selector: string; readonly value: string | null };

/** An index, and what its answers add up to. */
class Told {
  readonly index = new SelectorIndex();
  readonly #pairs = new Set<string>();

  receive(operation: Operation): void {
    for (const { selector, item, matches: isMatching } of this.#apply(operation)) {
      const pair = `${selector} ${item}`;
      assert.equal(this.#pairs.has(pair), !isMatching, `${pair} is told once`);
      if (isMatching) this.#pairs.add(pair);
      else this.#pairs.delete(pair);
    }
  }

  pairs(): string[] {
    return [...this.#pairs].sort();
  }

  #apply(operation: Operation): MatchChange[] {
    if ("item" in operation) return this.index.setItem(operation.item, operation.value);
    if ("parent" in operation) return this.index.setParent(operation.parent, operation.value);
    const { selector, value } = operation;
    return this.index.setSelector(selector, value === null ? null : selectorOf(value));
  }
}

function replace<V>(map: Map<string, V>, key: string, value: V | null): void {
  if (value === null) map.delete(key);
  else map.set(key, value);
}

describe("the index of selectors", () => {
  const seed = Number(process.env.BRINDLE_SEED ?? Date.now() % 2 ** 31);

  it(`tells what a full scan finds, through random changes (BRINDLE_SEED=${seed})`, () => {
    const random = seededRandom(seed);
    const told = new Told();
    const model = new Model();
    const numbered = (kind: string, count: number) => `${kind}${Math.floor(random() * count)}`;
    for (let round = 0; round < 4_000; round++) {
      const isGone = random() < 0.2;
      const kind = random();
      if (kind < 0.5) {
        const item = numbered("item", 20);
        const parents = [numbered("parent", 4), numbered("parent", 4)].slice(Math.floor(random() * 3));
        const value = isGone ? null : { labels: randomLabels(random), parents };
        replace(model.items, item, value);
        told.receive({ item, value });
      } else if (kind < 0.65) {
        const parent = numbered("parent", 4);
        const value = isGone ? null : randomLabels(random);
        replace(model.parents, parent, value);
        told.receive({ parent, value });
      } else {
        const selector = numbered("selector", 20);
        const value = isGone ? null : new Selector(randomExpression(random, 3));
        replace(model.selectors, selector, value);
        told.receive({ selector, value: value?.canonical ?? null });
      }
      assert.deepEqual(told.pairs(), model.pairs(), `round ${round}`);
    }
    for (const id of model.selectors.keys()) {
      const expected = model.pairs().filter((pair) => pair.startsWith(`${id} `));
      assert.deepEqual([...told.index.itemsOf(id)].map((item) => `${id} ${item}`).sort(), expected);
    }
    for (const item of model.items.keys()) {
      const expected = model.pairs().filter((pair) => pair.endsWith(` ${item}`));
      assert.deepEqual([...told.index.selectorsOf(item)].map((id) => `${id} ${item}`).sort(), expected);
    }
  });

  it(`bounds every selector by what its labels have in common (BRINDLE_SEED=${seed})`, () => {
    const random = seededRandom(seed);
    for (let round = 0; round < 3_000; round++) {
      const expression = randomExpression(random, 4);
      const isNegated = random() < 0.5;
      const labels = randomLabels(random);
      if (matches(expression, labels) === isNegated) continue;
      for (const [label, values] of restrictionsOf(expression, isNegated)) {
        const value = labels[label];
        assert.ok(value !== undefined && (values?.has(value) ?? true), `${new Selector(expression)}: ${label}`);
      }
    }
  });
});

const states: { name: string; operations: readonly Operation[] }[] = [
  {
    name: "an item that matches, changes, and matches another",
    operations: [
      { selector: "a", value: "role == 'a'" },
      { selector: "b", value: "role in {'b', 'c'}" },
      { item: "x", value: { labels: { role: "a" } } },
      { item: "x", value: { labels: { role: "c" } } },
    ],
  },
  {
    name: "a parent whose label comes, changes and goes",
    operations: [
      { selector: "a", value: "team == 'red' || !has(team)" },
      { selector: "b", value: "has(team) && role != 'x'" },
      { item: "x", value: { labels: { role: "x" }, parents: ["ns"] } },
      { item: "y", value: { labels: {}, parents: ["ns"] } },
      { parent: "ns", value: { team: "red" } },
      { parent: "ns", value: { team: "blue" } },
      { parent: "ns", value: null },
    ],
  },
  {
    name: "an own label over its parent's, and an earlier parent's over a later one's",
    operations: [
      { selector: "a", value: "team == 'own'" },
      { selector: "b", value: "team == 'first'" },
      { selector: "c", value: "team == 'second'" },
      { parent: "first", value: { team: "first" } },
      { parent: "second", value: { team: "second" } },
      { item: "x", value: { labels: { team: "own" }, parents: ["first", "second"] } },
      { item: "y", value: { labels: {}, parents: ["first", "second"] } },
    ],
  },
  {
    name: "a selector that nothing matches, and one that all do",
    operations: [
      { selector: "a", value: "team in {} || role == 'x' && role == 'y'" },
      { selector: "b", value: "all()" },
      { item: "x", value: { labels: { role: "x" } } },
    ],
  },
  {
    name: "everything gone",
    operations: [
      { selector: "a", value: "has(role)" },
      { item: "x", value: { labels: { role: "x" }, parents: ["ns"] } },
      { parent: "ns", value: { team: "red" } },
      { parent: "ns", value: null },
      { item: "x", value: null },
      { selector: "a", value: null },
    ],
  },
];

describe("the index depends on the last word on each object only", () => {
  for (const { name, operations } of states) {
    const last = [...new Map(operations.map((one) => [JSON.stringify({ ...one, value: 0 }), one])).values()];
    const ways: Record<string, readonly Operation[]> = {
      forwards: operations,
      "the last words backwards": last.toReversed(),
      doubled: operations.flatMap((one) => [one, one]),
      "taken back in between": operations.flatMap((one) => [one, { ...one, value: null }, one]),
    };
    for (const [way, sequence] of Object.entries(ways)) {
      it(`${name}: ${way}`, () => {
        const [expected, told] = [new Told(), new Told()];
        for (const operation of last) expected.receive(operation);
        for (const operation of sequence) told.receive(operation);
        assert.deepEqual(told.pairs(), expected.pairs());
      });
    }
  }
});

describe("a change is told", () => {
  it("of what starts and of what stops", () => {
    const index = new SelectorIndex();
    index.setSelector("a", selectorOf("role == 'a'"));
    index.setSelector("b", selectorOf("role == 'b'"));
    assert.deepEqual(index.setItem("x", { labels: { role: "a" } }), [{ selector: "a", item: "x", matches: true }]);
    assert.deepEqual(index.setItem("x", { labels: { role: "b" } }), [
      { selector: "b", item: "x", matches: true },
      { selector: "a", item: "x", matches: false },
    ]);
    assert.deepEqual(index.setItem("x", { labels: { role: "b", other: "1" } }), []);
    assert.deepEqual(index.setSelector("b", selectorOf("other == '1'")), []);
    assert.deepEqual(index.setSelector("b", null), [{ selector: "b", item: "x", matches: false }]);
  });
});
