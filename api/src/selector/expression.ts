/** What a selector says, as a tree, and its meaning: `matches`. */

export type Labels = Readonly<Record<string, string>>;

export type Expression =
  | { readonly op: "all" | "global" }
  | { readonly op: "has"; readonly label: string }
  | {
      readonly op: "==" | "!=" | "contains" | "starts with" | "ends with";
      readonly label: string;
      readonly value: string;
    }
  | { readonly op: "in" | "not in"; readonly label: string; readonly values: ReadonlySet<string> }
  | { readonly op: "!"; readonly operand: Expression }
  | { readonly op: "&&" | "||"; readonly operands: readonly Expression[] };

/**
 * A label that is absent equals nothing: `!=` and `not in` match then, and the others do not. `global()` matches like
 * `all()`: that it stands for "no namespace" is the business of whoever reads a rule's namespaceSelector.
 */
export function matches(expression: Expression, labels: Labels): boolean {
  switch (expression.op) {
    case "all":
    case "global":
      return true;
    case "!":
      return !matches(expression.operand, labels);
    case "&&":
      return expression.operands.every((operand) => matches(operand, labels));
    case "||":
      return expression.operands.some((operand) => matches(operand, labels));
    default:
      return matchesLabel(expression, Object.hasOwn(labels, expression.label) ? labels[expression.label] : undefined);
  }
}

type LabelExpression = Extract<Expression, { readonly label: string }>;

function matchesLabel(expression: LabelExpression, actual: string | undefined): boolean {
  switch (expression.op) {
    case "has":
      return actual !== undefined;
    case "==":
      return actual === expression.value;
    case "!=":
      return actual !== expression.value;
    case "in":
      return actual !== undefined && expression.values.has(actual);
    case "not in":
      return actual === undefined || !expression.values.has(actual);
    case "contains":
      return actual?.includes(expression.value) ?? false;
    case "starts with":
      return actual?.startsWith(expression.value) ?? false;
    case "ends with":
      return actual?.endsWith(expression.value) ?? false;
  }
}

/** One text for every way to write the same tree, the one that Calico makes of it: identifiers of sets hang on it. */
export function formatExpression(expression: Expression): string {
  switch (expression.op) {
    case "all":
    case "global":
      return `${expression.op}()`;
    case "has":
      return `has(${expression.label})`;
    case "!":
      return `!${formatExpression(expression.operand)}`;
    case "&&":
    case "||":
      return `(${expression.operands.map(formatExpression).join(` ${expression.op} `)})`;
    case "in":
    case "not in":
      return `${expression.label} ${expression.op} {${[...expression.values].sort(byCodePoints).map(quote).join(", ")}}`;
    default:
      return `${expression.label} ${expression.op} ${quote(expression.value)}`;
  }
}

/** The same about labels whose names begin with `prefix`: a selector of namespaces about the labels that pods inherit. */
export function prefixLabels(expression: Expression, prefix: string): Expression {
  switch (expression.op) {
    case "all":
    case "global":
      return expression;
    case "!":
      return { op: "!", operand: prefixLabels(expression.operand, prefix) };
    case "&&":
    case "||":
      return { op: expression.op, operands: expression.operands.map((operand) => prefixLabels(operand, prefix)) };
    default:
      return { ...expression, label: `${prefix}${expression.label}` };
  }
}

/** The grammar has no escapes: a string that holds one kind of quote stands in the other. */
function quote(text: string): string {
  return text.includes('"') ? `'${text}'` : `"${text}"`;
}

/** As Go sorts texts, by their bytes in UTF-8. The order of JavaScript differs beyond the first 65,536 characters. */
function byCodePoints(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
