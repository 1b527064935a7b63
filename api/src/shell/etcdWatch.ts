/**
 * A watch that survives what happens to etcd. It lists at a revision, follows the stream of changes from the next one,
 * and begins anew whenever the stream ends, whatever the reason: what was told meanwhile and what is told by the new
 * listing meet in `WatchState`, so nothing is lost and nothing is deleted without proof. The client's own watcher,
 * which reconnects by itself and has lost events doing so, is not used.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { StoreError } from "../store/error.ts";
import { etcdPrefixes } from "../store/etcdKeys.ts";
import { type Standing, setBackReason } from "../store/history.ts";
import type { OwnWrites } from "../store/ownWrites.ts";
import type { Kind, Revision, Watch, WatchEvent } from "../store/store.ts";
import { type Change, WatchState } from "../store/watchState.ts";
import type { EtcdConnection } from "./etcdConnection.ts";
import { listPages, standingOf } from "./etcdRange.ts";
import { findMissed, type WatchedKind } from "./etcdWatchCheck.ts";
import { EtcdWatchStream } from "./etcdWatchStream.ts";

export interface EtcdWatchOptions {
  /** How often a listing beside the stream must prove that nothing was missed. 5 minutes unless told. */
  readonly relistIntervalMs?: number;
  /** How often etcd is asked for a sign of life that needs its quorum, which a stream does not. 10 s unless told. */
  readonly probeIntervalMs?: number;
}

export interface EtcdWatchPorts {
  readonly connection: EtcdConnection;
  readonly options: EtcdWatchOptions;
  /** What the watch is about to tell of by this process's own doing. */
  readonly ownWrites: OwnWrites;
}

const retryDelayMsMin = 100;
const retryDelayMsMax = 5_000;

export class EtcdWatch implements Watch {
  readonly #kinds: readonly WatchedKind[];
  readonly #prefixes: readonly string[];
  /** Of each prefix, who is told of what lies below it. */
  readonly #states: readonly WatchState[];
  readonly #listener: (event: WatchEvent) => void;
  readonly #connection: EtcdConnection;
  readonly #relistIntervalMs: number;
  readonly #probeIntervalMs: number;
  readonly #stopping = new AbortController();
  readonly #ended: Promise<void>;
  #isAway = false;
  /** By a clock that nobody sets. */
  #heardAtMs: number | null = null;
  /** The furthest that an answer or a change has shown. */
  #standing: Standing | null = null;

  constructor(kinds: readonly Kind[], listener: (event: WatchEvent) => void, ports: EtcdWatchPorts) {
    const { connection, options, ownWrites } = ports;
    this.#listener = (event) => {
      if (!this.#stopping.signal.aborted) listener(event);
    };
    this.#kinds = kinds.map((kind) => ({
      prefixes: etcdPrefixes(kind),
      state: new WatchState(kind, this.#listener, ownWrites),
    }));
    this.#prefixes = this.#kinds.flatMap(({ prefixes }) => prefixes);
    this.#states = this.#kinds.flatMap(({ prefixes, state }) => prefixes.map(() => state));
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
        this.#onFailure(error);
        // A stream that held for a while was well: what ended it is a new story.
        failures = performance.now() - startMs > retryDelayMsMax ? 1 : failures + 1;
        await sleep(retryDelayMs(failures), undefined, { signal }).catch(() => {});
      }
    }
  }

  async #list(): Promise<Revision> {
    for (const { state } of this.#kinds) state.abandonListing();
    let revision: Revision | undefined;
    for await (const page of listPages(this.#connection, this.#prefixes)) {
      if (revision === undefined) this.#compareStanding(this.#standing, page.standing);
      revision = page.revision;
      if (!this.#stopping.signal.aborted) this.#states[page.index]?.onPage(page.entries);
    }
    if (revision === undefined) throw new RangeError("nothing is watched");
    for (const { state } of this.#kinds) state.onListed(revision);
    this.#heardAtMs = performance.now();
    if (this.#isAway) {
      this.#isAway = false;
      this.#listener({ type: "connected" });
    }
    return revision;
  }

  /** Ends without an error when it is time to list anew, or to stop. */
  async #follow(revision: Revision): Promise<void> {
    const startRevision = BigInt(revision) + 1n;
    const stream = await EtcdWatchStream.open(this.#connection, {
      prefixes: this.#prefixes,
      startRevision,
      onChange: (index, change) => this.#onChange(index, change),
    });
    const over = new AbortController();
    const { promise: stopped, resolve: onStop } = Promise.withResolvers<void>();
    this.#stopping.signal.addEventListener("abort", () => onStop(), { signal: over.signal });
    if (this.#stopping.signal.aborted) onStop();
    try {
      await Promise.race([stopped, stream.failed, this.#guard(stream, over.signal)]);
    } finally {
      over.abort();
      stream.cancel();
    }
  }

  #onChange(index: number, change: Change): void {
    if (this.#stopping.signal.aborted) return;
    const revision = change.type === "put" ? change.entry.revision : change.revision;
    const standing = this.#standing;
    if (standing && BigInt(revision) > BigInt(standing.revision)) this.#standing = { ...standing, revision };
    this.#states[index]?.onChange(change);
  }

  /** Looks at the stream from outside, from time to time. Ends when the stream is not to be believed. */
  async #guard(stream: EtcdWatchStream, signal: AbortSignal): Promise<void> {
    const checkIntervalMs = jittered(this.#relistIntervalMs);
    let checkedAtMs = performance.now();
    for (;;) {
      await sleep(Math.min(this.#probeIntervalMs, checkIntervalMs), undefined, { signal }).catch(() => {});
      if (signal.aborted || (await this.#probe(stream)) === "setBack") return;
      if (performance.now() - checkedAtMs < checkIntervalMs) continue;
      const missed = await findMissed(this.#connection, this.#kinds, signal);
      if (signal.aborted) return;
      if (missed.length > 0) return this.#onMissed(missed);
      checkedAtMs = performance.now();
    }
  }

  /** A member that is cut off from its quorum keeps a stream open and silent; a read that needs the quorum tells. */
  async #probe(stream: EtcdWatchStream): Promise<"well" | "setBack"> {
    const before = this.#standing;
    const key = Buffer.from(this.#prefixes[0] ?? "/");
    const { header } = await this.#connection.rangeAt(stream.member, { key, keys_only: true });
    if (this.#compareStanding(before, standingOf(header))) return "setBack";
    await stream.proveAlive(header.revision);
    this.#heardAtMs = performance.now();
    return "well";
  }

  /** `before` is what was known when `now` was asked for. */
  #compareStanding(before: Standing | null, now: Standing): boolean {
    const reason = before && setBackReason(before, now);
    if (this.#standing === before || reason) this.#standing = now;
    if (!reason) return false;
    for (const { state } of this.#kinds) state.forgetRevisions();
    this.#listener({ type: "trouble", trouble: "setBack", reason });
    return true;
  }

  #onMissed(keys: readonly string[]): void {
    const count = keys.length === 1 ? "1 change was" : `${keys.length} changes were`;
    const reason = `${count} never told, among them that of ${keys[0]}`;
    this.#listener({ type: "trouble", trouble: "missed", reason });
  }

  #onFailure({ failure }: StoreError): void {
    const { reason } = failure;
    if (failure.code === "COMPACTED") this.#listener({ type: "trouble", trouble: "compacted", reason });
    else if (!this.#isAway) {
      this.#isAway = true;
      this.#listener({ type: "disconnected", reason });
    }
  }
}

/** So that the nodes of a cluster do not list all at once. */
function jittered(intervalMs: number): number {
  return Math.round(intervalMs * (0.75 + Math.random() / 2));
}

/** Half fixed, half random, doubling up to the bound. */
function retryDelayMs(failures: number): number {
  const ceiling = Math.min(retryDelayMsMax, retryDelayMsMin * 2 ** (failures - 1));
  return ceiling / 2 + (Math.random() * ceiling) / 2;
}
