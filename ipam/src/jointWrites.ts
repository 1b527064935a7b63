/**
 * Several decisions as one transaction: each is planned on what those before it will have written, and of what two of them
 * write, only the last is written, over what was there before the first. Where somebody else was quicker none of it is
 * done, and each is decided by itself.
 */
import type { Write } from "@brindle/api";
import { keyText } from "./conflict.ts";
import { type Found, type IpamState, withFound } from "./state.ts";

/** etcd takes 128 operations a transaction unless told otherwise. */
const writesMax = 120;

export class JointWrites {
  readonly #node: string;
  readonly #writes = new Map<string, Write>();
  #state: IpamState;

  constructor(node: string, state: IpamState) {
    this.#node = node;
    this.#state = state;
  }

  /** What is known once all of it is written. */
  get state(): IpamState {
    return this.#state;
  }

  get writes(): Write[] {
    return [...this.#writes.values()];
  }

  /** False, and nothing is added, where they do not fit into one transaction with the others, or cannot be one write with them. */
  add(writes: readonly Write[]): boolean {
    const added = new Map<string, Write>();
    let size = this.#writes.size;
    for (const write of writes) {
      const key = keyText(write.key);
      const isKnown = this.#writes.has(key);
      const before = added.get(key) ?? this.#writes.get(key);
      const both = before ? after(before, write) : write;
      if (!both) return false;
      if (!isKnown && !added.has(key)) size++;
      added.set(key, both);
    }
    if (size > writesMax && this.#writes.size > 0) return false;
    for (const [key, write] of added) this.#writes.set(key, write);
    this.#state = withFound(this.#state, [...added.values()].flatMap(projected), { node: this.#node, handleId: "" });
    return true;
  }
}

/**
 * The second was planned on what the first writes, and rests on what the first rests on. `null` where one write cannot
 * stand for both: of what the callers write, such as endpoints, nothing was projected, and each rests on what it read.
 */
function after(first: Write, second: Write): Write | null {
  if (first.op === "expect" && second.op === "expect") return first;
  if (first.key.kind !== "IPAMBlock" && first.key.kind !== "BlockAffinity") return null;
  if (first.op === "expect") return second;
  if (first.op === "delete") return null;
  if (second.op === "expect") return first;
  if (second.op === "delete") return first.op === "update" ? second : null;
  // The keys are equal, and so are the kinds of the values; the compiler sees two unions.
  return { ...first, value: second.value } as Write;
}

/** Its revision is not known yet. Whatever is planned on it has that of the first write. */
function projected(write: Write): Found[] {
  if (write.op === "expect") return [];
  if (write.op === "delete") return [{ key: write.key, value: null }];
  const revision = write.op === "update" ? write.revision : "0";
  return [{ key: write.key, value: write.value, revision } as Found];
}
