/** A speaker in a thread of its own, so that nothing which its owner does can delay a keepalive. */

import { Worker } from "node:worker_threads";
import { conditionsOf, entryBeside } from "@brindle/net/shell/threadEntry";
import type { AdvertisedRoute, PeerDetail, PeerStatus, RouteStatus, SpeakerSummary } from "../control.ts";
import { BgpError } from "../error.ts";
import type { DumpedSlice } from "../mrt/dumpTable.ts";
import type { RecordedPiece } from "../recording/tap.ts";
import type { NextHopFact } from "../rib/nextHopTable.ts";
import { unpackBestChanges } from "../speaker/bestChanges.ts";
import type { SpeakerConfig } from "../speaker/config.ts";
import type { OwnRoute, PackedBestChanges, RehearsalQuery, RouteQuery } from "../speaker/event.ts";
import type { MaintenanceWish } from "../speaker/maintenance.ts";
import type { RunningSpeaker, SpeakerListeners } from "./runningSpeaker.ts";
import type { StartOptions } from "./startSpeaker.ts";
import type { Call, FromThread, ThreadStart } from "./threadMessages.ts";

export interface SpeakerThreadOptions extends StartOptions {
  /** The file `speakerThread`, where a bundle has moved it; by default it lies beside this one. */
  readonly entry?: URL;
}

/** As `startSpeaker`. Answers and notices arrive in the order in which the thread sent them. */
export async function startSpeakerThread(
  config: SpeakerConfig,
  listeners: SpeakerListeners = {},
  options: SpeakerThreadOptions = {},
): Promise<RunningSpeaker> {
  const thread = new SpeakerThread(config, listeners, options);
  await thread.started;
  return thread;
}

type Pending = PromiseWithResolvers<unknown>;

/**
 * Sessions come up in a burst of objects, for which V8 takes 48 MB of young generation by itself, and keeps it. Two
 * megabytes a half do as well: tables are no objects.
 */
const resourceLimits = { maxYoungGenerationSizeMb: 6 };

class SpeakerThread implements RunningSpeaker {
  readonly started: Promise<void>;
  readonly #worker: Worker;
  readonly #listeners: SpeakerListeners;
  readonly #pending = new Map<number, Pending>();
  readonly #exited = Promise.withResolvers<void>();
  #lastId = 0;
  #isRunning = false;
  #end: BgpError | null = null;

  constructor(config: SpeakerConfig, listeners: SpeakerListeners, options: SpeakerThreadOptions) {
    const { entry = entryBeside(import.meta.url, "speakerThread"), ...start } = options;
    const workerData: ThreadStart = { config, options: start };
    this.#listeners = listeners;
    this.#worker = new Worker(entry, { name: "bgp", workerData, execArgv: conditionsOf(entry), resourceLimits });
    this.started = this.#expect(0).promise.then(() => {});
    this.#worker.on("message", (message: FromThread) => this.#onMessage(message));
    this.#worker.on("error", (error) =>
      this.#onEnd(error instanceof Error ? (error.stack ?? error.message) : String(error)),
    );
    this.#worker.on("exit", (code) => this.#onEnd(`exit code ${code}`));
  }

  async configure(config: SpeakerConfig): Promise<void> {
    await this.#call("configure", config);
  }

  async originate(prefixes: readonly (string | OwnRoute)[]): Promise<void> {
    await this.#call("originate", prefixes);
  }

  async nextHops(facts: readonly NextHopFact[]): Promise<void> {
    await this.#call("nextHops", facts);
  }

  async reset(peer: string, text?: string): Promise<void> {
    await this.#call("reset", peer, text);
  }

  async refresh(peer?: string): Promise<void> {
    await this.#call("refresh", peer);
  }

  async maintenance(peer: string | null, wish: MaintenanceWish | null): Promise<void> {
    await this.#call("maintenance", peer, wish);
  }

  async record(id: number | null, isLast?: boolean): Promise<RecordedPiece> {
    return (await this.#call("record", id, isLast)) as RecordedPiece;
  }

  async summary(): Promise<SpeakerSummary> {
    return (await this.#call("summary")) as SpeakerSummary;
  }

  async peer(name: string): Promise<PeerDetail | null> {
    return (await this.#call("peer", name)) as PeerDetail | null;
  }

  async advertised(name: string, query?: RehearsalQuery): Promise<readonly AdvertisedRoute[] | null> {
    return (await this.#call("advertised", name, query)) as readonly AdvertisedRoute[] | null;
  }

  async dump(from?: number): Promise<DumpedSlice> {
    return (await this.#call("dump", from)) as DumpedSlice;
  }

  async peers(): Promise<readonly PeerStatus[]> {
    return (await this.#call("peers")) as readonly PeerStatus[];
  }

  async routes(query?: RouteQuery): Promise<readonly RouteStatus[]> {
    return (await this.#call("routes", query)) as readonly RouteStatus[];
  }

  async stop(options?: { readonly keepForwarding?: boolean; readonly text?: string }): Promise<void> {
    if (this.#end) return;
    const stopped = this.#call("stop", options);
    this.#end = new BgpError({ code: "STOPPED" });
    await stopped;
    await this.#exited.promise;
  }

  #call(name: Call["name"], ...args: readonly unknown[]): Promise<unknown> {
    if (this.#end) return Promise.reject(this.#end);
    this.#lastId += 1;
    const call: Call = { id: this.#lastId, name, args };
    const { promise } = this.#expect(call.id);
    this.#worker.postMessage(call);
    return promise;
  }

  #expect(id: number): Pending {
    const pending = Promise.withResolvers<unknown>();
    this.#pending.set(id, pending);
    return pending;
  }

  #onMessage(message: FromThread): void {
    switch (message.type) {
      case "started":
        this.#isRunning = true;
        this.#take(0)?.resolve(undefined);
        break;
      case "returned":
        this.#take(message.id)?.resolve(message.value);
        break;
      case "threw":
        this.#take(message.id)?.reject(message.failure ? new BgpError(message.failure) : new Error(message.text));
        break;
      case "notice":
        this.#notice(message);
        break;
    }
  }

  #notice({ name, args }: Extract<FromThread, { type: "notice" }>): void {
    const { bestChanged, bestChangedPacked } = this.#listeners;
    if (name === "bestChangedPacked" && !bestChangedPacked) {
      bestChanged?.call(this.#listeners, unpackBestChanges(args[0] as PackedBestChanges));
      return;
    }
    const listener = this.#listeners[name] as ((...args: readonly unknown[]) => void) | undefined;
    listener?.(...args);
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  /** Told at most once, and not after a `stop` or a start that failed: those have answered already. */
  #onEnd(reason: string): void {
    const died = new BgpError({ code: "THREAD_DIED", reason });
    const isSurprise = this.#isRunning && this.#end === null;
    this.#end ??= died;
    for (const id of [...this.#pending.keys()]) this.#take(id)?.reject(died);
    this.#exited.resolve();
    if (isSurprise) this.#listeners.failed?.(died);
  }
}
