/** Faults of a message as values: what to answer the peer, and what to tell a person. */
import type { Notification } from "./message.ts";

/** The session must end: RFC 4271 §6, or "session reset" of RFC 7606. */
export interface Fault {
  readonly kind: "fault";
  readonly notification: Notification;
  readonly reason: string;
}

export const errorCode = {
  messageHeader: 1,
  open: 2,
  update: 3,
  holdTimerExpired: 4,
  fsm: 5,
  cease: 6,
  routeRefresh: 7,
  sendHoldTimerExpired: 8,
} as const;

export const headerError = { notSynchronized: 1, badLength: 2, badType: 3 } as const;

export const openError = {
  unspecific: 0,
  unsupportedVersion: 1,
  badPeerAs: 2,
  badBgpId: 3,
  unsupportedParameter: 4,
  unacceptableHoldTime: 6,
  unsupportedCapability: 7,
  /** RFC 9234 §4.2. */
  roleMismatch: 11,
} as const;

export const updateError = {
  malformedAttributes: 1,
  unrecognizedWellKnown: 2,
  optionalAttribute: 9,
  invalidNetworkField: 10,
} as const;

/** RFC 6608. */
export const fsmError = { unspecified: 0, inOpenSent: 1, inOpenConfirm: 2, inEstablished: 3 } as const;

/** RFC 4486, and the hard reset of RFC 8538. */
export const cease = {
  maximumPrefixes: 1,
  administrativeShutdown: 2,
  peerDeconfigured: 3,
  administrativeReset: 4,
  connectionRejected: 5,
  otherConfigurationChange: 6,
  collision: 7,
  outOfResources: 8,
  hardReset: 9,
  /** RFC 9384. */
  bfdDown: 10,
} as const;

/** RFC 7313 §5. */
export const routeRefreshError = { invalidLength: 1 } as const;

export function notification(code: number, subcode = 0, data: Uint8Array = new Uint8Array(0)): Notification {
  return { type: "notification", code, subcode, data };
}

export function fault(answer: Notification, reason: string): Fault {
  return { kind: "fault", notification: answer, reason };
}

/** The general fault of an UPDATE whose structure does not hold. */
export function malformedList(reason: string): Fault {
  return fault(notification(errorCode.update, updateError.malformedAttributes), reason);
}
