/**
 * Tiers: groups of policies that are asked one after the other, each with what becomes of a packet that policies of the
 * tier select and none decides on.
 */
import { builtInTiers, defaultTier, type Tier } from "@brindle/api";

export interface PolicyTier {
  readonly name: string;
  /** Lower goes first; infinite for a tier without an order. */
  readonly order: number;
  readonly defaultAction: "Deny" | "Pass";
}

/** For policies of which it is not known in which tier they stand: no tier can be called so. */
export const unknownTier = "?";

/** Where policies go whose tier does not exist: before all others, since nothing may open what they may have closed. */
const missing: PolicyTier = { name: unknownTier, order: Number.NEGATIVE_INFINITY, defaultAction: "Deny" };

export class Tiers {
  readonly #tiers: ReadonlyMap<string, PolicyTier>;

  /** Those that Calico makes by itself are there in any case, with the only values that they may have. */
  constructor(tiers: Iterable<Tier>) {
    const builtIn = Object.entries(builtInTiers).map(([name, spec]) => [name, { name, ...spec }] as const);
    const others = [...tiers].map((tier) => [tier.metadata.name, policyTier(tier)] as const);
    this.#tiers = new Map([...others, ...builtIn]);
  }

  has(name: string | undefined): boolean {
    return this.#tiers.has(name || defaultTier);
  }

  /** That of a policy, as its spec names it. */
  of(name: string | undefined): PolicyTier {
    return this.#tiers.get(name || defaultTier) ?? missing;
  }
}

/** Calico's order: by number, tiers of one number by name. */
export function compareTiers(a: PolicyTier, b: PolicyTier): number {
  if (a.order !== b.order) return a.order < b.order ? -1 : 1;
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

/** Gathers what is sorted within its tier: the tiers that have something, in order. */
export function byTier<T>(items: readonly T[], tierOf: (item: T) => PolicyTier): { tier: PolicyTier; items: T[] }[] {
  const groups = new Map<string, { tier: PolicyTier; items: T[] }>();
  for (const item of items) {
    const tier = tierOf(item);
    const group = groups.get(tier.name);
    if (group) group.items.push(item);
    else groups.set(tier.name, { tier, items: [item] });
  }
  return [...groups.values()].sort((a, b) => compareTiers(a.tier, b.tier));
}

function policyTier({ metadata: { name }, spec }: Tier): PolicyTier {
  return { name, order: spec.order ?? Number.POSITIVE_INFINITY, defaultAction: spec.defaultAction ?? "Deny" };
}
