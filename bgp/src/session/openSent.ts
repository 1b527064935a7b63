/** OpenSent: our OPEN is out, the peer's decides. */
import { encodeCapability } from "../wire/capability.ts";
import { errorCode, fsmError, notification, openError } from "../wire/fault.ts";
import type { Capability, Message, Notification, Open } from "../wire/message.ts";
import { WireWriter } from "../wire/writer.ts";
import { kept, waitForPeer } from "./begin.ts";
import type { SessionConfig } from "./config.ts";
import { onNotification, refuse, refuseTransport, refuseUnexpected, stopConnected } from "./end.ts";
import { type Negotiated, negotiate } from "./negotiate.ts";
import { roleProblem } from "./role.ts";
import type { Agreed, SessionAction, SessionEvent, SessionState, Step } from "./state.ts";

export function onOpenSent(state: SessionState, event: SessionEvent, config: SessionConfig): Step {
  switch (event.type) {
    case "start":
    case "connectFailed":
    case "sendBlocked":
    case "sendResumed":
      return { state, actions: [] };
    case "stop":
      return stopConnected(event);
    case "connected":
      return refuseTransport(state);
    case "disconnected":
      return onDisconnected(state, event.reason, config);
    case "timerFired":
      return event.timer === "hold" ? onSilence(state, config) : { state, actions: [] };
    case "received":
      return onMessage(state, event.message, config);
    case "malformed":
      return refuse(state, event.notification, event.reason);
  }
}

/** RFC 4271 §8.2.2: back to Active. Routers that do not know us accept the connection and drop it like this. */
function onDisconnected(state: SessionState, reason: string, config: SessionConfig): Step {
  const waiting = waitForPeer(state, config);
  // Who was refused may well not answer for a while, as BIRD does: what that was about is still what is wrong.
  const { refusal } = state.past ?? {};
  const hint = refusal === undefined ? "is this neighbour configured there?" : `the last attempt: ${refusal}`;
  const text = `${reason} before the peer's OPEN (${hint})`;
  const actions: SessionAction[] = [
    { type: "disarm", timer: "hold" },
    { type: "failed", text },
  ];
  return { state: waiting.state, actions: [...actions, ...waiting.actions] };
}

function onSilence(state: SessionState, { openHint }: SessionConfig): Step {
  const hint = openHint === undefined ? "" : ` (${openHint})`;
  return refuse(state, notification(errorCode.holdTimerExpired), `no OPEN came${hint}`);
}

function onMessage(state: SessionState, message: Message, config: SessionConfig): Step {
  switch (message.type) {
    case "open":
      return onOpen(state, message, config);
    case "notification":
      return onRefusal(state, message, config);
    default:
      return refuseUnexpected(state, fsmError.inOpenSent, message);
  }
}

/**
 * RFC 5492 §3: only a peer that refuses optional parameters is asked again without capabilities, and only if IPv4,
 * which needs none, is wanted. When it refuses that too, the next attempt offers them again.
 */
function onRefusal(state: SessionState, message: Notification, config: SessionConfig): Step {
  const refusesParameters = message.code === errorCode.open && message.subcode === openError.unsupportedParameter;
  const offeredThem = !state.past?.withoutCapabilities;
  const withoutCapabilities = refusesParameters && offeredThem && config.families.includes(4);
  return onNotification(state, message, { withoutCapabilities });
}

function onOpen(state: SessionState, open: Open, config: SessionConfig): Step {
  const ours = state.past?.withoutCapabilities ? [] : config.capabilities;
  const negotiated = negotiate(ours, open.capabilities);
  const problem = findProblem(open, negotiated, config);
  if (problem) return refuse(state, problem.answer, problem.reason);

  const agreed = { open, negotiated, ...agreedTimes(config, open) };
  return {
    state: { phase: "openConfirm", ...agreed, ...kept(state.past) },
    actions: [{ type: "send", message: { type: "keepalive" } }, ...holdTimers(agreed)],
  };
}

/** RFC 9687 §6. */
const sendHoldSecondsMin = 480;

/** RFC 4271 §4.4: a third of the hold time between keepalives, or oftener; with a hold time of zero there are none. */
function agreedTimes(
  config: SessionConfig,
  open: Open,
): Pick<Agreed, "holdSeconds" | "keepaliveSeconds" | "sendHoldSeconds"> {
  const holdSeconds = Math.min(config.holdSeconds, open.holdSeconds);
  const third = Math.floor(holdSeconds / 3);
  return {
    holdSeconds,
    keepaliveSeconds: Math.min(third, config.keepaliveSeconds ?? third),
    sendHoldSeconds: config.sendHoldSeconds ?? Math.max(sendHoldSecondsMin, 2 * holdSeconds),
  };
}

/** What makes the peer's OPEN unacceptable to this configuration: RFC 4271 §6.2. */
function findProblem(
  open: Open,
  negotiated: Negotiated,
  config: SessionConfig,
): { readonly answer: Notification; readonly reason: string } | null {
  if (config.peerAsn === null && open.asn === config.localAsn) {
    const answer = notification(errorCode.open, openError.badPeerAs);
    return { answer, reason: `the peer says AS ${open.asn}, which is ours, and is to be of another` };
  }
  if (config.peerAsn !== null && open.asn !== config.peerAsn) {
    const answer = notification(errorCode.open, openError.badPeerAs);
    return { answer, reason: `the peer says AS ${open.asn}, configured is AS ${config.peerAsn}` };
  }
  // RFC 6286 §2.2: unique inside an AS. Speakers of two ASes may share one.
  if (open.bgpId === config.localBgpId && config.peerAsn === config.localAsn) {
    return { answer: notification(errorCode.open, openError.badBgpId), reason: "the peer has our BGP identifier" };
  }
  const mismatch = config.role ? roleProblem(config.role, open) : null;
  if (mismatch) return { answer: notification(errorCode.open, openError.roleMismatch), reason: mismatch };
  if (negotiated.families.length === 0) {
    const wanted = config.capabilities.filter(({ name }) => name === "multiprotocol");
    const answer = notification(errorCode.open, openError.unsupportedCapability, encodeAll(wanted));
    return {
      answer,
      reason: `the peer offers none of the families ${config.families.map((f) => `IPv${f}`).join(", ")}`,
    };
  }
  return null;
}

function holdTimers({
  holdSeconds,
  keepaliveSeconds,
}: Pick<Agreed, "holdSeconds" | "keepaliveSeconds">): SessionAction[] {
  if (holdSeconds === 0) return [{ type: "disarm", timer: "hold" }];
  return [
    { type: "arm", timer: "hold", seconds: holdSeconds },
    { type: "arm", timer: "keepalive", seconds: keepaliveSeconds },
  ];
}

/** RFC 5492 §5: the data lists the capabilities that were missed. */
function encodeAll(capabilities: readonly Capability[]): Uint8Array {
  const writer = new WireWriter();
  for (const capability of capabilities) encodeCapability(writer, capability);
  return writer.finish();
}
