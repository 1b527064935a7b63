/**
 * One rule of a policy as rules of iptables, for one family. Where a rule offers several ways to match (more ports
 * than one match takes, numbers beside names), each way becomes a rule of its own with the same target: the first
 * match decides, so several rules of one action in a row mean "any of them", and no scratch marks are needed.
 */
import type { EntityRule, PolicyDirection, Rule } from "@brindle/api";
import { type Family, networkOf, type Prefix, parseCidr } from "@brindle/net";
import { protocolNumber, protocolNumbers } from "../packet.ts";
import { type PortRange, parsePorts } from "../ports.ts";
import { entityScope, excludedScope, type Scope } from "../scope.ts";
import { type ServiceName, serviceOf } from "../service.ts";
import { Interned } from "./interned.ts";
import type { Match, Side } from "./ir.ts";
import { setBaseName } from "./names.ts";
import { contentKey, type Growth, hasPorts, lookupOf, type SetContent, type SetUse, setUse } from "./setUse.ts";

export interface CompiledRule {
  /** Each is a conjunction; the rule matches when one of them does. None: it never matches in this family. */
  readonly alternatives: readonly (readonly Match[])[];
  readonly sets: readonly SetUse[];
}

/** What one match of the kernel takes; a range counts as two (XT_MULTI_PORTS). */
const multiportMax = 15;
const anyEndpoint: Scope = { namespace: null, namespaceSelector: null, selector: null };

export interface OwnerOfRule {
  /** That of the rule's policy, `null` for global policies and profiles. */
  readonly namespace: string | null;
  readonly direction: PolicyDirection;
}

export function compileRule(rule: Rule, family: Family, { namespace, direction }: OwnerOfRule): CompiledRule {
  const header = protocolTerms(rule, family);
  const source = new Entity(rule.source ?? {}, "source", family, namespace).alternatives();
  const destination = new Entity(rule.destination ?? {}, "destination", family, namespace).alternatives();
  const alternatives = header.flatMap((protocol) =>
    source.flatMap((from) => destination.map((to) => [...protocol, ...from, ...to])),
  );
  return {
    alternatives: alternatives.map(matchesOf),
    sets: alternatives.flatMap((terms) => usesOf(terms, { rule, family, direction })),
  };
}

/** A match, and if it is by set, what must be in the set. */
interface Term {
  readonly match: Match & { readonly negated?: boolean };
  readonly content: SetContent | null;
}

const single = new WeakMap<Match, readonly Match[]>();

/** Most rules have one match, and many the same. */
function matchesOf(terms: readonly Term[]): readonly Match[] {
  const [only] = terms;
  if (!only || terms.length > 1) return terms.map(({ match }) => match);
  const matches = single.get(only.match) ?? [only.match];
  single.set(only.match, matches);
  return matches;
}

interface UsedIn extends Pick<OwnerOfRule, "direction"> {
  readonly rule: Rule;
  readonly family: Family;
}

function usesOf(terms: readonly Term[], { rule, family, direction }: UsedIn): SetUse[] {
  // An end that leaves one set as it joins another matches a rule of both neither before nor after, but in between.
  const following = terms.filter(({ match, content }) => content && content.kind !== "nets" && !match.negated);
  const isJoined = (side: Side): boolean => following.filter(({ match }) => sideOf(match) === side).length > 1;
  return terms.flatMap(({ match, content }) => {
    const side = sideOf(match);
    if (!content || side === null) return [];
    const growth = growthIn(rule, match.negated === true);
    const how = {
      growth: growth === "loosens" && isJoined(side) ? "mixed" : growth,
      lookups: lookupOf(direction, side),
    } as const;
    return [setUse(family, content, how)];
  });
}

function sideOf(match: Match): Side | null {
  return "side" in match ? match.side : null;
}

/**
 * An allowing rule that matches more allows more; a negated set works the other way round; passing on may do either. What
 * a denying rule leaves out is not allowed by that: another rule has to allow it as well, and who leaves the one's set as it joins
 * the other's passes neither before nor after, but in between.
 */
function growthIn(rule: Rule, negated: boolean): Growth {
  if (rule.action === "Pass" || (rule.action === "Deny" && negated)) return "mixed";
  return (rule.action === "Allow") === negated ? "tightens" : "loosens";
}

/** One alternative, or none when the rule is for the other family. */
function protocolTerms(rule: Rule, family: Family): Term[][] {
  if (rule.ipVersion !== undefined && rule.ipVersion !== family) return [];
  const protocol = rule.protocol === undefined ? null : protocolNumber(rule.protocol);
  const notProtocol = rule.notProtocol === undefined ? null : protocolNumber(rule.notProtocol);
  const icmpOfOtherFamily = family === 4 ? protocolNumbers.icmpv6 : protocolNumbers.icmp;
  if (protocol !== null && protocol === icmpOfOtherFamily) return [];
  if (rule.notICMP && rule.notICMP.type === undefined) return [];
  if (protocol !== null && protocol === notProtocol) return [];
  const matches: Match[] = [];
  if (protocol !== null) matches.push({ kind: "protocol", protocol, negated: false });
  else if (notProtocol !== null) matches.push({ kind: "protocol", protocol: notProtocol, negated: true });
  const icmpTypes = [
    { icmp: rule.icmp, negated: false },
    { icmp: rule.notICMP, negated: true },
  ];
  for (const { icmp, negated } of icmpTypes) {
    if (icmp?.type !== undefined) matches.push({ kind: "icmp", type: icmp.type, code: icmp.code ?? null, negated });
  }
  return [matches.map(plain)];
}

const setMatches = new Interned<Term["match"]>();

/** One side of a rule. */
class Entity {
  readonly #entity: EntityRule;
  readonly #side: Side;
  readonly #family: Family;
  readonly #scope: Scope | null;
  readonly #service: ServiceName | null;

  constructor(entity: EntityRule, side: Side, family: Family, namespace: string | null) {
    this.#entity = entity;
    this.#side = side;
    this.#family = family;
    this.#scope = entityScope(entity, namespace);
    this.#service = serviceOf(entity, namespace);
  }

  /** The ways in which this side may match; none when it never does in this family. */
  alternatives(): Term[][] {
    const nets = this.#nets();
    if (!nets) return [];
    const excluded = excludedScope(this.#entity);
    const common = [...nets, ...this.#notPorts()];
    if (excluded) common.push(this.#bySet({ kind: "addresses", scope: excluded }, true));
    if (this.#service) {
      const withPorts = this.#side === "destination";
      common.push(this.#bySet({ kind: "service", service: this.#service, withPorts }, false));
    }
    const selected = this.#scope ? [this.#bySet({ kind: "addresses", scope: this.#scope }, false)] : [];

    if (!this.#entity.ports?.length) return [[...common, ...selected]];
    const { ranges, names } = parsePorts(this.#entity.ports) ?? { ranges: [], names: [] };
    return [
      ...chunks(ranges).map((chunk) => [...common, ...selected, this.#byPorts(chunk, false)]),
      // The set of a named port holds endpoints of the scope only, so it stands for the scope as well.
      ...names.map((name) => [...common, this.#byPortName(name, false)]),
    ];
  }

  #notPorts(): Term[] {
    const { ranges, names } = parsePorts(this.#entity.notPorts ?? []) ?? { ranges: [], names: [] };
    return [
      ...chunks(ranges).map((chunk) => this.#byPorts(chunk, true)),
      ...names.map((name) => this.#byPortName(name, true)),
    ];
  }

  /** `null` when the nets leave nothing of this family to match. */
  #nets(): Term[] | null {
    const wanted = netsOf(this.#entity.nets, this.#family);
    const unwanted = netsOf(this.#entity.notNets, this.#family);
    if (this.#entity.nets?.length && wanted.length === 0) return null;
    if (unwanted.some(isEverything)) return null;
    const included = wanted.some(isEverything) ? [] : wanted;
    // iptables takes one `-s` a rule.
    const both = included.length > 0 && unwanted.length > 0;
    return [...this.#byNets(included, false), ...this.#byNets(unwanted, true, both ? 0 : 1)];
  }

  /** `plainMax`: up to how many are matched as such. More are a set, which also finds one of thousands at once. */
  #byNets(nets: readonly Prefix[], negated: boolean, plainMax = 1): Term[] {
    if (nets.length === 0) return [];
    if (nets.length > plainMax) return [this.#bySet({ kind: "nets", nets }, negated)];
    return nets.map((net) => plain({ kind: "net", side: this.#side, net, negated }));
  }

  #byPortName(port: string, negated: boolean): Term {
    return this.#bySet({ kind: "namedPort", scope: this.#scope ?? anyEndpoint, port }, negated);
  }

  #byPorts(ranges: readonly PortRange[], negated: boolean): Term {
    return plain({ kind: "ports", side: this.#side, ranges, negated });
  }

  #bySet(content: SetContent, negated: boolean): Term {
    const set = setBaseName(this.#family, contentKey(content));
    const withPort = hasPorts(content);
    const side = this.#side;
    const make = (): Term["match"] => ({ kind: "set", side, set, withPort, negated });
    return { match: setMatches.of(`${side} ${set} ${withPort} ${negated}`, make), content };
  }
}

function plain(match: Match): Term {
  return { match, content: null };
}

/** Those of the family, without the ones that lie within another. They may be thousands, as many as a cluster has nodes. */
function netsOf(texts: readonly string[] | undefined, family: Family): Prefix[] {
  const nets = (texts ?? []).flatMap((text) => {
    const cidr = parseCidr(text);
    return cidr?.address.family === family ? [networkOf(cidr)] : [];
  });
  const taken = new Map<number, Set<bigint>>();
  const isWithinOne = ({ address }: Prefix): boolean =>
    [...taken].some(([length, values]) => values.has(networkOf({ address, length }).address.value));
  return nets
    .sort((a, b) => a.length - b.length)
    .filter((net) => {
      if (isWithinOne(net)) return false;
      taken.set(net.length, (taken.get(net.length) ?? new Set()).add(net.address.value));
      return true;
    });
}

function isEverything(net: Prefix): boolean {
  return net.length === 0;
}

function chunks(ranges: readonly PortRange[]): PortRange[][] {
  const result: PortRange[][] = [];
  let room = 0;
  for (const range of ranges) {
    const needed = range.first === range.last ? 1 : 2;
    if (room < needed) {
      result.push([]);
      room = multiportMax;
    }
    result.at(-1)?.push(range);
    room -= needed;
  }
  return result;
}
