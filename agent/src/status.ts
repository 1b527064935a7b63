/** The health of the agent's parts: a part reports itself, whoever asks sees all of them. */
import type { AgentPart, PartHealth } from "@brindle/api";

export const agentParts: readonly AgentPart[] = ["store", "bgp", "routes", "policy", "ipam", "cni"];

export class Health {
  readonly #parts = new Map<AgentPart, PartHealth>();

  constructor(nowMs: number) {
    for (const part of agentParts) this.#parts.set(part, { part, state: "starting", sinceMs: nowMs, reason: null });
  }

  /** Answers whether that is news. */
  report(part: AgentPart, { reason, nowMs }: { readonly reason: string | null; readonly nowMs: number }): boolean {
    const before = this.#parts.get(part);
    const state = reason === null ? "ready" : "failing";
    if (before?.state === state && before.reason === reason) return false;
    const sinceMs = before?.state === state ? before.sinceMs : nowMs;
    this.#parts.set(part, { part, state, sinceMs, reason });
    return true;
  }

  all(): PartHealth[] {
    return [...this.#parts.values()];
  }

  /** The first part that is not ready, in words; `null` when all are. */
  firstProblem(parts: readonly AgentPart[] = agentParts): string | null {
    for (const part of parts) {
      const health = this.#parts.get(part);
      if (health && health.state !== "ready")
        return `${part} is ${health.state}${health.reason ? `: ${health.reason}` : ""}`;
    }
    return null;
  }
}
