/** The two ends of an endpoint of this node: what decides for each, and how the kernel knows them. */
import type { PolicyDirection, Profile } from "@brindle/api";
import {
  type Address,
  type Family,
  formatAddress,
  formatSetElement,
  hostPrefix,
  type InterfaceElement,
  type Prefix,
} from "@brindle/net";
import type { Policy } from "../cluster.ts";
import { ownerChainName, ruleOwner } from "../render/owner.ts";
import type { FilterSettings } from "../render/settings.ts";
import { type DirectionChains, endpointChainName } from "../render/tables.ts";
import type { PolicyTier } from "../tiers.ts";
import type { EnforcedEndpoint } from "./desired.ts";
import { addressesOf, type EndpointView } from "./endpointViews.ts";
import type { Elements } from "./sourcePrefixes.ts";

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
  /** From whose addresses it asks to send beside its own. */
  readonly sources: readonly Prefix[];
  readonly isGone: boolean;
  readonly addressTexts: readonly string[];
  /** As it is told, without such sources. */
  readonly plain: EnforcedEndpoint;
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

/** Of one that is gone and whose chains are kept: nobody comes to these by them. */
export function goneEnds(endpoint: LocalEndpoint): readonly EndpointEnds[] {
  const known = endsOfGone.get(endpoint);
  if (known) return known;
  const made = endpointEnds(endpoint).map((end): EndpointEnds => ({ ...end, isGone: true }));
  endsOfGone.set(endpoint, made);
  return made;
}

const endsOfGone = new WeakMap<LocalEndpoint, readonly EndpointEnds[]>();

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
  const { sources = [] } = endpoint.view;
  const plain = { interfaceName, addresses, chains };
  const addressTexts = addresses.map(formatAddress);
  return [{ id: endpoint.id, ...plain, plain, addressTexts, sources, decisions, isGone: false }];
}

export function enforced(
  { plain, sources }: EndpointEnds,
  { sourceSpoofing }: Pick<FilterSettings, "sourceSpoofing">,
): EnforcedEndpoint {
  const isWider = sourceSpoofing === "Any" && sources.length > 0;
  return isWider ? { ...plain, sources } : plain;
}

/** With their texts. */
export function elementsOf(end: EndpointEnds, family: Family): Elements {
  const known = elements[family].get(end);
  if (known) return known;
  const { interfaceName, addresses, isGone } = end;
  const ofFamily = isGone ? [] : addresses.filter((address) => address.family === family);
  const made = ofFamily.map((address): [string, InterfaceElement] => {
    const element = { ...hostPrefix(address), interfaceName };
    return [formatSetElement(element), element];
  });
  elements[family].set(end, made);
  return made;
}

const elements: Readonly<Record<Family, WeakMap<EndpointEnds, Elements>>> = { 4: new WeakMap(), 6: new WeakMap() };

/** A bucket of hash:net,iface takes 64 elements of one address (AHASH_MAX_TUNED): one more would hold up all others. */
export const endsOfAddressMax = 32;

/**
 * Two endpoints on one interface are a mistake of whoever wrote them, and so are dozens with one address; the others are
 * as ones that are not wired.
 */
export function withoutClashes(ends: readonly EndpointEnds[]): EndpointEnds[] {
  const seen = new Map<string, EndpointEnds>();
  const holders = new Map<string, number>();
  for (const end of ends) {
    const isCrowded = end.addressTexts.some((address) => (holders.get(address) ?? 0) >= endsOfAddressMax);
    if (seen.has(end.interfaceName) || isCrowded) continue;
    seen.set(end.interfaceName, end);
    for (const address of end.addressTexts) holders.set(address, (holders.get(address) ?? 0) + 1);
  }
  return [...seen.values()];
}
