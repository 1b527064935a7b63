/**
 * Looks each second whether packets still come to our chains: a firewall that empties all tables as it reloads takes our
 * hooks with it, and until they are back nothing is policed. That costs a fraction of a millisecond where single chains can
 * be read (nf_tables). A legacy table, which is read whole or not at all, is read when its outline is another one than when
 * all was in its place, and then for a small share of the time.
 */
import type { HitSource } from "@brindle/policy/shell";

export interface HookWatchPorts {
  sources(): readonly HitSource[];
  nowMs(): number;
  /** Nothing is missed before anything was brought into force. */
  isInForce(): boolean;
  /** Resolves when what was missed is there again, or could not be made. */
  repair(): Promise<void>;
  /** Somebody took our rules away from the head of packets' way. */
  readonly onGone: () => void;
}

const intervalMs = 1_000;
/** What packets have to come through: chains of the kernel, each with a way to ours. */
const hooks: readonly string[] = ["FORWARD", "INPUT", "OUTPUT"];
/** The one of ours that the most of them meet. */
const mostMet = "BRDL-FORWARD";
/** The comment of each rule of ours begins so, but of those that every packet meets. */
const ourMark = "brdl:";
/** No table has this one. */
const unwell = "";
/** Reading whole tables may take that part of the time, at most. */
const readShareMax = 1 / 20;

interface Seen {
  /** When all was in its place. */
  readonly outline: string | null;
  readonly restUntilMs: number;
}

export class HookWatch {
  readonly #ports: HookWatchPorts;
  readonly #timer: NodeJS.Timeout;
  /** Of tables that are read whole. */
  readonly #seen = new WeakMap<HitSource, Seen>();
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
    const { sources, isInForce, repair, onGone } = this.#ports;
    if (!isInForce()) return;
    const seen = await Promise.all(sources().map((source) => this.#isWell(source)));
    if (seen.every(Boolean)) return;
    onGone();
    await repair();
  }

  /** What cannot be read is left to the look at everything, which says so. */
  async #isWell(source: HitSource): Promise<boolean> {
    try {
      return source.readsSingleChains ? await isHooked(source) : await this.#isWholeWell(source);
    } catch {
      return true;
    }
  }

  async #isWholeWell(source: HitSource): Promise<boolean> {
    if (!source.outline) return true;
    const startMs = this.#ports.nowMs();
    const seen = this.#seen.get(source);
    const outline = await source.outline();
    if (seen && (seen.outline === outline || startMs < seen.restUntilMs)) return true;
    const isWell = await isHooked(source);
    const endMs = this.#ports.nowMs();
    const restUntilMs = endMs + (endMs - startMs) / readShareMax;
    this.#seen.set(source, { outline: isWell ? outline : unwell, restUntilMs });
    return isWell;
  }
}

/** FORWARD has a second hook of ours, behind others' rules: that one alone polices nothing. */
async function isHooked(source: HitSource): Promise<boolean> {
  const rules = await source.read([...hooks, mostMet]);
  const isFilled = rules.some(({ chain, comment }) => chain === mostMet && comment.startsWith(ourMark));
  return (
    isFilled && hooks.every((name) => rules.some((rule) => rule.chain === name && rule.leadsTo === `BRDL-${name}`))
  );
}
