/**
 * Keeps the kernel of one node at what the policy graph desires. The newest desired state wins; what failed is tried
 * again with growing delays, after reading back what is really there. Closing leaves the kernel as it is: policy
 * outlives the agent.
 */
import type { Address } from "@brindle/net";
import { formatAddress } from "@brindle/net";
import type { Tables } from "@brindle/net/shell";
import type { Desired } from "../graph/desired.ts";
import type { Actual } from "../plan/actual.ts";
import { afterPlan } from "../plan/afterPlan.ts";
import { driftOf } from "../plan/drift.ts";
import { partMaxUsual } from "../plan/parts.ts";
import { type Commit, isEmptyPlan, type Plan, plan } from "../plan/plan.ts";
import { PolicyError } from "../policyError.ts";
import { setPrefix } from "../render/names.ts";
import { applyPlan, besideMinUsual, forsake, type Kernel, readActual } from "./kernel.ts";

export interface EnforcerPorts extends Kernel {
  /** Does `work` once after a delay, unless the answered function is called before. */
  schedule(delayMs: number, work: () => void): () => void;
  /** Hears of every failure; the enforcer itself goes on. */
  readonly onFailure?: (error: unknown) => void;
  /** Called with tables that are about to be committed, and what it answers once they are or are refused. It never rejects. */
  readonly beforeCommits?: (commits: readonly Commit[], inForce: Desired | null) => Promise<(isDone: boolean) => void>;
}

/** Since the enforcer was made. */
export interface EnforcerCounters {
  readonly applied: number;
  readonly failed: number;
  readonly readBacks: number;
  /** Tables committed to the kernel. */
  readonly tableWrites: number;
  /** Changes of sets: one for each set made, grown, shrunk or destroyed. */
  readonly setWrites: number;
}

/** Of so many read-backs one reads all tables, the others no table in which nothing of ours is to be: each is a process. */
const wholeReadEvery = 10;
/** Each time the kernel was changed while it was read. */
const driftReadsMax = 5;
const policiesMany = 500;
/** Four for each of the most pods that a node has: its ends have two, and rules that few others share. */
const setRoom = 1_024;
const roomPrefix = `${setPrefix}_room_`;
const retryDelayMsMin = 100;
const retryDelayMsMax = 10_000;

interface Waiter {
  isDone(): boolean;
  resolve(): void;
  reject(error: unknown): void;
}

export class Enforcer {
  readonly #ports: EnforcerPorts;
  #kernel: Required<Kernel>;
  /** Tables to go over to before the next state is applied. */
  #next: Kernel["tables"] | null = null;
  #desired: Desired | null = null;
  #inForce: Desired | null = null;
  #actual: Actual | null = null;
  /** Whether `#actual` is to be read anew before the next plan. */
  #isStale = true;
  /** Calls are numbered; all up to `#done` are in the kernel. */
  #requested = 0;
  #done = 0;
  #running: Promise<void> | null = null;
  #room: Promise<void> | null = null;
  #isClosed = false;
  #failuresInRow = 0;
  /** How often in a row sets could not be destroyed: a rule of somebody else may refer to one for ever. */
  #undestroyedInRow = 0;
  #cancelRetry: (() => void) | null = null;
  readonly #waiters = new Set<Waiter>();
  #counters: EnforcerCounters = { applied: 0, failed: 0, readBacks: 0, tableWrites: 0, setWrites: 0 };

  constructor(ports: EnforcerPorts) {
    this.#ports = ports;
    const { tables, sets, former = [], partMax = partMaxUsual, besideMin = besideMinUsual } = ports;
    this.#kernel = { tables, sets, former, partMax, besideMin };
  }

  /**
   * Reads what the kernel has while the first state is not known yet. It takes a process for each table, and nobody but us
   * changes what is ours: what others change meanwhile is found by the next resync, as at any other time.
   */
  readAhead(): void {
    if (this.#actual || this.#running || this.#isClosed) return;
    const read = async (): Promise<void> => {
      try {
        this.#actual = await this.#readBack();
      } catch {
        this.#isStale = true; // It is told when the first state is applied, which reads again.
      }
    };
    this.#running = read().then(() => {
      this.#running = null;
      if (this.#requested > this.#done) this.#run();
    });
  }

  /** Resolves when this or a newer state is in the kernel; failures before that are retried. */
  apply(desired: Desired): Promise<void> {
    this.#desired = desired;
    return this.#settled();
  }

  /** Reads everything back and repairs what differs; for a timer of the caller's. */
  resync(): Promise<void> {
    this.#isStale = true;
    return this.#desired ? this.#settled() : Promise.resolve();
  }

  /**
   * Into other tables from now on, as those of iptables-legacy instead of iptables-nft. First all is in force in both, which
   * a packet passes one after the other, and then what is in the former ones goes: nothing is open in between, nor closed.
   */
  moveTo(tables: Kernel["tables"]): Promise<void> {
    this.#next = tables;
    this.#isStale = true;
    return this.#desired ? this.#settled() : Promise.resolve();
  }

  /**
   * How many policies are known, while the first state is not. Where they are many, so are its sets, for which the kernel takes a
   * tenth of a second to make room: that is done meanwhile. An agent before has left room with its sets.
   */
  foresee(policies: number): void {
    if (policies >= policiesMany) this.#room ??= this.#makeRoom();
  }

  async #makeRoom(): Promise<void> {
    await this.#running;
    if (this.#isClosed || this.#requested > 0 || this.#actual?.sets.size !== 0) return;
    await this.#kernel.sets.makeRoom?.({ prefix: roomPrefix, sets: setRoom }).catch(() => {}); // Sets are made all the same.
  }

  /**
   * Resolves when the policy of an endpoint of this node is in the kernel, for all of the addresses that are given.
   * A pod may be told its addresses only after this.
   */
  inForce(endpoint: string, options: { addresses?: readonly Address[]; signal?: AbortSignal } = {}): Promise<void> {
    const wanted = (options.addresses ?? []).map(formatAddress);
    const isDone = (): boolean => {
      const held = this.#inForce?.endpoints.get(endpoint)?.addresses.map(formatAddress);
      // Before the datastore has it, rules that deny it by its labels do not find it.
      if (this.#inForce?.expected.has(endpoint)) return false;
      return held !== undefined && wanted.every((address) => held.includes(address));
    };
    return this.#wait(isDone, options.signal);
  }

  /**
   * What somebody else has changed in the kernel of what was brought into force, read now, as far as it concerns an
   * endpoint of this node. Nothing is repaired; see `resync`.
   */
  async drift(endpoint: string): Promise<readonly string[]> {
    for (let reads = 0; reads < driftReadsMax; reads++) {
      await this.#running;
      const brought = this.#inForce;
      const enforced = brought?.endpoints.get(endpoint);
      if (!brought || !enforced) return [`the policy of ${endpoint} is not in force`];
      const actual = await readActual(this.#kernel);
      if (this.#running === null && this.#inForce === brought) return driftOf(plan(brought, actual), enforced);
    }
    return [];
  }

  /** What was last brought into force; `null` before the first time. */
  state(): Desired | null {
    return this.#inForce;
  }

  counters(): EnforcerCounters {
    return this.#counters;
  }

  /** Whoever waits is refused at once. Resolves when the attempt under way, whatever becomes of it, is over. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelRetry?.();
    for (const waiter of this.#waiters) waiter.reject(new PolicyError({ code: "CLOSED" }));
    this.#waiters.clear();
    await this.#running;
    await this.#room;
  }

  #settled(): Promise<void> {
    this.#requested += 1;
    const turn = this.#requested;
    const settled = this.#wait(() => this.#done >= turn);
    this.#run();
    return settled;
  }

  #wait(isDone: () => boolean, signal?: AbortSignal): Promise<void> {
    if (this.#isClosed) return Promise.reject(new PolicyError({ code: "CLOSED" }));
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (isDone()) return Promise.resolve();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { isDone, resolve, reject };
    this.#waiters.add(waiter);
    signal?.addEventListener("abort", () => this.#waiters.delete(waiter) && reject(signal.reason), { once: true });
    return promise;
  }

  #run(): void {
    if (!this.#isClosed) this.#running ??= this.#catchUp();
  }

  async #catchUp(): Promise<void> {
    this.#cancelRetry?.();
    while (this.#done < this.#requested && !this.#isClosed && this.#desired) {
      const turn = this.#requested;
      try {
        await this.#applyOnce(this.#desired);
      } catch (error) {
        this.#onFailure(error);
        break;
      }
      this.#failuresInRow = 0;
      this.#done = turn;
      this.#wake();
    }
    this.#running = null;
  }

  async #applyOnce(desired: Desired): Promise<void> {
    await this.#room;
    this.#goOver();
    const actual = this.#isStale || !this.#actual ? await this.#readBack() : this.#actual;
    const toDo = plan(desired, actual);
    const undestroyed = isEmptyPlan(toDo) ? new Set<string>() : await this.#applyPlan(toDo);
    this.#actual = afterPlan(actual, toDo, desired, undestroyed);
    this.#inForce = desired;
    await this.#leaveFormer();
    this.#count({
      applied: 1,
      tableWrites: toDo.commits.length,
      setWrites: toDo.before.length + toDo.after.length - undestroyed.size,
    });
    if (undestroyed.size === 0) this.#undestroyedInRow = 0;
    else this.#retryLater(retryDelayMs(this.#undestroyedInRow++));
  }

  #goOver(): void {
    if (!this.#next) return;
    const { tables, former } = this.#kernel;
    const next = this.#next;
    const isUsed = ({ family, backend }: Tables): boolean =>
      next.some((table) => table.family === family && table.backend === backend);
    const left = [...former, ...tables].filter((table) => !isUsed(table));
    this.#next = null;
    this.#kernel = { ...this.#kernel, tables: next, former: left };
    this.#isStale = true;
  }

  /** It is only now that what should be is in force elsewhere. */
  async #leaveFormer(): Promise<void> {
    const { former } = this.#kernel;
    if (former.length === 0) return;
    await forsake(former);
    this.#kernel = { ...this.#kernel, former: [] };
  }

  async #applyPlan(toDo: Plan): Promise<Set<string>> {
    const { beforeCommits } = this.#ports;
    if (!beforeCommits || toDo.commits.length === 0) return applyPlan(toDo, this.#kernel);
    const over = await beforeCommits(toDo.commits, this.#inForce);
    let isDone = false;
    try {
      const undestroyed = await applyPlan(toDo, this.#kernel);
      isDone = true;
      return undestroyed;
    } finally {
      over(isDone);
    }
  }

  async #readBack(): Promise<Actual> {
    this.#isStale = false; // Before reading: a resync that is asked for meanwhile counts.
    const isWhole = this.#counters.readBacks % wholeReadEvery === 0 || this.#failuresInRow > 0;
    this.#count({ readBacks: 1 });
    const idle = isWhole || !this.#inForce ? [] : idleTables(this.#inForce);
    return readActual(this.#kernel, (family, table) => idle.includes(`${family} ${table}`));
  }

  #onFailure(error: unknown): void {
    if (this.#isClosed) return; // Its ports may be closed as well by now, and nobody is to try again.
    this.#isStale = true;
    this.#count({ failed: 1 });
    this.#ports.onFailure?.(error);
    this.#retryLater(retryDelayMs(this.#failuresInRow++));
  }

  #retryLater(delayMs: number): void {
    if (this.#isClosed) return;
    this.#cancelRetry?.();
    this.#cancelRetry = this.#ports.schedule(delayMs, () => {
      this.#requested += 1;
      this.#run();
    });
  }

  #wake(): void {
    for (const waiter of this.#waiters) {
      if (!waiter.isDone()) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
  }

  #count(more: Partial<EnforcerCounters>): void {
    const { applied, failed, readBacks, tableWrites, setWrites } = this.#counters;
    this.#counters = {
      applied: applied + (more.applied ?? 0),
      failed: failed + (more.failed ?? 0),
      readBacks: readBacks + (more.readBacks ?? 0),
      tableWrites: tableWrites + (more.tableWrites ?? 0),
      setWrites: setWrites + (more.setWrites ?? 0),
    };
  }
}

function retryDelayMs(inRow: number): number {
  return Math.min(retryDelayMsMax, retryDelayMsMin * 2 ** inRow);
}

/** Those in which nothing of ours is once the state is in force. */
function idleTables({ tables }: Desired): string[] {
  const idle = tables.filter(({ content }) => content.chains.length === 0 && content.hooks.length === 0);
  return idle.map(({ family, table }) => `${family} ${table}`);
}
