/** A file that people apply beside what kustomize makes of its parts. */
import assert from "node:assert/strict";
import { parseAllDocuments } from "yaml";

/** Throws where the objects differ. Comments, which kustomize drops, and the order do not count. */
export function sameObjects(file: string, built: string): void {
  assert.deepEqual(objectsOf(file), objectsOf(built));
}

function objectsOf(text: string): ReadonlyMap<string, unknown> {
  return new Map(
    parseAllDocuments(text)
      .map((document) => document.toJS())
      .filter((object) => object !== null)
      .map((object) => [`${object.kind} ${object.metadata.namespace}/${object.metadata.name}`, object] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
