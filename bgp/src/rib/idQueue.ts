/** Ids waiting their turn, first in first out, each at most once: bounded by the table and never by the churn. */
import { BitSet } from "./column.ts";

const blockSize = 1024;
const emptyBlock: Uint32Array = new Uint32Array(0);

/** First in first out, for ids of which each is put in but once: who puts them in knows. */
export class IdFifo {
  /** Never empty: ids are taken from the first block and put into the last. The first of all has no room, and is full. */
  #blocks: Uint32Array[] = [emptyBlock];
  #firstBlock = 0;
  #head = blockSize;
  #tail = blockSize;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(id: number): void {
    if (this.#tail === blockSize) {
      this.#blocks.push(new Uint32Array(blockSize));
      this.#tail = 0;
    }
    const last = this.#blocks[this.#blocks.length - 1];
    if (last) last[this.#tail] = id;
    this.#tail += 1;
    this.#size += 1;
  }

  /** The one waiting longest, or `undefined`. */
  shift(): number | undefined {
    if (this.#size === 0) return undefined;
    if (this.#head === blockSize) this.#dropBlock();
    const id = this.#blocks[this.#firstBlock]?.[this.#head] ?? 0;
    this.#head += 1;
    this.#size -= 1;
    if (this.#size === 0) this.#reset();
    return id;
  }

  /** In order, none taken out. */
  forEach(visit: (id: number) => void): void {
    for (let block = this.#firstBlock; block < this.#blocks.length; block++) {
      const start = block === this.#firstBlock ? this.#head : 0;
      const end = block === this.#blocks.length - 1 ? this.#tail : blockSize;
      for (let at = start; at < end; at++) visit(this.#blocks[block]?.[at] ?? 0);
    }
  }

  /** Another of the same ids. Blocks are shared: but the last one, nobody writes to any more. */
  copy(): IdFifo {
    const copy = new IdFifo();
    copy.#blocks = this.#blocks.slice(this.#firstBlock);
    const last = copy.#blocks.length - 1;
    copy.#blocks[last] = (copy.#blocks[last] ?? emptyBlock).slice();
    [copy.#head, copy.#tail, copy.#size] = [this.#head, this.#tail, this.#size];
    return copy;
  }

  #dropBlock(): void {
    this.#blocks[this.#firstBlock] = emptyBlock;
    this.#firstBlock += 1;
    this.#head = 0;
    if (this.#firstBlock < blockSize) return;
    this.#blocks = this.#blocks.slice(this.#firstBlock);
    this.#firstBlock = 0;
  }

  #reset(): void {
    const last = this.#blocks[this.#blocks.length - 1];
    this.#blocks = [last ?? new Uint32Array(blockSize)];
    [this.#firstBlock, this.#head, this.#tail] = [0, 0, 0];
  }
}

/** The same for any ids: it knows which of them wait. */
export class IdQueue {
  #members = new BitSet();
  #fifo = new IdFifo();

  get size(): number {
    return this.#fifo.size;
  }

  has(id: number): boolean {
    return this.#members.has(id);
  }

  /** Whether it was not yet waiting. */
  add(id: number): boolean {
    if (!this.#members.add(id)) return false;
    this.#fifo.push(id);
    return true;
  }

  /** The one waiting longest, or `undefined`. */
  shift(): number | undefined {
    const id = this.#fifo.shift();
    if (id !== undefined) this.#members.delete(id);
    return id;
  }

  /** In order, none taken out. */
  forEach(visit: (id: number) => void): void {
    this.#fifo.forEach(visit);
  }

  /** Another of the same ids. */
  copy(): IdQueue {
    const copy = new IdQueue();
    copy.#members = this.#members.copy();
    copy.#fifo = this.#fifo.copy();
    return copy;
  }
}
