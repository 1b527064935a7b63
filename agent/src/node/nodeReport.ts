/**
 * What Kubernetes is told of a node's network: the condition `NetworkUnavailable`, which the scheduler heeds, and Events.
 * Written when something changes and not for each flicker; what comes and goes costs a bounded number of writes.
 */
import type { MistakeStatus } from "@brindle/api";

/** A part of the condition that is ours to say; times are the writer's. */
export interface NetworkCondition {
  readonly status: "True" | "False";
  /** In CamelCase, as Kubernetes wants it. */
  readonly reason: string;
  readonly message: string;
}

export interface NodeEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

export interface NodeNews {
  /** What the condition is to be; `null` while it is to stay as it is, whatever that is. */
  readonly condition: NetworkCondition | null;
  readonly events: readonly NodeEvent[];
  /** When to ask again though nothing has changed. */
  readonly againAtMs: number | null;
}

/** Calico's is `CalicoIsUp`. */
const up: NetworkCondition = {
  status: "False",
  reason: "BrindleIsUp",
  message: "Brindle is running on this node",
};

/** For so long a node stays in the schedule: a restart, an API server that is away, are no reason to empty it. */
export const unavailableAfterMs = 10_000;
/** What stands is told again before Kubernetes forgets it, which it does after an hour. */
const repeatAfterMs = 1_800_000;
/** Of one kind of mistake no two Events come within this time, whatever their texts: a text may hold what changes. */
const sameKindAfterMs = 60_000;
const messageCharactersMax = 1_024; // Of an Event (events/v1 validation).

interface Told {
  readonly text: string;
  readonly atMs: number;
}

export class NodeReport {
  readonly #told = new Map<string, Told>();
  #unreadySinceMs: number | null = null;
  #hasWarned = false;

  /** `isReady`: every part of the agent is. */
  news({
    isReady,
    mistakes,
    nowMs,
  }: {
    isReady: boolean;
    mistakes: readonly MistakeStatus[];
    nowMs: number;
  }): NodeNews {
    const warnings = mistakes.flatMap((mistake) => this.#warning(mistake, nowMs));
    this.#forget(mistakes, nowMs);
    const { condition, atMs } = this.#condition({ isReady, mistakes, nowMs });
    const recovery: NodeEvent = { type: "Normal", reason: up.reason, message: up.message };
    const hasRecovered = isReady && this.#hasWarned;
    if (warnings.length > 0) this.#hasWarned = true;
    else if (isReady) this.#hasWarned = false;
    const dueMs = mistakes
      .flatMap(({ code }) => this.#told.get(code)?.atMs ?? [])
      .map((toldMs) => toldMs + repeatAfterMs);
    const again = [...dueMs, ...this.#delayed(mistakes), ...(atMs === null ? [] : [atMs])];
    return {
      condition,
      events: hasRecovered && warnings.length === 0 ? [recovery] : warnings,
      againAtMs: again.length === 0 ? null : Math.max(nowMs, Math.min(...again)),
    };
  }

  #warning({ code, text, remedy }: MistakeStatus, nowMs: number): NodeEvent[] {
    const told = this.#told.get(code);
    const isDue = told === undefined || nowMs - told.atMs >= (told.text === text ? repeatAfterMs : sameKindAfterMs);
    if (!isDue) return [];
    this.#told.set(code, { text, atMs: nowMs });
    return [{ type: "Warning", reason: code, message: shortened(`${text}. ${remedy}`) }];
  }

  /** A text that differs waits for its turn. */
  #delayed(mistakes: readonly MistakeStatus[]): number[] {
    return mistakes.flatMap(({ code, text }) => {
      const told = this.#told.get(code);
      return told && told.text !== text ? [told.atMs + sameKindAfterMs] : [];
    });
  }

  /** What is over may be told again when it comes back, though not at once. */
  #forget(mistakes: readonly MistakeStatus[], nowMs: number): void {
    const standing = new Set<string>(mistakes.map(({ code }) => code));
    for (const [code, { atMs }] of this.#told) {
      if (!standing.has(code) && nowMs - atMs >= sameKindAfterMs) this.#told.delete(code);
      else if (!standing.has(code)) this.#told.set(code, { text: "", atMs });
    }
  }

  #condition({ isReady, mistakes, nowMs }: { isReady: boolean; mistakes: readonly MistakeStatus[]; nowMs: number }): {
    readonly condition: NetworkCondition | null;
    readonly atMs: number | null;
  } {
    if (isReady) {
      this.#unreadySinceMs = null;
      return { condition: up, atMs: null };
    }
    const worst = mistakes.find(({ effect }) => effect === "unready");
    // What only starts says nothing yet.
    if (!worst) {
      this.#unreadySinceMs = null;
      return { condition: null, atMs: null };
    }
    this.#unreadySinceMs ??= nowMs;
    const dueMs = this.#unreadySinceMs + unavailableAfterMs;
    if (nowMs < dueMs) return { condition: null, atMs: dueMs };
    const message = shortened(`${worst.text}. ${worst.remedy}`);
    return { condition: { status: "True", reason: worst.code, message }, atMs: null };
  }
}

function shortened(text: string): string {
  return text.length <= messageCharactersMax ? text : `${text.slice(0, messageCharactersMax - 3)}...`;
}
