/** What an operator is told of a peer's past: since when it is as it is, how it came to that, and what failed last. */
import type { JournalEntry, PeerStatus, SessionFailure, SessionPhase } from "../control.ts";
import type { NotificationSeen } from "../session/state.ts";
import { journalWith } from "./journal.ts";

export class PeerRecord {
  #phase: SessionPhase = "idle";
  #sinceMs: number;
  #flaps = 0;
  #lastFailure: SessionFailure | null = null;
  #changed = true;
  /** Why the next change of phase happens, if somebody said. */
  #reason: string | null = null;
  #journal: readonly JournalEntry[] = [];

  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
  }

  fail(text: string, notification: NotificationSeen | undefined, atMs: number): void {
    this.#lastFailure = notification ? { atMs, text, notification } : { atMs, text };
    this.#reason = text;
    this.#changed = true;
  }

  /** Why there is no session, as long as that is so, and `null` from then on; told once. */
  withhold(reason: string | null, atMs: number): void {
    if (reason !== null && this.#lastFailure?.text !== reason) this.fail(reason, undefined, atMs);
  }

  /** We end what is there by ourselves: no failure, but what the journal is to say. */
  explain(reason: string): void {
    this.#reason = reason;
  }

  /** Something of the status is another that is not kept here. */
  note(): void {
    this.#changed = true;
  }

  countFlap(): void {
    this.#flaps += 1;
    this.#changed = true;
  }

  enter(phase: SessionPhase, nowMs: number): void {
    const reason = this.#reason;
    this.#reason = null;
    if (phase === this.#phase && reason === null) return;
    this.#journal = journalWith(this.#journal, { atMs: nowMs, from: this.#phase, to: phase, reason });
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

  /** The oldest first. */
  journal(): readonly JournalEntry[] {
    return this.#journal;
  }
}

const phaseOrder: readonly SessionPhase[] = ["idle", "active", "connect", "openSent", "openConfirm", "established"];

/** A peer is where that of its connections is which got furthest. */
export function furthestPhase(phases: readonly SessionPhase[]): SessionPhase | null {
  return phaseOrder.findLast((phase) => phases.includes(phase)) ?? null;
}
