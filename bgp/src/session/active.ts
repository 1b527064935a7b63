/** Active: waiting for the peer to dial, and unless passive, for the time to dial ourselves. */
import { beginAttempt, sendOpen } from "./begin.ts";
import type { SessionConfig } from "./config.ts";
import type { SessionEvent, SessionState, Step } from "./state.ts";

export function onActive(state: SessionState, event: SessionEvent, config: SessionConfig): Step {
  switch (event.type) {
    case "stop":
      return {
        state: { phase: "idle" },
        actions: [{ type: "disarm", timer: "connectRetry" }, { type: "disconnect" }],
      };
    case "connected":
      return sendOpen(state, config);
    case "timerFired":
      return event.timer === "connectRetry" ? beginAttempt(state, config) : { state, actions: [] };
    case "start":
    case "connectFailed":
    case "disconnected":
    case "received":
    case "malformed":
    case "sendBlocked":
    case "sendResumed":
      return { state, actions: [] }; // The rest of a transport that was lost.
  }
}
