/**
 * One monitoring station and our connection to it (RFC 7854 §3). It is dialled, never heard, and told whatever it still
 * has to hear as fast as it reads. Sessions that come and go cannot be told later in one word, so what lies unread is
 * bounded: who falls too far behind, or reads nothing for two minutes, is hung up on, and begins anew.
 */
import type { BmpStatus } from "../control.ts";
import type { GroupTerms } from "../out/exportGroup.ts";
import { ExportGroups, type PeerOut } from "../out/exportGroups.ts";
import type { PeerId } from "../rib/peerTable.ts";
import { PrefixFilter } from "../rib/prefixFilter.ts";
import type { PrefixId } from "../rib/prefixTable.ts";
import type { Rib } from "../rib/rib.ts";
import type { ConnectionId, SpeakerAction, SpeakerTimer } from "../speaker/event.ts";
import { headerBytes } from "../wire/limits.ts";
import { type BmpCollector, collectorName } from "./config.ts";
import {
  initiation,
  type MonitoredTable,
  type PeerDownReason,
  peerDown,
  peerUp,
  routeMonitoring,
  statisticsReport,
  termination,
  terminationReason,
} from "./messages.ts";
import { endOfRib, type MonitoredSession, ownOpen, ownPeer, type SpeakerFacts } from "./monitoredSession.ts";
import { RibMonitor } from "./ribMonitor.ts";
import { locRibStatistics, sessionStatistics } from "./statistics.ts";

/** Beyond this no routes are made for it until it has read. */
const windowBytes = 256 * 1024;
/** Beyond this it is hung up on: some ten thousand sessions that came up while it read nothing. */
export const queueBytesMax: number = 8 * 2 ** 20;
export const stalledSeconds = 120;
/** RFC 7854 §3.2: a station that does not answer is asked ever more seldom. */
export const retrySecondsDefault = 30;
export const retrySecondsMax = 720;

export interface CollectorPorts {
  readonly rib: Rib;
  emit(action: SpeakerAction): void;
  nowMs(): number;
  newConnection(): ConnectionId;
  facts(): SpeakerFacts;
  sessions(): Iterable<MonitoredSession>;
}

/** What is told of one session's routes. */
interface SessionFeed {
  readonly session: MonitoredSession;
  readonly in: Map<"inPrePolicy" | "inPostPolicy", RibMonitor>;
  readonly out: Map<"outPrePolicy" | "outPostPolicy", PeerOut>;
  /** Whether the table, as it was when we began, is still being told. */
  owesEnd: boolean;
}

interface LocRibFeed {
  readonly monitor: RibMonitor;
  owesEnd: boolean;
}

export class Collector {
  readonly name: string;
  readonly #config: BmpCollector;
  readonly #ports: CollectorPorts;
  #connection: ConnectionId | null = null;
  #state: BmpStatus["state"] = "idle";
  #sinceMs: number;
  #lastFailure: BmpStatus["lastFailure"] = null;
  #failures = 0;
  #overruns = 0;
  #messages = 0;
  #undrainedBytes = 0;
  #armed = new Set<CollectorTimer>();
  readonly #feeds = new Map<PeerId, SessionFeed>();
  #locRib: LocRibFeed | null = null;
  /** Of our own, since its members bear the names of those whom peers' groups have. */
  readonly #groups: ExportGroups;

  constructor(config: BmpCollector, ports: CollectorPorts) {
    this.name = collectorName(config);
    this.#config = config;
    this.#ports = ports;
    this.#sinceMs = ports.nowMs();
    this.#groups = new ExportGroups(ports.rib);
  }

  get config(): BmpCollector {
    return this.#config;
  }

  get connection(): ConnectionId | null {
    return this.#connection;
  }

  get hasWork(): boolean {
    if (this.#groups.hasWork) return true; // Also after the end: what a group held is given back in slices.
    if (this.#state !== "up" || !this.#isWritable) return false;
    if (this.#locRib && (!this.#locRib.monitor.isIdle || this.#locRib.owesEnd)) return true;
    for (const feed of this.#feeds.values()) {
      if (feed.owesEnd) return true;
      for (const monitor of feed.in.values()) if (!monitor.isIdle) return true;
    }
    return false;
  }

  start(): void {
    const { address, port } = this.#config;
    this.#connection = this.#ports.newConnection();
    this.#enter("connecting");
    this.#ports.emit({ type: "connect", connection: this.#connection, to: { address, port, isPlain: true } });
  }

  /** For good. */
  stop(text: string): void {
    if (this.#state === "up") this.#send(termination(terminationReason.permanentlyClosed, text));
    this.#hangUp();
    this.#disarmAll();
  }

  connected(): void {
    const { software, hostName } = this.#ports.facts();
    this.#enter("up");
    this.#undrainedBytes = 0;
    this.#send(initiation({ software, name: hostName }));
    if (this.#watches("locRib")) this.#beginLocRib();
    for (const session of this.#ports.sessions()) this.sessionUp(session);
    const { statisticsSeconds } = this.#config;
    if (statisticsSeconds > 0) this.#arm("statistics", statisticsSeconds);
  }

  closed(reason: string): void {
    this.#connection = null;
    this.#fail(this.#state === "up" ? reason : `cannot be reached: ${reason}`);
  }

  drained(): void {
    this.#undrainedBytes = 0;
    this.#disarm("stalled");
    // It has read what it was told: it is well, and the next failure is the first.
    this.#failures = 0;
  }

  timerFired(timer: CollectorTimer): void {
    this.#armed.delete(timer);
    if (timer === "retry") this.start();
    else if (timer === "stalled") this.#overrun(`it has read nothing for ${stalledSeconds} s`);
    else {
      this.#tellStatistics();
      this.#arm("statistics", this.#config.statisticsSeconds);
    }
  }

  sessionUp(session: MonitoredSession): void {
    if (this.#state !== "up") return;
    this.#send(peerUp(session.peer, session.up, this.#ports.nowMs()));
    if (this.#connection === null) return; // That was too much for it.
    const feed: SessionFeed = { session, in: new Map(), out: new Map(), owesEnd: true };
    for (const table of ["inPrePolicy", "inPostPolicy"] as const) {
      if (!this.#watches(table)) continue;
      const withPaths = session.pathsReceived;
      const monitor = new RibMonitor(this.#ports.rib, {
        peer: session.id,
        prePolicy: table === "inPrePolicy",
        withPaths,
      });
      // Routes that are kept for a peer that restarted come again without a change: all are told now.
      monitor.markAll();
      feed.in.set(table, monitor);
    }
    for (const table of ["outPrePolicy", "outPostPolicy"] as const) {
      if (this.#watches(table)) feed.out.set(table, this.#join(session, table));
    }
    this.#feeds.set(session.id, feed);
  }

  sessionDown(id: PeerId, reason: PeerDownReason): void {
    const feed = this.#feeds.get(id);
    if (!feed) return;
    this.#feeds.delete(id);
    dropFeed(feed);
    this.#send(peerDown(feed.session.peer, reason, this.#ports.nowMs()));
  }

  /** What the peer is told is decided otherwise from now on. */
  exportChanged(id: PeerId): void {
    const feed = this.#feeds.get(id);
    if (!feed) return;
    for (const [table, out] of feed.out) out.setTerms(this.#termsOf(feed.session, table));
  }

  routeChanged(prefix: PrefixId, peer: PeerId): void {
    const feed = this.#feeds.get(peer);
    if (feed) for (const monitor of feed.in.values()) monitor.mark(prefix);
  }

  /** The best route of the prefix is another; without `isBest`, others of its routes are. */
  decided(prefix: PrefixId, isBest: boolean): void {
    if (isBest) this.#locRib?.monitor.mark(prefix);
    this.#groups.mark(prefix, isBest);
  }

  /** Tells of at most so many prefixes of each table. */
  drain(limit: number): void {
    if (this.#locRib && this.#isWritable) this.#drainLocRib(this.#locRib, limit);
    for (const feed of this.#feeds.values()) {
      if (!this.#isWritable) break;
      this.#drainFeed(feed, limit);
    }
    this.#groups.drain(limit);
  }

  status(): BmpStatus {
    return {
      name: this.name,
      state: this.#state,
      sinceMs: this.#sinceMs,
      monitor: this.#config.monitor,
      messages: this.#messages,
      queuedBytes: this.#undrainedBytes,
      overruns: this.#overruns,
      lastFailure: this.#lastFailure,
    };
  }

  get #isWritable(): boolean {
    return this.#undrainedBytes < windowBytes;
  }

  #watches(table: MonitoredTable): boolean {
    return this.#config.monitor.includes(table);
  }

  #beginLocRib(): void {
    const facts = this.#ports.facts();
    const open = ownOpen(facts);
    const up = { localAddress: null, localPort: 0, remotePort: 0, sentOpen: open, receivedOpen: open };
    this.#send(peerUp(ownPeer(facts), up, this.#ports.nowMs()));
    const monitor = new RibMonitor(this.#ports.rib, { peer: null, prePolicy: false, withPaths: [] });
    monitor.markAll();
    this.#locRib = { monitor, owesEnd: true };
  }

  #drainLocRib(locRib: LocRibFeed, limit: number): void {
    const peer = ownPeer(this.#ports.facts());
    for (const update of locRib.monitor.drain(limit)) this.#tell(peer, "locRib", update);
    if (!locRib.owesEnd || !locRib.monitor.isIdle) return;
    locRib.owesEnd = false;
    for (const family of [4, 6] as const) this.#tell(peer, "locRib", endOfRib(family));
  }

  #drainFeed(feed: SessionFeed, limit: number): void {
    const { session } = feed;
    for (const [table, monitor] of feed.in) {
      for (const update of monitor.drain(limit)) this.#tell(session.peer, table, update);
    }
    if (!feed.owesEnd || feed.in.values().some((monitor) => !monitor.isIdle)) return;
    feed.owesEnd = false;
    // RFC 7854 §5: the table as it was is told; those of what we tell have their own end (`ExportGroup`).
    for (const table of feed.in.keys()) {
      for (const family of session.families) this.#tell(session.peer, table, endOfRib(family));
    }
  }

  /** One more reader of what the peer is told, by the same rules, as far as the table goes. */
  #join(session: MonitoredSession, table: "outPrePolicy" | "outPostPolicy"): PeerOut {
    const collector = this;
    const sink = {
      send: (bytes: Uint8Array): void => {
        for (const update of messagesIn(bytes)) collector.#tell(session.peer, table, update);
      },
      get isWritable(): boolean {
        return collector.#isWritable;
      },
      undrainedBytes: 0,
    };
    const terms = this.#termsOf(session, table);
    return this.#groups.join({ peer: session.id, address: session.address, terms, sink });
  }

  #termsOf(session: MonitoredSession, table: "outPrePolicy" | "outPostPolicy"): GroupTerms {
    const terms = session.terms();
    const { filters: _, ...unfiltered } = terms.view;
    const view = table === "outPrePolicy" ? { ...unfiltered, filter: everything } : terms.view;
    return { ...terms, key: `${table} ${session.id}`, view, context: { ...terms.context, fourOctetAs: true } };
  }

  #tellStatistics(): void {
    const { rib } = this.#ports;
    const atMs = this.#ports.nowMs();
    for (const { session } of this.#feeds.values()) {
      this.#send(statisticsReport(session.peer, sessionStatistics(rib, session), atMs));
    }
    if (this.#locRib) this.#send(statisticsReport(ownPeer(this.#ports.facts()), locRibStatistics(rib), atMs));
  }

  #tell(peer: MonitoredSession["peer"], table: MonitoredTable, update: Uint8Array): void {
    this.#send(routeMonitoring(peer, table, { update, atMs: this.#ports.nowMs() }));
  }

  #send(bytes: Uint8Array): void {
    if (this.#connection === null) return;
    if (this.#undrainedBytes + bytes.length > queueBytesMax) {
      this.#overrun(`more than ${queueBytesMax} bytes lie unread`);
      return;
    }
    if (this.#undrainedBytes === 0) this.#arm("stalled", stalledSeconds);
    this.#undrainedBytes += bytes.length;
    this.#messages += 1;
    this.#ports.emit({ type: "send", connection: this.#connection, bytes });
  }

  #overrun(text: string): void {
    if (this.#connection === null) return;
    this.#overruns += 1;
    const bytes = termination(terminationReason.outOfResources, text);
    this.#ports.emit({ type: "send", connection: this.#connection, bytes });
    this.#fail(`too slow: ${text}`);
  }

  #fail(text: string): void {
    this.#hangUp();
    this.#disarmAll();
    this.#lastFailure = { atMs: this.#ports.nowMs(), text };
    const { retrySeconds = retrySecondsDefault } = this.#config;
    this.#arm("retry", Math.max(retrySeconds, Math.min(retrySecondsMax, retrySeconds * 2 ** this.#failures)));
    this.#failures += 1;
  }

  #hangUp(): void {
    if (this.#connection !== null) this.#ports.emit({ type: "close", connection: this.#connection });
    this.#connection = null;
    for (const feed of this.#feeds.values()) dropFeed(feed);
    this.#feeds.clear();
    this.#locRib?.monitor.clear();
    this.#locRib = null;
    this.#undrainedBytes = 0;
    this.#enter("idle");
  }

  #enter(state: BmpStatus["state"]): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#sinceMs = this.#ports.nowMs();
  }

  #arm(timer: CollectorTimer, seconds: number): void {
    this.#armed.add(timer);
    this.#ports.emit({ type: "arm", timer: this.#timerOf(timer), seconds });
  }

  #disarm(timer: CollectorTimer): void {
    if (this.#armed.delete(timer)) this.#ports.emit({ type: "disarm", timer: this.#timerOf(timer) });
  }

  #disarmAll(): void {
    for (const timer of [...this.#armed]) this.#disarm(timer);
  }

  #timerOf(timer: CollectorTimer): SpeakerTimer {
    return { of: "collector", collector: this.name, timer };
  }
}

export type CollectorTimer = "retry" | "stalled" | "statistics";

const everything: PrefixFilter = new PrefixFilter({ accept: "all" });

function dropFeed(feed: SessionFeed): void {
  for (const monitor of feed.in.values()) monitor.clear();
  for (const out of feed.out.values()) out.leave();
}

/** BGP messages that lie one after the other. */
function* messagesIn(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at + headerBytes <= bytes.length; ) {
    const length = ((bytes[at + 16] ?? 0) << 8) | (bytes[at + 17] ?? 0);
    yield bytes.subarray(at, at + length);
    at += length;
  }
}
