/** The health of the agent's parts: a part reports itself, checks report what they find; whoever asks sees all of it. */
import { isDeepStrictEqual } from "node:util";
import type { AgentPart, MistakeStatus, PartHealth } from "@brindle/api";
import { type Mistake, type MistakeCode, mistakes as table, unnamedMistake } from "./node/mistakes.ts";

export const agentParts: readonly AgentPart[] = ["store", "bgp", "routes", "policy", "ipam", "cni"];

/** What a part or a check says: words, with a name for what they mean where it has one. */
export type Said = string | Mistake;

interface Own {
  readonly said: Mistake | null;
  readonly isReady: boolean;
}

export class Health {
  /** What each part says of itself. */
  readonly #own = new Map<AgentPart, Own>();
  /** By the check that found them. */
  readonly #found = new Map<string, readonly Mistake[]>();
  readonly #parts = new Map<AgentPart, PartHealth>();
  readonly #since = new Map<string, number>();

  constructor(nowMs: number) {
    for (const part of agentParts) {
      this.#own.set(part, { said: null, isReady: false });
      this.#parts.set(part, { part, state: "starting", sinceMs: nowMs, reason: null });
    }
  }

  /** Answers whether that is news. */
  report(part: AgentPart, { reason, nowMs }: { readonly reason: Said | null; readonly nowMs: number }): boolean {
    const said = typeof reason === "string" ? { code: unnamedMistake[part], text: reason } : reason;
    if (said === null && this.#own.get(part)?.isReady) return false; // Most often so, a few times for each pod.
    this.#own.set(part, { said, isReady: said === null });
    return this.#settle(nowMs);
  }

  /** All that one check finds, in place of what it found before. Answers whether that is news. */
  found(check: string, mistakes: readonly Mistake[], nowMs: number): boolean {
    const before = this.#found.get(check) ?? [];
    if (isDeepStrictEqual(before, mistakes)) return false;
    this.#found.set(check, mistakes);
    return this.#settle(nowMs) || JSON.stringify(before) !== JSON.stringify(mistakes);
  }

  all(): PartHealth[] {
    return [...this.#parts.values()];
  }

  /** What makes the agent unready first. */
  mistakes(): MistakeStatus[] {
    const all = this.#standing().map(({ code, text }): MistakeStatus => {
      const { part, effect, remedy } = table[code];
      return { code, part, effect, text, remedy, sinceMs: this.#since.get(`${code} ${text}`) ?? 0 };
    });
    return [...all.filter(({ effect }) => effect === "unready"), ...all.filter(({ effect }) => effect === "noticed")];
  }

  /** Every part that is not ready, in words, a line each; `null` when all are. */
  problems(parts: readonly AgentPart[] = agentParts): string | null {
    const lines = parts.flatMap((part) => {
      const health = this.#parts.get(part);
      return health && health.state !== "ready" ? [lineOf(health)] : [];
    });
    return lines.length === 0 ? null : lines.join("\n");
  }

  /** What a part says of itself, whatever checks find: who is to go on where it can heeds this alone. */
  ownProblem(parts: readonly AgentPart[]): string | null {
    for (const part of parts) {
      const own = this.#own.get(part);
      if (own && !own.isReady) return `${part} is ${own.said ? `failing: ${own.said.text}` : "starting"}`;
    }
    return null;
  }

  /** By its own word. */
  isFailing(part: AgentPart): boolean {
    return this.#own.get(part)?.said != null;
  }

  /** The first part that is not ready, in words; `null` when all are. */
  firstProblem(parts: readonly AgentPart[] = agentParts): string | null {
    return this.problems(parts)?.split("\n")[0] ?? null;
  }

  /** A mistake that has a name says more than what a part makes of it: then the part's own words are left out. */
  #standing(): Mistake[] {
    const found = [...this.#found.values()].flat();
    const explained = new Set(found.filter(isUnready).map(({ code }) => table[code].part));
    const own = [...this.#own].flatMap(([part, { said }]) => {
      if (said === null) return [];
      return said.code === unnamedMistake[part] && explained.has(part) ? [] : [said];
    });
    return [...new Map([...found, ...own].map((mistake) => [`${mistake.code} ${mistake.text}`, mistake])).values()];
  }

  #settle(nowMs: number): boolean {
    const standing = this.#standing();
    const names = new Set(standing.map(({ code, text }) => `${code} ${text}`));
    for (const name of this.#since.keys()) if (!names.has(name)) this.#since.delete(name);
    for (const name of names) if (!this.#since.has(name)) this.#since.set(name, nowMs);
    let isNews = false;
    for (const part of agentParts) {
      const reasons = standing
        .filter(({ code }) => table[code].part === part && isUnready({ code }))
        .map(({ text }) => text);
      isNews = this.#setPart(part, reasons.length > 0 ? reasons.join("; ") : null, nowMs) || isNews;
    }
    return isNews;
  }

  #setPart(part: AgentPart, reason: string | null, nowMs: number): boolean {
    const before = this.#parts.get(part);
    const state = reason !== null ? "failing" : this.#own.get(part)?.isReady ? "ready" : "starting";
    if (before?.state === state && before.reason === reason) return false;
    const sinceMs = before?.state === state ? before.sinceMs : nowMs;
    this.#parts.set(part, { part, state, sinceMs, reason });
    return true;
  }
}

function isUnready({ code }: { readonly code: MistakeCode }): boolean {
  return table[code].effect === "unready";
}

function lineOf({ part, state, reason }: PartHealth): string {
  return `${part} is ${state}${reason ? `: ${reason}` : ""}`;
}
