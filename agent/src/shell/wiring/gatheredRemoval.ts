/**
 * Removes interfaces of the node. The kernel sleeps some 20 ms in a removal (it waits for every reader of the network
 * structures), however many interfaces it removes. So an interface is taken down at once, put into a group, and the
 * group is deleted as one, on another thread; what comes while that runs goes into the next one.
 */
import { isKernelError } from "@brindle/net";
import { deleteLinkGroupAside, type NamespaceReference, type RouteSocket } from "@brindle/net/shell";

/** Any number that nobody else uses: "br" and 214. An interface that a killed agent left in it goes with the next. */
export const removalGroup = 0x6272_00d6;

export class GatheredRemoval {
  readonly #kernel: RouteSocket;
  readonly #namespace: NamespaceReference;
  #last: Promise<void> = Promise.resolve();
  #waiting: Promise<void> | null = null;

  constructor(kernel: RouteSocket, namespace: NamespaceReference) {
    this.#kernel = kernel;
    this.#namespace = namespace;
  }

  /** Taking it down ends all traffic and removes its routes, before anything else happens. Gone already is success. */
  async remove(interfaceIndex: number): Promise<void> {
    const settings = { up: false, group: removalGroup };
    await unlessGone(this.#kernel.setLink({ index: interfaceIndex }, settings));
    await this.#deleteGroup();
  }

  #deleteGroup(): Promise<void> {
    this.#waiting ??= this.#last.then(() => {
      this.#waiting = null; // From here on an interface may come too late for this one.
      return unlessGone(deleteLinkGroupAside(removalGroup, this.#namespace));
    });
    this.#last = this.#waiting.catch(() => {});
    return this.#waiting;
  }
}

async function unlessGone(change: Promise<void>): Promise<void> {
  try {
    await change;
  } catch (error) {
    if (!isKernelError(error, "NOT_FOUND")) throw error;
  }
}
