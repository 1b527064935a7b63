/**
 * Removes interfaces of the node. The kernel sleeps some 20 ms in a removal (it waits for every reader of the network
 * structures), however many interfaces it removes; but names, routes and addresses are gone after the first of them. So
 * an interface is taken down at once and put into a group, the group is deleted as one, on another thread, and whoever
 * asked hears when it is down, and when it is gone from both namespaces. The sleep is behind both.
 *
 * While it takes interfaces the kernel holds the lock of all network configuration (rtnl), on which any other message
 * would keep this thread waiting. So what comes meanwhile waits until they are gone, and is then looked up, taken down
 * and deleted together.
 */
import { isKernelError, type KernelChange, KernelError, type Link } from "@brindle/net";
import {
  type DirectRoutes,
  deleteLinkGroupAside,
  type NamespaceReference,
  type Watch,
  watchLinkRemovals,
} from "@brindle/net/shell";

/** Any number that nobody else uses: "br" and 214. */
export const removalGroup = 0x6272_00d6;

/** Each holds a thread of libuv's pool while the kernel sleeps; `warmThreadPool` makes more of them than this. */
const deletionsMax = 8;

/** So many answers find room in a socket's buffer. */
const lookupsAtOnceMax = 16;

/** Which interface, and whether it is to go: whatever it is, where its index says enough. */
export type Removable =
  | { readonly interface: string | number; readonly isMeant: (link: Link) => boolean }
  | { readonly interface: number; readonly isMeant: null };

type Request = Removable & {
  readonly down: PromiseWithResolvers<void>;
  readonly gone: PromiseWithResolvers<void>;
};

interface Meant {
  readonly request: Request;
  readonly index: number;
}

export class GatheredRemoval implements Disposable {
  readonly #kernel: DirectRoutes;
  readonly #namespace: NamespaceReference;
  readonly #watch: Watch;
  #isOpen = true;
  #waiting: Request[] = [];
  /** Those that are in the group and still there, by index. */
  readonly #present = new Map<number, PromiseWithResolvers<void>>();
  /** Those that the deletion begun last has still to take. */
  #going = new Set<number>();
  #deletions = 0;
  /** Who waits until the kernel takes none. */
  #quiet: (() => void)[] = [];

  /** `onGone` is told of each interface of the namespace that is gone, whoever removed it. */
  constructor(kernel: DirectRoutes, namespace: NamespaceReference, onGone: (index: number) => void) {
    this.#kernel = kernel;
    this.#namespace = namespace;
    this.#watch = watchLinkRemovals(namespace, (index) => {
      onGone(index);
      this.#onGone(index);
    });
  }

  /**
   * Down is the end of all traffic and of its routes, and comes before anything else happens. Not there, or not meant, is
   * success of both.
   */
  remove(removable: Removable): { readonly down: Promise<void>; readonly gone: Promise<void> } {
    const request = { ...removable, down: Promise.withResolvers<void>(), gone: Promise.withResolvers<void>() };
    for (const { promise } of [request.down, request.gone]) promise.catch(() => {}); // One may be all that is asked for.
    // Those that are asked for in the same turn of the loop go together.
    if (!this.#isOpen) reject(request, closed());
    else if (this.#waiting.push(request) === 1) setImmediate(() => this.#next());
    return { down: request.down.promise, gone: request.gone.promise };
  }

  /** Removes it, whatever it is, and waits until it is gone. */
  async removeIndex(index: number): Promise<void> {
    const { down, gone } = this.remove({ interface: index, isMeant: null });
    await Promise.all([down, gone]);
  }

  /** What an agent that was killed left in the group. */
  removeLeftOver(): void {
    void this.#delete([]);
  }

  /** Resolves while the kernel takes no interface, so that it is free for what is done next without waiting. */
  async quiet(): Promise<void> {
    while (this.#going.size > 0) await new Promise<void>((begin) => this.#quiet.push(begin));
  }

  /** Resolves when all that was asked for by now is gone. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#waiting.map(({ gone }) => gone.promise), ...this.#promised()]);
  }

  /** What was not begun fails. A deletion under way has a socket of its own, and whoever waits for it hears of its end. */
  [Symbol.dispose](): void {
    this.#isOpen = false;
    this.#watch.close();
    for (const request of this.#waiting.splice(0)) reject(request, closed());
  }

  #promised(): Promise<void>[] {
    return [...this.#present.values()].map(({ promise }) => promise);
  }

  /** One at a time takes interfaces; others may sleep still. */
  #next(): void {
    if (this.#waiting.length === 0 || this.#going.size > 0 || this.#deletions >= deletionsMax) return;
    const requests = this.#waiting;
    this.#waiting = [];
    const taken: number[] = [];
    for (let from = 0; from < requests.length; from += lookupsAtOnceMax) {
      const some = requests.slice(from, from + lookupsAtOnceMax);
      try {
        taken.push(...this.#takeDown(some));
      } catch (error) {
        for (const request of some) reject(request, error);
      }
    }
    if (taken.length > 0) void this.#delete(taken);
  }

  /** The indexes of those that are now down and in the group. */
  #takeDown(requests: readonly Request[]): number[] {
    const meant = this.#meant(requests);
    const settings = { up: false, group: removalGroup };
    const refusals = this.#kernel.tryEach(
      meant.map(({ index }): KernelChange => ({ op: "setLink", link: { index }, settings })),
    );
    return meant.flatMap(({ request, index }, i) => {
      const refused = refusals[i] ?? null;
      if (refused === null) return this.#await(request, index);
      if (isKernelError(refused, "NOT_FOUND")) resolve(request);
      else reject(request, refused);
      return [];
    });
  }

  /** To look at one costs as much as to take it down: those that are known are not looked at. */
  #meant(requests: readonly Request[]): Meant[] {
    const unknown = requests.filter(({ isMeant }) => isMeant !== null);
    const links = this.#kernel.links(unknown.map((request) => request.interface));
    const found = new Map(unknown.map((request, i) => [request, links[i] ?? null]));
    return requests.flatMap((request): Meant[] => {
      if (request.isMeant === null) return [{ request, index: request.interface }];
      const link = found.get(request);
      if (link && request.isMeant(link)) return [{ request, index: link.index }];
      resolve(request);
      return [];
    });
  }

  #await({ down, gone }: Request, index: number): number[] {
    down.resolve();
    const known = this.#present.get(index);
    known?.promise.then(gone.resolve, gone.reject);
    if (known) return [];
    this.#present.set(index, gone);
    return [index];
  }

  async #delete(batch: readonly number[]): Promise<void> {
    this.#going = new Set(batch);
    this.#deletions += 1;
    let failure: unknown = null;
    try {
      await deleteLinkGroupAside(removalGroup, this.#namespace);
    } catch (error) {
      // An earlier deletion took these along, or the containers' namespaces went.
      if (!isKernelError(error, "NOT_FOUND")) failure = error;
    }
    this.#deletions -= 1;
    for (const index of batch) this.#onGone(index, failure);
    this.#next();
  }

  #onGone(index: number, failure: unknown = null): void {
    const waiter = this.#present.get(index);
    this.#present.delete(index);
    if (failure === null) waiter?.resolve();
    else waiter?.reject(failure);
    if (!this.#going.delete(index) || this.#going.size > 0) return;
    const waiting = this.#quiet;
    this.#quiet = [];
    for (const begin of waiting) begin();
    // After what waited for quiet.
    setImmediate(() => this.#next());
  }
}

function resolve({ down, gone }: Request): void {
  down.resolve();
  gone.resolve();
}

function closed(): KernelError {
  return new KernelError({ code: "CLOSED", object: "remove link" });
}

function reject({ down, gone }: Request, error: unknown): void {
  down.reject(error);
  gone.reject(error);
}
