/** The session machine's vocabulary: one transport connection to one peer, RFC 4271 §8, without sockets or clock. */
import type { Message, Notification, Open } from "../wire/message.ts";
import type { Negotiated } from "./negotiate.ts";

/** There is no `remoteId: 0` before an OPEN arrived, and no way to ask for it. */
export type SessionState = { readonly past?: Past } & (
  | { readonly phase: "idle" }
  | { readonly phase: "connect" | "active" }
  | { readonly phase: "openSent" }
  | ({ readonly phase: "openConfirm" } & Agreed)
  | ({ readonly phase: "established" } & Agreed)
);

/** What is known once the peer's OPEN was accepted. */
export interface Agreed {
  readonly open: Open;
  /** The shorter of the two offers; 0 means that nobody sends keepalives. */
  readonly holdSeconds: number;
  readonly negotiated: Negotiated;
  /** The seconds from one keepalive of ours to the next; 0 for none. */
  readonly keepaliveSeconds: number;
  /** RFC 9687: the seconds after which a peer that reads nothing is given up. */
  readonly sendHoldSeconds: number;
}

/** What outlives a failed attempt. Absent where there is nothing to remember. */
export interface Past {
  /** In a row, without a session that stood for a while: the next wait grows with it. */
  readonly failures: number;
  /** The peer refused our optional parameters, so the next OPEN has none (RFC 5492 §3). */
  readonly withoutCapabilities: boolean;
  /** The NOTIFICATION that ended the last attempt, whoever sent it, in words. */
  readonly refusal?: string;
}

export type SessionTimer = "connectRetry" | "hold" | "keepalive" | "idleHold" | "sendHold";

export type SessionEvent =
  | { readonly type: "start" }
  /** An operator or the end of the process: `subcode` and text of RFC 4486 and RFC 9003. */
  | { readonly type: "stop"; readonly subcode: number; readonly text?: string; readonly data?: Uint8Array }
  /** Our dial succeeded, or an accepted connection was given to this session. */
  | { readonly type: "connected" }
  | { readonly type: "connectFailed"; readonly reason: string }
  | { readonly type: "disconnected"; readonly reason: string }
  | { readonly type: "timerFired"; readonly timer: SessionTimer }
  /** What was sent waits for the peer to read; nothing waits any more. */
  | { readonly type: "sendBlocked" | "sendResumed" }
  | { readonly type: "received"; readonly message: Message }
  /** The bytes did not parse; the codec says what to answer. */
  | { readonly type: "malformed"; readonly notification: Notification; readonly reason: string };

export type SessionAction =
  | { readonly type: "connect" }
  | { readonly type: "disconnect" }
  | { readonly type: "send"; readonly message: Message }
  /** Arms anew when it is running. Jitter (RFC 4271 §10) comes from the shell. */
  | { readonly type: "arm"; readonly timer: SessionTimer; readonly seconds: number }
  | { readonly type: "disarm"; readonly timer: SessionTimer }
  | { readonly type: "established"; readonly open: Open; readonly negotiated: Negotiated }
  /** The session ended, or never came to be: the reason that `bgp peers` shows. */
  | { readonly type: "failed"; readonly text: string; readonly notification?: NotificationSeen }
  /** The peer wants everything again. */
  | { readonly type: "refresh"; readonly family: 4 | 6 }
  /** RFC 7313: the peer begins, or ends, to tell everything again. */
  | { readonly type: "refreshed"; readonly family: 4 | 6; readonly demarcation: "begin" | "end" };

export interface NotificationSeen {
  readonly sentBy: "us" | "peer";
  readonly code: number;
  readonly subcode: number;
  /** RFC 8538 §3: the routes are not to be kept, whatever was agreed on. */
  readonly isHardReset?: true;
}

export interface Step {
  readonly state: SessionState;
  readonly actions: readonly SessionAction[];
}
