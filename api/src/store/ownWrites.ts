/**
 * What this process is about to write, until a watch of its own tells of it: the text that comes back is then the value that was
 * written, and need not be read. An agent writes an endpoint for each pod and is told of it at once, and who compares the two has one
 * object. A text that differs in anything, or that stays away, is read as any other.
 */
import { isRecord } from "../json/json.ts";
import type { Entry } from "./codec.ts";
import type { Kind, Stored, Write } from "./store.ts";

/** More than are ever under way; of those whose watch never comes the oldest are forgotten. */
const writesMax = 256;

export class OwnWrites {
  readonly #writes = new Map<string, { readonly text: string; readonly value: Stored[Kind] }>();

  /** Before it is sent. Only what is the same once it is read back. */
  note(write: Write, key: string, text: string): void {
    if (write.op !== "create" && write.op !== "update" && write.op !== "put") return;
    if (write.key.kind !== "WorkloadEndpoint" || !isPlain(write.value)) return;
    this.#writes.delete(key);
    this.#writes.set(key, { text, value: write.value });
    const [oldest] = this.#writes.keys();
    if (oldest !== undefined && this.#writes.size > writesMax) this.#writes.delete(oldest);
  }

  /** The value that was written as this text; it is handed out once. */
  take({ key, text }: Entry): Stored[Kind] | null {
    const write = this.#writes.get(key);
    if (write === undefined) return null;
    this.#writes.delete(key);
    return write.text === text ? write.value : null;
  }
}

/** The version that the store counts is left out when it is written. */
function isPlain(value: unknown): boolean {
  return isRecord(value) && isRecord(value.metadata) && !("resourceVersion" in value.metadata);
}
