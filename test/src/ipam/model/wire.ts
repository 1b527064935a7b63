/** The way to the model's datastore: what is sent waits until the history says that it arrives, in any order. */
import { type MemoryData, MemoryStore, type Store } from "@brindle/api";
import type { Chance } from "./random.ts";

export interface Sender {
  readonly isKilled: boolean;
}

export interface Sent<S extends Sender> {
  readonly run: () => void;
  /** `null`: the collector. */
  readonly sender: S | null;
}

export class Wire<S extends Sender> {
  readonly store: MemoryStore;
  readonly #waiting: Sent<S>[] = [];
  #sender: S | null = null;

  constructor(data: MemoryData, transactions: Store["transactions"]) {
    const schedule = (run: () => void) => this.#waiting.push({ run, sender: this.#sender });
    this.store = new MemoryStore({ transactions, data, schedule });
  }

  get isIdle(): boolean {
    return this.#waiting.length === 0;
  }

  /** The next to arrive. */
  next(chance: Chance): Sent<S> | undefined {
    return this.#waiting.splice(chance.below(this.#waiting.length), 1)[0];
  }

  /** Something that a living process has sent, which is then its owner's to do or to drop; `null` when there is none. */
  intercept(chance: Chance): Sent<S> | null {
    const waiting = this.#waiting.filter(({ sender }) => sender !== null && !sender.isKilled);
    if (waiting.length === 0) return null;
    const work = chance.pick(waiting);
    this.#waiting.splice(this.#waiting.indexOf(work), 1);
    return work;
  }

  /** A process that was killed sends nothing more. */
  from(sender: () => S | null): Pick<Store, "get" | "list" | "commit" | "transactions"> {
    const never = new Promise<never>(() => {});
    const { store } = this;
    const sent = <T>(send: () => Promise<T>): Promise<T> => {
      const by = sender();
      if (by?.isKilled) return never;
      this.#sender = by;
      return send();
    };
    return {
      transactions: store.transactions,
      get: (key) => sent(() => store.get(key)),
      list: (kind, scope) => sent(() => store.list(kind, scope)),
      commit: (writes) => sent(() => store.commit(writes)),
    };
  }
}
