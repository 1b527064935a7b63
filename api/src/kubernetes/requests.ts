/** The requests of which writes are made. */
import { formatJson } from "../json/json.ts";
import { apiPath } from "./apiPath.ts";
import type { ApiName, ApiObject, ApiRequest, ApiResource, WritePlan } from "./source.ts";

export function send(request: ApiRequest): WritePlan {
  return { type: "send", request, decidedBy: "request" };
}

export function refuse(reason: string): WritePlan {
  return { type: "refused", reason };
}

export const conflict: WritePlan = { type: "conflict" };

export function creation(resource: ApiResource, { namespace }: Partial<ApiName>, body: object): ApiRequest {
  const path = apiPath(resource, namespace === undefined ? {} : { namespace });
  return { method: "POST", path, contentType: "application/json", body: formatJson(body) };
}

export function replacement(resource: ApiResource, at: ApiName, body: object, subresource = ""): ApiRequest {
  const path = apiPath(resource, at, subresource);
  return { method: "PUT", path, contentType: "application/json", body: formatJson(body) };
}

/** Happens only while the object is the one, and in the version, that the preconditions name. */
export function deletion(
  resource: ApiResource,
  at: ApiName,
  preconditions: { readonly uid?: string | undefined; readonly resourceVersion?: string | undefined },
): ApiRequest {
  const body = { apiVersion: "v1", kind: "DeleteOptions", preconditions };
  return { method: "DELETE", path: apiPath(resource, at), contentType: "application/json", body: formatJson(body) };
}

/** Where an object is. */
export function nameOf({ metadata: { namespace, name } }: ApiObject): ApiName {
  return namespace === undefined ? { name } : { namespace, name };
}
