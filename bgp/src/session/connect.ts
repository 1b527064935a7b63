/** Connect: our dial is under way. */
import { beginAttempt, sendOpen, waitForPeer } from "./begin.ts";
import type { SessionConfig } from "./config.ts";
import type { SessionEvent, SessionState, Step } from "./state.ts";

export function onConnect(state: SessionState, event: SessionEvent, config: SessionConfig): Step {
  switch (event.type) {
    case "start":
      return { state, actions: [] };
    case "stop":
      return {
        state: { phase: "idle" },
        actions: [{ type: "disarm", timer: "connectRetry" }, { type: "disconnect" }],
      };
    case "connected":
      return sendOpen(state, config);
    case "connectFailed":
    case "disconnected":
      return onFailure(state, event.reason, config);
    case "timerFired":
      return event.timer === "connectRetry" ? dialAgain(state, config) : { state, actions: [] };
    case "received":
    case "malformed":
    case "sendBlocked":
    case "sendResumed":
      return { state, actions: [] }; // The rest of a transport that was lost.
  }
}

/**
 * RFC 4271 §8.2.2 sends a failed dial to Idle when DelayOpen is not used. We wait in Active instead: the peer may well
 * reach us where we do not reach it, and Idle would turn it away.
 */
function onFailure(state: SessionState, reason: string, config: SessionConfig): Step {
  const waiting = waitForPeer(state, config);
  return { state: waiting.state, actions: [{ type: "failed", text: reason }, ...waiting.actions] };
}

/** A dial that has not been answered for so long is given up: its packets may be going into a hole. */
function dialAgain(state: SessionState, config: SessionConfig): Step {
  const begun = beginAttempt(state, config);
  const hint = config.silenceHint === undefined ? "" : ` (${config.silenceHint})`;
  const text = `no answer within ${config.connectRetrySeconds} s${hint}`;
  return { state: begun.state, actions: [{ type: "disconnect" }, { type: "failed", text }, ...begun.actions] };
}
