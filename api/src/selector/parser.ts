/**
 * The grammar of Calico's selectors, by recursive descent. `||` binds weakest, then `&&`, then `!`.
 *
 *     or      = and { "||" and }
 *     and     = not { "&&" not }
 *     not     = { "!" } primary
 *     primary = "(" or ")" | "all(" ")" | "global(" ")" | "has(" label ")" | label test
 *     test    = ("==" | "!=" | "contains" | "starts" "with" | "ends" "with") string | ["not"] "in" set
 *     set     = "{" { string "," } [string] "}"
 *
 * The quirks are Calico's too, for a selector that it takes must mean the same here: words need no space after them
 * (`a notin{"b"}`), `has(`, `all(` and `global(` are one word with their parenthesis, so that labels may have these
 * names, the last comma of a set may stay, and only blanks and tabs are spaces.
 */
import type { Expression } from "./expression.ts";

/**
 * What is read. A person may write 1,024 characters (`kinds/fields.ts`); the policies of Kubernetes and of older releases
 * of Calico have no such bound, and must not lose their meaning by their length.
 */
export const selectorLengthMax = 65_536;
/** More than 1,024 characters can hold, and few enough for the stack. */
export const selectorDepthMax = 512;

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
    const reason = `a selector is at most ${selectorLengthMax} characters long`;
    throw new SelectorSyntaxError(reason, selectorLengthMax);
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
  return parseChain(cursor, "&&", parseNot);
}

function parseChain(cursor: Cursor, op: "&&" | "||", parseOperand: (cursor: Cursor) => Expression): Expression {
  const first = parseOperand(cursor);
  const operands = [first];
  while (cursor.take(op)) operands.push(parseOperand(cursor));
  return operands.length === 1 ? first : { op, operands };
}

/** Two in a row are none, as Calico reads them; with a parenthesis between they stay. */
function parseNot(cursor: Cursor): Expression {
  let isNegated = false;
  while (cursor.take("!")) isNegated = !isNegated;
  const operand = parsePrimary(cursor);
  return isNegated ? { op: "!", operand } : operand;
}

function parsePrimary(cursor: Cursor): Expression {
  if (cursor.take("(")) {
    cursor.descend();
    const inner = parseOr(cursor);
    cursor.need(")", '"&&", "||" or ")"');
    cursor.ascend();
    return inner;
  }
  const call = cursor.match(/(?:all|global|has)\(/y);
  if (!call) return parseTest(cursor, cursor.label('a label, "!", "(", all(), global() or has()'));
  const label = call.startsWith("has") ? cursor.label("a label") : null;
  cursor.need(")", '")"');
  return label === null ? { op: call.startsWith("all") ? "all" : "global" } : { op: "has", label };
}

function parseTest(cursor: Cursor, label: string): Expression {
  const op = cursor.match(/==|!=|contains|starts[ \t]*with|ends[ \t]*with|not[ \t]*in|in/y);
  switch (op?.replaceAll(/[ \t]/g, "")) {
    case "in":
      return { op: "in", label, values: parseSet(cursor) };
    case "notin":
      return { op: "not in", label, values: parseSet(cursor) };
    case "==":
      return { op: "==", label, value: cursor.string() };
    case "!=":
      return { op: "!=", label, value: cursor.string() };
    case "contains":
      return { op: "contains", label, value: cursor.string() };
    case "startswith":
      return { op: "starts with", label, value: cursor.string() };
    case "endswith":
      return { op: "ends with", label, value: cursor.string() };
    default:
      throw cursor.expected('"==", "!=", "in", "not in", "contains", "starts with" or "ends with"');
  }
}

function parseSet(cursor: Cursor): Set<string> {
  const values = new Set<string>();
  cursor.need("{", '"{"');
  while (!cursor.take("}")) {
    values.add(cursor.string());
    if (cursor.take(",")) continue;
    cursor.need("}", '"," or "}"');
    break;
  }
  return values;
}

/** A place in the text; every method skips the spaces before what it looks for. */
class Cursor {
  readonly #text: string;
  #position = 0;
  #depth = 0;

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

  descend(): void {
    this.#depth += 1;
    if (this.#depth > selectorDepthMax) {
      throw new SelectorSyntaxError(`parentheses are nested more than ${selectorDepthMax} deep`, this.#position);
    }
  }

  ascend(): void {
    this.#depth -= 1;
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
    const label = this.match(/[A-Za-z0-9_./-]+/y);
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
    while (this.#text[this.#position] === " " || this.#text[this.#position] === "\t") this.#position += 1;
  }
}
