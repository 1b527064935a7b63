import type { Item } from "@brindle/api";
import type { Found } from "./state.ts";

/** More than the pods of any node; the oldest are forgotten, and asked for when they are needed. */
const handlesMax = 4_096;

/** Handles as this process last wrote or saw them, so that a release need not ask. A guess: its writes name revisions. */
export class RememberedHandles {
  readonly #items = new Map<string, Item<"IPAMHandle">>();

  get(handleId: string): Item<"IPAMHandle"> | undefined {
    return this.#items.get(handleId);
  }

  learn(found: readonly Found[]): void {
    for (const entry of found) {
      if (entry.key.kind !== "IPAMHandle") continue;
      this.#items.delete(entry.key.name);
      if (entry.value !== null) this.#items.set(entry.key.name, entry as Item<"IPAMHandle">); // The kind was compared.
    }
    for (const oldest of this.#items.keys()) {
      if (this.#items.size <= handlesMax) break;
      this.#items.delete(oldest);
    }
  }
}
