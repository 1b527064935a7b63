/**
 * The restarter's side of RFC 4724 §4.1: whoever takes over from a process that died decides and announces nothing
 * before it knows again what that one knew, since until then its peers and its kernel go on by the old routes.
 *
 * Deciding and sweeping are two things. A peer that restarts itself tells nothing before it has heard us, so nobody waits
 * for it; what was learned of it goes on forwarding all the same, until it has told its table or its time is over.
 */
import type { RestartStatus } from "../control.ts";
import type { SpeakerConfig } from "./config.ts";
import type { Peer } from "./peer.ts";
import { isDown } from "./peerPlace.ts";

/** `settling`: all is heard, and what was heard is being decided. */
export type RestartPhase = "deferring" | "settling" | "complete";

/** `heard`: the decision need not wait for it. `told`: of an earlier run's routes it has named those that stay. */
export type PeerKnowledge = "nothing" | "heard" | "told";

export interface RestartTimes {
  /** When it is decided at the latest. */
  readonly deadlineMs: number;
  /** Until when routes of an earlier run are kept for peers that have not told theirs. */
  readonly keptUntilMs: number;
}

export class Restart {
  #phase: RestartPhase = "settling";
  #times: RestartTimes = { deadlineMs: 0, keptUntilMs: 0 };
  readonly #heard = new Set<string>();
  readonly #told = new Set<string>();
  /** Whose routes of an earlier run are kept, since the decision was made without them. */
  readonly #missing = new Set<string>();
  #knowsOwn = false;
  #isSwept = false;

  get phase(): RestartPhase {
    return this.#phase;
  }

  begin(times: RestartTimes): void {
    this.#phase = "deferring";
    this.#times = times;
  }

  /** What is waited for, of these peers; nothing once there is nothing to wait for. */
  status(peers: Iterable<string>): { restart?: RestartStatus } {
    if (this.#phase !== "deferring") return {};
    const awaited = [...peers].filter((peer) => !this.#heard.has(peer));
    return { restart: { peers: awaited, deadlineMs: this.#times.deadlineMs } };
  }

  /** Our own prefixes have been named. */
  ownKnown(): void {
    this.#knowsOwn = true;
  }

  /** What a peer said before it was lost again need not be waited for twice. */
  note(peer: string, knowledge: PeerKnowledge): void {
    if (knowledge === "nothing") return;
    this.#heard.add(peer);
    if (knowledge === "told") this.#told.add(peer);
  }

  /** Whether that was the last that the decision waited for. */
  endIfHeard(peers: readonly string[]): boolean {
    if (this.#phase !== "deferring" || !this.#knowsOwn) return false;
    for (const peer of peers) if (!this.#heard.has(peer)) return false;
    this.#decide(peers);
    return true;
  }

  /** Of the decision, or of what is kept for those that were missing then. */
  deadlinePassed(peers: Iterable<string>): void {
    if (this.#phase === "deferring") this.#decide(peers);
    else this.#missing.clear();
  }

  settled(): void {
    this.#phase = "complete";
  }

  /** Until when routes are kept for those that were missing at the decision; `null` where nobody was. */
  get keptUntilMs(): number | null {
    return this.#missing.size > 0 ? this.#times.keptUntilMs : null;
  }

  /** Whose tables are still to come, of those that were missing at the decision. */
  get missing(): Iterable<string> {
    return this.#missing;
  }

  /** It has told its table, or is no peer any more. */
  found(peer: string): void {
    this.#missing.delete(peer);
  }

  get isSwept(): boolean {
    return this.#isSwept;
  }

  /** Whether what nobody has told by now is nobody's. Asked when all that was heard is decided. */
  sweep(): boolean {
    this.#isSwept = this.#phase === "complete" && this.#missing.size === 0;
    return this.#isSwept;
  }

  #decide(peers: Iterable<string>): void {
    this.#phase = "settling";
    for (const peer of peers) if (!this.#told.has(peer)) this.#missing.add(peer);
  }
}

/** As long as our peers are asked to keep our routes, theirs are kept. */
export function restartTimes(deadlineSeconds: number, { gracefulRestart }: SpeakerConfig, nowMs: number): RestartTimes {
  const keptSeconds = Math.max(deadlineSeconds, gracefulRestart?.restartSeconds ?? 0);
  return { deadlineMs: nowMs + deadlineSeconds * 1000, keptUntilMs: nowMs + keptSeconds * 1000 };
}

export function knowledgeOf({ config, routes }: Pick<Peer, "config" | "routes">): PeerKnowledge {
  if (routes.hasToldAll || isDown(config)) return "told";
  return routes.hasAllRoutes ? "heard" : "nothing";
}
