/** For tests: what an API server holds once it has done a request. */
import { parseJson } from "../json/json.ts";
import { isMembers, type Members, members } from "./apiObject.ts";
import type { ApiObject, ApiRequest, WritePlan } from "./source.ts";

/** What the server gives every object, and nobody who writes it. */
export const givenByServer: {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly creationTimestamp: string;
  readonly generation: number;
  readonly managedFields: readonly object[];
} = {
  uid: "11111111-2222-4333-8444-555555555555",
  resourceVersion: "1000",
  creationTimestamp: "2026-02-01T00:00:00Z",
  generation: 1,
  managedFields: [{ manager: "test", operation: "Update" }],
};

export function requestOf(plan: WritePlan): ApiRequest {
  if (plan.type !== "send") throw new Error(`is no request but ${JSON.stringify(plan)}`);
  return plan.request;
}

/** A creation or a replacement: the body, with what the server adds. */
export function served({ body }: ApiRequest): ApiObject {
  const object = members(parseJson(body));
  return { ...object, metadata: { name: "", ...members(object.metadata), ...givenByServer } };
}

/** A merge patch (RFC 7386). For members that are no lists a strategic one does the same. */
export function patched<T extends Members>(object: T, { body }: Pick<ApiRequest, "body">): T {
  return merged(object, parseJson(body)) as T;
}

function merged(target: unknown, patch: unknown): unknown {
  if (!isMembers(patch)) return patch;
  const result: Record<string, unknown> = { ...members(target) };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = merged(result[name], value);
  }
  return result;
}
