/** What an operator is told of a peer's past: since when it is as it is, how often it was lost, and why last. */
import type { PeerStatus, SessionFailure, SessionPhase } from "../control.ts";
import type { NotificationSeen } from "../session/state.ts";

export class PeerRecord {
  #phase: SessionPhase = "idle";
  #sinceMs: number;
  #flaps = 0;
  #lastFailure: SessionFailure | null = null;
  #changed = true;

  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
  }

  fail(text: string, notification: NotificationSeen | undefined, atMs: number): void {
    this.#lastFailure = notification ? { atMs, text, notification } : { atMs, text };
    this.#changed = true;
  }

  countFlap(): void {
    this.#flaps += 1;
    this.#changed = true;
  }

  enter(phase: SessionPhase, nowMs: number): void {
    if (phase === this.#phase) return;
    this.#phase = phase;
    this.#sinceMs = nowMs;
    this.#changed = true;
  }

  /** Whether there is something to tell, once. */
  takeChanged(): boolean {
    const changed = this.#changed;
    this.#changed = false;
    return changed;
  }

  status(): Pick<PeerStatus, "phase" | "sinceMs" | "flaps" | "lastFailure"> {
    return { phase: this.#phase, sinceMs: this.#sinceMs, flaps: this.#flaps, lastFailure: this.#lastFailure };
  }
}

const phaseOrder: readonly SessionPhase[] = ["idle", "active", "connect", "openSent", "openConfirm", "established"];

/** A peer is where that of its connections is which got furthest. */
export function furthestPhase(phases: readonly SessionPhase[]): SessionPhase | null {
  return phaseOrder.findLast((phase) => phases.includes(phase)) ?? null;
}
