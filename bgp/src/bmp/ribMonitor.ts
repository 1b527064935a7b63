/**
 * What a collector has heard of one table of routes as they came in (Adj-RIB-In before and after import's rules) or were
 * chosen (Loc-RIB), and is still to hear. At most one entry a prefix waits: a slow collector costs memory by the table.
 */
import type { Family } from "@brindle/net";
import { PendingUpdates } from "../out/pendingUpdates.ts";
import type { AttrId } from "../rib/attrTable.ts";
import { BitSet } from "../rib/column.ts";
import type { NextHopId } from "../rib/nextHopTable.ts";
import type { PeerId } from "../rib/peerTable.ts";
import type { PrefixId } from "../rib/prefixTable.ts";
import type { Rib } from "../rib/rib.ts";
import type { RouteId } from "../rib/routeTable.ts";
import { accepted } from "../rib/verdict.ts";
import { extendedMessageBytesMax, messageBytesMax } from "../wire/limits.ts";
import type { PackedPrefixes } from "../wire/message.ts";
import { encodeUpdates } from "../wire/updateEncoder.ts";

/** Which routes of a prefix are in the table, and with which attributes. */
export interface TableView {
  /** `null`: the best of each prefix, whosever it is. */
  readonly peer: PeerId | null;
  /** Before import's rules: what the peer sent, whatever became of it. */
  readonly prePolicy: boolean;
  /** Of which the peer sends several paths a prefix (RFC 7911): prefixes bear their identifiers. */
  readonly withPaths: readonly Family[];
}

interface Row {
  readonly attr: AttrId;
  readonly hop: NextHopId;
  readonly pathId: number;
}

interface Group {
  readonly attr: AttrId;
  readonly hop: NextHopId;
  readonly family: Family;
  readonly prefixes: PrefixId[];
  readonly pathIds: number[];
}

export class RibMonitor {
  readonly #rib: Rib;
  readonly #view: TableView;
  readonly #pending: PendingUpdates;
  /** What the collector was told, and has not been told to forget. A prefix with its bit has a route, or waits. */
  readonly #told = new BitSet();
  /** The same of families with several paths. */
  readonly #toldPaths = new Map<PrefixId, readonly number[]>();

  constructor(rib: Rib, view: TableView) {
    this.#rib = rib;
    this.#view = view;
    this.#pending = new PendingUpdates(rib.prefixes);
  }

  get isIdle(): boolean {
    return this.#pending.isEmpty;
  }

  mark(prefix: PrefixId): void {
    this.#pending.mark(prefix);
  }

  /** The whole table is to be told. */
  markAll(): void {
    this.#pending.markAll();
  }

  /** Nobody is to hear more of it. */
  clear(): void {
    this.#pending.clear();
  }

  /** UPDATEs for at most `limit` prefixes, withdrawals first. */
  drain(limit: number): Uint8Array[] {
    const groups = new Map<number, Group>();
    const updates: Uint8Array[] = [];
    // The queue lets go of a prefix when it has been taken: what is gone from the table is put into words at once.
    const gone: Record<Family, { readonly words: number[]; readonly pathIds: number[] }> = {
      4: { words: [], pathIds: [] },
      6: { words: [], pathIds: [] },
    };
    this.#pending.drain(limit, (prefix) => {
      if (this.#view.peer === null && this.#rib.isUnsettled(prefix)) return false;
      const family = this.#rib.prefixes.family(prefix);
      const rows = this.#rows(prefix);
      for (const pathId of this.#lostPaths(prefix, family, rows)) {
        gone[family].words.push(...this.#rib.prefixes.pack([prefix], family).words);
        if (this.#hasPaths(family)) gone[family].pathIds.push(pathId);
      }
      for (const row of rows) gather(groups, { ...row, family }, prefix, this.#hasPaths(family));
      return true;
    });
    for (const family of [4, 6] as const) {
      const { words, pathIds } = gone[family];
      if (words.length === 0) continue;
      const prefixes = packed(family, Uint32Array.from(words), pathIds);
      updates.push(...encodeUpdates({ withdrawn: [prefixes], announced: [], attributes: null }, asIs));
    }
    for (const group of groups.values()) updates.push(...this.#announce(group));
    return updates;
  }

  #announce({ attr, hop, family, prefixes: ids, pathIds }: Group): Uint8Array[] {
    const prefixes = packed(family, this.#rib.prefixes.pack(ids, family).words, pathIds);
    const { address: nextHop, linkLocal } = hop === 0 ? ownHop[family] : this.#rib.nextHops.value(hop);
    const announced = [{ prefixes, nextHop, ...(linkLocal && { linkLocalNextHop: linkLocal }) }];
    const content = { withdrawn: [], announced, attributes: this.#rib.attrs.value(attr) };
    // What came in a message of up to 65,535 bytes (RFC 8654) fits no shorter one.
    const { start, end } = this.#rib.attrs.range(attr);
    const isLong = end - start > messageBytesMax - longestRestBytes;
    return encodeUpdates(content, isLong ? { ...asIs, messageBytesMax: extendedMessageBytesMax } : asIs);
  }

  #hasPaths(family: Family): boolean {
    return this.#view.withPaths.includes(family);
  }

  #rows(prefix: PrefixId): readonly Row[] {
    const { routes } = this.#rib;
    const { peer } = this.#view;
    if (peer === null) {
      const best = this.#rib.best(prefix);
      return best === 0 ? [] : [this.#row(best)];
    }
    const rows: Row[] = [];
    for (let route = routes.firstOfPrefix(prefix); route !== 0; route = routes.nextOfPrefix(route)) {
      if (routes.peer.get(route) !== peer) continue;
      if (this.#view.prePolicy || routes.verdict.get(route) === accepted) rows.push(this.#row(route));
    }
    return rows;
  }

  #row(route: RouteId): Row {
    const { routes } = this.#rib;
    const attr = (this.#view.prePolicy && routes.receivedAttr.get(route)) || routes.attr.get(route);
    return { attr, hop: routes.nextHop.get(route), pathId: routes.pathId.get(route) };
  }

  /** What was told of the prefix and is gone, by path identifier; and notes what is told now. */
  #lostPaths(prefix: PrefixId, family: Family, rows: readonly Row[]): readonly number[] {
    if (!this.#hasPaths(family)) {
      if (rows.length === 0) return this.#told.delete(prefix) ? [0] : [];
      this.#told.add(prefix);
      return [];
    }
    const now = rows.map(({ pathId }) => pathId);
    const before = this.#toldPaths.get(prefix) ?? [];
    if (now.length > 0) this.#toldPaths.set(prefix, now);
    else this.#toldPaths.delete(prefix);
    return before.filter((pathId) => !now.includes(pathId));
  }
}

const asIs = { fourOctetAs: true } as const;
/** A header, the two lengths, MP_REACH_NLRI with two next hops and one prefix of IPv6, or as much of IPv4. */
const longestRestBytes = 128;

/** Prefixes of our own have no next hop (RFC 9069 says nothing of it). */
const ownHop = {
  4: { address: { family: 4, value: 0n }, linkLocal: undefined },
  6: { address: { family: 6, value: 0n }, linkLocal: undefined },
} as const;

function gather(
  groups: Map<number, Group>,
  { attr, hop, family, pathId }: Row & { readonly family: Family },
  prefix: PrefixId,
  withPath: boolean,
): void {
  const key = (attr * 2 ** 20 + hop) * 2 + (family === 4 ? 0 : 1);
  let group = groups.get(key);
  if (!group) {
    group = { attr, hop, family, prefixes: [], pathIds: [] };
    groups.set(key, group);
  }
  group.prefixes.push(prefix);
  if (withPath) group.pathIds.push(pathId);
}

function packed(family: Family, words: Uint32Array, pathIds: readonly number[]): PackedPrefixes {
  return pathIds.length > 0 ? { family, words, pathIds: Uint32Array.from(pathIds) } : { family, words };
}
