/** The endpoints of this node with what decides for them. One that stays the same stays one object, by which all else is kept. */
import type { PolicyDirection, Profile } from "@brindle/api";
import { appliesTo, type Policy } from "../cluster.ts";
import type { PolicyStage } from "../hosts.ts";
import { byTier, type Tiers } from "../tiers.ts";
import type { LocalEndpoint, TierOfEndpoint } from "./endpointEnds.ts";
import type { EndpointView } from "./endpointViews.ts";

/** Another object as soon as anything of it is another. */
export interface EndpointSurroundings {
  readonly tiers: Tiers;
  readonly profiles: ReadonlyMap<string, Profile>;
}

interface Known {
  readonly policies: readonly Policy[];
  readonly profiles: readonly Profile[];
  readonly around: EndpointSurroundings;
  readonly endpoint: LocalEndpoint;
}

export class LocalEndpoints {
  readonly #known = new Map<string, Known>();

  /** `policies` are those that select it, in order: the same list as long as they are the same. */
  of(id: string, view: EndpointView, policies: readonly Policy[], around: EndpointSurroundings): LocalEndpoint {
    const known = this.#known.get(id);
    const isAlike = known?.endpoint.view === view && known.policies === policies;
    if (isAlike && known.around === around) return known.endpoint;
    const profiles = view.parents.flatMap((name) => around.profiles.get(name) ?? []);
    const isSame = isAlike && known.around.tiers === around.tiers && isSameList(known.profiles, profiles);
    const ofDirection = (direction: PolicyDirection) => tiersOf(policies, around.tiers, direction);
    const endpoint = isSame
      ? known.endpoint
      : { id, view, Ingress: ofDirection("Ingress"), Egress: ofDirection("Egress"), profiles };
    this.#known.set(id, { policies, profiles, around, endpoint });
    return endpoint;
  }

  forget(id: string): void {
    this.#known.delete(id);
  }
}

/** Of policies in order those that speak of a direction, by their tiers. */
export function tiersOf(
  policies: readonly Policy[],
  tiers: Tiers,
  direction: PolicyDirection,
  stage?: PolicyStage,
): TierOfEndpoint[] {
  const applying = policies.filter((policy) => appliesTo(policy, direction, stage));
  const groups = byTier(applying, ({ spec }) => tiers.of(spec.tier));
  return groups.map(({ tier, items }) => ({ tier, policies: items }));
}

function isSameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}
