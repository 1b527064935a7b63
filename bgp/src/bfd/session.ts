/**
 * The session machine of BFD in asynchronous mode (RFC 5880 §6.8), without socket, clock or random number. The state
 * variables of §6.8.1 are here by the same names, where they are not constant: we have no echo, no demand mode of our
 * own and no authentication.
 */
import { type BfdState, type ControlPacket, diagnostic } from "./packet.ts";

/** RFC 5880 §6.8.3: while a session is not Up, nobody sends oftener. */
export const slowIntervalMicros = 1_000_000;

export interface BfdConfig {
  /** Not 0, and no other session's. */
  readonly localDiscriminator: number;
  /** bfd.DesiredMinTxInterval of a session that is Up. */
  readonly minTxMicros: number;
  /** bfd.RequiredMinRxInterval. */
  readonly minRxMicros: number;
  /** bfd.DetectMult */
  readonly multiplier: number;
}

export interface BfdSession {
  /** bfd.SessionState */
  readonly state: BfdState;
  /** bfd.LocalDiag */
  readonly diagnostic: number;
  /** What the other side said last; `null` before it said anything, and after a detection time without a word. */
  readonly remote: Remote | null;
  /** What we say of ourselves, and what of it holds already: the two differ for as long as a poll takes (§6.8.3). */
  readonly said: Intervals;
  readonly used: Intervals;
  /** `again`: values changed during a poll, whose end is another one's beginning. */
  readonly poll: "none" | "running" | "again";
  /** From one periodic packet to the next, before jitter; `null` while there are none. */
  readonly transmitMicros: number | null;
}

export type Remote = Omit<ControlPacket, "poll" | "final" | "yourDiscriminator" | "requiredMinEchoRxMicros">;

export interface Intervals {
  readonly txMicros: number;
  readonly rxMicros: number;
}

export type BfdEvent =
  | { readonly type: "start" }
  | { readonly type: "received"; readonly packet: ControlPacket }
  | { readonly type: "timerFired"; readonly timer: BfdTimer }
  /** `config` is another one from now on. */
  | { readonly type: "configured" }
  /** Nobody wants to know any more: the other side hears that this is no failure. */
  | { readonly type: "stop" };

export type BfdTimer = "transmit" | "detect";

export type BfdAction =
  | { readonly type: "send"; readonly packet: ControlPacket }
  /** Arms anew when it is running. Of a share between `from` and `to` by chance, so that systems do not stay in step. */
  | {
      readonly type: "arm";
      readonly timer: BfdTimer;
      readonly micros: number;
      readonly jitter: { readonly from: number; readonly to: number };
    }
  | { readonly type: "disarm"; readonly timer: BfdTimer };

export interface BfdStep {
  readonly state: BfdSession;
  readonly actions: readonly BfdAction[];
}

export function initialBfdSession(config: BfdConfig): BfdSession {
  const said = intervalsIn("down", config);
  return {
    state: "down",
    diagnostic: diagnostic.none,
    remote: null,
    said,
    used: said,
    poll: "none",
    transmitMicros: null,
  };
}

export function step(session: BfdSession, event: BfdEvent, config: BfdConfig): BfdStep {
  switch (event.type) {
    case "start":
      return sendNow(session, config);
    case "received":
      return onReceived(session, event.packet, config);
    case "timerFired":
      return event.timer === "transmit" ? onTransmit(session, config) : onSilence(session, config);
    case "configured":
      return sendNow(withIntervals(session, config), config);
    case "stop":
      return onStop(session, config);
  }
}

/** How long the other side may be silent (§6.8.4); `null` while it has said nothing. */
export function detectionMicros({ remote, used }: BfdSession): number | null {
  return remote && remote.multiplier * Math.max(used.rxMicros, remote.desiredMinTxMicros);
}

/** §6.8.6, from the update of the state variables on. Who it is from has been found out by then. */
function onReceived(before: BfdSession, packet: ControlPacket, config: BfdConfig): BfdStep {
  const { poll: isAsked, final, yourDiscriminator: _, requiredMinEchoRxMicros: __, ...remote } = packet;
  const heard = final ? afterFinal({ ...before, remote }) : { ...before, remote };
  if (heard.state === "adminDown") return { state: heard, actions: [] };
  const moved = withIntervals(transition(heard, remote.state), config);
  const detect = armDetection(moved);
  const isNews = moved.state !== before.state || (moved.poll === "running" && before.poll === "none");
  if (isAsked) {
    const answer: BfdAction = { type: "send", packet: { ...packetOf(moved, config), poll: false, final: true } };
    const timed = retimed(moved, before, config);
    return { state: timed.state, actions: [answer, ...timed.actions, ...detect] };
  }
  // §6.8.7: what differs from what was sent last is not to wait for its turn.
  const next = isNews ? sendNow(moved, config) : retimed(moved, before, config);
  return { state: next.state, actions: [...next.actions, ...detect] };
}

/** The table of §6.8.6: what the state of the other side does to ours. */
function transition(session: BfdSession, theirs: BfdState): BfdSession {
  const { state } = session;
  if (theirs === "adminDown") return state === "down" ? session : wentDown(session, diagnostic.neighborDown);
  if (state === "down") {
    if (theirs === "down") return { ...session, state: "init" };
    return theirs === "init" ? wentUp(session) : session;
  }
  if (state === "init") return theirs === "down" ? session : wentUp(session);
  return theirs === "down" ? wentDown(session, diagnostic.neighborDown) : session;
}

function wentUp(session: BfdSession): BfdSession {
  return { ...session, state: "up", diagnostic: diagnostic.none };
}

function wentDown(session: BfdSession, why: number): BfdSession {
  return { ...session, state: "down", diagnostic: why };
}

/** §6.8.4: the other side was silent for the detection time. */
function onSilence(session: BfdSession, config: BfdConfig): BfdStep {
  const forgotten: BfdSession = { ...session, remote: null, poll: "none" };
  if (session.state !== "up" && session.state !== "init") return retimed(forgotten, session, config);
  return sendNow(withIntervals(wentDown(forgotten, diagnostic.detectionExpired), config), config);
}

function onTransmit(session: BfdSession, config: BfdConfig): BfdStep {
  return transmitIntervalOf(session) === null ? retimed(session, session, config) : sendNow(session, config);
}

/** §6.8.16. Said as often as the other side may miss it, since whoever says it goes away. */
function onStop(session: BfdSession, config: BfdConfig): BfdStep {
  const state: BfdSession = {
    ...session,
    state: "adminDown",
    diagnostic: diagnostic.adminDown,
    poll: "none",
    transmitMicros: null,
  };
  const send: BfdAction = { type: "send", packet: packetOf(state, config) };
  const times = session.remote ? config.multiplier : 0;
  return {
    state,
    actions: [
      ...Array.from({ length: times }, () => send),
      { type: "disarm", timer: "transmit" },
      { type: "disarm", timer: "detect" },
    ],
  };
}

/** §6.5: the end of a poll, from which on both sides go by the new values. */
function afterFinal(session: BfdSession): BfdSession {
  if (session.poll === "none") return session;
  if (session.poll === "again") return { ...session, poll: "running" };
  return { ...session, poll: "none", used: session.said };
}

/**
 * §6.8.3: other values are told by a poll. Until it ends, an Up session neither sends more seldom than the other side
 * was told nor counts on packets more often; what is safe holds at once.
 */
function withIntervals(session: BfdSession, config: BfdConfig): BfdSession {
  const said = intervalsIn(session.state, config);
  if (said.txMicros === session.said.txMicros && said.rxMicros === session.said.rxMicros) {
    return session.state === "up" ? session : { ...session, used: said };
  }
  const used =
    session.state === "up"
      ? {
          txMicros: Math.min(said.txMicros, session.used.txMicros),
          rxMicros: Math.max(said.rxMicros, session.used.rxMicros),
        }
      : said;
  const poll = session.remote === null ? "none" : session.poll === "none" ? "running" : "again";
  return { ...session, said, used, poll };
}

function intervalsIn(state: BfdState, { minTxMicros, minRxMicros }: BfdConfig): Intervals {
  const txMicros = state === "up" ? minTxMicros : Math.max(minTxMicros, slowIntervalMicros);
  return { txMicros, rxMicros: minRxMicros };
}

/** §6.8.7: `null` while there is to be no periodic packet. */
function transmitIntervalOf({ state, remote, used, poll }: BfdSession): number | null {
  if (state === "adminDown" || remote?.requiredMinRxMicros === 0) return null;
  const isDemanded = remote?.demand === true && state === "up" && remote.state === "up";
  if (isDemanded && poll === "none") return null;
  return Math.max(used.txMicros, remote?.requiredMinRxMicros ?? 0);
}

function sendNow(session: BfdSession, config: BfdConfig): BfdStep {
  const send: BfdAction = { type: "send", packet: packetOf(session, config) };
  const { state, actions } = retimed({ ...session, transmitMicros: null }, null, config);
  return { state, actions: [send, ...actions] };
}

/** Arms the timer where the interval is another one, or unconditionally without a `before`. */
function retimed(session: BfdSession, before: BfdSession | null, config: BfdConfig): BfdStep {
  const micros = transmitIntervalOf(session);
  const state: BfdSession = { ...session, transmitMicros: micros };
  if (before && micros === before.transmitMicros) return { state, actions: [] };
  if (micros === null) return { state, actions: [{ type: "disarm", timer: "transmit" }] };
  return { state, actions: [{ type: "arm", timer: "transmit", micros, jitter: jitterOf(config) }] };
}

/** §6.8.7: with a multiplier of 1 a packet may not be as late as the whole interval. */
function jitterOf({ multiplier }: BfdConfig): { readonly from: number; readonly to: number } {
  return { from: 0.75, to: multiplier === 1 ? 0.9 : 1 };
}

function armDetection(session: BfdSession): BfdAction[] {
  const micros = detectionMicros(session);
  return micros === null ? [] : [{ type: "arm", timer: "detect", micros, jitter: { from: 1, to: 1 } }];
}

function packetOf(session: BfdSession, config: BfdConfig): ControlPacket {
  return {
    state: session.state,
    diagnostic: session.diagnostic,
    poll: session.poll !== "none",
    final: false,
    // The thread ends with the process that speaks BGP.
    controlPlaneIndependent: false,
    demand: false,
    multiplier: config.multiplier,
    myDiscriminator: config.localDiscriminator,
    yourDiscriminator: session.remote?.myDiscriminator ?? 0,
    desiredMinTxMicros: session.said.txMicros,
    requiredMinRxMicros: session.said.rxMicros,
    requiredMinEchoRxMicros: 0,
  };
}
