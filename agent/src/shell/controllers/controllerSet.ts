/** Runs controllers beside each other, those that the configuration asks for. One that fails ends no other. */
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { messageOf } from "../../error.ts";
import { CoalescedWork } from "../coalescedWork.ts";
import type { Circumstances, Controller, ControllerContext, ControllersPorts } from "./controller.ts";

/** What the cluster's configuration says to all of them. */
export type ControllersWish = Omit<Circumstances, "datastore">;

export interface ControllerSetPorts extends ControllersPorts {
  readonly onHealth: (name: string, problem: string | null) => void;
  /** Before another try; a test's own clock. */
  readonly pause?: (ms: number, until: AbortSignal) => Promise<void>;
}

interface Running {
  readonly settings: object;
  readonly ending: AbortController;
  readonly ended: Promise<void>;
}

const pauseMsMin = 1_000;
const pauseMsMax = 60_000;

export class ControllerSet {
  readonly #controllers: readonly Controller[];
  readonly #ports: ControllerSetPorts;
  readonly #running = new Map<string, Running>();
  readonly #work: CoalescedWork;
  #wish: ControllersWish | null = null;

  constructor(controllers: readonly Controller[], ports: ControllerSetPorts) {
    this.#controllers = controllers;
    this.#ports = ports;
    this.#work = new CoalescedWork({
      work: () => this.#reconcile(),
      onFailure: (error) => ports.log.error({ err: error }, "controllers can be neither begun nor ended"),
    });
  }

  /** Returns at once; the newest counts. */
  follow(wish: ControllersWish): void {
    this.#wish = wish;
    this.#work.ask();
  }

  async end(): Promise<void> {
    await this.#work.end();
    await Promise.all([...this.#running.keys()].map((name) => this.#stop(name)));
  }

  async #reconcile(): Promise<void> {
    const wish = this.#wish;
    if (!wish) return;
    for (const controller of this.#controllers) {
      const { name } = controller;
      const settings = controller.settings({ datastore: this.#ports.datastore, ...wish });
      const running = this.#running.get(name);
      if (isDeepStrictEqual(running?.settings ?? null, settings)) continue;
      await this.#stop(name);
      if (settings) this.#start(controller, { settings, wish });
    }
  }

  #start(controller: Controller, { settings, wish }: { settings: object; wish: ControllersWish }) {
    const ending = new AbortController();
    const { onHealth, pause = pauseFor, ...shared } = this.#ports;
    const log = shared.log.child({ controller: controller.name });
    const tell = newsOf((problem, isFirst) => {
      if (problem === null) log.info("controller does all of its work");
      else log[isFirst ? "debug" : "warn"]({ reason: problem }, "controller does not do all of its work");
      onHealth(controller.name, problem);
    });
    const context: ControllerContext = { ...shared, ...wish, name: controller.name, log, onHealth: tell };
    log.info("controller begins");
    const ended = runUntil(controller, { context, pause, until: ending.signal });
    this.#running.set(controller.name, { settings, ending, ended });
  }

  async #stop(name: string): Promise<void> {
    const running = this.#running.get(name);
    running?.ending.abort();
    await running?.ended;
    this.#running.delete(name);
    this.#ports.tally.ended(name);
    this.#ports.onHealth(name, null);
  }
}

interface RunPorts extends Required<Pick<ControllerSetPorts, "pause">> {
  readonly context: ControllerContext;
  readonly until: AbortSignal;
}

/** Again and again: a controller ends by itself only when it fails. */
async function runUntil(controller: Controller, { context, pause, until }: RunPorts): Promise<void> {
  let pauseMs = pauseMsMin;
  while (!until.aborted) {
    const sinceMs = performance.now();
    context.tally.runs.add([controller.name]);
    try {
      await controller.run(context, until);
      if (until.aborted) return;
      throw new TypeError("it ended by itself");
    } catch (error) {
      if (until.aborted) return;
      context.log.error({ err: error }, "controller failed; it is tried again");
      context.onHealth(messageOf(error));
      context.tally.failures.add([controller.name]);
    }
    if (performance.now() - sinceMs > pauseMsMax) pauseMs = pauseMsMin;
    await pause(pauseMs, until);
    pauseMs = Math.min(pauseMsMax, pauseMs * 2);
  }
}

async function pauseFor(ms: number, until: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal: until }).catch(() => {});
}

/** A controller that begins has not done its work yet, which is no trouble. */
function newsOf(tell: (problem: string | null, isFirst: boolean) => void): (problem: string | null) => void {
  let told: string | null | undefined;
  return (problem) => {
    if (problem !== told) tell(problem, told === undefined);
    told = problem;
  };
}
