/** What the decision and the counters need to know of whoever routes come from. */
import { type Address, compareAddresses, sameAddress } from "@brindle/net";
import type { CompiledFilters } from "../filter/compile.ts";
import { Column, IdPool } from "./column.ts";
import type { PrefixFilter } from "./prefixFilter.ts";
import type { Verdict } from "./verdict.ts";

export type PeerId = number;

export interface RibPeer {
  readonly name: string;
  /** Of another AS (eBGP). */
  readonly external: boolean;
  readonly bgpId: number;
  readonly address: Address;
  readonly importRules: ImportRules;
  /** RFC 4456: a client of ours, whose routes all internal peers hear from us. */
  readonly isClient?: true;
  /** Absent: none. */
  readonly bounds?: PeerBounds;
}

/** What of a peer is not kept. */
export interface PeerBounds {
  /** So many routes there may be of each family; what comes beyond is dropped. */
  readonly routes?: Readonly<Partial<Record<4 | 6, number>>>;
  /** So many paths there may be of a prefix (RFC 7911). */
  readonly paths?: number;
}

/**
 * Longer than four messages of the plain length: what is beyond, which only messages of 65,535 bytes can bring (RFC 8654),
 * could be told to few, and would be kept for each route that has a set of its own.
 */
export const attributeSetBytesMax: number = 16_384;

/** What was not kept, or not used, since it was beyond a bound. */
export const limits = ["prefixes", "paths", "attributes", "asPath"] as const;
export type Limit = (typeof limits)[number];

/**
 * What of a peer's words came to nothing, for monitoring stations (RFC 7854 §4.8): prefixes that a policy refused, those
 * told or withdrawn once too often, and announcements that had been here before.
 */
export const vainCounts = [
  "refusedByPolicy",
  "toldTwice",
  "withdrawnTwice",
  "clusterLoop",
  "asLoop",
  "originatorLoop",
] as const;
export type VainCount = (typeof vainCounts)[number];

export interface ImportRules {
  /** Decide before `filter`, which has the prefixes that no rule of theirs matches. */
  readonly filters?: CompiledFilters;
  readonly filter: PrefixFilter;
  /** What the attributes and the next hop say of a route, whatever its prefix. */
  judge(attr: number, nextHop: number): Verdict;
}

export interface PeerCounts {
  readonly received: number;
  readonly accepted: number;
}

export class PeerTable {
  /** Counts up when the peer's session ends: what it announced before is stale. */
  readonly epoch: Column = new Column();
  readonly received: Readonly<Record<4 | 6, Column>> = { 4: new Column(), 6: new Column() };
  readonly accepted: Readonly<Record<4 | 6, Column>> = { 4: new Column(), 6: new Column() };
  /** How often each limit was met, since the peer is known: counts that only grow. */
  readonly limited: Readonly<Record<Limit, Column>> = {
    prefixes: new Column(),
    paths: new Column(),
    attributes: new Column(),
    asPath: new Column(),
  };
  /** The same: each is counted where a route is refused or changes nothing, so that one that is taken costs nothing. */
  readonly vain: Readonly<Record<VainCount, Column>> = {
    refusedByPolicy: new Column(),
    toldTwice: new Column(),
    withdrawnTwice: new Column(),
    clusterLoop: new Column(),
    asLoop: new Column(),
    originatorLoop: new Column(),
  };
  readonly #pool = new IdPool();
  readonly #peers: (RibPeer | undefined)[] = [];
  readonly #ranks = new Column();
  #isRanked = false;

  get(id: PeerId): RibPeer {
    const peer = this.#peers[id];
    if (!peer) throw new RangeError(`no peer ${id} in the RIB`);
    return peer;
  }

  add(peer: RibPeer): PeerId {
    const id = this.#pool.take();
    this.#peers[id] = peer;
    this.#isRanked = false;
    for (const limit of limits) this.limited[limit].set(id, 0);
    for (const name of vainCounts) this.vain[name].set(id, 0);
    return id;
  }

  set(id: PeerId, peer: RibPeer): void {
    const before = this.#peers[id];
    this.#peers[id] = peer;
    if (!before || !sameAddress(before.address, peer.address)) this.#isRanked = false;
  }

  /** Of one announcement that import refuses for its attributes, whatever its prefixes. */
  countRefused(id: PeerId, verdict: Verdict): void {
    if (verdict === "asPathTooLong") this.limited.asPath.add(id, 1);
    else if (verdict === "clusterLoop" || verdict === "asLoop" || verdict === "originatorLoop")
      this.vain[verdict].add(id, 1);
  }

  delete(id: PeerId): void {
    this.#peers[id] = undefined;
    this.#pool.giveBack(id);
  }

  /** The place of the peer's address among those of all. */
  rankOf(id: PeerId): number {
    if (!this.#isRanked) this.#rankByAddress();
    return this.#ranks.get(id);
  }

  /** Two peers keep their order whoever comes or goes, so no decision is ever made anew for this. */
  #rankByAddress(): void {
    const known = this.#peers.flatMap((peer, id) => (peer ? [{ id, address: peer.address }] : []));
    known.sort((a, b) => compareAddresses(a.address, b.address));
    for (const [rank, { id }] of known.entries()) this.#ranks.set(id, rank);
    this.#isRanked = true;
  }
}
