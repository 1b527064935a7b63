import type { Item } from "@brindle/api";
import type { Found } from "./state.ts";

/** More than the pods of any node; the oldest are forgotten, and asked for when they are needed. */
const handlesMax = 4_096;

/**
 * Handles as this process last wrote or saw them, so that a release need not ask. A guess: its writes name revisions. Of
 * those that it released it remembers that they are gone, since a kubelet repeats every DEL.
 */
export class RememberedHandles {
  readonly #items = new Map<string, Item<"IPAMHandle"> | null>();

  /** `null` for one that was released, and has not been written since. */
  get(handleId: string): Item<"IPAMHandle"> | null | undefined {
    return this.#items.get(handleId);
  }

  /** Who is about to write it may end without knowing whether it did. */
  forgetRelease(handleId: string): void {
    if (this.#items.get(handleId) === null) this.#items.delete(handleId);
  }

  noteRelease(handleId: string): void {
    this.#put(handleId, null);
  }

  learn(found: readonly Found[]): void {
    for (const entry of found) {
      if (entry.key.kind !== "IPAMHandle") continue;
      if (entry.value === null) this.#items.delete(entry.key.name);
      else this.#put(entry.key.name, entry as Item<"IPAMHandle">); // The kind was compared.
    }
  }

  #put(handleId: string, item: Item<"IPAMHandle"> | null): void {
    this.#items.delete(handleId);
    this.#items.set(handleId, item);
    const [oldest] = this.#items.keys();
    if (oldest !== undefined && this.#items.size > handlesMax) this.#items.delete(oldest);
  }
}
