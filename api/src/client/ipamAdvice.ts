/**
 * etcd holds the settings of address management twice (`kinds/ipamConfig.ts`), and those that are read are not those that
 * a manifest carries. Whoever applies one hears of a difference.
 */
import { ipamConfigName, ipamConfigOf } from "../kinds/ipamConfig.ts";
import type { Warning } from "../kinds/problem.ts";
import type { AnyKindOfResource } from "../kinds/validate.ts";
import type { Store } from "../store/store.ts";

const settings = ["strict_affinity", "auto_allocate_blocks", "maxBlocksPerHost"] as const;

export async function adviseOnIpam(store: Store, resource: AnyKindOfResource): Promise<readonly Warning[]> {
  // Kubernetes holds them once: there the other is this resource, before the change.
  if (resource.kind !== "IPAMConfiguration" || store.transactions === "single") return [];
  const inForce = await store.get({ kind: "IPAMConfig", name: ipamConfigName });
  if (!inForce) return [];
  const wanted = ipamConfigOf(resource.spec);
  const others = settings.filter((name) => (wanted[name] || false) !== (inForce.value[name] || false));
  if (others.length === 0) return [];
  const said = others.map((name) => `${name} ${inForce.value[name] ?? false}`).join(", ");
  const reason = `is stored; what \`ipam configure\` wrote goes first, and says ${said}`;
  return [{ effect: "advice", path: "spec", value: resource.spec, reason }];
}
