/** What the decision and the counters need to know of whoever routes come from. */
import { type Address, compareAddresses } from "@brindle/net";
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
}

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
    return id;
  }

  set(id: PeerId, peer: RibPeer): void {
    this.#peers[id] = peer;
    this.#isRanked = false;
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
