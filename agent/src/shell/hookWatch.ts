/**
 * Looks each second whether packets still come to our chains: a firewall that empties all tables as it reloads takes our
 * hooks with it, and until they are back nothing is policed. That costs a fraction of a millisecond where single chains can
 * be read (nf_tables); with legacy tables, which are read whole or not at all, the slower look at everything has to do.
 */
import type { HitSource } from "@brindle/policy/shell";

export interface HookWatchPorts {
  sources(): readonly HitSource[];
  /** Nothing is missed before anything was brought into force. */
  isInForce(): boolean;
  /** Resolves when what was missed is there again, or could not be made. */
  repair(): Promise<void>;
  /** Somebody took our rules away from the head of packets' way. */
  readonly onGone: () => void;
}

const intervalMs = 1_000;
/** What a packet has to come through: a chain of the kernel, and ours to which that leads. */
const watched: readonly string[] = ["FORWARD", "BRDL-FORWARD"];
/** The comment of each rule of ours begins so. */
const ourMark = "brdl:";

export class HookWatch {
  readonly #ports: HookWatchPorts;
  readonly #timer: NodeJS.Timeout;
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
    const seen = await Promise.all(
      sources()
        .filter(({ readsSingleChains }) => readsSingleChains)
        .map(isHooked),
    );
    if (seen.every(Boolean)) return;
    onGone();
    await repair();
  }
}

/** What cannot be read is left to the look at everything, which says so. */
async function isHooked(source: HitSource): Promise<boolean> {
  try {
    const rules = await source.read(watched);
    const ours = rules.filter(({ comment }) => comment.startsWith(ourMark));
    return watched.every((name) => ours.some(({ chain }) => chain === name));
  } catch {
    return true;
  }
}
