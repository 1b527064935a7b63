/** Which of the two forms of Calico's CRDs a cluster has, chosen as Calico's own clients choose. */
import type { Flavour } from "./source.ts";

export interface ClusterGroups {
  /** The names of the API groups that the server has (`/apis`). */
  readonly groups: readonly string[];
  /** `CALICO_API_GROUP`: an operator's word goes before what is seen. */
  readonly apiGroup?: string | undefined;
}

export type FlavourChoice =
  | { readonly kind: "chosen"; readonly flavour: Flavour; readonly isInstalled: boolean }
  | { readonly kind: "refused"; readonly reason: string };

export const flavourGroups: Readonly<Record<Flavour, string>> = {
  v3: "projectcalico.org",
  v1: "crd.projectcalico.org",
};

const byApiGroup: Readonly<Record<string, Flavour>> = {
  "projectcalico.org/v3": "v3",
  "crd.projectcalico.org/v1": "v1",
};

/**
 * A cluster with both has an API server that serves `projectcalico.org/v3` from the older CRDs, which are then the store.
 * One with neither has nothing installed yet: then it will be the native ones.
 */
export function chooseFlavour({ groups, apiGroup }: ClusterGroups): FlavourChoice {
  const has = (flavour: Flavour) => groups.includes(flavourGroups[flavour]);
  if (apiGroup === undefined || apiGroup === "") {
    const flavour = has("v1") ? "v1" : "v3";
    return { kind: "chosen", flavour, isInstalled: has(flavour) };
  }
  const flavour = byApiGroup[apiGroup];
  if (flavour) return { kind: "chosen", flavour, isInstalled: has(flavour) };
  const reason = `CALICO_API_GROUP is ${JSON.stringify(apiGroup)}; it may be ${Object.keys(byApiGroup).join(" or ")}`;
  return { kind: "refused", reason };
}
