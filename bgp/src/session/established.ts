/** Established: routes are exchanged. What an UPDATE says goes past the machine into the RIB. */
import { errorCode, fsmError, notification } from "../wire/fault.ts";
import type { Message, RouteRefresh } from "../wire/message.ts";
import { fail, onNotification, refuse, refuseTransport, refuseUnexpected, stopConnected } from "./end.ts";
import { onHoldExpired, restartHold, sendKeepalive } from "./keepalive.ts";
import type { SessionAction, SessionEvent, SessionState, SessionTimer, Step } from "./state.ts";

type Established = Extract<SessionState, { readonly phase: "established" }>;

export function onEstablished(state: Established, event: SessionEvent): Step {
  switch (event.type) {
    case "start":
    case "connectFailed":
      return { state, actions: [] };
    case "stop":
      return stopConnected(event, state.negotiated);
    case "connected":
      return refuseTransport(state);
    case "disconnected":
      return fail(state, event.reason);
    case "sendBlocked":
      return { state, actions: [{ type: "arm", timer: "sendHold", seconds: state.sendHoldSeconds }] };
    case "sendResumed":
      return { state, actions: [{ type: "disarm", timer: "sendHold" }] };
    case "timerFired":
      return onTimer(state, event.timer);
    case "received":
      return onMessage(state, event.message);
    case "malformed":
      return refuse(state, event.notification, event.reason);
  }
}

function onRouteRefresh({ family, demarcation }: RouteRefresh): SessionAction {
  return demarcation ? { type: "refreshed", family, demarcation } : { type: "refresh", family };
}

function onTimer(state: Established, timer: SessionTimer): Step {
  switch (timer) {
    case "hold":
      return onHoldExpired(state);
    case "keepalive":
      return sendKeepalive(state);
    case "sendHold": {
      const reason = `the peer read nothing of what waits for it for ${state.sendHoldSeconds} s`;
      return refuse(state, notification(errorCode.sendHoldTimerExpired), reason);
    }
    case "idleHold": {
      const { past: _forgotten, ...steady } = state;
      return { state: steady, actions: [] };
    }
    case "connectRetry":
      return { state, actions: [] };
  }
}

function onMessage(state: Established, message: Message): Step {
  switch (message.type) {
    case "keepalive":
    case "update":
      return { state, actions: restartHold(state) };
    case "routeRefresh": {
      // RFC 2918 §4: a request for a family that was not agreed on is ignored.
      const isCarried = state.negotiated.families.includes(message.family);
      return { state, actions: isCarried ? [onRouteRefresh(message)] : [] };
    }
    case "notification":
      return onNotification(state, message);
    case "open":
      return refuseUnexpected(state, fsmError.inEstablished, message);
  }
}
