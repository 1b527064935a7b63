/**
 * The thread that wires pairs, as the others see it. What the kernel does for a pod it does inside send(2) and write(2), more
 * than all else that an ADD costs the agent, and under a lock (rtnl) that others hold, too: the thread of requests, policy and
 * addresses goes on meanwhile. One thread serves all nodes of a process: there is one, and that of a rehearsal.
 */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { Family } from "@brindle/net";
import { KernelError } from "@brindle/net";
import { conditionsOf, entryBeside } from "@brindle/net/shell/threadEntry";
import { toldRuntime } from "../../wiring/failures.ts";
import {
  arrived,
  type FromPairThread,
  type MadePair,
  type PairEnding,
  type PairOrder,
  type ToPairThread,
} from "./pairMessages.ts";

/** Nothing that it makes lives long. V8 takes 48 MB of young generation by itself, and keeps it. */
const resourceLimits = { maxYoungGenerationSizeMb: 6 };

interface Waiting {
  readonly node: number;
  readonly answer: PromiseWithResolvers<unknown>;
}

export class PairThread implements Disposable {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #isClosed = false;

  /** Rejects where it cannot begin. Should it die later, that is a bug, and with it goes who depends on it: nobody hears its error. */
  static async start(): Promise<PairThread> {
    const entry = entryBeside(import.meta.url, "pairThread");
    const worker = new Worker(entry, { name: "wiring", execArgv: conditionsOf(entry), resourceLimits });
    await once(worker, "message"); // It is ready.
    return new PairThread(worker);
  }

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.on("message", (message: FromPairThread) => this.#onAnswer(message));
    this.#holdProcess(); // Whoever begins to listen holds it.
  }

  /** A node's side: its namespace may be closed afterwards. */
  async enter(namespace: number): Promise<Pairs> {
    const node = ++this.#lastId;
    await this.ask(node, { type: "enter", id: node, namespace });
    return new Pairs(this, node);
  }

  /** Of those that `enter` and pairs ask for; an error is what the thread threw. */
  ask(node: number, message: Exclude<ToPairThread, { type: "end" }>): Promise<unknown> {
    if (this.#isClosed) return Promise.reject(closed());
    const answer = Promise.withResolvers<unknown>();
    this.#waiting.set(message.id, { node, answer });
    this.#holdProcess();
    this.#worker.postMessage(message);
    return answer.promise;
  }

  tell(message: ToPairThread): void {
    if (!this.#isClosed) this.#worker.postMessage(message);
  }

  nextId(): number {
    return ++this.#lastId;
  }

  /** What is under way for a node fails here; the thread finds out at its next step. */
  leave(node: number): void {
    for (const [id, { node: of, answer }] of this.#waiting) {
      if (of !== node) continue;
      this.#waiting.delete(id);
      answer.reject(closed());
    }
    this.#holdProcess();
    this.tell({ type: "leave", id: node });
  }

  /** It ends by itself: what it has open goes with it only when it closes it. */
  [Symbol.dispose](): void {
    this.tell({ type: "end" });
    this.#isClosed = true;
    for (const { answer } of this.#waiting.values()) answer.reject(closed());
    this.#waiting.clear();
    this.#holdProcess();
  }

  /** While somebody waits for an answer, and no longer. */
  #holdProcess(): void {
    if (this.#waiting.size > 0) this.#worker.ref();
    else this.#worker.unref();
  }

  #onAnswer(message: FromPairThread): void {
    if (message.type === "ready") return;
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    this.#holdProcess();
    if (message.type === "done") waiting?.answer.resolve(message.value);
    else waiting?.answer.reject(toldRuntime(arrived(message.failure)));
  }
}

/** Those of one node. */
export class Pairs implements Disposable {
  readonly #thread: PairThread;
  readonly #node: number;

  constructor(thread: PairThread, node: number) {
    this.#thread = thread;
    this.#node = node;
  }

  pair(order: Omit<PairOrder, "id" | "node">): Pair {
    return new Pair(this.#thread, { ...order, id: this.#thread.nextId(), node: this.#node });
  }

  [Symbol.dispose](): void {
    this.#thread.leave(this.#node);
  }
}

/** One that is being wired. Disposed of it is no more than what the kernel has of it. */
export class Pair implements Disposable {
  readonly #thread: PairThread;
  readonly #order: PairOrder;
  #isKnown = false;

  constructor(thread: PairThread, order: PairOrder) {
    this.#thread = thread;
    this.#order = order;
  }

  /** Down, and ready to be finished. May be tried again while a name is taken. */
  make(): Promise<MadePair> {
    this.#isKnown = true;
    return this.#thread.ask(this.#order.node, { type: "make", ...this.#order }) as Promise<MadePair>;
  }

  /** Answers the families whose default route is another interface's. */
  async finish(ending: Omit<PairEnding, "id">): Promise<ReadonlySet<Family>> {
    const aside = await this.#thread.ask(this.#order.node, { type: "finish", id: this.#order.id, ...ending });
    this.#isKnown = false;
    return aside as ReadonlySet<Family>;
  }

  [Symbol.dispose](): void {
    if (this.#isKnown) this.#thread.tell({ type: "forget", id: this.#order.id });
  }
}

function closed(): KernelError {
  return new KernelError({ code: "CLOSED", object: "the wiring of pods" });
}
