/**
 * One configured peer: its connections, of which at most one becomes the session (RFC 4271 §6.8), when to dial again
 * after a failure, and what an operator is told of it.
 */
import assert from "node:assert/strict";
import { type Address, type Family, formatAddress } from "@brindle/net";
import type { PathStatus } from "../bfd/status.ts";
import type { MaintenanceStatus, PeerDetail, PeerStatus } from "../control.ts";
import type { SessionConfig } from "../session/config.ts";
import { keepsRoutes } from "../session/end.ts";
import type { NotificationSeen, SessionTimer } from "../session/state.ts";
import { cease, errorCode } from "../wire/fault.ts";
import type { Open, Update } from "../wire/message.ts";
import type { UpdateScanner } from "../wire/updateScan.ts";
import { Absence } from "./absence.ts";
import { type ChangeCost, costOfChange } from "./changeCost.ts";
import type { PeerConfig, SpeakerConfig } from "./config.ts";
import type { ConnectionId, PeerTimer, SpeakerTimer, TransportPorts } from "./event.ts";
import { MessageCounters } from "./messageCounters.ts";
import { downReason, monitoredSession } from "./monitoring.ts";
import { PathWatch } from "./pathWatch.ts";
import { agreedStatus } from "./peerDetail.ts";
import { canonical, dialOf, isDown, isKnown, numberOf, sessionConfigOf } from "./peerPlace.ts";
import { furthestPhase, PeerRecord } from "./peerRecord.ts";
import { PeerSession, type SessionOwner } from "./peerSession.ts";
import { statusOf } from "./peerStatus.ts";
import type { PeerPorts } from "./ports.ts";
import { limitBreach } from "./prefixLimits.ts";
import { answerRefresh, requestRefresh } from "./refreshing.ts";
import { Retry } from "./retry.ts";
import { collisionSeconds, hasMet, isOver, isUnderWay, judgeOpen, type OpenAnswer } from "./rivals.ts";
import { RouteSide } from "./routeSide.ts";
import { type Saying, textOf } from "./saying.ts";
import { passwordNotHeardText, silenceHints } from "./silenceHint.ts";

export interface PeerContext {
  readonly speaker: SpeakerConfig;
  readonly peer: PeerConfig;
  /** The name of the range that a dynamic peer is of. */
  readonly range?: string | null;
  readonly maintenance?: MaintenanceStatus;
}

/** How a session that stood was lost, and whose NOTIFICATION said so. */
type Loss = { readonly gracefully: boolean; readonly sentBy: "us" | "peer" | null };

/** Bounds what a peer which dials without end may hold. */
const sessionsMax = 4;

export class Peer implements SessionOwner {
  readonly routes: RouteSide;
  readonly range: string | null;
  readonly messages: MessageCounters = new MessageCounters();
  readonly #ports: PeerPorts;
  #context: PeerContext;
  #sessions: PeerSession[] = [];
  #established: PeerSession | null = null;
  #sessionNumber = 0;
  #stopped = false;
  #wasEstablished = false;
  /** What this host had dropped for its signature when the peer was last known to be well. */
  #signaturesBefore = 0;
  readonly #retry: Retry;
  readonly #record: PeerRecord;
  readonly #path: PathWatch;
  readonly #absence: Absence;
  readonly #collisionTimer: SpeakerTimer;

  constructor(context: PeerContext, ports: PeerPorts) {
    this.#context = context;
    this.range = context.range ?? null;
    this.#ports = ports;
    this.#retry = new Retry(context.peer.name, ports);
    this.#record = new PeerRecord(ports.nowMs());
    this.#path = new PathWatch(ports);
    this.#absence = new Absence(context.peer.name, ports);
    this.#collisionTimer = { of: "peer", peer: context.peer.name, timer: "collision" };
    this.routes = new RouteSide(context, ports);
  }

  get config(): PeerConfig {
    return this.#context.peer;
  }

  start(): void {
    this.#review();
  }

  /** Gives back what the change costs, so that it can be told. */
  reconfigure(context: PeerContext): ChangeCost {
    const cost = costOfChange(this.#context, context);
    if (context.maintenance !== this.#context.maintenance) this.#record.note();
    this.#context = context;
    if (cost.resets) {
      this.#record.explain("its configuration changed");
      this.#endAll(cease.otherConfigurationChange);
      this.routes.reconfigure(context, { import: true, export: true });
      this.#retry.cancel();
      this.#absence.end();
    } else {
      this.routes.reconfigure(context, { import: cost.reimports, export: cost.reexports });
      if (cost.reexports) this.#ports.monitors.exportChanged(this.routes.ribPeer);
    }
    if (this.config.passive) this.#dropDials();
    if (this.config.shutdown && this.#sessions.length > 0) this.#shutDown(this.config.shutdown.text);
    this.#review();
    return cost;
  }

  /** No longer configured. */
  remove(): void {
    this.stop({ subcode: cease.peerDeconfigured });
    this.routes.remove();
  }

  /** For good. Without `subcode` connections close without a word, so that the peer keeps our routes for a while. */
  stop({ subcode, text }: { readonly subcode: number | null; readonly text?: string }): void {
    this.#stopped = true;
    this.#record.explain(text === undefined ? "stopped here" : `stopped here: ${text}`);
    this.#retry.cancel();
    // RFC 8538 §4: who knows the N bit keeps our routes through a Cease, and its operator reads the reason.
    const knowsN = this.routes.agreement?.negotiated.keepsOnNotification === true;
    this.#endAll(subcode === null && knowsN ? cease.administrativeReset : subcode, textOf(text));
    this.#review();
  }

  /** An operator's: the session comes back at once, also one that too many prefixes had ended. */
  reset(text: string | undefined): void {
    this.#record.explain(text === undefined ? "reset here" : `reset here: ${text}`);
    const gracefully = this.routes.agreement?.negotiated.keepsOnNotification === true;
    this.#endAll(cease.administrativeReset, { ...textOf(text), gracefully });
    this.#retry.cancel();
    this.#review();
  }

  /** Whether nothing is left of a peer that is not dialled: neither a connection nor routes that are kept for it. */
  get isOver(): boolean {
    return this.#sessions.length === 0 && !this.routes.keepsStale;
  }

  /** The kernel drops the peer's own dials, having no room for its password on our listening socket. */
  passwordNotHeard(): void {
    this.#record.fail(passwordNotHeardText, undefined, this.#ports.nowMs());
    this.#review();
  }

  /** RFC 9384: a broken path ends the session at once, and the routes with it. It holds up no new one (RFC 5882 §10.2). */
  path(status: PathStatus): void {
    const broken = this.#path.heard(status);
    this.#record.note();
    if (broken !== null && this.#established) this.#giveUp(`sent Cease/BFD Down: ${broken}`, cease.bfdDown);
    this.#review();
  }

  get isCrowded(): boolean {
    return this.#sessions.length >= sessionsMax;
  }

  /** A connection from the peer's address. `false`: it is not welcome now. */
  accept(connection: ConnectionId, localAddress: Address, ports?: TransportPorts): boolean {
    const expected = this.config.localAddress;
    if (expected !== undefined && formatAddress(localAddress) !== canonical(expected)) return false;
    if (this.#stopped || this.#retry.refuses || isDown(this.config)) return false;
    // Of two that the peer opened and said nothing on, the older is likely one that it has given up.
    for (const other of this.#sessions) {
      if (other.side !== "passive" || other.state.phase !== "openSent" || other.isHeld) continue;
      this.#end(other, cease.collision);
      this.#ports.halfOpenEnded();
    }
    if (this.isCrowded) return false;
    this.#newSession().accept(connection, localAddress, ports);
    this.#review();
    return true;
  }

  connected(session: PeerSession, localAddress: Address | null, ports?: TransportPorts): void {
    session.connected(localAddress, ports);
    this.#review();
  }

  closed(session: PeerSession, reason: string): void {
    session.closed(reason);
    this.#review();
  }

  bytes(session: PeerSession, bytes: Uint8Array): void {
    session.bytes(bytes);
    this.#checkPrefixes();
    this.#review();
  }

  sessionTimer(number: number, timer: SessionTimer): void {
    this.#sessions.find(({ options }) => options.number === number)?.timerFired(timer);
    this.#review();
  }

  get isEstablished(): boolean {
    return this.#established !== null;
  }

  peerTimer(timer: PeerTimer): void {
    if (timer === "stale") this.routes.staleTimerFired();
    else if (timer === "collision") this.#confirmHeld();
    else if (timer === "absence") this.#absence.isLong();
    else this.#retry.fired();
    this.#review();
  }

  requestRefresh(): void {
    requestRefresh(this.#established);
  }

  onOpen(newcomer: PeerSession, open: Open): OpenAnswer {
    const us = { bgpId: numberOf(this.#context.speaker.bgpId), asn: this.#context.speaker.asn };
    const { answer, losers } = judgeOpen(newcomer, this.#sessions, open, us);
    for (const loser of losers) {
      if (loser === this.#established) this.#losePredecessor(loser);
      else this.#end(loser, cease.collision);
    }
    if (answer === "dropped") this.#end(newcomer, cease.collision);
    if (answer === "confirm") this.#dropDials();
    if (answer === "hold") this.#ports.emit({ type: "arm", timer: this.#collisionTimer, seconds: collisionSeconds });
    return answer;
  }

  onEstablished(session: PeerSession): void {
    this.#record.enter("openConfirm", this.#ports.nowMs()); // Where OPEN and KEEPALIVE come as one, nobody saw it.
    this.#established = session;
    this.#wasEstablished = true;
    for (const other of this.#sessions) if (other !== session) this.#end(other, cease.collision);
    this.#retry.cancel();
    this.#signaturesBefore = this.#ports.signaturesDropped();
    const { state, localAddress } = session;
    assert(state.phase === "established");
    const { asn: remoteAsn, bgpId: remoteBgpId } = state.open;
    this.routes.established({ negotiated: state.negotiated, remoteAsn, remoteBgpId, localAddress }, session);
    this.#ports.monitors.sessionUp(monitoredSession(session, this.routes, this.config));
  }

  onUpdate(update: Update): void {
    this.routes.update(update);
  }

  onScanned(scan: UpdateScanner, bytes: Uint8Array): void {
    this.routes.applyScanned(scan, bytes);
  }

  onScannedAll(): void {
    this.routes.takeIn();
  }

  onRefresh(family: Family): void {
    answerRefresh(this.#established, this.routes, family);
  }

  onRefreshed(family: Family, demarcation: "begin" | "end"): void {
    this.routes.refreshed(family, demarcation);
  }

  onFailed(session: PeerSession, text: string, notification?: NotificationSeen): void {
    if (!this.#sessions.includes(session)) return; // We ended it ourselves.
    const wasEstablished = session === this.#established;
    if (this.#established && !wasEstablished) return; // The loser of a collision, ended by the peer.
    this.#record.fail(text, notification, this.#ports.nowMs());
    this.#retry.refuses = notification?.sentBy === "us" && notification.code !== errorCode.cease;
    if (!wasEstablished) return;
    const gracefully = keepsRoutes(this.routes.agreement?.negotiated, notification);
    this.#loseSession(session, { gracefully, sentBy: notification?.sentBy ?? null });
  }

  onEnded({ state }: PeerSession, retrySeconds: number): void {
    this.#retry.past = state.past;
    this.#retry.after(retrySeconds);
  }

  status(): PeerStatus {
    const parts = { record: this.#record, path: this.#path, session: this.#established, routes: this.routes };
    return statusOf(this.#context, parts, this.#ports.rib);
  }

  detail(): PeerDetail {
    const told = { messages: this.messages.status(), journal: this.#record.journal() };
    return { ...this.status(), ...told, ...agreedStatus(this.#established) };
  }

  #shutDown(text: string): void {
    this.#record.explain(`shut down here: ${text}`);
    this.#endAll(cease.administrativeShutdown, { text });
    this.#retry.cancel();
  }

  /** RFC 4271 §6.7: beyond what it may announce, a peer stays away for a time, or until somebody resets it. */
  #checkPrefixes(): void {
    const received = (family: Family): number => this.#ports.rib.counts(this.routes.ribPeer, family).received;
    const breach = this.#established && limitBreach(this.config.maxPrefixes, received);
    if (!breach) return;
    this.#giveUp(breach.text, cease.maximumPrefixes, { data: breach.data });
    this.#retry.after(breach.restartSeconds);
    this.#retry.refuses = true;
  }

  /** We end a session that stands, for a reason that an operator is to know. */
  #giveUp(text: string, subcode: number, saying: Saying = {}): void {
    this.#record.fail(text, { sentBy: "us", code: errorCode.cease, subcode }, this.#ports.nowMs());
    this.#record.countFlap();
    this.#endAll(subcode, saying);
  }

  #losePredecessor(session: PeerSession): void {
    this.#record.fail("the peer restarted and came back by another connection", undefined, this.#ports.nowMs());
    this.#loseSession(session, { gracefully: true, sentBy: null });
    this.#end(session, null);
  }

  #loseSession(session: PeerSession, { gracefully, sentBy }: Loss): void {
    this.#ports.monitors.sessionDown(this.routes.ribPeer, downReason(session, sentBy));
    this.#established = null;
    this.#record.countFlap();
    this.routes.lost({ gracefully });
  }

  #isDialling(): boolean {
    return this.#sessions.some(({ side }) => side === "active");
  }

  /** What is not there by now comes too late. */
  #confirmHeld(): void {
    const held = this.#sessions.find(({ isHeld }) => isHeld);
    if (!held) return;
    this.#ports.emit({ type: "disarm", timer: this.#collisionTimer });
    this.#dropDials();
    held.confirm();
  }

  /** Those that the peer has not answered. */
  #dropDials(): void {
    for (const session of this.#sessions) {
      const { phase } = session.state;
      if (session.side === "active" && (phase === "connect" || phase === "active")) this.#end(session, null);
    }
  }

  #newSession(): PeerSession {
    const { name } = this.config;
    this.#sessionNumber += 1;
    const dial = dialOf(this.config);
    const config = (): SessionConfig => this.#sessionConfig();
    const { past } = this.#retry;
    const options = { number: this.#sessionNumber, peer: name, config, dial, ...(past && { past }) };
    const session = new PeerSession(options, this, this.#ports);
    this.#sessions = [...this.#sessions, session];
    return session;
  }

  #sessionConfig(): SessionConfig {
    const { speaker, peer } = this.#context;
    const config = sessionConfigOf(speaker, peer, {
      restarting: this.#ports.isRestarting(),
      hasKept: this.#ports.tookOver() || this.#wasEstablished,
    });
    return { ...config, ...silenceHints(peer, this.#ports.signaturesDropped() - this.#signaturesBefore) };
  }

  /** Ends a session of which nobody need hear: what it says from here on is not a failure. */
  #end(session: PeerSession, subcode: number | null, saying: Saying = {}): void {
    this.#sessions = this.#sessions.filter((other) => other !== session);
    const { phase } = session.state;
    const hearsUs = phase === "openSent" || phase === "openConfirm" || phase === "established";
    if (subcode !== null && hearsUs) session.stop(subcode, saying);
    else session.drop();
  }

  #endAll(subcode: number | null, saying: Saying & { readonly gracefully?: boolean } = {}): void {
    const { gracefully = false, ...said } = saying;
    const established = this.#established;
    for (const session of this.#sessions) this.#end(session, subcode, said);
    if (established) this.#ports.monitors.sessionDown(this.routes.ribPeer, downReason(established, "us"));
    this.#established = null;
    if (established) this.routes.lost({ gracefully });
  }

  /** After every event: buries sessions that ended, sees to the next attempt, and tells what changed. */
  #review(): void {
    for (const session of this.#sessions.filter(isOver)) {
      this.#sessions = this.#sessions.filter((other) => other !== session);
      session.drop();
    }
    if (!this.#sessions.some(isUnderWay)) this.#confirmHeld();
    const wantsDial =
      !this.config.passive && isKnown(this.config) && !this.#isDialling() && !this.#sessions.some(hasMet);
    this.#record.withhold(this.#absence.review(this.#stopped ? null : this.config), this.#ports.nowMs());
    const rests = this.#stopped || isDown(this.config);
    if (wantsDial && !this.#retry.isAwaited && !rests) this.#newSession().start();
    this.#path.review(rests ? null : this.config, this.config.name);
    const waits = this.config.passive && !this.#retry.refuses && !rests;
    const phase = furthestPhase(this.#sessions.map(({ state }) => state.phase)) ?? (waits ? "active" : "idle");
    this.#record.enter(phase, this.#ports.nowMs());
    if (this.#record.takeChanged()) this.#ports.emit({ type: "peerChanged", peer: this.status() });
  }
}
