/** What import makes of a route, before the decision hears of it. Filtered routes stay in the table, not eligible. */
import { clusterListHolds, pathHolds } from "../wire/attributeSummary.ts";
import type { AttrId, AttrTable } from "./attrTable.ts";

/** In the order in which they are looked for; the number of each is its place. */
export const verdicts = [
  "accepted",
  "asLoop",
  "originatorLoop",
  "clusterLoop",
  "ownNextHop",
  "importPolicy",
  "importFilter",
  /** RFC 9234 §5. */
  "routeLeak",
  "asPathTooLong",
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

/** Who we are, to routes that come back to us. */
export interface OwnMarks {
  readonly asn: number;
  /** How often it may stand in a path; 0 unless given. */
  readonly asnMax?: number;
  readonly bgpId: number;
  /** RFC 4456 §7: where nobody said otherwise, it is the BGP identifier. */
  readonly clusterId: number;
}

/** Whether the attributes say that the route has been here before. */
export function loopVerdict(attrs: AttrTable, attr: AttrId, own: OwnMarks): Verdict {
  const range = attrs.range(attr);
  if (pathHolds(range, own.asn, own.asnMax)) return "asLoop"; // RFC 4271 §9.1.2
  if (attrs.originatorId.get(attr) === own.bgpId) return "originatorLoop"; // RFC 4456 §8
  if (attrs.clusterListLength.get(attr) > 0 && clusterListHolds(range, own.clusterId)) return "clusterLoop";
  return "accepted";
}
