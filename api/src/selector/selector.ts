/** A selector, parsed once for each text. Policies of one cluster repeat few selectors many times. */
import { type Expression, formatExpression, type Labels, matches } from "./expression.ts";
import { parseExpression, SelectorSyntaxError } from "./parser.ts";

export type { Expression, Labels } from "./expression.ts";

export class Selector {
  readonly expression: Expression;
  /** The same for every way to write the same selector, so it is also a key for maps. */
  readonly canonical: string;

  constructor(expression: Expression) {
    this.expression = expression;
    this.canonical = formatExpression(expression);
  }

  matches(labels: Labels): boolean {
    return matches(this.expression, labels);
  }

  toString(): string {
    return this.canonical;
  }
}

export type SelectorParse =
  | { readonly kind: "selector"; readonly selector: Selector }
  /** `position` counts characters from the start of the text. */
  | { readonly kind: "malformed"; readonly position: number; readonly reason: string };

/** Old entries leave first: a bound for a daemon that sees a new selector each second for a year. */
const cacheSizeMax = 10_000;
const cache = new Map<string, SelectorParse>();

export function parseSelector(text: string): SelectorParse {
  const known = cache.get(text);
  if (known) return known;
  const parsed = parse(text);
  if (cache.size >= cacheSizeMax) {
    const oldest = cache.keys().next();
    if (!oldest.done) cache.delete(oldest.value);
  }
  cache.set(text, parsed);
  return parsed;
}

/** For text that was validated before: that it does not parse is a bug of the caller. */
export function selectorOf(text: string): Selector {
  const parsed = parseSelector(text);
  if (parsed.kind === "selector") return parsed.selector;
  throw new TypeError(`selector ${JSON.stringify(text)} was not validated: ${parsed.reason}`);
}

function parse(text: string): SelectorParse {
  try {
    return { kind: "selector", selector: new Selector(parseExpression(text)) };
  } catch (error) {
    if (!(error instanceof SelectorSyntaxError)) throw error;
    return { kind: "malformed", position: error.position, reason: error.message };
  }
}
