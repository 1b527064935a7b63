/** What import makes of a route, before the decision hears of it. Filtered routes stay in the table, not eligible. */
import type { PathAttributes } from "../wire/message.ts";

/** In the order in which they are looked for; the number of each is its place. */
export const verdicts = [
  "accepted",
  "asLoop",
  "originatorLoop",
  "clusterLoop",
  "ownNextHop",
  "importPolicy",
  "importFilter",
] as const;

export type Verdict = (typeof verdicts)[number];

export const accepted = 0;

export function verdictNumber(verdict: Verdict): number {
  return verdicts.indexOf(verdict);
}

export function verdictName(number: number): Verdict {
  return number >= filterVerdictsStart ? "importFilter" : (verdicts[number] ?? "accepted");
}

/** Verdicts from here up are rules of filters. */
const filterVerdictsStart = 256;

/** A rule as a person finds it. */
export interface RuleName {
  readonly filter: string;
  /** Among the rules of its family and direction, from 1. */
  readonly place: number;
}

/** The rules that ever refused a route, by number, so that the verdict of each route can name its own. */
export class FilterVerdicts {
  readonly #rules: RuleName[] = [];
  readonly #numbers = new Map<string, number>();

  numberOf({ filter, place }: RuleName): number {
    const key = `${place} ${filter}`;
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = filterVerdictsStart + this.#rules.length;
    this.#rules.push({ filter, place });
    this.#numbers.set(key, number);
    return number;
  }

  /** `null` for a verdict that is no rule's. */
  ruleOf(verdict: number): RuleName | null {
    return this.#rules[verdict - filterVerdictsStart] ?? null;
  }
}

/** Whether the attributes say that the route has been here before. */
export function loopVerdict(
  attributes: PathAttributes,
  own: { readonly asn: number; readonly bgpId: number },
): Verdict {
  if (attributes.asPath.some(({ asns }) => asns.includes(own.asn))) return "asLoop"; // RFC 4271 §9.1.2
  if (attributes.originatorId === own.bgpId) return "originatorLoop"; // RFC 4456 §8
  // Not being a reflector, our cluster identifier is our BGP identifier, which is what RFC 4456 §7 makes the default.
  if (attributes.clusterList?.includes(own.bgpId)) return "clusterLoop";
  return "accepted";
}
