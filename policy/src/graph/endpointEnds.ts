/** The two ends of an endpoint of this node: what decides for each, and how the kernel knows them. */
import type { PolicyDirection, Profile } from "@brindle/api";
import { type Address, type Family, formatAddress, hostPrefix, type InterfaceElement } from "@brindle/net";
import type { Policy } from "../cluster.ts";
import { ownerChainName, ruleOwner } from "../render/owner.ts";
import { type DirectionChains, endpointChainName } from "../render/tables.ts";
import type { PolicyTier } from "../tiers.ts";
import type { EnforcedEndpoint } from "./desired.ts";
import { addressesOf, type EndpointView } from "./endpointViews.ts";

/** The policies of a tier that select the endpoint and speak of a direction, in order. */
export interface TierOfEndpoint {
  readonly tier: PolicyTier;
  readonly policies: readonly Policy[];
}

export interface LocalEndpoint {
  readonly id: string;
  readonly view: EndpointView;
  readonly Ingress: readonly TierOfEndpoint[];
  readonly Egress: readonly TierOfEndpoint[];
  readonly profiles: readonly Profile[];
}

/** An endpoint with what decides for its two ends, by direction. */
export interface EndpointEnds extends EnforcedEndpoint {
  readonly id: string;
  readonly decisions: Readonly<Record<PolicyDirection, DirectionChains>>;
  readonly isGone: boolean;
}

export function hasFamily(addresses: readonly Address[], family: Family): boolean {
  return addresses.some((address) => address.family === family);
}

/** By what is equal for two endpoints of which all chains are the same; `null` for one that has none. */
export function decisionsOf(endpoint: LocalEndpoint): string | null {
  const [ends] = endpointEnds(endpoint);
  if (!ends) return null;
  const has = ([4, 6] as const).map((family) => hasFamily(ends.addresses, family));
  return [ends.chains.Ingress, ends.chains.Egress, ...has].join(" ");
}

/** One that is not wired, or has no address, has no ends: what it sends is dropped. */
export function endpointEnds(endpoint: LocalEndpoint): readonly EndpointEnds[] {
  const known = endsOfEndpoints.get(endpoint);
  if (known) return known;
  const made = madeEnds(endpoint);
  endsOfEndpoints.set(endpoint, made);
  return made;
}

/** An endpoint that stays the same stays one object, and most do. */
const endsOfEndpoints = new WeakMap<LocalEndpoint, readonly EndpointEnds[]>();

function madeEnds(endpoint: LocalEndpoint): EndpointEnds[] {
  const { interfaceName } = endpoint.view;
  const addresses = addressesOf(endpoint.view);
  if (interfaceName === null || addresses.length === 0) return [];
  const ofDirection = (direction: PolicyDirection): DirectionChains => ({
    tiers: endpoint[direction].map(({ tier: { name, defaultAction }, policies }) => ({
      name,
      defaultAction,
      policies: policies.map((policy) => ownerChainName(ruleOwner(policy), direction)),
    })),
    profiles: endpoint.profiles.map((profile) => ownerChainName(ruleOwner(profile), direction)),
  });
  const decisions = { Ingress: ofDirection("Ingress"), Egress: ofDirection("Egress") };
  const chains = {
    Ingress: endpointChainName(decisions.Ingress, "Ingress"),
    Egress: endpointChainName(decisions.Egress, "Egress"),
  };
  return [{ id: endpoint.id, interfaceName, addresses, decisions, chains, isGone: false }];
}

export function enforced({ interfaceName, addresses, chains }: EndpointEnds): EnforcedEndpoint {
  return { interfaceName, addresses, chains };
}

export function elementsOf({ interfaceName, addresses, isGone }: EndpointEnds, family: Family): InterfaceElement[] {
  if (isGone) return [];
  const ofFamily = addresses.filter((address) => address.family === family);
  return ofFamily.map((address) => ({ ...hostPrefix(address), interfaceName }));
}

/** A bucket of hash:net,iface takes 64 elements of one address (AHASH_MAX_TUNED): one more would hold up all others. */
const endsOfAddressMax = 32;

/**
 * Two endpoints on one interface are a mistake of whoever wrote them, and so are dozens with one address; the others are
 * as ones that are not wired.
 */
export function withoutClashes(ends: readonly EndpointEnds[]): EndpointEnds[] {
  const seen = new Map<string, EndpointEnds>();
  const holders = new Map<string, number>();
  for (const end of ends) {
    const addresses = end.addresses.map(formatAddress);
    const isCrowded = addresses.some((address) => (holders.get(address) ?? 0) >= endsOfAddressMax);
    if (seen.has(end.interfaceName) || isCrowded) continue;
    seen.set(end.interfaceName, end);
    for (const address of addresses) holders.set(address, (holders.get(address) ?? 0) + 1);
  }
  return [...seen.values()];
}
