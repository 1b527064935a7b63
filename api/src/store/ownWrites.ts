/**
 * What this process is about to write, until a watch of its own tells of it: the text that comes back is then the value that was
 * written, and need not be read. An agent writes an endpoint for each pod and is told of it at once, and who compares the two has one
 * object. A text that differs in anything, or that stays away, is read as any other.
 */
import { decodeResource } from "../kinds/validate.ts";
import type { Entry } from "./codec.ts";
import type { Kind, Stored, Write } from "./store.ts";

/** More than are ever under way; of those whose watch never comes the oldest are forgotten. */
const writesMax = 256;

export class OwnWrites {
  readonly #writes = new Map<string, { readonly text: string; readonly value: Stored[Kind] }>();

  /** Before it is sent. Only what is the same once it is read back: what would then be set aside is no endpoint here either. */
  note(write: Write, key: string, text: string): void {
    this.#writes.delete(key);
    if (write.op !== "create" && write.op !== "update" && write.op !== "put") return;
    if (write.key.kind !== "WorkloadEndpoint") return;
    const read = decodeResource("WorkloadEndpoint", write.value);
    // The version that the store counts is left out when it is written.
    if (read.kind !== "valid" || "resourceVersion" in read.resource.metadata) return;
    this.#writes.set(key, { text, value: read.resource });
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
