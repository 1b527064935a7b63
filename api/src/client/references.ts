/** What a new resource names must be there, as Calico's own client asks. What stands already may outlive what it names. */

import { defaultTier } from "../kinds/policy.ts";
import type { Problem } from "../kinds/problem.ts";
import { builtInTiers } from "../kinds/tier.ts";
import type { AnyKindOfResource } from "../kinds/validate.ts";
import type { Store } from "../store/store.ts";

export async function checkReferences(store: Store, resource: AnyKindOfResource): Promise<readonly Problem[]> {
  switch (resource.kind) {
    case "NetworkPolicy":
    case "GlobalNetworkPolicy":
    case "StagedNetworkPolicy":
    case "StagedGlobalNetworkPolicy":
      return checkTier(store, resource.spec.tier ?? defaultTier);
    case "BGPPeer":
      return checkFilters(store, resource.spec.filters ?? []);
    default:
      return [];
  }
}

/** The built-in ones need not be stored: nothing makes them here before somebody needs them. */
async function checkTier(store: Store, name: string): Promise<readonly Problem[]> {
  if (Object.hasOwn(builtInTiers, name) || (await store.get({ kind: "Tier", name }))) return [];
  return [{ path: "spec.tier", value: name, reason: "is no tier that exists: make it first" }];
}

async function checkFilters(store: Store, names: readonly string[]): Promise<readonly Problem[]> {
  const found = await Promise.all(names.map((name) => store.get({ kind: "BGPFilter", name })));
  return names.flatMap((value, i) =>
    found[i] ? [] : [{ path: `spec.filters[${i}]`, value, reason: "is no BGPFilter that exists: make it first" }],
  );
}
