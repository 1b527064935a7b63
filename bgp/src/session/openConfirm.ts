/** OpenConfirm: both OPENs are accepted, the peer's KEEPALIVE says that ours was. */
import { fsmError } from "../wire/fault.ts";
import type { Message } from "../wire/message.ts";
import {
  fail,
  onNotification,
  refuse,
  refuseTransport,
  refuseUnexpected,
  steadyAfterSeconds,
  stopConnected,
} from "./end.ts";
import { onHoldExpired, restartHold, sendKeepalive } from "./keepalive.ts";
import type { Agreed, SessionAction, SessionEvent, SessionState, SessionTimer, Step } from "./state.ts";

type OpenConfirm = Extract<SessionState, { readonly phase: "openConfirm" }>;

export function onOpenConfirm(state: OpenConfirm, event: SessionEvent): Step {
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
      return fail(state, `${event.reason} before the peer's first KEEPALIVE`);
    case "timerFired":
      return onTimer(state, event.timer);
    case "received":
      return onMessage(state, event.message);
    case "malformed":
      return refuse(state, event.notification, event.reason);
  }
}

function onTimer(state: OpenConfirm, timer: SessionTimer): Step {
  if (timer === "hold") return onHoldExpired(state);
  if (timer === "keepalive") return sendKeepalive(state);
  return { state, actions: [] };
}

function onMessage(state: OpenConfirm, message: Message): Step {
  switch (message.type) {
    case "keepalive":
      return establish(state);
    case "notification":
      return onNotification(state, message);
    default:
      return refuseUnexpected(state, fsmError.inOpenConfirm, message);
  }
}

function establish(state: OpenConfirm): Step {
  const { open, negotiated } = state;
  return {
    state: { ...state, phase: "established" },
    actions: [...restartHold(state), { type: "established", open, negotiated }, ...forgetLater(state)],
  };
}

/** `idleHold` has nothing else to do while a session stands. */
function forgetLater({ past }: SessionState & Agreed): SessionAction[] {
  return past ? [{ type: "arm", timer: "idleHold", seconds: steadyAfterSeconds }] : [];
}
