/**
 * A whole BGP speaker as one function: events in, actions out. It has no clock, no socket and no random number, so that
 * a run can be recorded and replayed, and many speakers simulated in one process.
 *
 * Long work is never done in the event that asks for it, but noted and done in `turn` events, a slice in each.
 */

import type { Address } from "@brindle/net";
import { Monitors } from "../bmp/monitors.ts";
import type { PeerDetail, PeerStatus, RouteStatus, SpeakerSummary } from "../control.ts";
import type { DumpedSlice } from "../mrt/dumpTable.ts";
import { ExportGroups } from "../out/exportGroups.ts";
import type { RehearsedSlice } from "../out/rehearsal.ts";
import { PrefixFilter } from "../rib/prefixFilter.ts";
import { Rib } from "../rib/rib.ts";
import { encodeMessage } from "../wire/codec.ts";
import { cease } from "../wire/fault.ts";
import { ceaseNotification } from "../wire/notification.ts";
import { BestChangePacker } from "./bestChanges.ts";
import { checkConfig } from "./checkConfig.ts";
import type { SpeakerConfig } from "./config.ts";
import type {
  ConnectionId,
  OwnRoute,
  RehearsalQuery,
  RouteQuery,
  SpeakerAction,
  SpeakerEvent,
  SpeakerTimer,
} from "./event.ts";
import { Maintenance } from "./maintenance.ts";
import { monitoredFacts } from "./monitoring.ts";
import { ownGroups } from "./ownRoutes.ts";
import { Peer } from "./peer.ts";
import { canonicalAddress } from "./peerPlace.ts";
import type { PeerSession } from "./peerSession.ts";
import { PeerSet } from "./peerSet.ts";
import type { PeerPorts } from "./ports.ts";
import { advertisedTo, dumpOf } from "./questions.ts";
import { noRefusals, refusalOf } from "./refusals.ts";
import { knowledgeOf, Restart, restartTimes } from "./restart.ts";
import { queryRoutes, querySlice, type RouteSlice } from "./routeQuery.ts";
import type { SpeakerOptions } from "./speakerOptions.ts";
import { summaryOf } from "./summary.ts";

/** Some 5 ms of work. */
const turnPrefixesMax = 4096;

export class Speaker {
  readonly #rib: Rib;
  readonly #groups: ExportGroups;
  readonly #ports: PeerPorts;
  readonly #monitors: Monitors;
  tellsBest: boolean;
  readonly #maintenance = new Maintenance();
  readonly #peers = new PeerSet(this.#maintenance, () => this.#ports);
  readonly #connections = new Map<ConnectionId, PeerSession>();
  readonly #restart = new Restart();
  #config: SpeakerConfig | null = null;
  /** Connections turned away: of addresses that nobody knows, and of peers or ranges that have as many as they may. */
  readonly #refused = noRefusals();
  #actions: SpeakerAction[] = [];
  #nowMs = 0;
  #lastConnection: ConnectionId = 0;
  #awaitsTurn = false;
  #signaturesDropped = 0;
  #tookOver = false;
  #stopped = false;

  constructor({ tellsBest = true, ...tables }: SpeakerOptions = {}) {
    this.tellsBest = tellsBest;
    const importRules = { filter: new PrefixFilter({ accept: "all" }), judge: () => "accepted" as const };
    const address: Address = { family: 4, value: 0n };
    this.#rib = new Rib({ name: "local", external: true, bgpId: 0, address, importRules }, tables);
    this.#groups = new ExportGroups(this.#rib);
    this.#monitors = new Monitors({
      rib: this.#rib,
      emit: (action) => this.#actions.push(action),
      nowMs: () => this.#nowMs,
      newConnection: () => ++this.#lastConnection,
      facts: () => monitoredFacts(this.#config),
    });
    this.#ports = this.#makePorts();
  }

  /** What we were told wrongly (`configure`, `originate`) throws a `BgpError` and changes nothing. */
  handle(event: SpeakerEvent, nowMs: number): SpeakerAction[] {
    this.#nowMs = nowMs;
    this.#dispatch(event);
    this.#reviewRestart();
    if (this.#hasWork() && !this.#awaitsTurn) {
      this.#awaitsTurn = true;
      this.#actions.push({ type: "wake" });
    }
    const actions = this.#actions;
    this.#actions = [];
    return actions;
  }

  peers(): PeerStatus[] {
    return [...this.#peers].map((peer) => peer.status());
  }

  /** `null` for a name that no peer has. */
  peer(name: string): PeerDetail | null {
    return this.#peers.get(name)?.detail() ?? null;
  }

  /**
   * A slice of what a peer is told, or of what another configuration would change in that; `null` for a name that no peer
   * has. The next slice begins where this one says.
   */
  advertised(name: string, query: RehearsalQuery = {}, from: number = 1): RehearsedSlice | null {
    const peer = this.#peers.get(name);
    return peer ? advertisedTo(peer, { rib: this.#rib, peers: this.#peers }, { ...query, from }) : null;
  }

  /** A slice of the table as MRT; the next one begins where it says. */
  dump(from: number = 1): DumpedSlice {
    return dumpOf({ rib: this.#rib, peers: this.#peers, config: this.#config, nowMs: this.#nowMs }, from);
  }

  summary(): SpeakerSummary {
    return summaryOf(this.#config ?? { asn: 0, bgpId: "0.0.0.0" }, {
      rib: this.#rib,
      peers: this.peers(),
      refused: this.#refused,
      fellBehind: this.#groups.fellBehind,
      bmp: this.#monitors.status(),
      ...this.#restart.status(this.#peers.names()),
    });
  }

  /** All at once, for a small table; `routeSlice` for others. */
  routes(query: RouteQuery = {}): RouteStatus[] {
    return queryRoutes(query, { rib: this.#rib, routesOf: (name) => this.#peers.get(name)?.routes });
  }

  routeSlice(query: RouteQuery, from: number): RouteSlice {
    return querySlice(query, { rib: this.#rib, routesOf: (name) => this.#peers.get(name)?.routes }, from);
  }

  #dispatch(event: SpeakerEvent): void {
    switch (event.type) {
      case "configure":
        this.#configure(event.config);
        break;
      case "originate":
        this.#originate(event.prefixes);
        break;
      case "nextHops":
        this.#rib.learnNextHops(event.facts);
        if (this.#rib.nextHops.interfacesChanged) for (const peer of this.#peers) peer.routes.interfacesChanged();
        break;
      case "accepted":
        this.#onAccepted(event);
        break;
      case "connected":
      case "closed":
      case "bytes":
      case "drained":
        this.#onConnection(event);
        break;
      case "passwordsNotHeard":
        for (const name of event.peers) this.#peers.get(name)?.passwordNotHeard();
        break;
      case "tooFar":
        this.#refused.tooFar += 1;
        break;
      case "signaturesDropped":
        this.#signaturesDropped = event.count;
        break;
      case "timer":
        this.#onTimer(event.timer);
        break;
      case "path":
        this.#peers.get(event.peer)?.path(event.status);
        break;
      case "turn":
        this.#onTurn();
        break;
      case "refresh":
        this.#onRefresh(event.peer);
        break;
      case "reset":
        this.#peers.get(event.peer)?.reset(event.text);
        break;
      case "maintenance":
        this.#onMaintenance(event);
        break;
      case "stop":
        this.#onStop(event);
        break;
    }
  }

  #configure(config: SpeakerConfig): void {
    checkConfig(config);
    const isFirst = this.#config === null;
    this.#config = config;
    const { multipath } = config;
    this.#rib.setMultipath(multipath ? { relaxAsPath: false, ...multipath } : null);
    if (isFirst && config.restarting) {
      const { deadlineSeconds } = config.restarting;
      this.#tookOver = true;
      this.#restart.begin(restartTimes(deadlineSeconds, config, this.#nowMs));
      this.#actions.push({ type: "arm", timer: restartDeadline, seconds: deadlineSeconds });
    }
    this.#peers.configure(config);
    this.#monitors.configure(config.bmp ?? []);
  }

  /** Those that stay are not touched: what is not named again is swept like the routes of a peer that restarted. */
  #originate(routes: readonly (string | OwnRoute)[]): void {
    const groups = ownGroups(routes);
    this.#restart.ownKnown();
    this.#rib.endEpoch(this.#rib.local);
    for (const { prefixes, attributes } of groups) {
      for (const family of [4, 6] as const) this.#rib.originate(this.#rib.local, prefixes[family], attributes);
    }
    this.#rib.sweep(this.#rib.local, [4, 6]);
  }

  #onAccepted({ connection, localAddress, remoteAddress, ports }: Extract<SpeakerEvent, { type: "accepted" }>): void {
    const remote = canonicalAddress(remoteAddress);
    const local = canonicalAddress(localAddress);
    const isOpen = this.#config !== null && !this.#stopped;
    const newcomer = (address: Address) =>
      isOpen && this.#config ? this.#peers.newcomer(address, this.#config) : null;
    const peer = remote && (this.#peers.at(remoteAddress) ?? newcomer(remote.address));
    if (!this.#stopped && local && peer instanceof Peer && peer.accept(connection, local.address, ports)) return;
    this.#refused[refusalOf(peer)] += 1;
    if (peer instanceof Peer) this.#peers.bury(peer);
    const refusal = ceaseNotification(peer === "full" ? cease.outOfResources : cease.connectionRejected);
    this.#actions.push({ type: "send", connection, bytes: encodeMessage(refusal, { fourOctetAs: false }) });
    this.#actions.push({ type: "close", connection });
  }

  #onConnection(event: ConnectionEvent): void {
    const session = this.#connections.get(event.connection);
    const peer = session && this.#peers.get(session.options.peer);
    if (!peer) {
      this.#onCollector(event); // Or we closed it while the event was under way.
      return;
    }
    switch (event.type) {
      case "connected":
        peer.connected(session, canonicalAddress(event.localAddress)?.address ?? null, event.ports);
        break;
      case "closed":
        peer.closed(session, event.reason);
        break;
      case "bytes":
        peer.bytes(session, event.bytes);
        break;
      case "drained":
        session.drained();
        break;
    }
    this.#peers.bury(peer);
  }

  #onCollector(event: ConnectionEvent): void {
    const collector = this.#monitors.find(event.connection);
    if (event.type === "connected") collector?.connected();
    else if (event.type === "closed") collector?.closed(event.reason);
    else if (event.type === "drained") collector?.drained();
  }

  #onTimer(timer: SpeakerTimer): void {
    if (timer.of === "collector") {
      this.#monitors.timerFired(timer.collector, timer.timer);
      return;
    }
    if (timer.of === "speaker") {
      this.#restart.deadlinePassed(this.#peers.names());
      this.#keepEarlier();
      return;
    }
    if (timer.of === "peer" && timer.timer === "maintenance") {
      this.#onDrained(timer.peer);
      return;
    }
    const peer = this.#peers.get(timer.peer);
    if (timer.of === "session") peer?.sessionTimer(timer.session, timer.timer);
    else peer?.peerTimer(timer.timer);
    this.#peers.bury(peer);
  }

  #onRefresh(name: string | null): void {
    for (const peer of this.#peers) if (name === null || peer.config.name === name) peer.requestRefresh();
  }

  #onMaintenance(event: Extract<SpeakerEvent, { type: "maintenance" }>): void {
    this.#actions.push(...this.#maintenance.wished(event, this.#peers, this.#nowMs));
    if (this.#config) this.#peers.configure(this.#config);
  }

  /** Others have had the time to find other ways. */
  #onDrained(peer: string): void {
    this.#maintenance.drained(peer, this.#nowMs);
    if (this.#config) this.#peers.configure(this.#config);
  }

  #onStop({ keepForwarding, text }: Extract<SpeakerEvent, { type: "stop" }>): void {
    this.#stopped = true;
    const subcode = keepForwarding ? null : cease.administrativeShutdown;
    for (const peer of this.#peers) peer.stop(text === undefined ? { subcode } : { subcode, text });
    this.#monitors.stop(text ?? "stopped");
  }

  /** One slice of each kind of work: the table's, the decisions', and what peers are to hear. */
  #onTurn(): void {
    this.#awaitsTurn = false;
    if (this.#stopped) return;
    this.#rib.walk(turnPrefixesMax);
    if (this.#restart.phase === "deferring") return;
    this.#settle();
    if (this.#restart.phase !== "complete") return;
    this.#groups.drain(turnPrefixesMax);
    if (this.#monitors.hasWork) this.#monitors.drain(turnPrefixesMax);
  }

  #settle(): void {
    const changes = this.tellsBest ? new BestChangePacker(this.#rib) : null;
    const monitors = this.#monitors.isEmpty ? null : this.#monitors;
    this.#rib.settle(
      turnPrefixesMax,
      (prefix, { best }) => {
        changes?.add(prefix);
        this.#groups.mark(prefix, best);
        monitors?.decided(prefix, best);
      },
      (prefix) => {
        this.#groups.mark(prefix, false);
        monitors?.decided(prefix, false);
      },
    );
    if (changes && changes.size > 0) this.#actions.push({ type: "bestChanged", changes: changes.finish() });
    if (this.#restart.phase === "settling" && this.#rib.isSettled) this.#restart.settled();
  }

  #hasWork(): boolean {
    // Once stopped, nothing is told: that our sessions ended is no reason for anyone to drop routes.
    if (this.#stopped) return false;
    if (this.#rib.isWalking) return true;
    if (this.#restart.phase === "deferring") return false;
    if (!this.#rib.isSettled || this.#restart.phase === "settling") return true;
    return this.#groups.hasWork || this.#monitors.hasWork;
  }

  #reviewRestart(): void {
    if (this.#stopped || this.#restart.isSwept) return;
    if (this.#restart.phase === "deferring") {
      for (const peer of this.#peers) this.#restart.note(peer.config.name, knowledgeOf(peer));
      if (this.#restart.endIfHeard([...this.#peers.names()])) this.#keepEarlier();
    }
    for (const name of this.#restart.missing) {
      const peer = this.#peers.get(name);
      if (!peer || knowledgeOf(peer) === "told") this.#restart.found(name);
    }
    if (!this.#rib.isSettled || !this.#restart.sweep()) return;
    if (this.#tookOver) this.#actions.push({ type: "disarm", timer: restartDeadline });
    this.#actions.push({ type: "tableComplete" });
  }

  /** It is decided; for those that were missing what the earlier run learned of them stands a while longer. */
  #keepEarlier(): void {
    const untilMs = this.#restart.keptUntilMs;
    if (untilMs === null) return;
    const seconds = Math.max(1, Math.ceil((untilMs - this.#nowMs) / 1000));
    this.#actions.push({ type: "arm", timer: restartDeadline, seconds });
  }

  /** The same for all peers: there may be thousands. */
  #makePorts(): PeerPorts {
    return {
      rib: this.#rib,
      groups: this.#groups,
      monitors: this.#monitors,
      halfOpenEnded: () => {
        this.#refused.halfOpen += 1;
      },
      emit: (action) => this.#actions.push(action),
      nowMs: () => this.#nowMs,
      newConnection: () => ++this.#lastConnection,
      bind: (connection, session) => this.#connections.set(connection, session),
      unbind: (connection) => this.#connections.delete(connection),
      signaturesDropped: () => this.#signaturesDropped,
      tookOver: () => this.#tookOver,
      isRestarting: () => this.#restart.phase === "deferring",
    };
  }
}

type ConnectionEvent = Extract<SpeakerEvent, { type: "connected" | "closed" | "bytes" | "drained" }>;

const restartDeadline: SpeakerTimer = { of: "speaker", timer: "restartDeadline" };
