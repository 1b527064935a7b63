/**
 * All peers that are told routes, in groups that are told the same. A peer begins in a group of its own, or with others
 * that begin; groups of the same terms which have told all become one. A peer that does not keep up leaves its group, so
 * that it delays nobody, and comes back when it has caught up.
 */
import type { Address, Family } from "@brindle/net";
import type { PeerId } from "../rib/peerTable.ts";
import type { PrefixId } from "../rib/prefixTable.ts";
import type { Rib } from "../rib/rib.ts";
import { ExportGroup, type GroupTerms, type Member, type OutSink } from "./exportGroup.ts";
import type { ExportView } from "./exportView.ts";

/** What may lie unsent for one peer, in buffers that it shares with its group, while others still read. */
const behindBytesMax: number = 8 * 2 ** 20;

const turnPrefixesOfGroupMin = 64;

export interface Joining {
  readonly peer: PeerId;
  readonly address: Address;
  readonly terms: GroupTerms;
  readonly sink: OutSink;
}

export class ExportGroups {
  readonly #rib: Rib;
  readonly #groups = new Set<ExportGroup>();
  /** The same, to be gone through for each prefix of a table; `null` once they are others. */
  #listed: readonly ExportGroup[] | null = null;
  /** Nobody is in them any more; they still hold prefixes. */
  readonly #left: ExportGroup[] = [];

  /** How often a member was left behind by its group. */
  fellBehind = 0;

  constructor(rib: Rib) {
    this.#rib = rib;
  }

  /** Whether a turn would find something to do. */
  get hasWork(): boolean {
    if (this.#left.length > 0) return true;
    for (const group of this.#groups) if (!group.isIdle && group.isWritable) return true;
    return false;
  }

  get size(): number {
    return this.#groups.size;
  }

  join({ peer, address, terms, sink }: Joining): PeerOut {
    const member: Member = { peer, address, sink, owesEndOfRib: true, owesEndOfRefresh: [] };
    const beginning = this.#groups.values().find((group) => group.isUntold && group.terms.key === terms.key);
    const group = beginning ?? new ExportGroup(this.#rib, terms);
    this.#add(group);
    group.owe(member);
    return new PeerOut(this, group, member);
  }

  /** The best route of the prefix is another, or has other content; without `isBest`, others of its routes are. */
  mark(prefix: PrefixId, isBest: boolean = true): void {
    this.#listed ??= [...this.#groups];
    const groups = this.#listed;
    for (let i = 0; i < groups.length; i++) groups[i]?.mark(prefix, isBest);
  }

  /** At most so many prefixes, shared among the groups that have something to tell. */
  drain(limit: number): void {
    const left = this.#left[0];
    if (left?.clear(limit)) this.#left.shift();
    this.#splitSlowest();
    const busy = [...this.#groups].filter((group) => !group.isIdle && group.isWritable);
    const share = Math.max(turnPrefixesOfGroupMin, Math.floor(limit / Math.max(1, busy.length)));
    for (const group of busy) group.drain(share);
    this.#joinLevel();
  }

  #add(group: ExportGroup): void {
    this.#groups.add(group);
    this.#listed = null;
  }

  /** The member is in a group of its own from here on. */
  alone(group: ExportGroup, member: Member): ExportGroup {
    if (group.members.size === 1) return group;
    const own = group.split(member);
    this.#add(own);
    return own;
  }

  groupOf({ peer }: Member, before: ExportGroup): ExportGroup {
    if (before.members.has(peer)) return before;
    const group = this.#groups.values().find(({ members }) => members.has(peer));
    if (!group) throw new RangeError(`peer ${peer} is in no export group`);
    return group;
  }

  leave(group: ExportGroup, member: Member): void {
    group.members.delete(member.peer);
    if (group.members.size === 0) this.#dissolve(group);
  }

  /** One a turn: it costs a look at all that waits. */
  #splitSlowest(): void {
    for (const group of this.#groups) {
      if (group.members.size === 1 || group.isLevel || !group.isWritable) continue;
      for (const member of group.members.values()) {
        if (member.sink.undrainedBytes < behindBytesMax) continue;
        this.#add(group.split(member));
        this.fellBehind += 1;
        return;
      }
    }
  }

  /** Groups that have told all, and by the same terms, have told the same. */
  #joinLevel(): void {
    const level = new Map<string, ExportGroup>();
    for (const group of this.#groups) {
      if (!group.isIdle) continue;
      const first = level.get(group.terms.key);
      if (!first) {
        level.set(group.terms.key, group);
        continue;
      }
      for (const [peer, member] of group.members) first.members.set(peer, member);
      group.members.clear();
      this.#dissolve(group);
    }
  }

  #dissolve(group: ExportGroup): void {
    group.forsake();
    this.#groups.delete(group);
    this.#listed = null;
    this.#left.push(group);
  }
}

/** What one Established peer has been told and is to hear (its Adj-RIB-Out), whatever group it is in. */
export class PeerOut {
  readonly #groups: ExportGroups;
  readonly #member: Member;
  #group: ExportGroup;

  constructor(groups: ExportGroups, group: ExportGroup, member: Member) {
    this.#groups = groups;
    this.#group = group;
    this.#member = member;
  }

  get view(): ExportView {
    return this.terms.view;
  }

  /** By which it is told. */
  get terms(): GroupTerms {
    return this.#current().terms;
  }

  /** Whether it has been told all. */
  get isIdle(): boolean {
    const { owesEndOfRib, owesEndOfRefresh } = this.#member;
    return this.#current().isLevel && !owesEndOfRib && owesEndOfRefresh.length === 0;
  }

  /** Whether the table is still being sent for the first time. */
  get owesEndOfRib(): boolean {
    return this.#member.owesEndOfRib;
  }

  advertised(family: Family): number {
    return this.#current().advertised(family, this.#member.peer);
  }

  isAdvertised(prefix: PrefixId): boolean {
    return this.#current().isAdvertised(prefix, this.#member.peer);
  }

  /** The peer wants the family's table again; `demarcated`: and to be told of its end (RFC 7313). */
  refresh(family: Family, demarcated: boolean): void {
    const { owesEndOfRefresh } = this.#member;
    if (demarcated && !owesEndOfRefresh.includes(family)) this.#member.owesEndOfRefresh = [...owesEndOfRefresh, family];
    const group = this.#alone();
    group.owe(this.#member);
    group.markAll();
  }

  /** Tells everything again, to all who are told the same. */
  markAll(): void {
    this.#current().markAll();
  }

  /** Other rules: some of what was told may have to be withdrawn. */
  setTerms(terms: GroupTerms): void {
    this.#alone().markAll(terms);
  }

  /** The session ended. */
  leave(): void {
    this.#groups.leave(this.#current(), this.#member);
  }

  #alone(): ExportGroup {
    this.#group = this.#groups.alone(this.#current(), this.#member);
    return this.#group;
  }

  /** Groups are split and joined behind our back. */
  #current(): ExportGroup {
    this.#group = this.#groups.groupOf(this.#member, this.#group);
    return this.#group;
  }
}
