/**
 * The grammar of Calico's selectors, by recursive descent. `||` binds weakest, then `&&`, then `!`.
 *
 *     or      = and { "||" and }
 *     and     = primary { "&&" primary }
 *     primary = "!" primary | "(" or ")" | "all()" | "global()" | "has(" label ")" | label test
 *     test    = ("==" | "!=" | "contains" | "starts with" | "ends with") string | ["not"] "in" "{" [strings] "}"
 */
import type { Expression } from "./expression.ts";

/** What a selector may be long, as in Calico's schema. It also bounds the depth of the recursion. */
export const selectorLengthMax = 1024;

/** Where a selector stops making sense, in characters from its start. `parseSelector` makes a value of it. */
export class SelectorSyntaxError extends Error {
  override readonly name = "SelectorSyntaxError";
  readonly position: number;

  constructor(reason: string, position: number) {
    super(reason);
    this.position = position;
  }
}

/** An empty text selects everything, as in Calico. */
export function parseExpression(text: string): Expression {
  if (text.length > selectorLengthMax) {
    throw new SelectorSyntaxError(`a selector is at most ${selectorLengthMax} characters long`, selectorLengthMax);
  }
  const cursor = new Cursor(text);
  if (cursor.atEnd()) return { op: "all" };
  const expression = parseOr(cursor);
  if (!cursor.atEnd()) throw cursor.expected('"&&", "||" or the end');
  return expression;
}

function parseOr(cursor: Cursor): Expression {
  return parseChain(cursor, "||", parseAnd);
}

function parseAnd(cursor: Cursor): Expression {
  return parseChain(cursor, "&&", parsePrimary);
}

function parseChain(cursor: Cursor, op: "&&" | "||", parseOperand: (cursor: Cursor) => Expression): Expression {
  const first = parseOperand(cursor);
  const operands = [first];
  while (cursor.take(op)) operands.push(parseOperand(cursor));
  return operands.length === 1 ? first : { op, operands };
}

function parsePrimary(cursor: Cursor): Expression {
  if (cursor.take("!")) return { op: "!", operand: parsePrimary(cursor) };
  if (cursor.take("(")) {
    const inner = parseOr(cursor);
    cursor.need(")", '"&&", "||" or ")"');
    return inner;
  }
  const call = cursor.match(/(all|global|has)\s*\(/y);
  if (!call) return parseTest(cursor, cursor.label('a label, "!", "(", all(), global() or has()'));
  const label = call.startsWith("has") ? cursor.label("a label") : null;
  cursor.need(")", '")"');
  return label === null ? { op: call.startsWith("all") ? "all" : "global" } : { op: "has", label };
}

function parseTest(cursor: Cursor, label: string): Expression {
  const op = cursor.match(/==|!=|contains\b|starts\s+with\b|ends\s+with\b|not\s+in\b|in\b/y)?.replace(/\s+/, " ");
  switch (op) {
    case "in":
    case "not in":
      return { op, label, values: parseSet(cursor) };
    case "==":
    case "!=":
    case "contains":
    case "starts with":
    case "ends with":
      return { op, label, value: cursor.string() };
    default:
      throw cursor.expected('"==", "!=", "in", "not in", "contains", "starts with" or "ends with"');
  }
}

function parseSet(cursor: Cursor): Set<string> {
  const values = new Set<string>();
  cursor.need("{", '"{"');
  if (cursor.take("}")) return values;
  do values.add(cursor.string());
  while (cursor.take(","));
  cursor.need("}", '"," or "}"');
  return values;
}

/** A place in the text; every method skips the spaces before what it looks for. */
class Cursor {
  readonly #text: string;
  #position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  atEnd(): boolean {
    this.#skipSpaces();
    return this.#position === this.#text.length;
  }

  take(token: string): boolean {
    this.#skipSpaces();
    if (!this.#text.startsWith(token, this.#position)) return false;
    this.#position += token.length;
    return true;
  }

  need(token: string, description: string): void {
    if (!this.take(token)) throw this.expected(description);
  }

  /** `pattern` is sticky. */
  match(pattern: RegExp): string | null {
    this.#skipSpaces();
    pattern.lastIndex = this.#position;
    const found = pattern.exec(this.#text);
    if (!found) return null;
    this.#position += found[0].length;
    return found[0];
  }

  label(description: string): string {
    const label = this.match(/[A-Za-z0-9_./-]{1,512}/y);
    if (label === null) throw this.expected(description);
    return label;
  }

  string(): string {
    const quoted = this.match(/"[^"]*"|'[^']*'/y);
    if (quoted === null) throw this.expected("a string in quotes");
    return quoted.slice(1, -1);
  }

  expected(description: string): SelectorSyntaxError {
    this.#skipSpaces();
    const rest = this.#text.slice(this.#position, this.#position + 20);
    const found = rest === "" ? "the end" : JSON.stringify(rest);
    return new SelectorSyntaxError(`expected ${description}, found ${found}`, this.#position);
  }

  #skipSpaces(): void {
    while (/\s/.test(this.#text[this.#position] ?? "")) this.#position += 1;
  }
}
