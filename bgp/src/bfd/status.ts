/** What is told of a session of BFD: to the speaker, which ends sessions by it, and to operators. */
import { type BfdState, diagnosticText } from "./packet.ts";
import { type BfdSession, detectionMicros } from "./session.ts";

export interface PathStatus {
  readonly state: BfdState;
  /** What the peer says of itself; `null` while nothing is heard of it. */
  readonly remoteState: BfdState | null;
  /** Why the session left Up last, as either side says. */
  readonly diagnostic: string;
  readonly remoteDiagnostic: string | null;
  /** From one packet of ours to the next, before jitter; `null` while there are none. */
  readonly transmitMs: number | null;
  /** After which silence the peer is gone; `null` while nothing is heard of it. */
  readonly detectionMs: number | null;
  /** Why there are no packets at all: a port that another program has. */
  readonly fault?: string;
}

export function pathStatus(session: BfdSession): PathStatus {
  const detection = detectionMicros(session);
  return {
    state: session.state,
    remoteState: session.remote?.state ?? null,
    diagnostic: diagnosticText(session.diagnostic),
    remoteDiagnostic: session.remote ? diagnosticText(session.remote.diagnostic) : null,
    transmitMs: session.transmitMicros === null ? null : session.transmitMicros / 1000,
    detectionMs: detection === null ? null : detection / 1000,
  };
}

export function faultyPath(fault: string): PathStatus {
  const nothing = { remoteState: null, remoteDiagnostic: null, transmitMs: null, detectionMs: null };
  return { state: "down", diagnostic: diagnosticText(0), ...nothing, fault };
}

/**
 * RFC 5882 §3.2, §4.2: a path that was up and is not is broken, unless the peer's operator took its session of BFD
 * down. One that has never been up says nothing of the path.
 */
export function isBroken(before: PathStatus, after: PathStatus): boolean {
  return before.state === "up" && after.state !== "up" && after.remoteState !== "adminDown" && !after.fault;
}
