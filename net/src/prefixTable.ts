/**
 * Values by prefix, with longest-prefix match: a binary trie whose chains without branches are one node. Both families
 * live in one table and never see each other. Iteration is in address order, shorter prefixes before longer ones.
 */
import { type Address, addressBits, type Family } from "./address.ts";
import type { Prefix } from "./prefix.ts";

export interface PrefixEntry<V> {
  readonly prefix: Prefix;
  readonly value: V;
}

/** The address in 32-bit words, most significant first: clz32 finds the first differing bit. */
type Words = readonly number[];

interface Node<V> {
  readonly words: Words;
  readonly length: number;
  /** `null` where two branches part without a prefix of the table. */
  entry: PrefixEntry<V> | null;
  readonly children: [Node<V> | null, Node<V> | null];
}

export class PrefixTable<V> {
  /** The roots have length zero and stay for good. */
  readonly #roots: Readonly<Record<Family, Node<V>>> = { 4: branch([0], 0), 6: branch([0, 0, 0, 0], 0) };
  #size = 0;

  get size(): number {
    return this.#size;
  }

  set(prefix: Prefix, value: V): void {
    const node = this.#makeNode(prefix);
    if (!node.entry) this.#size += 1;
    node.entry = { prefix, value };
  }

  get(prefix: Prefix): V | undefined {
    return this.#pathTo(prefix).at(-1)?.entry?.value;
  }

  has(prefix: Prefix): boolean {
    return Boolean(this.#pathTo(prefix).at(-1)?.entry);
  }

  /** Whether it was there. */
  delete(prefix: Prefix): boolean {
    const path = this.#pathTo(prefix);
    const node = path.at(-1);
    if (!node?.entry) return false;
    node.entry = null;
    this.#size -= 1;
    // The node itself, then the branch above it, may have become superfluous.
    prune(path.at(-2), node);
    prune(path.at(-3), path.at(-2));
    return true;
  }

  clear(): void {
    for (const root of Object.values(this.#roots)) {
      root.entry = null;
      root.children.fill(null);
    }
    this.#size = 0;
  }

  /** The longest prefix that holds the address. */
  longestMatch(address: Address): PrefixEntry<V> | null {
    const words = wordsOf(address);
    let node: Node<V> | null = this.#roots[address.family];
    let best: PrefixEntry<V> | null = null;
    while (node && commonBits(node.words, words) >= node.length) {
      best = node.entry ?? best;
      if (node.length === addressBits[address.family]) break;
      node = node.children[bitAt(words, node.length)];
    }
    return best;
  }

  /** The entries inside of `prefix`, itself included. */
  covered(prefix: Prefix): Iterable<PrefixEntry<V>> {
    const words = wordsOf(prefix.address);
    let node: Node<V> | null = this.#roots[prefix.address.family];
    while (node && node.length < prefix.length) node = node.children[bitAt(words, node.length)];
    return node && commonBits(node.words, words) >= prefix.length ? entriesBelow(node) : [];
  }

  *entries(): Generator<PrefixEntry<V>> {
    yield* entriesBelow(this.#roots[4]);
    yield* entriesBelow(this.#roots[6]);
  }

  [Symbol.iterator](): Generator<PrefixEntry<V>> {
    return this.entries();
  }

  /** The nodes from the root to the one of exactly this prefix; empty when there is no such node. */
  #pathTo(prefix: Prefix): Node<V>[] {
    const words = wordsOf(prefix.address);
    const path: Node<V>[] = [];
    let node: Node<V> | null = this.#roots[prefix.address.family];
    while (node && node.length <= prefix.length && commonBits(node.words, words) >= node.length) {
      path.push(node);
      if (node.length === prefix.length) return path;
      node = node.children[bitAt(words, node.length)];
    }
    return [];
  }

  #makeNode(prefix: Prefix): Node<V> {
    const words = wordsOf(prefix.address);
    let node = this.#roots[prefix.address.family];
    while (node.length < prefix.length) {
      const side = bitAt(words, node.length);
      const child = node.children[side];
      const shared = child ? Math.min(commonBits(child.words, words), prefix.length) : prefix.length;
      if (!child || shared < child.length) {
        // Nothing there, or the two part above the child: a node for what they share comes between.
        const between = branch<V>(words, shared);
        if (child) between.children[bitAt(child.words, shared)] = child;
        node.children[side] = between;
        node = between;
      } else {
        node = child;
      }
    }
    return node;
  }
}

function branch<V>(words: Words, length: number): Node<V> {
  return { words, length, entry: null, children: [null, null] };
}

/** Takes a node without entry out of its parent unless it parts two branches. */
function prune<V>(parent: Node<V> | undefined, node: Node<V> | undefined): void {
  if (!parent || !node || node.entry || (node.children[0] && node.children[1])) return;
  parent.children[bitAt(node.words, parent.length)] = node.children[0] ?? node.children[1];
}

function* entriesBelow<V>(node: Node<V>): Generator<PrefixEntry<V>> {
  if (node.entry) yield node.entry;
  for (const child of node.children) if (child) yield* entriesBelow(child);
}

function wordsOf({ family, value }: Address): Words {
  if (family === 4) return [Number(value)];
  return [96n, 64n, 32n, 0n].map((shift) => Number((value >> shift) & 0xffff_ffffn));
}

/** How many leading bits are equal. */
function commonBits(a: Words, b: Words): number {
  for (let i = 0; i < a.length; i++) {
    const differing = (a[i] ?? 0) ^ (b[i] ?? 0);
    if (differing !== 0) return i * 32 + Math.clz32(differing);
  }
  return a.length * 32;
}

function bitAt(words: Words, index: number): 0 | 1 {
  return (((words[index >>> 5] ?? 0) >>> (31 - (index & 31))) & 1) as 0 | 1;
}
