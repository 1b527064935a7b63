/**
 * What a datastore in memory holds: the texts that etcd would hold under the same keys, a revision that counts its
 * writes, and the history of its changes. Several clients (`MemoryStore`) may share one.
 */
import { type Entry, encodeValue } from "./codec.ts";
import { etcdKey } from "./etcdKeys.ts";
import { decodeEntry, refused, requestBytesMax } from "./request.ts";
import type { CommitResult, Write } from "./store.ts";
import type { Change } from "./watchState.ts";

/** All that a datastore held at one moment. */
export interface MemorySnapshot {
  readonly entries: readonly Entry[];
  readonly revision: bigint;
}

export class MemoryData {
  readonly #entries = new Map<string, Entry>();
  readonly #listeners = new Set<() => void>();
  #history: Change[] = [];
  #revision = 1n;
  #compacted = 0n;
  #restores = 0;

  get revision(): bigint {
    return this.#revision;
  }

  /** How often it was set back: revisions of different counts say nothing of each other. */
  get restores(): number {
    return this.#restores;
  }

  snapshot(): MemorySnapshot {
    return { entries: this.dump(), revision: this.#revision };
  }

  /** Fault: an older snapshot is restored, as after a disaster; its revisions run backwards. */
  restore({ entries, revision }: MemorySnapshot): void {
    this.#entries.clear();
    for (const entry of entries) this.#entries.set(entry.key, entry);
    this.#revision = revision;
    this.#compacted = revision;
    this.#history = [];
    this.#restores++;
    this.#tellListeners();
  }

  /** `listener` is called after each change, until the returned function is. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  entry(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  entriesUnder(prefixes: readonly string[]): Entry[] {
    const found = [...this.#entries.values()].filter(({ key }) => prefixes.some((prefix) => key.startsWith(prefix)));
    return found.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  /** What is stored, in the order of the keys: to be compared, or printed when a test fails. */
  dump(): Entry[] {
    return this.entriesUnder([""]);
  }

  /** `null` when the history no longer reaches back to `revision`. */
  changesAfter(revision: bigint): readonly Change[] | null {
    if (revision < this.#compacted) return null;
    const last = this.#history.findLastIndex((change) => revisionOf(change) <= revision);
    return this.#history.slice(last + 1);
  }

  /** Fault: the history up to now is forgotten; a watch that has not told all of it yet must list anew. */
  compact(): void {
    this.#compacted = this.#revision;
    this.#history = [];
  }

  /** Writes any text under any key, as another program might. `null` deletes. */
  writeText(key: string, text: string | null): void {
    this.#revision += 1n;
    this.#write(key, text);
    this.#tellListeners();
  }

  commit(writes: readonly Write[]): CommitResult {
    const changes = writes
      .filter((write) => write.op !== "expect")
      .map((write) => ({
        key: etcdKey(write.key),
        text: write.op === "delete" ? null : encodeValue(write.key, write.value),
      }));
    checkSize(changes);
    if (!writes.every((write) => this.#holds(write))) return this.#conflict(writes);
    if (changes.length > 0) this.#revision += 1n;
    for (const { key, text } of changes) this.#write(key, text);
    this.#tellListeners();
    return { kind: "committed", revision: String(this.#revision) };
  }

  #holds(write: Write): boolean {
    if (write.op === "put") return true;
    const revision = this.#entries.get(etcdKey(write.key))?.revision ?? null;
    return revision === (write.op === "create" ? null : write.revision);
  }

  #conflict(writes: readonly Write[]): CommitResult {
    const current = writes.map(({ key }) => {
      const entry = this.#entries.get(etcdKey(key));
      return entry ? decodeEntry(key, entry) : { key, value: null };
    });
    return { kind: "conflict", current };
  }

  #write(key: string, text: string | null): void {
    const revision = String(this.#revision);
    if (text !== null) {
      const entry = { key, text, revision };
      this.#entries.set(key, entry);
      this.#history.push({ type: "put", entry });
    } else if (this.#entries.delete(key)) {
      this.#history.push({ type: "delete", key, revision });
    }
  }

  #tellListeners(): void {
    for (const listener of this.#listeners) listener();
  }
}

function revisionOf(change: Change): bigint {
  return BigInt(change.type === "put" ? change.entry.revision : change.revision);
}

function checkSize(changes: readonly { readonly key: string; readonly text: string | null }[]): void {
  const bytes = changes.reduce((sum, { key, text }) => sum + Buffer.byteLength(key) + Buffer.byteLength(text ?? ""), 0);
  if (bytes > requestBytesMax)
    throw refused(`a request of ${bytes} bytes is too large: ${requestBytesMax} is the most`);
}
