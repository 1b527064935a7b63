/**
 * What import makes of what a peer announces: a route's attributes as the rules change them, and its verdict. It keeps
 * what routes hold of attributes, next hops and prefixes counted, and says which prefixes are to be decided anew.
 */
import type { Family } from "@brindle/net";
import { type Candidates, type CompiledRule, deciding } from "../filter/compile.ts";
import type { AttrId, AttrTable } from "./attrTable.ts";
import type { Column } from "./column.ts";
import type { IdFifo } from "./idQueue.ts";
import type { NextHopId, NextHopTable } from "./nextHopTable.ts";
import type { PeerBounds, PeerId, PeerTable } from "./peerTable.ts";
import type { PrefixId, PrefixTable } from "./prefixTable.ts";
import type { RouteId, RouteTable } from "./routeTable.ts";
import { accepted, FilterVerdicts, type RuleName, verdictName, verdictNumber } from "./verdict.ts";

export interface RibTables {
  readonly prefixes: PrefixTable;
  readonly attrs: AttrTable;
  readonly nextHops: NextHopTable;
  readonly routes: RouteTable;
  readonly peers: PeerTable;
  readonly local: PeerId;
}

/** What a route is announced with. */
export interface RouteContent {
  readonly attr: AttrId;
  readonly hop: NextHopId;
}

/** What import says of all prefixes of one announcement. */
export interface Judgement extends RouteContent {
  readonly peer: PeerId;
  /** The peer's present one. */
  readonly epoch: number;
  readonly verdict: number;
  /** The rules of filters that the attributes leave in question; `null` where the peer has no filters. */
  readonly candidates: Candidates | null;
  /** What a rule made of the attributes for a prefix of the announcement: for all that it decides on, the same. */
  changed?: { readonly rule: CompiledRule; readonly attr: AttrId };
  /** Whether no prefix has to be looked at. */
  readonly isForAll: boolean;
  readonly bounds: PeerBounds | null;
  /** Routes that were added and are not counted yet (`RouteImport.count`). */
  uncounted: number;
}

export type OnRouteChanged = (prefix: PrefixId, peer: PeerId) => void;

export class RouteImport {
  readonly #prefixes: PrefixTable;
  readonly #attrs: AttrTable;
  readonly #nextHops: NextHopTable;
  readonly #routes: RouteTable;
  readonly #peers: PeerTable;
  readonly #local: PeerId;
  readonly #undecided: IdFifo;
  readonly #filterVerdicts = new FilterVerdicts();
  /** Told of every route that comes, changes or goes, as sent or as import made it. */
  onChanged: OnRouteChanged | null = null;

  constructor({ prefixes, attrs, nextHops, routes, peers, local }: RibTables, undecided: IdFifo) {
    this.#prefixes = prefixes;
    this.#attrs = attrs;
    this.#nextHops = nextHops;
    this.#routes = routes;
    this.#peers = peers;
    this.#local = local;
    this.#undecided = undecided;
  }

  /**
   * The peer announces the prefix, for which all that its attributes and next hop say is in `judgement`. Its caller holds
   * attributes and next hop, and calls `count` behind the last prefix.
   */
  put(prefix: PrefixId, judgement: Judgement, pathId: number): void {
    const { peer } = judgement;
    const route = this.#routes.find(prefix, peer, pathId);
    if (route === 0 && judgement.bounds !== null && !this.#isAdmitted(prefix, judgement, judgement.bounds)) {
      this.#prefixes.retain(prefix); // One that nobody has goes again with this.
      this.#prefixes.release(prefix);
      return;
    }
    if (route !== 0) this.#countTwice(route, judgement);
    if (judgement.isForAll) {
      if (route === 0) {
        this.#add(prefix, judgement, judgement.verdict, pathId);
        return;
      }
      if (this.#routes.receivedAttr.get(route) === 0) {
        this.#replace(route, judgement);
        this.#judge(route, judgement.verdict, null);
        return;
      }
    }
    const rule = this.#decidingRule(judgement, prefix);
    if (route === 0) {
      const added = this.#add(prefix, judgement, accepted, pathId);
      this.#countAs(judgement, this.#prefixes.family(prefix), accepted);
      this.#import(added, judgement, rule);
    } else {
      this.#routes.epoch.set(route, this.#peers.epoch.get(peer));
      this.#import(route, judgement, rule);
    }
  }

  /** What is told again as it was is told twice; but not by another session, or since a refresh began (RFC 7313). */
  #countTwice(route: RouteId, { peer, epoch, attr, hop }: Judgement): void {
    const routes = this.#routes;
    if (routes.nextHop.get(route) !== hop || routes.epoch.get(route) !== epoch) return;
    if ((routes.receivedAttr.get(route) || routes.attr.get(route)) === attr) this.#peers.vain.toldTwice.add(peer, 1);
  }

  /** As `put`, of `ids[start…end)`. */
  putAll(ids: Int32Array, start: number, end: number, judgement: Judgement): void {
    const isPlain = judgement.isForAll && judgement.bounds === null;
    for (let i = start; i < end; i++) {
      const prefix = ids[i] ?? 0;
      if (isPlain && this.#routes.firstOfPrefix(prefix) === 0) this.#addFirst(prefix, judgement);
      else this.put(prefix, judgement, 0);
    }
    this.count(judgement, 4);
  }

  /** As `#add`, where nobody has a route to the prefix: most of what a table brings. */
  #addFirst(prefix: PrefixId, judgement: Judgement): void {
    const route = this.#routes.addFirst(prefix, judgement, judgement.verdict);
    if (this.#prefixes.startWith(prefix, route)) this.#undecided.push(prefix);
    judgement.uncounted += 1;
    this.onChanged?.(prefix, judgement.peer);
  }

  /** The prefix is to be decided anew. */
  unsettle(prefix: PrefixId): void {
    if (this.#prefixes.startWaiting(prefix)) this.#undecided.push(prefix);
  }

  /** What the routes that were added hold of attributes and next hop, and their part in the peer's counts, at once for all. */
  count(judgement: Judgement, family: Family): void {
    if (judgement.uncounted > 0) this.#countAs(judgement, family, judgement.verdict);
  }

  #countAs(judgement: Judgement, family: Family, verdict: number): void {
    const { peer, attr, hop, uncounted } = judgement;
    this.#attrs.retain(attr, uncounted);
    this.#nextHops.retain(hop, uncounted);
    this.#peers.received[family].add(peer, uncounted);
    if (verdict === accepted) this.#peers.accepted[family].add(peer, uncounted);
    judgement.uncounted = 0;
  }

  /** Whether there is room for one more route of the peer. */
  #isAdmitted(prefix: PrefixId, { peer, uncounted }: Judgement, { routes, paths }: PeerBounds): boolean {
    const family = this.#prefixes.family(prefix);
    const max = routes?.[family];
    if (max !== undefined && this.#peers.received[family].get(peer) + uncounted >= max) {
      this.#peers.limited.prefixes.add(peer, 1);
      return false;
    }
    if (paths === undefined) return true;
    let known = 0;
    for (let route = this.#routes.firstOfPrefix(prefix); route !== 0; route = this.#routes.nextOfPrefix(route)) {
      if (this.#routes.peer.get(route) === peer) known += 1;
    }
    if (known < paths) return true;
    this.#peers.limited.paths.add(peer, 1);
    return false;
  }

  #add(prefix: PrefixId, judgement: Judgement, verdict: number, pathId: number): RouteId {
    this.#prefixes.retain(prefix);
    const route = this.#routes.add(prefix, judgement, verdict, pathId);
    judgement.uncounted += 1;
    this.unsettle(prefix);
    this.onChanged?.(prefix, judgement.peer);
    return route;
  }

  /** A route announced again just as it was, as after a restart of the peer, disturbs nothing. */
  #replace(route: RouteId, { attr, hop }: RouteContent): RouteId {
    this.#routes.epoch.set(route, this.#peers.epoch.get(this.#routes.peer.get(route)));
    const [oldAttr, oldHop] = [this.#routes.attr.get(route), this.#routes.nextHop.get(route)];
    if (oldAttr === attr && oldHop === hop) return route;
    this.#attrs.retain(attr);
    this.#nextHops.retain(hop);
    this.#routes.attr.set(route, attr);
    this.#routes.nextHop.set(route, hop);
    this.#attrs.release(oldAttr);
    this.#nextHops.release(oldHop);
    this.#touch(route);
    return route;
  }

  /** What the route is after import: its attributes as the rule changes them, and whether it is eligible. */
  #import(route: RouteId, judgement: Judgement, rule: CompiledRule | null): void {
    const { attr, hop, verdict } = judgement;
    const changed = verdict === accepted && rule?.accepts ? this.#changedBy(rule, judgement) : attr;
    this.#attrs.retain(changed);
    this.#setReceived(route, changed === attr ? 0 : attr);
    const epoch = this.#routes.epoch.get(route);
    this.#replace(route, { attr: changed, hop });
    this.#routes.epoch.set(route, epoch); // Judging a route anew does not make it less stale.
    this.#attrs.release(changed);
    this.#judge(route, verdict, rule);
  }

  /** The route of the prefix before keeps it alive meanwhile. */
  #changedBy(rule: CompiledRule, judgement: Judgement): AttrId {
    if (rule.transform === null) return judgement.attr;
    if (judgement.changed?.rule === rule) return judgement.changed.attr;
    const attr = this.#attrs.intern(rule.transform(this.#attrs.value(judgement.attr)));
    judgement.changed = { rule, attr };
    return attr;
  }

  #setReceived(route: RouteId, attr: AttrId): void {
    const before = this.#routes.receivedAttr.get(route);
    if (before === attr) return;
    if (attr !== 0) this.#attrs.retain(attr);
    this.#routes.receivedAttr.set(route, attr);
    if (before !== 0) this.#attrs.release(before);
    this.onChanged?.(this.#routes.prefix.get(route), this.#routes.peer.get(route));
  }

  /** `ofAll` is what the attributes say; then the rule of a filter that matches, and where none does the policy. */
  #judge(route: RouteId, ofAll: number, rule: CompiledRule | null): void {
    const verdict = ofAll === accepted ? this.#verdictOf(route, rule) : ofAll;
    const before = this.#routes.verdict.get(route);
    if (verdict === before) return;
    this.#routes.verdict.set(route, verdict);
    if (verdict === accepted) this.#count(route, this.#peers.accepted, 1);
    else if (before === accepted) this.#count(route, this.#peers.accepted, -1);
    this.#touch(route);
  }

  #verdictOf(route: RouteId, rule: CompiledRule | null): number {
    if (rule?.accepts) return accepted;
    const peer = this.#routes.peer.get(route);
    const { filter } = this.#peers.get(peer).importRules;
    if (!rule && filter.passes(this.#prefixes, this.#routes.prefix.get(route))) return accepted;
    this.#peers.vain.refusedByPolicy.add(peer, 1);
    return rule ? this.#filterVerdicts.numberOf(rule) : verdictNumber("importPolicy");
  }

  /** What all prefixes of one announcement have in common; called once for each. */
  judgementOf(peer: PeerId, content: RouteContent): Judgement {
    const judgement = this.#judgementOf(peer, content);
    if (judgement.verdict !== accepted) this.#peers.countRefused(peer, verdictName(judgement.verdict));
    return judgement;
  }

  #judgementOf(peer: PeerId, { attr, hop }: RouteContent): Judgement {
    const { importRules, bounds = null } = this.#peers.get(peer);
    const { judge, filters, filter } = importRules;
    const epoch = this.#peers.epoch.get(peer);
    const verdict = verdictNumber(judge(attr, hop));
    if (!filters)
      return {
        peer,
        epoch,
        attr,
        hop,
        verdict,
        candidates: null,
        isForAll: verdict !== accepted || filter.passesAll,
        bounds,
        uncounted: 0,
      };
    const facts = { isOwn: peer === this.#local, interface: this.#nextHops.interfaceOf(hop) };
    return {
      peer,
      epoch,
      attr,
      hop,
      verdict,
      candidates: filters.candidates(this.#attrs.value(attr), facts),
      isForAll: false,
      bounds,
      uncounted: 0,
    };
  }

  #decidingRule({ candidates }: Judgement, prefix: PrefixId): CompiledRule | null {
    return candidates && deciding(candidates, this.#prefixes, prefix);
  }

  #touch(route: RouteId): void {
    this.#routes.touched.set(route, 1);
    this.unsettle(this.#routes.prefix.get(route));
    this.onChanged?.(this.#routes.prefix.get(route), this.#routes.peer.get(route));
  }

  #count(route: RouteId, columns: Readonly<Record<4 | 6, Column>>, by: 1 | -1): void {
    const column = columns[this.#prefixes.family(this.#routes.prefix.get(route))];
    const peer = this.#routes.peer.get(route);
    column.set(peer, column.get(peer) + by);
  }

  /** Judges the route by its peer's present rules. */
  rejudge(route: RouteId): void {
    const attr = this.#routes.receivedAttr.get(route) || this.#routes.attr.get(route);
    const judgement = this.#judgementOf(this.#routes.peer.get(route), { attr, hop: this.#routes.nextHop.get(route) });
    this.#attrs.retain(attr);
    this.#import(route, judgement, this.#decidingRule(judgement, this.#routes.prefix.get(route)));
    this.#attrs.release(attr);
  }

  /** Other attributes for a route that is no less stale by them. */
  mark(route: RouteId, attr: AttrId): void {
    const epoch = this.#routes.epoch.get(route);
    this.#attrs.retain(attr);
    this.#replace(route, { attr, hop: this.#routes.nextHop.get(route) });
    this.#attrs.release(attr);
    this.#routes.epoch.set(route, epoch);
  }

  /** The route is about to go: lets go what it holds, but its prefix. */
  release(route: RouteId): void {
    this.onChanged?.(this.#routes.prefix.get(route), this.#routes.peer.get(route));
    this.#count(route, this.#peers.received, -1);
    if (this.#routes.verdict.get(route) === accepted) this.#count(route, this.#peers.accepted, -1);
    this.#setReceived(route, 0);
    this.#attrs.release(this.#routes.attr.get(route));
    this.#nextHops.release(this.#routes.nextHop.get(route));
  }

  /** The rule of a filter that refused the route. */
  refusedBy(route: RouteId): RuleName | null {
    return this.#filterVerdicts.ruleOf(this.#routes.verdict.get(route));
  }
}
