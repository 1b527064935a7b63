/**
 * How often each rule decided, since we know it. The kernel counts from zero whenever a chain is filled anew, and a chain
 * is filled anew when any of its rules changes: what was counted until then is kept here, by what a rule says and not by
 * its place, so that a rule that moves takes its hits along.
 */
import type { Family } from "@brindle/net";
import type { TableName } from "../graph/desired.ts";
import type { Chain } from "../render/ir.ts";
import { ruleText } from "../render/ruleArguments.ts";

/** Chains of the same name may be in several. */
export interface CountedTable {
  readonly family: Family;
  readonly table: TableName;
}

export class RuleHits {
  /** By table and chain: what the kernel had counted when it was last looked at. */
  readonly #last = new Map<string, readonly number[]>();
  /** By table and chain, then by the rule's text. */
  readonly #totals = new Map<string, Map<string, number>>();

  /** What the kernel says now: a number for each rule of the chain as it is in force. */
  observe(of: CountedTable, chain: Chain, counts: readonly number[]): void {
    if (counts.length !== chain.rules.length) return; // Somebody else has been there; it is mended soon.
    const key = keyOf(of, chain.name);
    const before = this.#last.get(key);
    for (const [index, count] of counts.entries()) {
      const known = before?.length === counts.length ? (before[index] ?? 0) : 0;
      // The kernel never counts backwards: then the chain was made anew behind our back.
      const more = count >= known ? count - known : count;
      if (more > 0) this.#add(key, textsOf(chain, of.family)[index] ?? "", more);
    }
    this.#last.set(key, counts);
  }

  /** The kernel has begun to count these chains anew. */
  rewritten(of: CountedTable, chains: readonly string[]): void {
    for (const chain of chains) this.#last.delete(keyOf(of, chain));
  }

  /** So it has of all: they are in tables of another backend. */
  moved(): void {
    this.#last.clear();
  }

  /** One number for each rule of a chain in force: first packets of flows, and of a flow that nobody answers each packet. */
  of(table: CountedTable, chain: Chain): number[] {
    const totals = this.#totals.get(keyOf(table, chain.name));
    if (!totals) return chain.rules.map(() => 0);
    return textsOf(chain, table.family).map((text) => totals.get(text) ?? 0);
  }

  /** What is in force no more is forgotten. */
  keep(of: CountedTable, chains: ReadonlySet<string>): void {
    const place = keyOf(of, "");
    const isGone = (key: string): boolean => key.startsWith(place) && !chains.has(key.slice(place.length));
    for (const key of this.#totals.keys()) if (isGone(key)) this.#totals.delete(key);
    for (const key of this.#last.keys()) if (isGone(key)) this.#last.delete(key);
  }

  #add(key: string, text: string, more: number): void {
    const totals = this.#totals.get(key) ?? new Map<string, number>();
    this.#totals.set(key, totals);
    totals.set(text, (totals.get(text) ?? 0) + more);
  }
}

function keyOf({ family, table }: CountedTable, chain: string): string {
  return `${family} ${table} ${chain}`;
}

const known = new WeakMap<Chain, readonly string[]>();

/**
 * With the sets under their base names, since to move to another generation of a set changes nothing. A rule that is
 * there twice is told apart by which of them it is.
 */
function textsOf(chain: Chain, family: Family): readonly string[] {
  const cached = known.get(chain);
  if (cached) return cached;
  const seen = new Map<string, number>();
  const texts = chain.rules.map((rule) => {
    const text = ruleText(rule, family, (base) => base);
    const times = seen.get(text) ?? 0;
    seen.set(text, times + 1);
    return times === 0 ? text : `${text} #${times}`;
  });
  known.set(chain, texts);
  return texts;
}
