/**
 * What one Established peer has been told (Adj-RIB-Out): derived from the best routes when its turn comes, so all that
 * is kept is one bit a prefix, for the withdrawal.
 */
import type { Address, Family } from "@brindle/net";
import type { CompiledRule } from "../filter/compile.ts";
import type { AttrId } from "../rib/attrTable.ts";
import { BitSet } from "../rib/column.ts";
import type { NextHopId } from "../rib/nextHopTable.ts";
import type { PrefixId } from "../rib/prefixTable.ts";
import type { Rib } from "../rib/rib.ts";
import type { PackedPrefixes, PathAttributes } from "../wire/message.ts";
import {
  type CandidatesSeen,
  type ExportView,
  exportedAttributes,
  exportedNextHop,
  exportVerdict,
} from "./exportView.ts";
import { PendingUpdates } from "./pendingUpdates.ts";

/** What goes into one or more UPDATE messages. */
export type OutGroup =
  | { readonly type: "withdraw"; readonly prefixes: PackedPrefixes }
  | {
      readonly type: "announce";
      readonly prefixes: PackedPrefixes;
      readonly nextHop: Address;
      readonly attributes: PathAttributes;
    }
  /** The whole table has been sent for the first time (RFC 4724 §2). */
  | { readonly type: "endOfRib"; readonly family: Family }
  /** The whole table has been sent again (RFC 7313 §4.1). */
  | { readonly type: "endOfRefresh"; readonly family: Family };

interface Group {
  readonly family: Family;
  readonly attr: AttrId;
  readonly hop: NextHopId;
  /** The rule of a filter that lets it pass, or `null`. */
  readonly rule: CompiledRule | null;
  readonly prefixes: PrefixId[];
}

/** What one turn tells, by the rule that lets it pass and by content. */
class Groups {
  readonly seen: CandidatesSeen = new Map();
  readonly #byRule = new Map<CompiledRule | null, Map<number, Group>>();

  add(prefix: PrefixId, { family, attr, hop, rule }: Omit<Group, "prefixes">): void {
    const ofRule = this.#byRule.get(rule) ?? new Map<number, Group>();
    if (ofRule.size === 0) this.#byRule.set(rule, ofRule);
    const key = (attr * 2 ** 20 + hop) * 2 + (family === 6 ? 1 : 0);
    const group = ofRule.get(key);
    if (group) group.prefixes.push(prefix);
    else ofRule.set(key, { family, attr, hop, rule, prefixes: [prefix] });
  }

  *all(): Generator<Group> {
    for (const groups of this.#byRule.values()) yield* groups.values();
  }
}

export class AdjRibOut {
  readonly #rib: Rib;
  readonly #pending: PendingUpdates;
  /** Each is retained while it is set. */
  readonly #sent = new BitSet();
  readonly #advertised: Record<Family, number> = { 4: 0, 6: 0 };
  #view: ExportView;
  #owesEndOfRib = true;
  readonly #owesEndOfRefresh = new Set<Family>();

  constructor(rib: Rib, view: ExportView) {
    this.#rib = rib;
    this.#view = view;
    this.#pending = new PendingUpdates(rib.prefixes);
    this.#pending.markAll();
  }

  get isIdle(): boolean {
    return this.#pending.isEmpty && !this.#owesEndOfRib && this.#owesEndOfRefresh.size === 0;
  }

  get view(): ExportView {
    return this.#view;
  }

  advertised(family: Family): number {
    return this.#advertised[family];
  }

  isAdvertised(prefix: PrefixId): boolean {
    return this.#sent.has(prefix);
  }

  /** Whether the table is still being sent for the first time. */
  get owesEndOfRib(): boolean {
    return this.#owesEndOfRib;
  }

  /** The peer wants the family's table again; `demarcated`: and to be told of its end (RFC 7313). */
  refresh(family: Family, demarcated: boolean): void {
    if (demarcated) this.#owesEndOfRefresh.add(family);
    this.#pending.markAll();
  }

  mark(prefix: PrefixId): void {
    this.#pending.mark(prefix);
  }

  /** Sends everything again: a route refresh, or other rules, by which some of it may have to be withdrawn. */
  markAll(view: ExportView = this.#view): void {
    this.#view = view;
    this.#pending.markAll();
  }

  /** At most `limit` prefixes of what the peer is to hear, withdrawals first. */
  drain(limit: number): OutGroup[] {
    const groups = new Groups();
    const withdrawn: Record<Family, PrefixId[]> = { 4: [], 6: [] };
    this.#pending.drain(limit, (prefix) => {
      // It will be marked again if the decision brings a change, but not for the change that it waits for here.
      if (this.#rib.isUnsettled(prefix)) return false;
      const family = this.#rib.prefixes.family(prefix);
      if (this.#gather(groups, prefix, family)) this.#setSent(prefix, family);
      else if (this.#sent.delete(prefix)) withdrawn[family].push(prefix);
      return true;
    });
    return [...this.#withdrawals(withdrawn), ...this.#announcements(groups), ...this.#ends()];
  }

  /** Forgets everything: the session ended. */
  clear(): void {
    this.#pending.clear();
    for (let prefix = 1; prefix < this.#rib.prefixes.idsEnd; prefix++) {
      if (this.#sent.delete(prefix)) this.#rib.prefixes.release(prefix);
    }
  }

  #gather(groups: Groups, prefix: PrefixId, family: Family): boolean {
    const route = this.#rib.best(prefix);
    if (route === 0) return false;
    const verdict = exportVerdict(this.#rib, this.#view, { prefix, route, seen: groups.seen });
    if (verdict === false) return false;
    const [attr, hop] = [this.#rib.routes.attr.get(route), this.#rib.routes.nextHop.get(route)];
    groups.add(prefix, { family, attr, hop, rule: verdict === true ? null : verdict });
    return true;
  }

  #setSent(prefix: PrefixId, family: Family): void {
    if (!this.#sent.add(prefix)) return;
    this.#rib.prefixes.retain(prefix);
    this.#advertised[family] += 1;
  }

  #withdrawals(withdrawn: Readonly<Record<Family, readonly PrefixId[]>>): OutGroup[] {
    const groups: OutGroup[] = [];
    for (const family of [4, 6] as const) {
      const ids = withdrawn[family];
      if (ids.length === 0) continue;
      groups.push({ type: "withdraw", prefixes: this.#rib.prefixes.pack(ids, family) });
      this.#advertised[family] -= ids.length;
      for (const prefix of ids) this.#rib.prefixes.release(prefix); // Only now: its words were needed.
    }
    return groups;
  }

  #announcements(groups: Groups): OutGroup[] {
    const out: OutGroup[] = [];
    for (const { family, attr, hop, rule, prefixes } of groups.all()) {
      const isOwn = hop === 0;
      const learned = isOwn ? null : this.#rib.nextHops.value(hop).address;
      const view = rule?.nextHopMode ? { ...this.#view, nextHopMode: rule.nextHopMode } : this.#view;
      const nextHop = exportedNextHop(view, family, learned);
      if (!nextHop) continue; // `mayBeTold` lets no such family pass.
      const value = this.#rib.attrs.value(attr);
      const changed = rule?.transform ? rule.transform(value) : value;
      const attributes = exportedAttributes(changed, view, { keepsMed: isOwn || rule?.setsMed === true });
      out.push({ type: "announce", prefixes: this.#rib.prefixes.pack(prefixes, family), nextHop, attributes });
    }
    return out;
  }

  #ends(): OutGroup[] {
    if (!this.#pending.isEmpty) return [];
    const refreshed = [...this.#owesEndOfRefresh].map((family) => ({ type: "endOfRefresh", family }) as const);
    this.#owesEndOfRefresh.clear();
    const first = this.#owesEndOfRib ? this.#view.families : [];
    this.#owesEndOfRib = false;
    return [...refreshed, ...first.map((family) => ({ type: "endOfRib", family }) as const)];
  }
}
