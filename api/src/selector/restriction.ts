/**
 * What every set of labels that a selector matches has in common: a label that is there, perhaps with one of a few values.
 * It is a bound, not the meaning: labels which keep to it may still not match. Calico bounds its index alike.
 */
import type { Expression } from "./expression.ts";

/** `null` for a label that must be there with whatever value. An empty set says that nothing matches. */
export type Restrictions = ReadonlyMap<string, ReadonlySet<string> | null>;

/** One of them: `values` are `null` for whatever value. */
export interface Restriction {
  readonly label: string;
  readonly values: ReadonlySet<string> | null;
}

type Narrowing = Map<string, ReadonlySet<string> | null>;

/** With `isNegated`, of what the expression does not match. */
export function restrictionsOf(expression: Expression, isNegated = false): Restrictions {
  const restrictions: Narrowing = new Map();
  restrict(restrictions, expression, isNegated);
  return restrictions;
}

/** To what keeps to these as well: ten thousand policies come at once, and most ask for two labels. */
function restrict(restrictions: Narrowing, expression: Expression, isNegated: boolean): void {
  switch (expression.op) {
    case "!":
      restrict(restrictions, expression.operand, !isNegated);
      return;
    case "&&":
    case "||": {
      // Not both is either not, and not either is both not.
      if ((expression.op === "&&") !== isNegated) {
        for (const operand of expression.operands) restrict(restrictions, operand, isNegated);
        return;
      }
      const each = expression.operands.map((operand) => restrictionsOf(operand, isNegated));
      for (const [label, values] of each.reduce(either)) narrow(restrictions, label, values);
      return;
    }
    case "==":
      if (!isNegated) narrow(restrictions, expression.label, new Set([expression.value]));
      return;
    case "in":
      if (!isNegated) narrow(restrictions, expression.label, expression.values);
      return;
    case "!=":
      if (isNegated) narrow(restrictions, expression.label, new Set([expression.value]));
      return;
    case "not in":
      if (isNegated) narrow(restrictions, expression.label, expression.values);
      return;
    case "has":
    case "contains":
    case "starts with":
    case "ends with":
      if (!isNegated) narrow(restrictions, expression.label, null);
      return;
    case "all":
    case "global":
      return;
  }
}

function narrow(restrictions: Narrowing, label: string, values: ReadonlySet<string> | null): void {
  const known = restrictions.get(label) ?? null;
  restrictions.set(label, known === null ? values : values === null ? known : known.intersection(values));
}

/** The labels that a selector looks at: a change of others changes nothing for it. Those of most selectors are the same few. */
export function labelsIn(expression: Expression): ReadonlySet<string> {
  const labels: string[] = [];
  collectLabels(labels, expression);
  const text = labels.join("\n");
  const known = labelSets.get(text);
  if (known) return known;
  if (labelSets.size >= labelSetsMax) labelSets.clear();
  const made = new Set(labels);
  labelSets.set(text, made);
  return made;
}

/** What is forgotten is made again. */
const labelSetsMax = 1_000;
const labelSets = new Map<string, ReadonlySet<string>>();

function collectLabels(labels: string[], expression: Expression): void {
  switch (expression.op) {
    case "all":
    case "global":
      return;
    case "!":
      collectLabels(labels, expression.operand);
      return;
    case "&&":
    case "||":
      for (const operand of expression.operands) collectLabels(labels, operand);
      return;
    default:
      if (!labels.includes(expression.label)) labels.push(expression.label);
  }
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
