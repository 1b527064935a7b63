import type { ApiResource } from "./source.ts";

/** As roles and messages name it: `ippools.projectcalico.org`, `pods`, `nodes/status`. */
export function resourceName({ group, plural }: ApiResource, subresource = ""): string {
  return `${plural}${subresource === "" ? "" : `/${subresource}`}${group === "" ? "" : `.${group}`}`;
}
