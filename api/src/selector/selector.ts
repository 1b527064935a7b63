/** A selector, parsed once for each text. Policies of one cluster repeat few selectors many times. */
import { createHash } from "node:crypto";
import { type Expression, formatExpression, type Labels, matches } from "./expression.ts";
import { parseExpression, SelectorSyntaxError } from "./parser.ts";
import { labelsIn, type Restriction, restrictionsOf } from "./restriction.ts";

export type { Expression, Labels } from "./expression.ts";
export { selectorDepthMax, selectorLengthMax } from "./parser.ts";

export class Selector {
  readonly expression: Expression;
  #canonical: string | null = null;
  #restrictions: readonly Restriction[] | null = null;
  #labels: ReadonlySet<string> | null = null;

  constructor(expression: Expression) {
    this.expression = expression;
  }

  /** The same for every way to write the same selector, so it is also a key for maps. */
  get canonical(): string {
    this.#canonical ??= formatExpression(this.expression);
    return this.#canonical;
  }

  /** What all labels that it matches have in common. */
  get restrictions(): readonly Restriction[] {
    this.#restrictions ??= [...restrictionsOf(this.expression)].map(([label, values]) => ({ label, values }));
    return this.#restrictions;
  }

  /** Those that it looks at. */
  get labels(): ReadonlySet<string> {
    this.#labels ??= labelsIn(this.expression);
    return this.#labels;
  }

  matches(labels: Labels): boolean {
    return matches(this.expression, labels);
  }

  /** Calico's identifier of the set of addresses that the selector stands for: `s:` and 38 characters. */
  setId(): string {
    return `s:${createHash("sha224").update(`s:${this.canonical}`).digest("base64url")}`;
  }

  toString(): string {
    return this.canonical;
  }
}

export type SelectorParse =
  | { readonly kind: "selector"; readonly selector: Selector }
  /** `position` counts characters from the start of the text. */
  | { readonly kind: "malformed"; readonly position: number; readonly reason: string };

/**
 * The name that Calico's Felix gives the ipset of an identifier, as `ipset list` shows it on a node that runs Calico:
 * cut to the 31 characters that the kernel takes.
 */
export function calicoSetName(family: 4 | 6, setId: string): string {
  return `cali${family}0${setId}`.slice(0, ipsetNameLengthMax);
}

const ipsetNameLengthMax = 31;

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
