/**
 * Pods of nobody, added and deleted in an agent that has just become ready. What a process does for the first times costs it several
 * times what it costs later: code is read, interpreted, and compiled on threads that compete for the processors, and most of what a
 * pod needs is called once a pod. So the first hundred pods of a node would pay for that, at the moment when it has most to do.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Store } from "@brindle/api";
import type { Logger } from "pino";
import { untilAborted } from "../untilAborted.ts";
import type { PairThread } from "../wiring/pairs.ts";
import { Stage, type StageOptions } from "./stage.ts";

/** Where they come and go. */
export type RehearsalStage = Pick<Stage, "lives"> & AsyncDisposable;

export interface RehearsalPorts {
  /** What runtimes ask of the agent meanwhile. */
  readonly calls: { readonly underWay: number; readonly podsWork: number };
  readonly transactions: Store["transactions"];
  readonly pairs?: PairThread | undefined;
  /** A real one, unless told. */
  readonly openStage?: (options: StageOptions) => Promise<RehearsalStage>;
  readonly signal: AbortSignal;
}

/** By then most of what is called once a pod is compiled. */
const podsUsual = 128;
/** More would be quicker, and hold up a real pod that comes meanwhile for longer. */
const atOnce = 2;
/** As long as a runtime asks for something, and for this long. */
const pauseMs = 20;

/**
 * Answers how many were rehearsed. Real ones go first and count as well, as they do the same for the agent: a node that gets all
 * its pods at the start has no use for others beside.
 */
export async function rehearse(ports: RehearsalPorts, pods: number = podsUsual): Promise<number> {
  const { calls, transactions, pairs, openStage = Stage.open, signal } = ports;
  let done = 0;
  const isOver = (): boolean => signal.aborted || 2 * done + calls.podsWork >= 2 * pods;
  const untilIdle = async (): Promise<void> => {
    while (calls.underWay > 0 && !isOver()) await delay(pauseMs, undefined, { ref: false });
  };
  await untilIdle();
  if (isOver()) return done;
  await using stage = await openStage({ transactions, pairs, pods: atOnce });
  for (; !isOver(); done += atOnce) {
    try {
      await stage.lives(signal);
    } catch (error) {
      if (signal.aborted) break; // An agent that ends waits for none of them.
      throw error;
    }
    await untilIdle();
  }
  return done;
}

export interface RehearsingAgent {
  readonly store: Pick<Store, "transactions">;
  readonly pairs?: PairThread | undefined;
  readonly calls: RehearsalPorts["calls"];
  /** Resolves when all is ready, and told to be. */
  readonly ready: Promise<void>;
  readonly log: Pick<Logger, "debug">;
}

/** Begins then, and is over at the latest when it is disposed. What comes of it nobody has to know: without it the first pods take longer. */
export function startRehearsal({ store, pairs, calls, ready, log }: RehearsingAgent): AsyncDisposable {
  const ended = new AbortController();
  const { signal } = ended;
  const run = async (): Promise<void> => {
    await Promise.race([ready, untilAborted(signal)]);
    try {
      const pods = await rehearse({ calls, pairs, transactions: store.transactions, signal });
      log.debug({ pods }, "pods were rehearsed");
    } catch (error) {
      log.debug({ err: error }, "pods were not rehearsed");
    }
  };
  const running = run();
  return {
    [Symbol.asyncDispose]: async () => {
      ended.abort();
      await running;
    },
  };
}
