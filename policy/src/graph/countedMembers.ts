/** The members of one set, counted: two pods may briefly share an address, and it leaves with the last of them. */
import { formatSetElement, type SetElement } from "@brindle/net";

/** Elements by their text, which is the same for equal elements. */
export type Members = ReadonlyMap<string, SetElement>;

export class CountedMembers {
  readonly #contributions = new Map<string, readonly string[]>();
  readonly #counts = new Map<string, number>();
  #members = new Map<string, SetElement>();
  /** Whether `#members` was given away, so that the next change must copy it. */
  #isShared = false;

  /** What one contributor has in the set from now on. */
  onContributor(id: string, elements: readonly SetElement[]): void {
    const after = elements.map(formatSetElement);
    const before = this.#contributions.get(id) ?? [];
    const [stays, isNew] = [new Set(after), new Set(after)];
    for (const text of before) isNew.delete(text);
    // Adding before removing: what stays never leaves. Of what is said twice, each counts once.
    for (const [index, element] of elements.entries()) {
      if (isNew.delete(after[index] ?? "")) this.#add(after[index] ?? "", element);
    }
    for (const text of before) if (!stays.has(text)) this.#remove(text);
    if (after.length > 0) this.#contributions.set(id, [...stays]);
    else this.#contributions.delete(id);
  }

  /** What is in the set now. It never changes: the same object again means that nothing changed since. */
  snapshot(): Members {
    this.#isShared = true;
    return this.#members;
  }

  #add(text: string, element: SetElement): void {
    const count = this.#counts.get(text) ?? 0;
    this.#counts.set(text, count + 1);
    if (count === 0) this.#own().set(text, element);
  }

  #remove(text: string): void {
    const count = this.#counts.get(text) ?? 0;
    if (count > 1) {
      this.#counts.set(text, count - 1);
      return;
    }
    this.#counts.delete(text);
    this.#own().delete(text);
  }

  #own(): Map<string, SetElement> {
    if (this.#isShared) {
      this.#members = new Map(this.#members);
      this.#isShared = false;
    }
    return this.#members;
  }
}
