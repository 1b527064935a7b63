import type { JsonValue } from "../json/json.ts";
import type { ResourceKind } from "../kinds/kinds.ts";
import { formatProblem } from "../kinds/problem.ts";
import { type DecodedResource, decodeResource } from "../kinds/validate.ts";
import type { Key, Kind, Stored } from "../store/store.ts";
import type { ApiObject, Reading } from "./source.ts";

/** What a document that should be a resource of `kind` reads as. */
export function readingOf<K extends ResourceKind>(kind: K, key: Key<K>, document: object): Reading<K> {
  const decoded: DecodedResource<unknown> = decodeResource(kind, document);
  if (decoded.kind === "valid") return { type: "value", key, value: decoded.resource as Stored[K] };
  return undecodable(key, decoded.problems.slice(0, 3).map(formatProblem).join("; "), document);
}

/** `partial` is what can be read of it, in the form of the kind. */
export function undecodable<K extends Kind>(key: Key<K>, reason: string, partial: object): Reading<K> {
  return { type: "undecodable", key, reason, partial: partial as JsonValue }; // It came as JSON.
}

export function keyFor<K extends ResourceKind>(kind: K, { namespace, name }: ApiObject["metadata"]): Key<K> {
  return { kind, ...(namespace !== undefined && { namespace }), name };
}
