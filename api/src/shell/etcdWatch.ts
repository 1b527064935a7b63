/**
 * A watch that survives what happens to etcd. It lists at a revision, follows the stream of changes from the next one,
 * and begins anew whenever the stream ends, whatever the reason: what was told meanwhile and what is told by the new
 * listing meet in `WatchState`, so nothing is lost and nothing is deleted without proof. The client's own watcher,
 * which reconnects by itself and has lost events doing so, is not used.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { StoreError } from "../store/error.ts";
import { etcdPrefixes } from "../store/etcdKeys.ts";
import type { Kind, Watch, WatchEvent } from "../store/store.ts";
import { WatchState } from "../store/watchState.ts";
import type { EtcdConnection } from "./etcdConnection.ts";
import { listPrefixes } from "./etcdRange.ts";
import { EtcdWatchStream } from "./etcdWatchStream.ts";

export interface EtcdWatchOptions {
  /** How often everything is listed although the stream is well: a net below the stream. 5 minutes unless told. */
  readonly relistIntervalMs?: number;
  /** How often etcd is asked for a sign of life that needs its quorum, which a stream does not. 10 s unless told. */
  readonly probeIntervalMs?: number;
}

export interface EtcdWatchPorts {
  readonly connection: EtcdConnection;
  readonly options: EtcdWatchOptions;
}

const retryDelayMsMin = 100;
const retryDelayMsMax = 5_000;

export class EtcdWatch implements Watch {
  readonly #kinds: readonly { readonly prefixes: readonly string[]; readonly state: WatchState }[];
  readonly #listener: (event: WatchEvent) => void;
  readonly #connection: EtcdConnection;
  readonly #relistIntervalMs: number;
  readonly #probeIntervalMs: number;
  readonly #stopping = new AbortController();
  readonly #ended: Promise<void>;
  #isAway = false;
  /** By a clock that nobody sets. */
  #heardAtMs: number | null = null;

  constructor(kinds: readonly Kind[], listener: (event: WatchEvent) => void, { connection, options }: EtcdWatchPorts) {
    this.#listener = (event) => {
      if (!this.#stopping.signal.aborted) listener(event);
    };
    this.#kinds = kinds.map((kind) => ({
      prefixes: etcdPrefixes(kind),
      state: new WatchState(kind, this.#listener),
    }));
    this.#connection = connection;
    this.#relistIntervalMs = options.relistIntervalMs ?? 300_000;
    this.#probeIntervalMs = options.probeIntervalMs ?? 10_000;
    this.#ended = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#ended;
  }

  stalenessMs(): number | null {
    return this.#heardAtMs === null ? null : performance.now() - this.#heardAtMs;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    let failures = 0;
    while (!signal.aborted) {
      const startMs = performance.now();
      try {
        await this.#follow(await this.#list());
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        if (error.failure.code !== "COMPACTED") this.#onAway(error);
        // A stream that held for a while was well: what ended it is a new story.
        failures = performance.now() - startMs > retryDelayMsMax ? 1 : failures + 1;
        await sleep(retryDelayMs(failures), undefined, { signal }).catch(() => {});
      }
    }
  }

  async #list(): Promise<string> {
    const prefixes = this.#kinds.flatMap((kind) => kind.prefixes);
    const { entries, revision } = await listPrefixes(this.#connection, prefixes);
    if (this.#stopping.signal.aborted) return revision;
    let next = 0;
    for (const { prefixes, state } of this.#kinds) {
      state.onListing(entries.slice(next, next + prefixes.length).flat(), revision);
      next += prefixes.length;
    }
    this.#heardAtMs = performance.now();
    if (this.#isAway) {
      this.#isAway = false;
      this.#listener({ type: "connected" });
    }
    return revision;
  }

  /** Ends without an error when it is time to list anew, or to stop. */
  async #follow(revision: string): Promise<void> {
    const watched = this.#kinds.flatMap(({ prefixes, state }) => prefixes.map((prefix) => ({ prefix, state })));
    const over = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(this.#relistDelayMs())]);
    const stream = new EtcdWatchStream(this.#connection, {
      prefixes: watched.map(({ prefix }) => prefix),
      startRevision: String(BigInt(revision) + 1n),
      onChange: (index, change) => watched[index]?.state.onChange(change),
    });
    const done = new AbortController();
    try {
      await Promise.race([stream.follow(over), this.#probe(AbortSignal.any([over, done.signal]))]);
    } finally {
      done.abort();
      stream.cancel();
    }
  }

  /** A member that is cut off from its quorum keeps a stream open and silent; a read that needs the quorum tells. */
  async #probe(signal: AbortSignal): Promise<void> {
    const key = Buffer.from(this.#kinds[0]?.prefixes[0] ?? "/");
    while (!signal.aborted) {
      await sleep(this.#probeIntervalMs, undefined, { signal }).catch(() => {});
      if (!signal.aborted) await this.#connection.range({ key, keys_only: true });
    }
  }

  #onAway(error: StoreError): void {
    if (this.#isAway) return;
    this.#isAway = true;
    this.#listener({ type: "disconnected", reason: error.failure.reason });
  }

  /** Jittered, so that the nodes of a cluster do not list all at once. */
  #relistDelayMs(): number {
    return Math.round(this.#relistIntervalMs * (0.75 + Math.random() / 2));
  }
}

/** Half fixed, half random, doubling up to the bound. */
function retryDelayMs(failures: number): number {
  const ceiling = Math.min(retryDelayMsMax, retryDelayMsMin * 2 ** (failures - 1));
  return ceiling / 2 + (Math.random() * ceiling) / 2;
}
