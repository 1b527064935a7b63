/** The members of one set, counted: two pods may briefly share an address, and it leaves with the last of them. */
import { formatSetElement, type SetElement } from "@brindle/net";

/** Elements by their text, which is the same for equal elements. */
export type Members = ReadonlyMap<string, SetElement>;

export class CountedMembers {
  /** By contributor: the text of its only element, or of all. */
  readonly #contributions = new Map<string, string | readonly string[]>();
  /** How many contribute an element, where it is more than one. */
  readonly #shared = new Map<string, number>();
  #members = new Map<string, SetElement>();
  /** Whether `#members` was given away, so that the next change must copy it. */
  #isShared = false;

  /** What one contributor has in the set from now on. */
  onContributor(id: string, elements: readonly SetElement[]): void {
    const before = this.#contributions.get(id);
    if (elements.length <= 1 && typeof before !== "object") this.#onElement(id, before, elements[0]);
    else this.#onElements(id, typeof before === "string" ? [before] : (before ?? []), elements);
  }

  /** A pod has one address of a family: so it is nearly always. */
  #onElement(id: string, before: string | undefined, element: SetElement | undefined): void {
    const after = element && formatSetElement(element);
    if (after === before) return;
    // Adding before removing, here and below: what stays never leaves.
    if (element && after !== undefined) {
      this.#add(after, element);
      this.#contributions.set(id, after);
    } else this.#contributions.delete(id);
    if (before !== undefined) this.#remove(before);
  }

  /** Of what is said twice, each counts once. */
  #onElements(id: string, before: readonly string[], elements: readonly SetElement[]): void {
    const after = new Map(elements.map((element) => [formatSetElement(element), element]));
    const was = new Set(before);
    for (const [text, element] of after) if (!was.has(text)) this.#add(text, element);
    for (const text of was) if (!after.has(text)) this.#remove(text);
    if (after.size > 0) this.#contributions.set(id, [...after.keys()]);
    else this.#contributions.delete(id);
  }

  /** What is in the set now. It never changes: the same object again means that nothing changed since. */
  snapshot(): Members {
    this.#isShared = true;
    return this.#members;
  }

  #add(text: string, element: SetElement): void {
    if (this.#members.has(text)) this.#shared.set(text, (this.#shared.get(text) ?? 1) + 1);
    else this.#own().set(text, element);
  }

  #remove(text: string): void {
    const count = this.#shared.get(text) ?? 1;
    if (count > 2) this.#shared.set(text, count - 1);
    else if (count === 2) this.#shared.delete(text);
    else this.#own().delete(text);
  }

  #own(): Map<string, SetElement> {
    if (this.#isShared) {
      this.#members = new Map(this.#members);
      this.#isShared = false;
    }
    return this.#members;
  }
}
