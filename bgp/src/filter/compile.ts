/**
 * Filters made ready for the table. What a rule says of attributes is asked once for each set of them (`candidates`),
 * what it says of the prefix from the prefix's words (`deciding`), so that a million routes cost some comparisons each.
 */
import { addressBits, type Family, type Prefix, parsePrefix } from "@brindle/net";
import { packPrefix } from "../rib/packed.ts";
import type { PrefixId, PrefixTable } from "../rib/prefixTable.ts";
import type { AsPathSegment, PathAttributes } from "../wire/message.ts";
import { carries, parseCommunity } from "./community.ts";
import { type Transform, transformOf } from "./operations.ts";
import { type FilterRule, priorityMax, priorityNormal, type RouteFilter } from "./rule.ts";

/** What a rule may ask of a route beside its attributes and its prefix. */
export interface RouteFacts {
  readonly isOwn: boolean;
  /** Through which its next hop is reached; `null` where nobody said, or there is no next hop. */
  readonly interface: string | null;
}

export interface CompiledRule {
  /** Of the filter, and in it, counted from 1: what a person is told. */
  readonly filter: string;
  readonly place: number;
  readonly accepts: boolean;
  readonly transform: Transform | null;
  readonly nextHopMode: "self" | "keep" | null;
  readonly setsMed: boolean;
  readonly matchesRoute: ((attributes: PathAttributes, facts: RouteFacts) => boolean) | null;
  readonly matchesPrefix: ((prefixes: PrefixTable, id: PrefixId) => boolean) | null;
}

/** The rules that a set of attributes leaves in question, in order. */
export type Candidates = Readonly<Record<Family, readonly CompiledRule[]>>;

export class CompiledFilters {
  readonly #rules: Candidates;
  /** Whether all sets of attributes have the same candidates. */
  readonly #looksAtPrefixesAlone: boolean;
  readonly usesInterfaces: boolean;

  /** The filters are valid: `checkFilters` has seen them. */
  constructor(filters: readonly RouteFilter[], { external }: { readonly external: boolean }) {
    this.#rules = { 4: compiled(filters, { family: 4, external }), 6: compiled(filters, { family: 6, external }) };
    const all = [...this.#rules[4], ...this.#rules[6]];
    this.#looksAtPrefixesAlone = all.every(({ matchesRoute }) => matchesRoute === null);
    this.usesInterfaces = filters.some(({ rules }) =>
      [...(rules[4] ?? []), ...(rules[6] ?? [])].some((rule) => rule.interface !== undefined),
    );
  }

  get isEmpty(): boolean {
    return this.#rules[4].length === 0 && this.#rules[6].length === 0;
  }

  candidates(attributes: PathAttributes, facts: RouteFacts): Candidates {
    if (this.#looksAtPrefixesAlone) return this.#rules;
    const left = (family: Family): CompiledRule[] =>
      this.#rules[family].filter(({ matchesRoute }) => matchesRoute === null || matchesRoute(attributes, facts));
    return { 4: left(4), 6: left(6) };
  }
}

/** The rule that decides on a prefix; `null` where none matches, which leaves it to the policy. */
export function deciding(candidates: Candidates, prefixes: PrefixTable, id: PrefixId): CompiledRule | null {
  for (const rule of candidates[prefixes.family(id)]) {
    if (rule.matchesPrefix === null || rule.matchesPrefix(prefixes, id)) return rule;
  }
  return null;
}

interface Place {
  readonly family: Family;
  readonly external: boolean;
}

function compiled(filters: readonly RouteFilter[], { family, external }: Place): CompiledRule[] {
  return filters.flatMap(({ name, rules }) =>
    (rules[family] ?? []).flatMap((rule, index) => {
      if (rule.peerType !== undefined && (rule.peerType === "eBGP") !== external) return [];
      return [compiledRule(rule, { filter: name, place: index + 1 })];
    }),
  );
}

function compiledRule(rule: FilterRule, named: { readonly filter: string; readonly place: number }): CompiledRule {
  const operations = rule.operations ?? [];
  const nextHop = operations.findLast(({ setNextHop }) => setNextHop)?.setNextHop?.value;
  return {
    ...named,
    accepts: rule.action === "Accept",
    transform: transformOf(operations),
    nextHopMode: nextHop === undefined ? null : nextHop === "Self" ? "self" : "keep",
    setsMed: operations.some(({ setMED }) => setMED),
    matchesRoute: routeMatcher(rule),
    matchesPrefix: prefixMatcher(rule),
  };
}

type RouteMatcher = NonNullable<CompiledRule["matchesRoute"]>;

function routeMatcher(rule: FilterRule): RouteMatcher | null {
  const { source, interface: name, communities, asPathPrefix, priority } = rule;
  const all: RouteMatcher[] = [];
  if (source !== undefined) all.push((_, { isOwn }) => !isOwn);
  if (name !== undefined) {
    const pattern = interfacePattern(name);
    all.push((_, facts) => facts.interface !== null && pattern.test(facts.interface));
  }
  for (const community of (communities?.values ?? []).map(parseCommunity)) {
    all.push((attributes) => community !== null && carries(attributes, community));
  }
  if (asPathPrefix !== undefined) all.push(({ asPath }) => beginsWith(asPath, asPathPrefix));
  if (priority !== undefined) all.push((attributes) => priorityOf(attributes) === priority);
  return all.length === 0 ? null : (attributes, facts) => all.every((matches) => matches(attributes, facts));
}

function priorityOf({ localPref }: PathAttributes): number {
  return localPref === undefined ? priorityNormal : priorityMax - localPref;
}

/** The path is one list of ASes here, as far as it is a sequence. */
function beginsWith(path: readonly AsPathSegment[], asns: readonly number[]): boolean {
  const leading: number[] = [];
  for (const segment of path) {
    if (segment.type !== "sequence") break;
    leading.push(...segment.asns);
    if (leading.length >= asns.length) break;
  }
  return asns.every((asn, i) => leading[i] === asn);
}

function interfacePattern(name: string): RegExp {
  return new RegExp(`^${name.replaceAll(/[.]/g, "\\.").replaceAll("*", ".*")}$`);
}

function prefixMatcher({ cidr, matchOperator, prefixLength }: FilterRule): CompiledRule["matchesPrefix"] {
  const prefix = cidr === undefined ? null : parsePrefix(cidr);
  if (!prefix) return null;
  const isEqual = matchOperator === "Equal" || matchOperator === "NotEqual";
  const lengthMax = isEqual ? prefix.length : addressBits[prefix.address.family];
  const inside = insideOf(prefix, {
    minLength: Math.max(prefix.length, prefixLength?.min ?? 0),
    maxLength: Math.min(lengthMax, prefixLength?.max ?? lengthMax),
  });
  const isNegated = matchOperator === "NotEqual" || matchOperator === "NotIn";
  return isNegated ? (prefixes, id) => !inside(prefixes, id) : inside;
}

interface Lengths {
  readonly minLength: number;
  readonly maxLength: number;
}

/** Of a prefix of the same family: the rules of the other one stand in another list. */
function insideOf(prefix: Prefix, { minLength, maxLength }: Lengths): NonNullable<CompiledRule["matchesPrefix"]> {
  const { words } = packPrefix(prefix);
  const addressWords = Math.ceil(prefix.length / 32);
  return (prefixes, id) => {
    const length = prefixes.length(id);
    if (length < minLength || length > maxLength) return false;
    for (let i = 0; i < addressWords; i++) {
      const mask = maskOf(prefix.length - 32 * i);
      if ((prefixes.word(id, wordIndex(i)) & mask) >>> 0 !== words[i]) return false;
    }
    return true;
  };
}

function maskOf(length: number): number {
  return length >= 32 ? 0xffffffff : (0xffffffff << (32 - length)) >>> 0;
}

function wordIndex(index: number): 0 | 1 | 2 | 3 {
  return (index & 3) as 0 | 1 | 2 | 3;
}
