/**
 * Makes pairs on another thread. One takes the kernel half a millisecond, more than all else that a pod needs of it, and longer
 * where others hold its lock of all network configuration (rtnl). What is asked for meanwhile goes together. While a pair
 * is made, a message of this thread would wait for that lock: whoever has one waits for `quiet`.
 */
import { isKernelError, type KernelError, type Link, type NewLink } from "@brindle/net";
import { DirectRoutes, type NamespaceReference } from "@brindle/net/shell";

/** Others wait for the lock, too: the messages of pods whose pair is there. */
const atOnceMax = 4;

interface Request {
  readonly link: NewLink;
  readonly made: PromiseWithResolvers<Link>;
}

export class GatheredCreation implements Disposable {
  readonly #kernel: DirectRoutes;
  #waiting: Request[] = [];
  #underWay: Promise<void> | null = null;
  /** One batch is made, and what waited for quiet goes before the next. */
  #yields = false;

  constructor(namespace: NamespaceReference) {
    this.#kernel = new DirectRoutes(namespace);
  }

  /** Rejects with the kernel's refusal. */
  create(link: NewLink): Promise<Link> {
    const request = { link, made: Promise.withResolvers<Link>() };
    this.#waiting.push(request);
    if (!this.#yields) this.#next(); // At once: the kernel makes it while this thread does what is next.
    return request.made.promise;
  }

  /** Resolves while none is made. */
  async quiet(): Promise<void> {
    while (this.#underWay) await this.#underWay;
  }

  [Symbol.dispose](): void {
    this.#kernel.close();
  }

  #next(): void {
    if (this.#underWay || this.#waiting.length === 0) return;
    const batch = this.#waiting.splice(0, atOnceMax);
    this.#underWay = this.#make(batch).finally(() => {
      this.#underWay = null;
      this.#yields = true;
      setImmediate(() => {
        this.#yields = false;
        this.#next();
      });
    });
  }

  async #make(batch: readonly Request[]): Promise<void> {
    try {
      const outcomes = await this.#kernel.createAside(batch.map(({ link }) => link));
      for (const [i, { made }] of batch.entries()) settle(made, outcomes[i]);
    } catch (error) {
      for (const { made } of batch) made.reject(error);
    }
  }
}

function settle(made: PromiseWithResolvers<Link>, outcome: Link | KernelError | undefined): void {
  if (outcome === undefined || isKernelError(outcome)) made.reject(outcome);
  else made.resolve(outcome);
}
