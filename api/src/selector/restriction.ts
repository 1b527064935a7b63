/**
 * What every set of labels that a selector matches has in common: a label that is there, perhaps with one of a few values.
 * It is a bound, not the meaning: labels which keep to it may still not match. Calico bounds its index alike.
 */
import type { Expression } from "./expression.ts";

/** `null` for a label that must be there with whatever value. An empty set says that nothing matches. */
export type Restrictions = ReadonlyMap<string, ReadonlySet<string> | null>;

const none: Restrictions = new Map();

/** With `isNegated`, of what the expression does not match. */
export function restrictionsOf(expression: Expression, isNegated = false): Restrictions {
  switch (expression.op) {
    case "!":
      return restrictionsOf(expression.operand, !isNegated);
    case "&&":
    case "||": {
      const each = expression.operands.map((operand) => restrictionsOf(operand, isNegated));
      // Not both is either not, and not either is both not.
      return (expression.op === "&&") === isNegated ? each.reduce(either) : each.reduce(both);
    }
    case "==":
      return isNegated ? none : new Map([[expression.label, new Set([expression.value])]]);
    case "in":
      return isNegated ? none : new Map([[expression.label, expression.values]]);
    case "!=":
      return isNegated ? new Map([[expression.label, new Set([expression.value])]]) : none;
    case "not in":
      return isNegated ? new Map([[expression.label, expression.values]]) : none;
    case "has":
    case "contains":
    case "starts with":
    case "ends with":
      return isNegated ? none : new Map([[expression.label, null]]);
    case "all":
    case "global":
      return none;
  }
}

/** The labels that a selector looks at: a change of others changes nothing for it. */
export function labelsIn(expression: Expression): ReadonlySet<string> {
  switch (expression.op) {
    case "all":
    case "global":
      return new Set();
    case "!":
      return labelsIn(expression.operand);
    case "&&":
    case "||":
      return new Set(expression.operands.flatMap((operand) => [...labelsIn(operand)]));
    default:
      return new Set([expression.label]);
  }
}

function both(a: Restrictions, b: Restrictions): Restrictions {
  const result = new Map(a);
  for (const [label, values] of b) {
    const known = result.get(label) ?? null;
    result.set(label, known === null ? values : values === null ? known : known.intersection(values));
  }
  return result;
}

function either(a: Restrictions, b: Restrictions): Restrictions {
  const result = new Map<string, ReadonlySet<string> | null>();
  for (const [label, values] of a) {
    const others = b.get(label);
    if (others === undefined) continue;
    result.set(label, values === null || others === null ? null : values.union(others));
  }
  return result;
}
