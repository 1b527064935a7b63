/**
 * Numbers by dense id, in typed arrays that grow as ids do: the memory of the RIB. One element type for all keeps the
 * accesses monomorphic, which is worth more here than the bytes that narrower columns would save.
 */

const capacityAtStart = 1024;

export class Column {
  #data = new Uint32Array(capacityAtStart);

  /** What was never written reads as zero. */
  get(id: number): number {
    return this.#data[id] ?? 0;
  }

  set(id: number, value: number): void {
    if (id >= this.#data.length) this.#data = grown(this.#data, id);
    this.#data[id] = value;
  }
}

export class BitSet {
  #words = new Uint32Array(capacityAtStart / 32);

  has(id: number): boolean {
    return (((this.#words[id >>> 5] ?? 0) >>> (id & 31)) & 1) === 1;
  }

  /** Whether that changed anything. */
  add(id: number): boolean {
    if (this.has(id)) return false;
    const at = id >>> 5;
    if (at >= this.#words.length) this.#words = grown(this.#words, at);
    this.#words[at] = (this.#words[at] ?? 0) | (1 << (id & 31));
    return true;
  }

  /** Whether that changed anything. */
  delete(id: number): boolean {
    if (!this.has(id)) return false;
    this.#words[id >>> 5] = (this.#words[id >>> 5] ?? 0) & ~(1 << (id & 31));
    return true;
  }
}

/** Ids from 1 up, so that zero can say "none"; the last one given back is the next one taken. */
export class IdPool {
  readonly #free: number[] = [];
  #end = 1;

  /** Every id in use is below. */
  get end(): number {
    return this.#end;
  }

  take(): number {
    return this.#free.pop() ?? this.#end++;
  }

  giveBack(id: number): void {
    this.#free.push(id);
  }
}

function grown(data: Uint32Array<ArrayBuffer>, index: number): Uint32Array<ArrayBuffer> {
  let capacity = data.length;
  while (capacity <= index) capacity *= 2;
  const larger = new Uint32Array(capacity);
  larger.set(data);
  return larger;
}
