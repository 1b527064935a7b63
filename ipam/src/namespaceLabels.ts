/** The labels of a pod's namespace, asked for only where a pool selects by them. */
import type { IPPool, Store } from "@brindle/api";
import type { AssignRequest } from "./assign.ts";

/** The profile that stands for a namespace bears its labels, each with this in front (as Calico writes it). */
const labelPrefix = "pcns.";

export async function namespaceLabelsFor(
  { namespaceLabels, attributes: { namespace } }: Pick<AssignRequest, "namespaceLabels" | "attributes">,
  { pools, store }: { readonly pools: readonly IPPool[]; readonly store: Pick<Store, "get"> },
): Promise<Pick<AssignRequest, "namespaceLabels">> {
  if (namespaceLabels) return { namespaceLabels };
  if (namespace === undefined || !pools.some(({ spec }) => spec.namespaceSelector)) return {};
  const profile = await store.get({ kind: "Profile", name: `kns.${namespace}` });
  if (!profile) return {};
  const labels = Object.entries(profile.value.spec.labelsToApply ?? {});
  return {
    namespaceLabels: Object.fromEntries(
      labels.flatMap(([name, value]) =>
        name.startsWith(labelPrefix) ? [[name.slice(labelPrefix.length), value] as const] : [],
      ),
    ),
  };
}
