/**
 * Removes interfaces of the node. The kernel sleeps some 20 ms in a removal (it waits for every reader of the network
 * structures), however many interfaces it removes; but names, routes and addresses are gone after the first of them. So
 * an interface is taken down at once and put into a group, the group is deleted as one, on another thread, and whoever
 * asked hears of it when the interface is gone from both namespaces. The sleep is behind the answer. What comes while
 * interfaces still go joins the next deletion of the group.
 */
import { isKernelError } from "@brindle/net";
import {
  type DirectRoutes,
  deleteLinkGroupAside,
  type NamespaceReference,
  type Watch,
  watchLinkRemovals,
} from "@brindle/net/shell";

/** Any number that nobody else uses: "br" and 214. An interface that a killed agent left in it goes with the next. */
export const removalGroup = 0x6272_00d6;

/** Each holds a thread of libuv's pool while the kernel sleeps; `warmThreadPool` makes more of them than this. */
const deletionsMax = 8;

export class GatheredRemoval implements Disposable {
  readonly #kernel: DirectRoutes;
  readonly #namespace: NamespaceReference;
  readonly #watch: Watch;
  /** Those in the group that are still there, by index, and who waits. */
  readonly #present = new Map<number, PromiseWithResolvers<void>>();
  /** Of those, the ones that no deletion was begun for. */
  #waiting: number[] = [];
  /** Those that the deletion begun last has still to take. */
  #going = new Set<number>();
  #deletions = 0;

  constructor(kernel: DirectRoutes, namespace: NamespaceReference) {
    this.#kernel = kernel;
    this.#namespace = namespace;
    this.#watch = watchLinkRemovals(namespace, (index) => this.#onGone(index));
  }

  /**
   * Taking it down ends all traffic and removes its routes, before anything else happens, and `onDown` is told. Gone
   * already is success.
   */
  async remove(interfaceIndex: number, onDown?: () => void): Promise<void> {
    const settings = { up: false, group: removalGroup };
    try {
      this.#kernel.apply([{ op: "setLink", link: { index: interfaceIndex }, settings }]);
    } catch (error) {
      if (isKernelError(error, "NOT_FOUND")) return;
      throw error;
    }
    onDown?.();
    const known = this.#present.get(interfaceIndex);
    if (known) return known.promise;
    const gone = Promise.withResolvers<void>();
    this.#present.set(interfaceIndex, gone);
    this.#waiting.push(interfaceIndex);
    // Those that are asked for in the same turn of the loop go together.
    setImmediate(() => this.#next());
    return gone.promise;
  }

  [Symbol.dispose](): void {
    this.#watch.close();
  }

  /** One at a time takes interfaces; others may sleep still. */
  #next(): void {
    if (this.#waiting.length === 0 || this.#going.size > 0 || this.#deletions >= deletionsMax) return;
    // The deletion before may have taken some of them along.
    const batch = this.#waiting.filter((index) => this.#present.has(index));
    this.#waiting = [];
    this.#going = new Set(batch);
    if (batch.length > 0) void this.#delete(batch);
  }

  async #delete(batch: readonly number[]): Promise<void> {
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
    if (this.#going.delete(index) && this.#going.size === 0) this.#next();
  }
}
