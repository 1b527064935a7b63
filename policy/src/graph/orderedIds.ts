/** Texts, each once, in order: one that comes or goes costs no sorting. */
export class OrderedIds {
  readonly #ids: string[] = [];

  get all(): readonly string[] {
    return this.#ids;
  }

  add(id: string): void {
    const at = this.#placeOf(id);
    if (this.#ids[at] !== id) this.#ids.splice(at, 0, id);
  }

  delete(id: string): void {
    const at = this.#placeOf(id);
    if (this.#ids[at] === id) this.#ids.splice(at, 1);
  }

  /** Of the first that does not come before it. */
  #placeOf(id: string): number {
    let [low, high] = [0, this.#ids.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ids[middle] ?? "") < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
