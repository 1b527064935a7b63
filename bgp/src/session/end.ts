/** How a session ends: by our NOTIFICATION, by the peer's, by the transport, or by the operator. */
import { cease, errorCode, fsmError, notification } from "../wire/fault.ts";
import { typeNumber } from "../wire/header.ts";
import type { Message, Notification } from "../wire/message.ts";
import { ceaseNotification, hardReset } from "../wire/notification.ts";
import { describeNotification } from "../wire/notificationText.ts";
import type { Negotiated } from "./negotiate.ts";
import type { NotificationSeen, Past, SessionAction, SessionEvent, SessionState, Step } from "./state.ts";

/**
 * RFC 4271 §8.1.1, DampPeerOscillations: the wait before the next attempt doubles with each failure in a row, so that
 * a peer which refuses us is not asked all the time, and one which merely restarts is asked soon.
 */
export const idleHoldSecondsMin = 1;
export const idleHoldSecondsMax = 60;

/** A session that stood for so long has proven itself: failures before it no longer count. */
export const steadyAfterSeconds = 60;

export const disarmAll: readonly SessionAction[] = [
  { type: "disarm", timer: "connectRetry" },
  { type: "disarm", timer: "hold" },
  { type: "disarm", timer: "keepalive" },
  { type: "disarm", timer: "sendHold" },
];

/** Says why, closes, and tries again later. */
export function refuse(state: SessionState, message: Notification, reason?: string): Step {
  const text = `sent ${describe(message)}${reason ? `: ${reason}` : ""}`;
  const ending = fail(state, text, seen("us", message));
  return { state: ending.state, actions: [{ type: "send", message }, ...ending.actions] };
}

/** The peer said why it closes. */
export function onNotification(state: SessionState, message: Notification, past?: Partial<Past>): Step {
  return fail(state, `peer sent ${describe(message)}`, seen("peer", message), past);
}

/** A message that has no place in this phase: RFC 6608 §3 wants its type as data. */
export function refuseUnexpected(state: SessionState, subcode: number, message: Message): Step {
  const answer = notification(errorCode.fsm, subcode, Uint8Array.of(typeNumber(message.type)));
  return refuse(state, answer, `a message of type ${message.type}`);
}

/** A second transport for a session that has one. Peers with two connections have two sessions, see `collision.ts`. */
export function refuseTransport(state: SessionState): Step {
  return refuse(state, notification(errorCode.fsm, fsmError.unspecified), "a second connection for one session");
}

/** To idle, from where `idleHold` leads out again. */
export function fail(state: SessionState, text: string, by?: NotificationSeen, past?: Partial<Past>): Step {
  const failures = state.past?.failures ?? 0;
  const seconds = Math.min(idleHoldSecondsMax, idleHoldSecondsMin * 2 ** failures);
  const refusal = by && state.phase !== "established" ? { refusal: text } : {};
  return {
    state: { phase: "idle", past: { withoutCapabilities: false, ...refusal, ...past, failures: failures + 1 } },
    actions: [
      { type: "disconnect" },
      ...disarmAll,
      { type: "failed", text, ...(by && { notification: by }) },
      { type: "arm", timer: "idleHold", seconds },
    ],
  };
}

/**
 * RFC 8538 §3.1, §5: where a NOTIFICATION leaves the routes in place, these say that they must go: a session that is
 * not meant to come back, one that would come back with the same routes too many, and one whose path is broken, since
 * packets would follow the routes into it.
 */
const hardCeases: ReadonlySet<number> = new Set([
  cease.maximumPrefixes,
  cease.administrativeShutdown,
  cease.peerDeconfigured,
  cease.outOfResources,
  cease.bfdDown,
]);

/** Whether the other side's routes outlive a session that ended so: RFC 4724 §4.2, and RFC 8538 §4 where both know it. */
export function keepsRoutes(agreed: Negotiated | undefined, notification: NotificationSeen | undefined): boolean {
  if (!notification) return true;
  return agreed?.keepsOnNotification === true && !notification.isHardReset;
}

/** The operator ends a session whose transport is up. It stays ended, and forgets. */
export function stopConnected(event: Extract<SessionEvent, { type: "stop" }>, agreed?: Negotiated): Step {
  const plain = event.data
    ? notification(errorCode.cease, event.subcode, event.data)
    : ceaseNotification(event.subcode, event.text);
  const isHard = agreed?.keepsOnNotification === true && hardCeases.has(event.subcode);
  const message = isHard ? hardReset(plain) : plain;
  return {
    state: { phase: "idle" },
    actions: [
      { type: "send", message },
      { type: "disconnect" },
      ...disarmAll,
      { type: "disarm", timer: "idleHold" },
      { type: "failed", text: `sent ${describe(message)}`, notification: seen("us", message) },
    ],
  };
}

function describe({ code, subcode, data }: Notification): string {
  return describeNotification(code, subcode, data);
}

function seen(sentBy: NotificationSeen["sentBy"], { code, subcode }: Notification): NotificationSeen {
  const isHardReset = code === errorCode.cease && subcode === cease.hardReset;
  return { sentBy, code, subcode, ...(isHardReset && { isHardReset }) };
}
