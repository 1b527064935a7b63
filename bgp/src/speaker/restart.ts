/**
 * The restarter's side of RFC 4724 §4.1: whoever takes over from a process that died decides and announces nothing
 * before it knows again what that one knew, since until then its peers and its kernel go on by the old routes.
 */
import type { RestartStatus } from "../control.ts";

/** `settling`: all is heard, and what was heard is being decided. */
export type RestartPhase = "deferring" | "settling" | "complete";

export class Restart {
  #phase: RestartPhase = "settling";
  #deadlineMs = 0;
  readonly #heard = new Set<string>();
  #knowsOwn = false;

  get phase(): RestartPhase {
    return this.#phase;
  }

  begin(deadlineMs: number): void {
    this.#phase = "deferring";
    this.#deadlineMs = deadlineMs;
  }

  /** What is waited for, of these peers; nothing once there is nothing to wait for. */
  status(peers: Iterable<string>): { restart?: RestartStatus } {
    if (this.#phase !== "deferring") return {};
    const awaited = [...peers].filter((peer) => !this.#heard.has(peer));
    return { restart: { peers: awaited, deadlineMs: this.#deadlineMs } };
  }

  /** Our own prefixes have been named. */
  ownKnown(): void {
    this.#knowsOwn = true;
  }

  /** What a peer said before it was lost again need not be waited for twice. */
  heard(peer: string): void {
    this.#heard.add(peer);
  }

  /** Whether that was the last that the decision waited for. */
  endIfHeard(peers: Iterable<string>): boolean {
    if (this.#phase !== "deferring" || !this.#knowsOwn) return false;
    for (const peer of peers) if (!this.#heard.has(peer)) return false;
    this.#phase = "settling";
    return true;
  }

  deadlinePassed(): void {
    if (this.#phase === "deferring") this.#phase = "settling";
  }

  settled(): void {
    this.#phase = "complete";
  }
}
