/** One line of a watch, and one page of a listing, as what a reflector is told. */
import { type JsonValue, parseJson } from "../json/json.ts";
import { type ApiFailure, apiFailureOf, type Request, unavailable } from "./apiFailure.ts";
import type { Observed } from "./knownObjects.ts";

export interface ObjectIdentity {
  readonly name: string;
  readonly namespace?: string;
  readonly resourceVersion: string;
}

/** What is kept of an object, made as soon as it arrives: nobody holds all of it. */
export type Trim<T> = (object: JsonValue, identity: ObjectIdentity) => T;

export type StreamEvent<T> =
  | { readonly type: "present"; readonly item: Observed<T> }
  | { readonly type: "removed"; readonly id: string; readonly resourceVersion: string }
  | { readonly type: "bookmark"; readonly resourceVersion: string; readonly endsInitialEvents: boolean }
  | { readonly type: "broken"; readonly failure: ApiFailure };

/** The end of what existed when the stream began bears this annotation. */
const initialEventsEnd = "k8s.io/initial-events-end";

export function streamEventOf<T>(line: string, { request, trim }: { request: Request; trim: Trim<T> }): StreamEvent<T> {
  const event = asObject(parsed(line));
  const object = asObject(event?.object);
  if (event?.type === "ERROR") return { type: "broken", failure: failureOf(request, object) };
  const identity = object && identityOf(object);
  if (!object || !identity) return { type: "broken", failure: unavailable("a watch that sent what is no object") };
  const { resourceVersion } = identity;
  switch (event?.type) {
    case "ADDED":
    case "MODIFIED":
      return { type: "present", item: observed(object, identity, trim) };
    case "DELETED":
      return { type: "removed", id: idOf(identity), resourceVersion };
    case "BOOKMARK": {
      const annotations = asObject(asObject(object.metadata)?.annotations);
      return { type: "bookmark", resourceVersion, endsInitialEvents: annotations?.[initialEventsEnd] === "true" };
    }
    default:
      return { type: "broken", failure: unavailable("a watch that sent an event of no known type") };
  }
}

export interface Page<T> {
  readonly items: readonly Observed<T>[];
  readonly resourceVersion: string;
  readonly continue?: string;
}

/** `null` for what is no listing. */
export function pageOf<T>(body: string, trim: Trim<T>): Page<T> | null {
  const list = asObject(parsed(body));
  const metadata = asObject(list?.metadata);
  const { resourceVersion, continue: next } = metadata ?? {};
  if (typeof resourceVersion !== "string") return null;
  const entries: readonly JsonValue[] = Array.isArray(list?.items) ? list.items : [];
  const items = entries.flatMap((entry) => {
    const object = asObject(entry);
    const identity = object && identityOf(object);
    return object && identity ? [observed(object, identity, trim)] : [];
  });
  return { items, resourceVersion, ...(typeof next === "string" && next !== "" && { continue: next }) };
}

/** The names of the API groups in the answer to `/apis`. */
export function groupsOf(body: string): readonly string[] {
  const groups = asObject(parsed(body))?.groups;
  const names = Array.isArray(groups) ? groups.map((group) => asObject(group)?.name) : [];
  return names.filter((name) => typeof name === "string");
}

/** `namespace/name`, or the name of what has no namespace. */
export function idOf({ namespace, name }: { readonly namespace?: string; readonly name: string }): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** `null` for what is no object of the API. Bookmarks have a version alone. */
function identityOf(object: JsonObject): ObjectIdentity | null {
  const { name, namespace, resourceVersion } = asObject(object.metadata) ?? {};
  if (typeof resourceVersion !== "string") return null;
  return {
    name: typeof name === "string" ? name : "",
    ...(typeof namespace === "string" && namespace !== "" && { namespace }),
    resourceVersion,
  };
}

type JsonObject = { readonly [name: string]: JsonValue };

function asObject(value: JsonValue | undefined): JsonObject | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
}

function observed<T>(object: JsonObject, identity: ObjectIdentity, trim: Trim<T>): Observed<T> {
  return { id: idOf(identity), resourceVersion: identity.resourceVersion, object: trim(object, identity) };
}

function failureOf(request: Request, status: JsonObject | undefined): ApiFailure {
  const code = status?.code;
  return apiFailureOf(request, { status: typeof code === "number" ? code : 500, body: JSON.stringify(status ?? {}) });
}

function parsed(text: string): JsonValue | undefined {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}
