/** One turn of the session machine: RFC 4271 §8. Each phase has a file; here is only who is asked. */
import { onActive } from "./active.ts";
import type { SessionConfig } from "./config.ts";
import { onConnect } from "./connect.ts";
import { onEstablished } from "./established.ts";
import { onIdle } from "./idle.ts";
import { onOpenConfirm } from "./openConfirm.ts";
import { onOpenSent } from "./openSent.ts";
import type { SessionEvent, SessionState, Step } from "./state.ts";

/** A session that nobody has started. */
export const initialSession: SessionState = { phase: "idle" };

export function step(state: SessionState, event: SessionEvent, config: SessionConfig): Step {
  switch (state.phase) {
    case "idle":
      return onIdle(state, event, config);
    case "connect":
      return onConnect(state, event, config);
    case "active":
      return onActive(state, event, config);
    case "openSent":
      return onOpenSent(state, event, config);
    case "openConfirm":
      return onOpenConfirm(state, event);
    case "established":
      return onEstablished(state, event);
  }
}
