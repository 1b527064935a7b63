/** Established: routes are exchanged. What an UPDATE says goes past the machine into the RIB. */
import { fsmError } from "../wire/fault.ts";
import type { Message } from "../wire/message.ts";
import { fail, onNotification, refuse, refuseTransport, refuseUnexpected, stopConnected } from "./end.ts";
import { onHoldExpired, restartHold, sendKeepalive } from "./keepalive.ts";
import type { SessionEvent, SessionState, SessionTimer, Step } from "./state.ts";

type Established = Extract<SessionState, { readonly phase: "established" }>;

export function onEstablished(state: Established, event: SessionEvent): Step {
  switch (event.type) {
    case "start":
    case "connectFailed":
      return { state, actions: [] };
    case "stop":
      return stopConnected(event);
    case "connected":
      return refuseTransport(state);
    case "disconnected":
      return fail(state, event.reason);
    case "timerFired":
      return onTimer(state, event.timer);
    case "received":
      return onMessage(state, event.message);
    case "malformed":
      return refuse(state, event.notification, event.reason);
  }
}

function onTimer(state: Established, timer: SessionTimer): Step {
  switch (timer) {
    case "hold":
      return onHoldExpired(state);
    case "keepalive":
      return sendKeepalive(state);
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
      return { state, actions: isCarried ? [{ type: "refresh", family: message.family }] : [] };
    }
    case "notification":
      return onNotification(state, message);
    case "open":
      return refuseUnexpected(state, fsmError.inEstablished, message);
  }
}
