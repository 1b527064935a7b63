/** What OpenConfirm and Established share: both sides prove that they are alive. */
import { errorCode, notification } from "../wire/fault.ts";
import { refuse } from "./end.ts";
import type { Agreed, SessionAction, SessionState, Step } from "./state.ts";

/** Sends one and waits for the time of the next. */
export function sendKeepalive(state: SessionState & Agreed): Step {
  return {
    state,
    actions: [
      { type: "send", message: { type: "keepalive" } },
      { type: "arm", timer: "keepalive", seconds: state.keepaliveSeconds },
    ],
  };
}

export function restartHold({ holdSeconds }: Agreed): SessionAction[] {
  return holdSeconds === 0 ? [] : [{ type: "arm", timer: "hold", seconds: holdSeconds }];
}

export function onHoldExpired(state: SessionState & Agreed): Step {
  return refuse(state, notification(errorCode.holdTimerExpired), `nothing came for ${state.holdSeconds} s`);
}
