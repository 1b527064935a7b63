/** Which writes of a transaction a conflict is about: the store tells what it holds, not whose fault it was. */
import type { Key, Write } from "@brindle/api";
import type { Found } from "./state.ts";

export function violatedWrites(writes: readonly Write[], current: readonly Found[]): Write[] {
  const revisions = new Map(current.map((found) => [keyText(found.key), revisionOf(found)]));
  return writes.filter((write) => !holds(write, revisions.get(keyText(write.key)) ?? null));
}

function holds(write: Write, revision: string | null): boolean {
  switch (write.op) {
    case "create":
      return revision === null;
    case "update":
    case "delete":
    case "expect":
      return revision === write.revision;
    case "put":
      return true;
  }
}

function revisionOf(found: Found): string | null {
  return found.value === null || !("revision" in found) ? null : found.revision;
}

/** A key as a key of maps. */
export function keyText({ kind, namespace = "", name }: Key): string {
  return `${kind}/${namespace}/${name}`;
}
