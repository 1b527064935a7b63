/** Random selectors and labels for tests, out of few words, so that they meet. */
import assert from "node:assert/strict";
import type { Expression, Labels } from "./expression.ts";

/** From 0 up to 1. */
export type Random = () => number;

/** A small generator, so that a failure can be run again by its seed. */
export function seededRandom(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function pick<T>(random: Random, items: readonly T[]): T {
  const item = items[Math.floor(random() * items.length)];
  assert.ok(item !== undefined);
  return item;
}

const names = ["a", "b", "in", "has", "x.y/z"];
const values = ["", "1", "it's", 'say "x"', "web"];

export function randomLabels(random: Random): Labels {
  return Object.fromEntries(names.filter(() => random() < 0.5).map((name) => [name, pick(random, values)]));
}

/** As the parser makes them: `!` stands before no other. */
export function randomExpression(random: Random, depth: number): Expression {
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
  if (kind < 7) {
    const operand = randomExpression(random, depth - 1);
    return operand.op === "!" ? operand : { op: "!", operand };
  }
  const operands = Array.from({ length: 2 + Math.floor(random() * 2) }, () => randomExpression(random, depth - 1));
  return { op: pick(random, ["&&", "||"]), operands };
}
