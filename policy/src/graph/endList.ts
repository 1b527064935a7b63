/** Ends of pods of one node that come and go: few, and asked for by their interfaces, so that they are not read from their texts. */
import type { InterfaceElement } from "@brindle/net";
import { type Members, Moments } from "./members.ts";

export class EndList {
  readonly #elements = new Map<string, InterfaceElement>();
  readonly #byInterface = new Map<string, Set<string>>();
  readonly #moments = new Moments(this.#elements, {
    element: (text) => this.#elements.get(text),
    ofInterface: (name) => this.#byInterface.get(name) ?? [],
  });

  add(text: string, element: InterfaceElement): void {
    if (this.#elements.has(text)) return;
    this.#elements.set(text, element);
    const { interfaceName } = element;
    this.#byInterface.set(interfaceName, (this.#byInterface.get(interfaceName) ?? new Set()).add(text));
    this.#moments.flip(text);
  }

  delete(text: string): void {
    const element = this.#elements.get(text);
    if (!element) return;
    this.#elements.delete(text);
    const { interfaceName } = element;
    const others = this.#byInterface.get(interfaceName);
    others?.delete(text);
    if (others?.size === 0) this.#byInterface.delete(interfaceName);
    this.#moments.flip(text);
  }

  /** These are what there is from now on. */
  become(wanted: ReadonlyMap<string, InterfaceElement>): void {
    for (const text of [...this.#elements.keys()]) if (!wanted.has(text)) this.delete(text);
    for (const [text, element] of wanted) this.add(text, element);
  }

  /** The same object again means that nothing is other than it was then. */
  snapshot(): Members {
    return this.#moments.snapshot();
  }
}
