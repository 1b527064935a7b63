/** Idle: nothing is tried. After a failure `idleHold` leads out of it, after a stop only the operator. */
import { beginAttempt } from "./begin.ts";
import type { SessionConfig } from "./config.ts";
import type { SessionEvent, SessionState, Step } from "./state.ts";

export function onIdle(state: SessionState, event: SessionEvent, config: SessionConfig): Step {
  switch (event.type) {
    case "start": {
      const begun = beginAttempt(state, config);
      return { state: begun.state, actions: [{ type: "disarm", timer: "idleHold" }, ...begun.actions] };
    }
    case "stop":
      return { state: { phase: "idle" }, actions: [{ type: "disarm", timer: "idleHold" }] };
    case "connected":
      return { state, actions: [{ type: "disconnect" }] }; // RFC 4271 §8.2.2: Idle refuses connections.
    case "timerFired":
      return event.timer === "idleHold" ? beginAttempt(state, config) : { state, actions: [] };
    case "connectFailed":
    case "disconnected":
    case "received":
    case "malformed":
    case "sendBlocked":
    case "sendResumed":
      return { state, actions: [] }; // The rest of a transport that we have closed.
  }
}
