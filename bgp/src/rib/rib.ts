/**
 * The routing table: what every peer announced (Adj-RIB-In) and the best of it by prefix (Loc-RIB), over dense ids and
 * columns. Announcing and withdrawing only note what changed; `settle` and `walk` do the rest in slices, so that no
 * turn of the speaker is long however large the table.
 *
 * What is sent to peers is none of its business: `out/` derives that from `best`.
 */
import { decodeNextHops } from "../wire/attributes/multiprotocol.ts";
import type { Announcement, PackedPrefixes, PathAttributes } from "../wire/message.ts";
import { decodePackedPrefixes, wordsPerPrefix } from "../wire/prefixes.ts";
import type { UpdateScanner } from "../wire/updateScan.ts";
import { wellKnownBit, withLlgrStale } from "../wire/wellKnownCommunities.ts";
import { type AttrId, AttrTable, canonicalBytes } from "./attrTable.ts";
import { Column } from "./column.ts";
import { type Decider, type Multipath, makeDecider } from "./decider.ts";
import { IdFifo } from "./idQueue.ts";
import { type NextHopFact, type NextHopId, NextHopTable } from "./nextHopTable.ts";
import { attributeSetBytesMax, type PeerCounts, type PeerId, PeerTable, type RibPeer } from "./peerTable.ts";
import { Announced, PrefixBatch } from "./prefixBatch.ts";
import { type PrefixId, PrefixTable, prefixPlace, prefixRowAt } from "./prefixTable.ts";
import { completed, type RibPorts } from "./ribPorts.ts";
import { type OnRouteChanged, type RouteContent, RouteImport } from "./routeImport.ts";
import { type RouteId, RouteTable } from "./routeTable.ts";
import { accepted, type RuleName, verdictName } from "./verdict.ts";
import { Walks } from "./walks.ts";

/** In `bestRoute` where the best route was removed and `settle` has not come by yet. */
const gone = 0xffffffff;

type OnChanged = (prefix: PrefixId, change: { readonly best: boolean }) => void;

const bestChange = { best: true } as const;
const hopsChange = { best: false } as const;

/** What one UPDATE withdraws. */
const withdrawn = new PrefixBatch();
/** What UPDATEs announce and `takeIn` has not put into the table yet. */
const announced = new Announced();

export class Rib {
  readonly prefixes: PrefixTable;
  readonly attrs: AttrTable;
  readonly nextHops: NextHopTable;
  readonly routes: RouteTable;
  readonly peers: PeerTable = new PeerTable();
  readonly local: PeerId;
  /** Those that wait (`PrefixTable.startWaiting`). */
  readonly #unsettled = new IdFifo();
  readonly #walks: Walks;
  readonly #decider: Decider;
  #multipath: Multipath | null = null;
  /** What the next hops of each prefix came to, where there may be several: another sum is another set. */
  readonly #hopSums = new Column();
  readonly #import: RouteImport;

  /** `local` is the peer whose routes beat all others: ourselves. */
  constructor(local: RibPeer, ports: RibPorts = {}) {
    const { hashKey, memory } = completed(ports);
    this.prefixes = new PrefixTable(hashKey, memory);
    this.routes = new RouteTable(this.prefixes, memory);
    this.#walks = new Walks(this.routes);
    this.attrs = new AttrTable(hashKey, memory);
    this.nextHops = new NextHopTable(hashKey);
    this.local = this.peers.add(local);
    this.#decider = makeDecider(this);
    this.#import = new RouteImport(this, this.#unsettled);
  }

  /** Tells of routes as they come and go; `null` for nobody, which costs nothing. */
  watchRoutes(onChanged: OnRouteChanged | null): void {
    this.#import.onChanged = onChanged;
  }

  /** Whether there is work for `settle` or `walk`. */
  get isSettled(): boolean {
    return this.#unsettled.size === 0 && this.#walks.size === 0;
  }

  get isWalking(): boolean {
    return this.#walks.size > 0;
  }

  isUnsettled(prefix: PrefixId): boolean {
    return this.prefixes.isWaiting(prefix);
  }

  /** The best route as of the last decision, or zero. */
  best(prefix: PrefixId): RouteId {
    const route = this.prefixes.bestRoute.get(prefix);
    return route === gone ? 0 : route;
  }

  get hasMultipath(): boolean {
    return this.#multipath !== null;
  }

  /** Absent: one next hop a prefix. */
  setMultipath(multipath: Multipath | null): void {
    const [before, after] = [this.#multipath, multipath];
    if (before?.paths === after?.paths && before?.relaxAsPath === after?.relaxAsPath) return;
    this.#multipath = multipath;
    this.#walks.ofAll((route) => this.#import.unsettle(this.routes.prefix.get(route)));
  }

  /** The best route, and those beside it that are used too, each by a next hop of its own. */
  used(prefix: PrefixId): readonly RouteId[] {
    const best = this.best(prefix);
    if (best === 0) return [];
    const hop = this.routes.nextHop.get(best);
    if (this.#multipath === null || hop === 0) return [best];
    const hops = new Set<NextHopId>();
    const [, ...equals] = this.#decider.equals(this.routes.firstOfPrefix(prefix), best, this.#multipath);
    // In an order that does not depend on who came first.
    equals.sort((a, b) => this.peers.rankOf(this.routes.peer.get(a)) - this.peers.rankOf(this.routes.peer.get(b)));
    const different = [best, ...equals].filter((route) => hops.size < hops.add(this.routes.nextHop.get(route)).size);
    return different.slice(0, this.#multipath.paths);
  }

  /** Routes of the prefix that may be used; `ranked`: the best first, which costs the square of their number. */
  eligible(prefix: PrefixId, { ranked }: { readonly ranked: boolean }): readonly RouteId[] {
    const found = this.#decider.eligible(this.routes.firstOfPrefix(prefix));
    return ranked ? this.#decider.ranked(found) : found;
  }

  /** Whether import and its next hop let it be used. */
  isEligible(route: RouteId): boolean {
    return this.#decider.isEligible(route);
  }

  isStale(route: RouteId): boolean {
    return this.routes.epoch.get(route) !== this.peers.epoch.get(this.routes.peer.get(route));
  }

  counts(peer: PeerId, family: 4 | 6): PeerCounts {
    return { received: this.peers.received[family].get(peer), accepted: this.peers.accepted[family].get(peer) };
  }

  announce(peer: PeerId, { prefixes, ...hops }: Announcement, attributes: PathAttributes): void {
    const bytes = canonicalBytes(attributes);
    if (bytes.length > attributeSetBytesMax) this.#refuseLong(peer, prefixes);
    else
      this.#putAll(peer, prefixes, {
        attr: this.attrs.internBytes(bytes, bytes.length),
        hop: this.nextHops.internAnnounced(hops),
      });
  }

  /** Our own prefixes have no next hop. */
  originate(peer: PeerId, prefixes: PackedPrefixes, attributes: PathAttributes): void {
    this.#putAll(peer, prefixes, { attr: this.attrs.intern(attributes), hop: 0 });
  }

  /** How many of them the peer had not announced. */
  withdraw(peer: PeerId, prefixes: PackedPrefixes): number {
    const stride = wordsPerPrefix[prefixes.family];
    let inVain = 0;
    for (let at = 0; at < prefixes.words.length; at += stride) {
      const prefix = this.prefixes.find(prefixes, at);
      const route = prefix === 0 ? 0 : this.routes.find(prefix, peer, prefixes.pathIds?.[at / stride]);
      if (route !== 0) this.#remove(route);
      else inVain += 1;
    }
    return inVain;
  }

  /**
   * What an ordinary UPDATE says, which `scan` has just been through: withdrawals first. Whoever calls it calls `takeIn`
   * behind the last one, before anything else is asked of the table.
   */
  applyScanned(peer: PeerId, bytes: Uint8Array, scan: UpdateScanner): void {
    if (scan.withdrawnEnd > scan.withdrawnStart || scan.unreachEnd > 0 || scan.reachEnd > 0) this.takeIn();
    let inVain = this.#withdraw4(peer, bytes, { start: scan.withdrawnStart, end: scan.withdrawnEnd });
    const unreach =
      scan.unreachEnd > 0 ? decodePackedPrefixes(bytes.subarray(scan.unreachStart, scan.unreachEnd), 6) : null;
    if (unreach) inVain += this.withdraw(peer, unreach);
    if (inVain > 0) this.peers.vain.withdrawnTwice.add(peer, inVain);
    const { attributes, attributesLength: length } = scan;
    if (length === 0) return;
    if (length > attributeSetBytesMax) {
      this.takeIn();
      this.#withdraw4(peer, bytes, { start: scan.nlriStart, end: scan.nlriEnd });
      this.#refuseLong(peer, decodePackedPrefixes(bytes.subarray(scan.reachStart, scan.reachEnd), 6));
      return;
    }
    const attr = this.attrs.internBytes(attributes, length);
    this.attrs.retain(attr);
    if (scan.reachEnd > 0) this.#announce6(peer, attr, bytes, scan);
    if (scan.nlriEnd > scan.nlriStart) this.#announce4(peer, attr, bytes, scan);
    this.attrs.release(attr);
  }

  /** Puts into the table what `applyScanned` left to be looked up together. */
  takeIn(): void {
    const { peer, prefixes, attrs, hops, ends, count } = announced;
    if (count === 0) return;
    this.prefixes.internAll(prefixes);
    const { ids } = prefixes;
    const isBounded = this.peers.get(peer).bounds !== undefined;
    // What is refused for a bound would be gone by the time it comes again.
    if (isBounded) for (let i = 0; i < prefixes.count; i++) this.prefixes.retain(ids[i] ?? 0);
    let start = 0;
    for (let i = 0; i < count; i++) {
      const [attr, hop, end] = [attrs[i] ?? 0, hops[i] ?? 0, ends[i] ?? 0];
      this.#import.putAll(ids, start, end, this.#import.judgementOf(peer, { attr, hop }));
      this.attrs.release(attr);
      this.nextHops.release(hop);
      start = end;
    }
    if (isBounded) for (let i = 0; i < prefixes.count; i++) this.prefixes.release(ids[i] ?? 0);
    announced.clear();
  }

  /** What the peer announced so far is stale until it announces it anew, or until `sweep`. */
  endEpoch(peer: PeerId): void {
    this.peers.epoch.set(peer, this.peers.epoch.get(peer) + 1);
  }

  /**
   * RFC 7313 §4.2: what the peer announced so far of this family is stale until it announces it anew. An epoch is all of
   * the peer's, so what was fresh of the other family goes along into the new one; `sweep` comes behind that.
   */
  beginRefresh(peer: PeerId, family: 4 | 6): void {
    const before = this.peers.epoch.get(peer);
    this.endEpoch(peer);
    const visit = (route: RouteId): void => {
      const isOther = this.prefixes.family(this.routes.prefix.get(route)) !== family;
      if (isOther && this.routes.epoch.get(route) === before) this.routes.epoch.set(route, before + 1);
    };
    this.#walks.ofPeer(peer, visit);
  }

  /** Removes the peer's routes that are stale by now, in slices. */
  sweep(peer: PeerId, families: readonly (4 | 6)[], done: () => void = () => {}): void {
    const epoch = this.peers.epoch.get(peer);
    const visit = (route: RouteId): void => {
      if (this.routes.epoch.get(route) >= epoch) return;
      if (families.includes(this.prefixes.family(this.routes.prefix.get(route)))) this.#remove(route);
    };
    this.#walks.ofPeer(peer, visit, done);
  }

  /** RFC 9494 §4.2: what is stale by now is marked as a last resort, but what its announcer does not want kept is removed. */
  outlive(peer: PeerId, families: readonly (4 | 6)[]): void {
    const visit = (route: RouteId): void => {
      if (!this.isStale(route) || !families.includes(this.prefixes.family(this.routes.prefix.get(route)))) return;
      const attr = this.routes.attr.get(route);
      if ((this.attrs.flags.get(attr) & wellKnownBit.noLlgr) !== 0) this.#remove(route);
      else this.#import.mark(route, this.attrs.intern(withLlgrStale(this.attrs.value(attr))));
    };
    this.#walks.ofPeer(peer, visit);
  }

  /** Removes a peer that announces nothing any more, with all that it announced. */
  removePeer(peer: PeerId): void {
    this.endEpoch(peer);
    this.sweep(peer, [4, 6], () => this.peers.delete(peer));
  }

  /** Judges all that the peer announced by its present import rules. */
  reimport(peer: PeerId): void {
    this.#walks.ofPeer(peer, (route) => this.#import.rejudge(route));
  }

  learnNextHops(facts: readonly NextHopFact[]): void {
    const changed = this.nextHops.learn(facts);
    if (changed.size === 0) return;
    this.#walks.ofAll((route) => {
      if (changed.has(this.routes.nextHop.get(route))) this.#import.unsettle(this.routes.prefix.get(route));
    });
  }

  /** Goes on with sweeps and the like, for at most `limit` routes. */
  walk(limit: number): void {
    this.#walks.run(limit);
  }

  /**
   * Decides at most `limit` prefixes and tells those whose best route is another, or has other content, or is used with
   * others. `onOther`: something else changed, which concerns those alone who are told all routes of a prefix.
   */
  settle(limit: number, onChanged: OnChanged, onOther?: (prefix: PrefixId) => void): void {
    for (let left = limit; left > 0; left--) {
      const prefix = this.#unsettled.shift();
      if (prefix === undefined) return;
      const { rows } = this.prefixes;
      const row = rows.chunkOf(prefix);
      const at = prefixRowAt(prefix);
      const before = row[at + prefixPlace.bestRoute] ?? 0;
      const first = row[at + prefixPlace.firstRoute] ?? 0;
      const best = this.#decider.best(first);
      row[at + prefixPlace.bestRoute] = best;
      this.prefixes.stopWaiting(prefix);
      const usesOthers = (this.#multipath !== null || this.#hopSums.get(prefix) !== 0) && this.#changeHops(prefix);
      if (best !== before || (best !== 0 && this.routes.touched.get(best) === 1)) onChanged(prefix, bestChange);
      else if (usesOthers) onChanged(prefix, hopsChange);
      else onOther?.(prefix);
      for (let route = first; route !== 0; route = this.routes.nextOfPrefix(route)) this.routes.touched.set(route, 0);
      this.prefixes.release(prefix);
    }
  }

  /** The rule of a filter that refused the route. */
  refusedBy(route: RouteId): RuleName | null {
    return this.#import.refusedBy(route);
  }

  /** Why a route is not the best; `null` for the best. */
  lostBy(route: RouteId): string | null {
    const prefix = this.routes.prefix.get(route);
    const verdict = this.routes.verdict.get(route);
    if (verdict !== accepted) return verdictName(verdict);
    if (!this.nextHops.isReachable(this.routes.nextHop.get(route))) return "nextHopUnreachable";
    const best = this.best(prefix);
    if (best === route) return null;
    return best === 0 ? "undecided" : this.#decider.lostBy(route, best);
  }

  /** Whether the next hops are others than at the last decision. */
  #changeHops(prefix: PrefixId): boolean {
    if (this.#multipath === null) {
      this.#hopSums.set(prefix, 0);
      return true;
    }
    let sum = 0;
    let isTouched = false;
    for (const route of this.used(prefix)) {
      sum = (Math.imul(sum, 31) + this.routes.nextHop.get(route) + 1) >>> 0;
      isTouched ||= this.routes.touched.get(route) === 1;
    }
    if (!isTouched && this.#hopSums.get(prefix) === sum) return false;
    this.#hopSums.set(prefix, sum);
    return true;
  }

  /** As RFC 7606 §2 treats what cannot be used: what they replaced is gone. */
  #refuseLong(peer: PeerId, prefixes: PackedPrefixes | null): void {
    this.peers.limited.attributes.add(peer, 1);
    if (prefixes) this.withdraw(peer, prefixes);
  }

  #announce4(peer: PeerId, attr: AttrId, bytes: Uint8Array, { nextHop, nlriStart, nlriEnd }: UpdateScanner): void {
    if (!announced.prefixes.hasRoom(nlriEnd - nlriStart)) this.takeIn();
    const hop = this.nextHops.intern4(nextHop);
    this.nextHops.retain(hop);
    this.attrs.retain(attr);
    announced.peer = peer;
    announced.prefixes.add(bytes, nlriStart, nlriEnd);
    announced.end(attr, hop);
    if (announced.isFull) this.takeIn();
  }

  #announce6(peer: PeerId, attr: AttrId, bytes: Uint8Array, scan: UpdateScanner): void {
    const prefixes = decodePackedPrefixes(bytes.subarray(scan.reachStart, scan.reachEnd), 6);
    const hops = decodeNextHops(bytes.subarray(scan.hopStart, scan.hopEnd), 6);
    if (prefixes && hops) this.#putAll(peer, prefixes, { attr, hop: this.nextHops.internAnnounced(hops) });
  }

  #withdraw4(
    peer: PeerId,
    bytes: Uint8Array,
    { start, end }: { readonly start: number; readonly end: number },
  ): number {
    if (start === end) return 0;
    let inVain = 0;
    withdrawn.count = 0;
    withdrawn.add(bytes, start, end);
    this.prefixes.findAll(withdrawn);
    for (let i = 0; i < withdrawn.count; i++) {
      const prefix = withdrawn.ids[i] ?? 0;
      const route = prefix === 0 ? 0 : this.routes.find(prefix, peer);
      if (route !== 0) this.#remove(route);
      else inVain += 1;
    }
    return inVain;
  }

  #putAll(peer: PeerId, prefixes: PackedPrefixes, content: RouteContent): void {
    // Held meanwhile, so that replacing the last route that has them does not free them.
    this.attrs.retain(content.attr);
    this.nextHops.retain(content.hop);
    const judgement = this.#import.judgementOf(peer, content);
    const stride = wordsPerPrefix[prefixes.family];
    for (let at = 0; at < prefixes.words.length; at += stride) {
      this.#import.put(this.prefixes.intern(prefixes, at), judgement, prefixes.pathIds?.[at / stride] ?? 0);
    }
    this.#import.count(judgement, prefixes.family);
    this.attrs.release(content.attr);
    this.nextHops.release(content.hop);
  }

  #remove(route: RouteId): void {
    const prefix = this.routes.prefix.get(route);
    this.#walks.leave(route);
    if (this.prefixes.bestRoute.get(prefix) === route) this.prefixes.bestRoute.set(prefix, gone);
    this.#import.unsettle(prefix);
    this.#import.release(route);
    this.routes.remove(route);
    this.prefixes.release(prefix);
  }
}
