/** A speaker with sockets, timers and a clock, in this thread. All decisions are `Speaker`'s: here they are carried out. */

import { setImmediate as nextTurn } from "node:timers/promises";
import type { AdvertisedRoute, PeerDetail, PeerStatus, RouteStatus, SpeakerSummary } from "../control.ts";
import { BgpError } from "../error.ts";
import type { DumpedSlice } from "../mrt/dumpTable.ts";
import { type RecordedPiece, Tap } from "../recording/tap.ts";
import type { HashKey } from "../rib/keyedHash.ts";
import type { NextHopFact } from "../rib/nextHopTable.ts";
import { TableMemory } from "../rib/tableMemory.ts";
import { unpackBestChanges } from "../speaker/bestChanges.ts";
import { checkConfig } from "../speaker/checkConfig.ts";
import type { SpeakerConfig } from "../speaker/config.ts";
import type { OwnRoute, RehearsalQuery, RouteQuery, SpeakerAction, SpeakerEvent } from "../speaker/event.ts";
import type { MaintenanceWish } from "../speaker/maintenance.ts";
import { Speaker } from "../speaker/speaker.ts";
import { BfdWatch } from "./bfdWatch.ts";
import { Connections } from "./connections.ts";
import { ListenerSet } from "./listenerSet.ts";
import { Recorder } from "./recorder.ts";
import type { RunningSpeaker, SpeakerListeners } from "./runningSpeaker.ts";
import { SignatureCounter } from "./signatureCounter.ts";
import { SocketOptions } from "./socketOptions.ts";
import { TimerSet } from "./timerSet.ts";
import { UnnumberedPeers } from "./unnumberedPeers.ts";
import { ZeroedMemory } from "./zeroedMemory.ts";

/** Rejects where the configuration is invalid or an address cannot be listened on; nothing runs then. */
export async function startSpeaker(
  config: SpeakerConfig,
  listeners: SpeakerListeners = {},
  options: StartOptions = {},
): Promise<RunningSpeaker> {
  const speaker = new LocalSpeaker(listeners, options);
  await speaker.configure(config);
  return speaker;
}

export interface StartOptions {
  /** A file, which must not exist: all that happens and all that is done about it, to be played again (`replay`). */
  readonly recordTo?: string;
  /** The same waits to be fetched, as the recording of number `firstRecording` (`RunningSpeaker.record`). */
  readonly recordsFromStart?: true;
}

/** Nobody learns it: it is in no recording, and a replay does the same by any other. */
function randomHashKey(): HashKey {
  const [low = 0, high = 0] = crypto.getRandomValues(new Uint32Array(2));
  return [low, high];
}

class LocalSpeaker implements RunningSpeaker {
  readonly #speaker: Speaker;
  readonly #memory = new ZeroedMemory();
  readonly #listeners: SpeakerListeners;
  readonly #options = new SocketOptions();
  readonly #connections = new Connections((event) => this.#dispatch(event), this.#options);
  readonly #timers = new TimerSet((timer) => this.#dispatch({ type: "timer", timer }));
  /** Peers whose paths are to be left once their connections are gone. */
  readonly #leaving = new Map<string, symbol>();
  readonly #servers = new ListenerSet((socket) => this.#connections.accept(socket), this.#options);
  readonly #unnumbered = new UnnumberedPeers(() => {
    if (this.#config && !this.#stopped) this.#apply(this.#config);
  });
  readonly #paths = new BfdWatch((peer, status) => {
    if (!this.#stopped) this.#dispatch({ type: "path", peer, status });
  });
  #config: SpeakerConfig | null = null;
  /** A listener may call back while actions are being carried out; its event waits until they are. */
  readonly #events: SpeakerEvent[] = [];
  #isDispatching = false;
  readonly #signatures = new SignatureCounter();
  #signaturesTold = 0;
  #stopped = false;

  readonly #recorder: Recorder | null;
  readonly #tap = new Tap();

  constructor(listeners: SpeakerListeners, { recordTo, recordsFromStart }: StartOptions) {
    this.#listeners = listeners;
    this.#speaker = new Speaker({ hashKey: randomHashKey(), memory: new TableMemory(this.#memory) });
    this.#recorder = recordTo === undefined ? null : new Recorder(recordTo);
    if (recordsFromStart) this.#tap.beginWithSpeaker(Date.now());
  }

  async configure(config: SpeakerConfig): Promise<void> {
    this.#assertRunning();
    checkConfig(config);
    await this.#options.prepare(config);
    await this.#unnumbered.prepare(config);
    await this.#paths.prepare(config);
    const release = await this.#servers.open(config);
    this.#assertRunning();
    this.#unnumbered.watch(config);
    this.#config = config;
    this.#apply(config);
    release();
  }

  #apply(given: SpeakerConfig): void {
    const config = this.#unnumbered.resolve(given);
    const peers = this.#servers.tune(config);
    this.#options.use(config);
    this.#dispatch({ type: "configure", config });
    if (peers.length > 0) this.#dispatch({ type: "passwordsNotHeard", peers });
  }

  async originate(prefixes: readonly (string | OwnRoute)[]): Promise<void> {
    this.#assertRunning();
    this.#dispatch({ type: "originate", prefixes });
  }

  async nextHops(facts: readonly NextHopFact[]): Promise<void> {
    this.#assertRunning();
    this.#dispatch({ type: "nextHops", facts });
  }

  async reset(peer: string, text?: string): Promise<void> {
    this.#assertRunning();
    this.#dispatch(text === undefined ? { type: "reset", peer } : { type: "reset", peer, text });
  }

  async refresh(peer?: string): Promise<void> {
    this.#assertRunning();
    this.#dispatch({ type: "refresh", peer: peer ?? null });
  }

  async maintenance(peer: string | null, wish: MaintenanceWish | null): Promise<void> {
    this.#assertRunning();
    this.#dispatch({ type: "maintenance", peer, wish });
  }

  async record(id: number | null, isLast: boolean = false): Promise<RecordedPiece> {
    this.#assertRunning();
    const nowMs = Date.now();
    if (id !== null || !this.#config) return this.#tap.take(id ?? 0, { nowMs, isLast });
    return this.#tap.begin({ config: this.#config, peers: this.#speaker.peers(), nowMs });
  }

  async summary(): Promise<SpeakerSummary> {
    return this.#speaker.summary();
  }

  async peer(name: string): Promise<PeerDetail | null> {
    return this.#speaker.peer(name);
  }

  async advertised(name: string, query?: RehearsalQuery): Promise<readonly AdvertisedRoute[] | null> {
    if (query?.config) checkConfig(query.config);
    const { limit = 1000 } = query ?? {};
    const rows: AdvertisedRoute[] = [];
    for (let from: number | null = 1; from !== null; ) {
      const slice = this.#speaker.advertised(name, { ...query, limit: limit - rows.length }, from);
      if (!slice) return null;
      rows.push(...slice.rows);
      from = slice.next;
      if (from !== null) await nextTurn();
    }
    return rows;
  }

  async dump(from?: number): Promise<DumpedSlice> {
    return this.#speaker.dump(from);
  }

  async peers(): Promise<readonly PeerStatus[]> {
    return this.#speaker.peers();
  }

  async routes(query: RouteQuery = {}): Promise<readonly RouteStatus[]> {
    const { limit = 1000 } = query;
    const rows: RouteStatus[] = [];
    for (let from: number | null = 1; from !== null; ) {
      const slice = this.#speaker.routeSlice({ ...query, limit: limit - rows.length }, from);
      rows.push(...slice.rows);
      from = slice.next;
      if (from !== null) await nextTurn();
    }
    return rows;
  }

  async stop({ keepForwarding = false, text }: { keepForwarding?: boolean; text?: string } = {}): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#dispatch(text === undefined ? { type: "stop", keepForwarding } : { type: "stop", keepForwarding, text });
    this.#timers.clear();
    this.#unnumbered.stop();
    this.#memory.close();
    await Promise.all([this.#servers.close(), this.#connections.end()]);
    // Behind the NOTIFICATIONs: BIRD and FRR take AdminDown for a failure, and would not hear why the session ends.
    await this.#paths.end({ quietly: keepForwarding });
  }

  #assertRunning(): void {
    if (this.#stopped) throw new BgpError({ code: "STOPPED" });
  }

  /** A recording has it, too: it is played by a speaker that tells all. */
  get #isToldOfBest(): boolean {
    const { bestChanged, bestChangedPacked } = this.#listeners;
    return Boolean(bestChanged ?? bestChangedPacked) || this.#recorder !== null || this.#tap.isOpen;
  }

  #dispatch(event: SpeakerEvent): void {
    this.#events.push(event);
    if (this.#isDispatching) return;
    this.#isDispatching = true;
    try {
      for (let next = this.#events.shift(); next; next = this.#events.shift()) {
        const nowMs = Date.now();
        this.#speaker.tellsBest = this.#isToldOfBest;
        const actions = this.#speaker.handle(next, nowMs);
        this.#recorder?.add({ nowMs, event: next, actions });
        if (this.#tap.isOpen) this.#tap.add({ nowMs, event: next, actions });
        for (const action of actions) this.#perform(action);
      }
    } finally {
      this.#isDispatching = false;
    }
  }

  /**
   * Behind the NOTIFICATION that says why: BIRD and FRR take AdminDown for a failure, and whichever comes first is what
   * their operators read. At the end all paths go, in whatever way.
   */
  #unwatch(peer: string): void {
    const leave = Symbol(peer);
    this.#leaving.set(peer, leave);
    void this.#connections.lingered().then(() => {
      if (this.#leaving.get(peer) !== leave) return;
      this.#leaving.delete(peer);
      if (!this.#stopped) this.#paths.unwatch(peer);
    });
  }

  /** At each dial, since it is the dials whose failure is to be explained. */
  #tellSignatures(): void {
    const count = this.#signatures.dropped();
    if (count === this.#signaturesTold) return;
    this.#signaturesTold = count;
    this.#dispatch({ type: "signaturesDropped", count });
  }

  #perform(action: SpeakerAction): void {
    switch (action.type) {
      case "connect":
        this.#tellSignatures();
        this.#connections.dial(action.connection, action.to);
        break;
      case "send":
        this.#connections.send(action.connection, action.bytes);
        break;
      case "close":
        this.#connections.close(action.connection);
        break;
      case "arm":
        this.#timers.arm(action.timer, action.seconds);
        break;
      case "disarm":
        this.#timers.disarm(action.timer);
        break;
      case "watch":
        this.#leaving.delete(action.peer);
        this.#paths.watch(action.peer, action.path);
        break;
      case "unwatch":
        this.#unwatch(action.peer);
        break;
      case "wake":
        // After the sockets and timers of this round, so that long work holds up no keepalive.
        setImmediate(() => this.#dispatch({ type: "turn" }));
        break;
      case "bestChanged":
        if (this.#listeners.bestChangedPacked) this.#listeners.bestChangedPacked(action.changes);
        else this.#listeners.bestChanged?.(unpackBestChanges(action.changes));
        break;
      case "peerChanged":
        this.#listeners.peerChanged?.(action.peer);
        break;
      case "tableComplete":
        this.#listeners.tableComplete?.();
        break;
    }
  }
}
