import type { Request } from "./apiFailure.ts";

/** What of the API is followed. */
export interface Collection {
  /** `/apis/projectcalico.org/v3/ippools` */
  readonly path: string;
  /** `ippools.projectcalico.org` */
  readonly resource: string;
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
}

export function collectionRequest(
  { path, resource, fieldSelector, labelSelector }: Collection,
  verb: "list" | "watch",
  query: { readonly [name: string]: string | number | boolean | undefined },
): Request & { readonly path: string } {
  const parameters = Object.entries({ ...query, fieldSelector, labelSelector }).flatMap(([name, value]) =>
    value === undefined || value === "" ? [] : [`${name}=${encodeURIComponent(value)}`],
  );
  return { verb, resource, path: `${path}?${parameters.join("&")}` };
}
