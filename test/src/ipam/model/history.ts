/** A history is a list of seeds, one for each step, so that one that does not hold can be cut down to what matters of it. */
import type { Store } from "@brindle/api";
import { Chance } from "./random.ts";
import { World, type WorldOptions } from "./world.ts";

export interface History {
  readonly options: WorldOptions;
  readonly steps: readonly number[];
}

export type Counts = World["counts"];

/** What does not hold, with the least history found that shows it. */
export class HistoryFailure extends Error {
  override readonly name = "HistoryFailure";
}

export interface RoundOptions {
  readonly transactions: Store["transactions"];
  readonly steps: number;
  /** Some, unless told. */
  readonly nodes?: number;
}

export function historyOf(seed: number, { transactions, steps, nodes }: RoundOptions): History {
  const chance = new Chance(seed);
  const count = nodes ?? 2 + chance.below(6);
  // Some worlds have more pods than addresses, some have plenty.
  const poolLength = 28 - Math.ceil(Math.log2(count)) + chance.below(3);
  return {
    options: {
      transactions,
      nodes: count,
      podsPerNode: 2 + chance.below(4),
      poolLength: Math.max(poolLength, 16),
      hasRanges: seed % 4 === 3,
    },
    steps: Array.from({ length: steps }, () => chance.seed()),
  };
}

/** Throws a `HistoryFailure` that says how to see it again. */
export async function live(history: History, again: string): Promise<Counts> {
  const outcome = await tried(history);
  if (outcome.error === null) return outcome.counts;
  const least = await shrunk({ ...history, steps: history.steps.slice(0, outcome.steps) }, messageOf(outcome.error));
  const what = `${messageOf(outcome.error)}\n  seen in ${outcome.steps} steps, and in these ${least.steps.length} alone: ${JSON.stringify(least)}\n  ${again}`;
  throw new HistoryFailure(what, { cause: outcome.error });
}

interface Outcome {
  readonly counts: Counts;
  /** How many were made. */
  readonly steps: number;
  readonly error: unknown;
}

async function tried({ options, steps }: History): Promise<Outcome> {
  const world = new World(options);
  let made = 0;
  try {
    for (const seed of steps) {
      made++;
      await world.step(new Chance(seed));
    }
    await world.settle(new Chance(1));
    return { counts: world.counts, steps: made, error: null };
  } catch (error) {
    return { counts: world.counts, steps: made, error };
  }
}

/** How often a shorter one is tried: each is as long as what is left. */
const triesMax = 400;

/** Leaves out ever smaller pieces, as long as the same goes wrong. */
async function shrunk(history: History, message: string): Promise<History> {
  let least = history;
  let tries = 0;
  for (let size = Math.ceil(least.steps.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < least.steps.length && tries < triesMax; ) {
      tries++;
      const shorter = { ...least, steps: [...least.steps.slice(0, at), ...least.steps.slice(at + size)] };
      const { error } = await tried(shorter);
      if (error !== null && sameTrouble(messageOf(error), message)) least = shorter;
      else at += size;
    }
  }
  return least;
}

/** Names and addresses are others in a shorter history. */
function sameTrouble(a: string, b: string): boolean {
  const bare = (text: string) => text.replaceAll(/[0-9a-f:.]*[0-9][0-9a-f:./,]*/g, "#");
  return bare(a) === bare(b);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
