/**
 * Peers that are told the same (one Adj-RIB-Out for all of them): what they are to hear is derived from the best routes
 * when its turn comes and encoded once. Kept are one bit a prefix, for the withdrawal, and from whom the route came that
 * was told, since that one peer did not hear it.
 */
import assert from "node:assert/strict";
import type { Address, Family } from "@brindle/net";
import { BitSet, Column } from "../rib/column.ts";
import type { PeerId } from "../rib/peerTable.ts";
import type { PrefixId } from "../rib/prefixTable.ts";
import type { Rib } from "../rib/rib.ts";
import type { RouteId } from "../rib/routeTable.ts";
import type { EncodeContext } from "../wire/contract.ts";
import { encodeEnds, encodeTold } from "./encodeTold.ts";
import { type CandidatesSeen, type ExportView, exportVerdict } from "./exportView.ts";
import { PendingUpdates } from "./pendingUpdates.ts";
import { type Told, ToldByContent, WithdrawnByAudience } from "./told.ts";
import type { Audience, UpdateBlock } from "./updateBlock.ts";

/** Where a peer's messages go. */
export interface OutSink {
  send(bytes: Uint8Array): void;
  /** Whether more should be made for it now. */
  readonly isWritable: boolean;
  /** What was sent and has not left yet. */
  readonly undrainedBytes: number;
}

export interface Member {
  readonly peer: PeerId;
  readonly address: Address;
  readonly sink: OutSink;
  /** The whole table has not been sent for the first time (RFC 4724 §2). */
  owesEndOfRib: boolean;
  /** The peer asked for these again, and is to be told of their end (RFC 7313 §4.1). */
  owesEndOfRefresh: readonly Family[];
}

/** What a group tells, by whose it is: `peer` and `peerAddress` say nothing here. */
export interface GroupTerms {
  /** Peers of one key may be told together. */
  readonly key: string;
  readonly view: ExportView;
  readonly context: EncodeContext;
  /** RFC 7911: the families of which all routes are told, not the best alone. Absent: none. */
  readonly sendsPaths?: readonly Family[];
  /** So many of them at most, the best ones. Absent: all. */
  readonly pathsMax?: number;
}

/** A route that was told, and from whom it came. Where one is told a prefix, nobody asks which it was. */
interface Path {
  readonly route: RouteId;
  readonly from: PeerId;
}

type Paths = readonly Path[];

const noPaths: Paths = [];
const noRoute = 0;
const nobody = 0;
const everyone: Audience = { allBut: [] };

interface Gathering {
  readonly told: ToldByContent;
  readonly withdrawn: WithdrawnByAudience;
  readonly seen: CandidatesSeen;
  /** To be released when the bytes are made, which need their words. */
  readonly released: PrefixId[];
}

export class ExportGroup {
  readonly members: Map<PeerId, Member> = new Map();
  readonly #rib: Rib;
  #terms: GroupTerms;
  #pending: PendingUpdates;
  /**
   * From whom that came which somebody was told: who did not hear of it. Zero where nobody was told; each prefix is retained
   * while it is not.
   */
  readonly #sentFrom = new Column();
  readonly #sentCount: Record<Family, number> = { 4: 0, 6: 0 };
  /** By peer, which are few. */
  readonly #sentCountFrom: Record<Family, number[]> = { 4: [], 6: [] };
  /** Of families with several paths: the route that was told, whose id is the path identifier. */
  readonly #sentRoute = new Column();
  /** The others that were told, where there are any. */
  readonly #sentBeside = new Map<PrefixId, Paths>();
  #clearedTo: PrefixId = 1;
  /** From which this one split, as long as what that one had told by then is not all noted here (`#inherit`). */
  #origin: ExportGroup | null = null;
  #inheritedTo: PrefixId = 1;
  #inheritEnd: PrefixId = 1;
  /** Those beyond `#inheritedTo` that are noted already. */
  readonly #inherited = new BitSet();
  /** Whose origin this one is. */
  readonly #heirs = new Set<ExportGroup>();
  /** Who is to hear of the end when all has been told, each once, unless it has left by then. */
  #owed: readonly Member[] = [];
  #passesNothing: boolean;
  #passesAll: boolean;

  constructor(rib: Rib, terms: GroupTerms) {
    this.#rib = rib;
    this.#terms = terms;
    this.#passesNothing = passesNothing(terms);
    this.#passesAll = passesAll(terms);
    this.#pending = new PendingUpdates(rib.prefixes);
    this.#pending.markAll();
  }

  get terms(): GroupTerms {
    return this.#terms;
  }

  /** Whether all that there is to hear has been told. */
  get isIdle(): boolean {
    return this.#pending.isEmpty && this.#owed.length === 0 && this.#origin === null;
  }

  /** Whether nothing has been told, so that who comes now has missed nothing. */
  get isUntold(): boolean {
    if (this.#sentCount[4] + this.#sentCount[6] > 0 || this.#origin) return false;
    return this.#pending.isUnbegun || this.#passesNothing || this.#rib.prefixes.size === 0;
  }

  /** Whether nothing of its own waits, its members' ends aside. */
  get isLevel(): boolean {
    return this.#pending.isEmpty;
  }

  get isWritable(): boolean {
    for (const { sink } of this.members.values()) if (sink.isWritable) return true;
    return false;
  }

  advertised(family: Family, peer: PeerId): number {
    return this.#sentCount[family] - (this.#sentCountFrom[family][peer] ?? 0);
  }

  isAdvertised(prefix: PrefixId, peer: PeerId): boolean {
    const holder = this.#origin && this.#isToInherit(prefix) ? this.#origin : this;
    const from = holder.#sentFrom.get(prefix);
    if (from === nobody || from !== peer) return from !== nobody;
    return holder.#sentBeside.get(prefix)?.some((path) => path.from !== peer) ?? false;
  }

  /** A member that came, or asked again: it is to be told of the end. */
  owe(member: Member): void {
    this.members.set(member.peer, member);
    if (!this.#owed.includes(member)) this.#owed = [...this.#owed, member];
  }

  /** `isBest`: its best route is another; else others that it has are. */
  mark(prefix: PrefixId, isBest: boolean): void {
    if ((!isBest && !this.#terms.sendsPaths) || this.#tellsNothing) return;
    this.#pending.mark(prefix);
  }

  /** Tells everything again; by other terms, some of it may have to be withdrawn. */
  markAll(terms: GroupTerms = this.#terms): void {
    this.#terms = terms;
    this.#passesNothing = passesNothing(terms);
    this.#passesAll = passesAll(terms);
    this.#pending.markAll();
  }

  /** Of at most `limit` prefixes what the members are to hear, withdrawals first. */
  drain(limit: number): void {
    if (this.#origin) this.#inheritSome(limit);
    const told = new ToldByContent();
    const withdrawn = new WithdrawnByAudience();
    const seen: CandidatesSeen = new Map();
    const released: PrefixId[] = [];
    this.#pending.drain(limit, (prefix) => {
      // It will be marked again if the decision brings a change, but not for the change that it waits for here.
      if (this.#rib.isUnsettled(prefix)) return false;
      const gathering = { told, withdrawn, seen, released };
      if (this.#terms.sendsPaths?.includes(this.#rib.prefixes.family(prefix))) this.#tellPaths(prefix, gathering);
      else this.#tell(prefix, gathering);
      return true;
    });
    if (told.size > 0 || withdrawn.size > 0) {
      const { view, context } = this.#terms;
      const content = { told: told.all(), withdrawn: withdrawn.all(), members: this.members };
      this.#send(encodeTold(content, { rib: this.#rib, view, context }));
    }
    for (const prefix of released) this.#rib.prefixes.release(prefix);
    if (this.#pending.isEmpty) this.#sendEnds();
  }

  /**
   * A group with that member alone, which has been told what this one has, and is to hear what this one is. It takes that
   * over in slices, and at once what one of the two is about to change.
   */
  split(member: Member): ExportGroup {
    const group = new ExportGroup(this.#rib, this.#terms);
    group.#pending = this.#pending.copy();
    for (const family of [4, 6] as const) {
      group.#sentCount[family] = this.#sentCount[family];
      group.#sentCountFrom[family] = this.#sentCountFrom[family].slice();
    }
    assert(this.#origin === null, "a group that has not taken over all has one member");
    group.#origin = this;
    group.#inheritEnd = this.#rib.prefixes.idsEnd;
    this.#heirs.add(group);
    this.members.delete(member.peer);
    group.owe(member);
    return group;
  }

  /** Nobody is here any more: nothing has to be taken over. */
  forsake(): void {
    if (this.#origin) this.#origin.#heirs.delete(this);
    this.#origin = null;
  }

  /** Forgets what was told, nobody being there who heard it: a slice a call. `true` when all is forgotten. */
  clear(limit: number): boolean {
    if (!this.#pending.clear(limit)) return false;
    const end = Math.min(this.#rib.prefixes.idsEnd, this.#clearedTo + limit);
    for (let prefix = this.#clearedTo; prefix < end; prefix++) {
      if (this.#sentFrom.get(prefix) === nobody) continue;
      this.#bequeath(prefix);
      this.#notePaths(prefix, noPaths);
      this.#rib.prefixes.release(prefix);
    }
    this.#clearedTo = end;
    return end >= this.#rib.prefixes.idsEnd;
  }

  #inheritSome(limit: number): void {
    const end = Math.min(this.#inheritEnd, this.#inheritedTo + limit);
    for (let prefix = this.#inheritedTo; prefix < end; prefix++) this.#inherit(prefix);
    this.#inheritedTo = end;
    if (end < this.#inheritEnd) return;
    this.forsake();
    this.#inherited.clear();
  }

  #isToInherit(prefix: PrefixId): boolean {
    return prefix >= this.#inheritedTo && prefix < this.#inheritEnd && !this.#inherited.has(prefix);
  }

  /** Notes here what the origin had told of the prefix when this group split from it; it is counted already. */
  #inherit(prefix: PrefixId): void {
    if (!this.#origin || !this.#isToInherit(prefix)) return;
    this.#inherited.add(prefix);
    const paths = this.#origin.#pathsOf(prefix);
    this.#notePaths(prefix, paths);
    if (paths.length > 0) this.#rib.prefixes.retain(prefix);
  }

  /** Whoever split from this group takes over what was told of the prefix, before it is changed. */
  #bequeath(prefix: PrefixId): void {
    if (this.#heirs.size > 0) for (const heir of this.#heirs) heir.#inherit(prefix);
  }

  /** Where nothing passes and nothing has been told, no change means anything. */
  get #tellsNothing(): boolean {
    return this.#passesNothing && this.#sentCount[4] + this.#sentCount[6] === 0;
  }

  /** RFC 7911: all routes that may be told, each by its own identifier. */
  #tellPaths(prefix: PrefixId, { told, withdrawn, seen, released }: Gathering): void {
    const { routes, prefixes } = this.#rib;
    const family = prefixes.family(prefix);
    this.#inherit(prefix);
    this.#bequeath(prefix);
    const before = this.#pathsOf(prefix);
    const now: Path[] = [];
    const { pathsMax = Number.POSITIVE_INFINITY } = this.#terms;
    for (const route of this.#rib.eligible(prefix, { ranked: pathsMax < Number.POSITIVE_INFINITY })) {
      if (now.length >= pathsMax) break;
      const verdict = exportVerdict(this.#rib, this.#terms.view, { prefix, route, seen });
      if (verdict === false) continue;
      const from = routes.peer.get(route);
      const rule = verdict === true ? null : verdict;
      now.push({ route, from });
      told.add(prefix, { family, attr: routes.attr.get(route), hop: routes.nextHop.get(route), from, rule }, route);
    }
    for (const { route, from } of before) {
      this.#count(family, from, -1);
      const heir = now.find((path) => path.route === route)?.from;
      // Another's route may have the same number by now: it replaces this one for all but its speaker, who is not told.
      if (heir === undefined) withdrawn.add(prefix, { family, audience: this.#allBut(from) }, route);
      else if (heir !== from && this.members.has(heir))
        withdrawn.add(prefix, { family, audience: { only: heir } }, route);
    }
    for (const { from } of now) this.#count(family, from, 1);
    this.#notePaths(prefix, now);
    if (before.length === 0 && now.length > 0) prefixes.retain(prefix);
    if (before.length > 0 && now.length === 0) released.push(prefix);
  }

  #pathsOf(prefix: PrefixId): Paths {
    const from = this.#sentFrom.get(prefix);
    if (from === nobody) return noPaths;
    return [{ route: this.#sentRoute.get(prefix), from }, ...(this.#sentBeside.get(prefix) ?? noPaths)];
  }

  /** Most prefixes have one path, which takes no object. */
  #notePaths(prefix: PrefixId, [first, ...others]: Paths): void {
    this.#sentFrom.set(prefix, first?.from ?? nobody);
    this.#sentRoute.set(prefix, first?.route ?? noRoute);
    if (others.length > 0) this.#sentBeside.set(prefix, others);
    else this.#sentBeside.delete(prefix);
  }

  #tell(prefix: PrefixId, { told, withdrawn, seen, released }: Gathering): void {
    const { routes, prefixes } = this.#rib;
    const family = prefixes.family(prefix);
    if (this.#origin) this.#inherit(prefix);
    const fromBefore = this.#sentFrom.get(prefix);
    const wasSent = fromBefore !== nobody;
    const route = this.#rib.best(prefix);
    const attr = routes.attr.get(route);
    const hop = routes.nextHop.get(route);
    const from = routes.peer.get(route);
    const isAsLast =
      this.#passesAll && route !== noRoute && isOf(told.last, attr, hop, from) && told.last?.family === family;
    const verdict =
      route !== noRoute && (isAsLast || exportVerdict(this.#rib, this.#terms.view, { prefix, route, seen }));
    if (verdict === false) {
      if (!wasSent) return;
      this.#unsetSent(prefix, family, fromBefore);
      withdrawn.add(prefix, { family, audience: this.#allBut(fromBefore) });
      released.push(prefix);
      return;
    }
    if (isAsLast) told.addToLast(prefix);
    else told.add(prefix, { family, attr, hop, from, rule: verdict === true ? null : verdict });
    if (wasSent && fromBefore === from) return;
    if (!wasSent) prefixes.retain(prefix);
    // Who says it now has heard it from us before, when another said it.
    else if (this.members.has(from)) withdrawn.add(prefix, { family, audience: { only: from } });
    if (wasSent) this.#unsetSent(prefix, family, fromBefore);
    this.#setSent(prefix, family, from);
  }

  #allBut(peer: PeerId): Audience {
    return this.members.has(peer) ? { allBut: [peer] } : everyone;
  }

  #setSent(prefix: PrefixId, family: Family, from: PeerId): void {
    this.#bequeath(prefix);
    this.#sentFrom.set(prefix, from);
    this.#count(family, from, 1);
  }

  #unsetSent(prefix: PrefixId, family: Family, from: PeerId): void {
    this.#bequeath(prefix);
    this.#sentFrom.set(prefix, nobody);
    this.#count(family, from, -1);
  }

  #count(family: Family, from: PeerId, by: 1 | -1): void {
    this.#sentCount[family] += by;
    const counts = this.#sentCountFrom[family];
    counts[from] = (counts[from] ?? 0) + by;
  }

  #send(block: UpdateBlock): void {
    for (const { peer, sink } of this.members.values()) for (const bytes of block.heardBy(peer)) sink.send(bytes);
  }

  #sendEnds(): void {
    const { view, context } = this.#terms;
    const owed = this.#owed;
    this.#owed = [];
    for (const member of owed) {
      if (this.members.get(member.peer) !== member) continue;
      for (const bytes of encodeEnds(member, view.families, context)) member.sink.send(bytes);
      member.owesEndOfRib = false;
      member.owesEndOfRefresh = [];
    }
  }
}

function passesNothing({ view: { filter, filters } }: GroupTerms): boolean {
  return filter.passesNone && !filters;
}

/** Whether it depends on the route's content alone, and not on the prefix, if it may be told. */
function passesAll({ view: { filter, filters } }: GroupTerms): boolean {
  return filter.passesAll && !filters;
}

function isOf(told: Told | null, attr: number, hop: number, from: PeerId): boolean {
  return told !== null && told.attr === attr && told.hop === hop && told.from === from;
}
