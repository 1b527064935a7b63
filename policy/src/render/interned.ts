/**
 * Equal values as one object: rules come by the hundred thousand, and most of what they consist of is the same in many of
 * them. What is forgotten is made again, so that the limit matters for memory alone.
 */
const keptMax = 20_000;

export class Interned<V> {
  readonly #values = new Map<string, V>();

  /** `make` makes what the key says, and nothing else. */
  of(key: string, make: () => V): V {
    const known = this.#values.get(key);
    if (known !== undefined) return known;
    if (this.#values.size >= keptMax) this.#values.clear();
    const value = make();
    this.#values.set(key, value);
    return value;
  }
}
