import type { ApiName, ApiResource } from "./source.ts";

/** Of all objects of a resource, of those of a namespace, or of one (`/api/v1/namespaces/prod/pods/web-0`). */
export function apiPath({ group, version, plural }: ApiResource, at: Partial<ApiName> = {}, subresource = ""): string {
  const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  const namespace = at.namespace === undefined ? "" : `/namespaces/${encodeURIComponent(at.namespace)}`;
  const name = at.name === undefined ? "" : `/${encodeURIComponent(at.name)}`;
  return `${root}${namespace}/${plural}${name}${subresource === "" ? "" : `/${subresource}`}`;
}
