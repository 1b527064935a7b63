/**
 * Requests of one node, one after the other; those that came while one was at the datastore go together, in one
 * transaction, where it has any. A block takes sixteen pods in the time of one, and a request that cannot be decided so
 * (it has to read first, or is refused, or somebody else was quicker) is decided by itself.
 */
import { StoreError, type Write } from "@brindle/api";
import type { ClusterView } from "./assign.ts";
import { JointWrites } from "./jointWrites.ts";
import type { Found, IpamState } from "./state.ts";
import { Turns } from "./turns.ts";

export interface Facts {
  readonly view: ClusterView;
  readonly nowNs: bigint;
}

/** What a request comes to over a state; `null` where that is not to be written in one step. */
export type JointPlanner<R> = (
  state: IpamState,
) => { readonly writes: readonly Write[]; readonly answer: (found: readonly Found[]) => R } | null;

export interface GatheredRequest<R> {
  /** Requests of one handle are done in the order in which they came, and never two of them in one transaction. */
  readonly handleId: string;
  /** Reads what planning needs; `null` where the request is to be decided by itself. */
  readonly prepare: (facts: Facts) => Promise<JointPlanner<R> | null>;
  /** All of the request. */
  readonly alone: () => Promise<R>;
}

export interface GatheredPorts {
  readonly node: string;
  /** Whether several objects can be written in one step. */
  readonly isJoint: () => boolean;
  readonly facts: () => Promise<Facts>;
  /** Resolves when all is asked for that comes at the same time; where it is left out, who is first goes alone. */
  readonly gathering: (() => Promise<void>) | undefined;
  /** What is known of the datastore now. */
  readonly known: (facts: Facts) => IpamState;
  /** All of it, or nothing and `null`; what the store has then is known from there on. */
  readonly commit: (writes: readonly Write[]) => Promise<readonly Found[] | null>;
}

/** How many are prepared at once; of more than that, no transaction would take all. */
const togetherMax = 64;

/** A request of any kind, which answers whoever waits. */
interface Waiting {
  readonly request: GatheredRequest<unknown>;
  resolve(answer: unknown): void;
  reject(error: unknown): void;
}

export class Gathered {
  readonly #ports: GatheredPorts;
  readonly #turns = new Turns(() => false);
  #waiting: Waiting[] = [];

  constructor(ports: GatheredPorts) {
    this.#ports = ports;
  }

  async ask<R>(request: GatheredRequest<R>): Promise<R> {
    const { promise, resolve, reject } = Promise.withResolvers<R>();
    // Answers are of the request's own type: it makes them.
    const waiting: Waiting = { request, resolve: (answer) => resolve(answer as R), reject };
    this.#waiting.push(waiting);
    // Of as many turns as there are requests, one may serve several, and those that follow find nothing to do.
    if (this.#turns.take(() => this.#serve())) return promise;
    this.#waiting.pop();
    throw new StoreError({ code: "UNAVAILABLE", reason: "too many requests for addresses are waiting" });
  }

  async #serve(): Promise<void> {
    if (this.#waiting.length === 0) return;
    await this.#ports.gathering?.();
    const batch = this.#waiting;
    this.#waiting = [];
    try {
      for (let left: readonly Waiting[] = batch; left.length > 0; ) {
        const isJoint = left.length > 1 && this.#ports.isJoint();
        const still = isJoint ? await this.#together(left.slice(0, togetherMax)) : left;
        const [first, ...others] = isJoint ? [...still, ...left.slice(togetherMax)] : still;
        // What one finds out by itself, such as a new block, may be all that the others lacked.
        if (first) await alone(first);
        left = others;
      }
    } catch (error) {
      // Each has a deadline of its own; to try them in turn would make the last of many wait for all of them.
      for (const waiting of [...batch, ...this.#waiting.splice(0)]) waiting.reject(error);
    }
  }

  /** Those that are still to be decided, in their order. What fails of one alone, it is told when it is decided by itself. */
  async #together(batch: readonly Waiting[]): Promise<readonly Waiting[]> {
    const facts = await this.#ports.facts();
    const planners = await Promise.all(batch.map(({ request }) => unlessItsOwn(() => request.prepare(facts))));
    const joint = new JointWrites(this.#ports.node, this.#ports.known(facts));
    const joined: { readonly waiting: Waiting; readonly answer: (found: readonly Found[]) => unknown }[] = [];
    const left: Waiting[] = [];
    const handles = new Set<string>();
    for (const [index, waiting] of batch.entries()) {
      const { handleId } = waiting.request;
      const isFirst = !handles.has(handleId);
      handles.add(handleId);
      const decided = isFirst ? await unlessItsOwn(async () => planners[index]?.(joint.state) ?? null) : null;
      if (decided && joint.add(decided.writes)) joined.push({ waiting, answer: decided.answer });
      else left.push(waiting);
    }
    if (joined.length === 0) return left;
    const found = await unlessItsOwn(() => this.#ports.commit(joint.writes));
    if (!found) return batch;
    for (const { waiting, answer } of joined) waiting.resolve(answer(found));
    return left;
  }
}

/** `null` where it fails for a reason that may be one request's, such as an object that nobody can read. */
async function unlessItsOwn<T>(work: () => Promise<T | null>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (isAway(error)) throw error;
    return null;
  }
}

/** Throws what is the failure of all that wait. */
async function alone({ request, resolve, reject }: Waiting): Promise<void> {
  try {
    resolve(await request.alone());
  } catch (error) {
    reject(error);
    if (isAway(error)) throw error;
  }
}

function isAway(error: unknown): boolean {
  return error instanceof StoreError && error.failure.code === "UNAVAILABLE";
}
