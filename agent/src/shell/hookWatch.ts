/**
 * Looks each second whether packets still come to our chains: a firewall that empties all tables as it reloads takes our
 * hooks with it, and until they are back nothing is policed. That costs a fraction of a millisecond where single chains can
 * be read (nf_tables). A legacy table, which is read whole or not at all, is read when its outline is another one than when
 * all was in its place, and then for a small share of the time.
 */
import type { RuleCounters } from "@brindle/net/shell";
import type { Desired } from "@brindle/policy";

/** Where the rules of one family are read. */
export type HookSource = Pick<RuleCounters, "family" | "readsSingleChains" | "read" | "outline">;

/** A rule in a chain of the kernel that leads to one of ours, wherever it stands there. */
export interface WatchedHook {
  readonly family: HookSource["family"];
  readonly table: string;
  readonly chain: string;
  readonly leadsTo: string;
}

export interface HookWatchPorts {
  sources(): readonly HookSource[];
  /** Those that have to be there. */
  hooks(): readonly WatchedHook[];
  nowMs(): number;
  /** Nothing is missed before anything was brought into force. */
  isInForce(): boolean;
  /** Resolves when what was missed is there again, or could not be made. */
  repair(): Promise<void>;
  /** Somebody took our rules away from the head of packets' way. */
  readonly onGone: () => void;
}

const intervalMs = 1_000;
/** The chain of ours that the most packets meet: that it was emptied is noticed as well. */
const mostMet = "BRDL-FORWARD";
/** The comment of each rule of ours begins so, but of those that every packet meets. */
const ourMark = "brdl:";
/** No table has this one. */
const unwell = "";
/** Reading whole tables may take that part of the time, at most. */
const readShareMax = 1 / 20;

/** Of what is on its way into the kernel, or out of it, none is there for sure. */
export function hooksToKeep(inForce: Desired | null, wanted: Desired | null): WatchedHook[] {
  const kept = new Set(hooksOf(wanted).map((hook) => JSON.stringify(hook)));
  return hooksOf(inForce).filter((hook) => kept.has(JSON.stringify(hook)));
}

function hooksOf(desired: Desired | null): WatchedHook[] {
  return (desired?.tables ?? []).flatMap(({ family, table, content }) =>
    content.hooks.flatMap(({ chain, rule: { target } }) =>
      target.kind === "jump" ? [{ family, table, chain, leadsTo: target.chain }] : [],
    ),
  );
}

interface Seen {
  /** When all was in its place. */
  readonly outline: string | null;
  readonly restUntilMs: number;
}

export class HookWatch {
  readonly #ports: HookWatchPorts;
  readonly #timer: NodeJS.Timeout;
  /** Of tables that are read whole, by name. */
  readonly #seen = new WeakMap<HookSource, Map<string, Seen>>();
  #looking: Promise<void> | null = null;

  constructor(ports: HookWatchPorts) {
    this.#ports = ports;
    this.#timer = setInterval(() => void this.look(), intervalMs).unref();
  }

  /** Once, and never twice at a time. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  async end(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  async #look(): Promise<void> {
    const { sources, hooks, isInForce, repair, onGone } = this.#ports;
    if (!isInForce()) return;
    const ofTables = Map.groupBy(hooks(), ({ family, table }) => `${family} ${table}`).values();
    const seen = await Promise.all(
      [...ofTables].map(async (ofTable) => {
        const source = sources().find(({ family }) => family === ofTable[0]?.family);
        return source ? this.#isWell(source, ofTable) : true;
      }),
    );
    if (seen.every(Boolean)) return;
    onGone();
    await repair();
  }

  /** What cannot be read is left to the look at everything, which says so. */
  async #isWell(source: HookSource, ofTable: readonly WatchedHook[]): Promise<boolean> {
    try {
      return source.readsSingleChains ? await isHooked(source, ofTable) : await this.#isWholeWell(source, ofTable);
    } catch {
      return true;
    }
  }

  async #isWholeWell(source: HookSource, ofTable: readonly WatchedHook[]): Promise<boolean> {
    if (!source.outline) return true;
    const table = tableOf(ofTable);
    const seenTables = this.#seen.get(source) ?? new Map<string, Seen>();
    this.#seen.set(source, seenTables);
    const startMs = this.#ports.nowMs();
    const seen = seenTables.get(table);
    const outline = await source.outline(table);
    if (seen && (seen.outline === outline || startMs < seen.restUntilMs)) return true;
    const isWell = await isHooked(source, ofTable);
    const endMs = this.#ports.nowMs();
    const restUntilMs = endMs + (endMs - startMs) / readShareMax;
    seenTables.set(table, { outline: isWell ? outline : unwell, restUntilMs });
    return isWell;
  }
}

async function isHooked(source: HookSource, ofTable: readonly WatchedHook[]): Promise<boolean> {
  const table = tableOf(ofTable);
  const isMostMet = ofTable.some(({ leadsTo }) => leadsTo === mostMet);
  const chains = new Set([...ofTable.map(({ chain }) => chain), ...(isMostMet ? [mostMet] : [])]);
  const rules = await source.read([...chains], table);
  const isFilled = rules.some(({ chain, comment }) => chain === mostMet && comment.startsWith(ourMark));
  return (
    (isFilled || !isMostMet) &&
    ofTable.every(({ chain, leadsTo }) => rules.some((rule) => rule.chain === chain && rule.leadsTo === leadsTo))
  );
}

function tableOf([first]: readonly WatchedHook[]): string {
  return first?.table ?? "filter";
}
