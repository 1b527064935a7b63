/**
 * Route filters in the shape of Calico's BGPFilter, with operations of our own beside its three. Plain data, as it
 * stands in a resource, in the daemon's YAML and in `PeerConfig`.
 */
import type { Family } from "@brindle/net";

/** The rules for one direction. Of several filters the first rule that matches decides, whichever filter it is in. */
export interface RouteFilter {
  /** What a person calls it; a route that it rejects names it. */
  readonly name: string;
  readonly rules: Readonly<Partial<Record<Family, readonly FilterRule[]>>>;
}

/** All that a rule says must match; one that says nothing matches every route. */
export interface FilterRule {
  /** With `matchOperator`, or neither. */
  readonly cidr?: string;
  /** `In` means the network itself or one inside it. */
  readonly matchOperator?: "Equal" | "NotEqual" | "In" | "NotIn";
  /** Narrows what `cidr` takes; from its own length to that of one address where left out. */
  readonly prefixLength?: { readonly min?: number; readonly max?: number };
  /** Not a route of our own. */
  readonly source?: "RemotePeers";
  /** Through which the next hop is reached, `*` for any letters. A route whose interface is not known does not match. */
  readonly interface?: string;
  /** Whether the peer, at whose session the filter stands, is of another AS. */
  readonly peerType?: "eBGP" | "iBGP";
  /** All of them: `64512:100`, `64512:1:2`, or a well-known one by name. */
  readonly communities?: { readonly values: readonly string[] };
  readonly asPathPrefix?: readonly number[];
  /** `priorityMax` less the local preference; `priorityNormal` for a route without one. */
  readonly priority?: number;
  readonly action: "Accept" | "Reject";
  /** In this order, and only with Accept. */
  readonly operations?: readonly FilterOperation[];
}

/** Exactly one of them. The first three are Calico's. */
export interface FilterOperation {
  readonly addCommunity?: { readonly value: string };
  /** The AS that stands first is told first. */
  readonly prependASPath?: { readonly prefix: readonly number[] };
  readonly setPriority?: { readonly value: number };
  /** `64512:*` and `64512:*:*` take away all that begin so; `*` takes away all of both kinds. */
  readonly removeCommunity?: { readonly value: string };
  /** In place of all communities, standard and large; an empty list leaves none. */
  readonly setCommunities?: { readonly values: readonly string[] };
  readonly setMED?: { readonly value: number };
  readonly setLocalPreference?: { readonly value: number };
  /** Where routes are told: our own address, or the next hop that was learned. */
  readonly setNextHop?: { readonly value: "Self" | "Keep" };
}

export const operationNames: readonly (keyof FilterOperation)[] = [
  "addCommunity",
  "prependASPath",
  "setPriority",
  "removeCommunity",
  "setCommunities",
  "setMED",
  "setLocalPreference",
  "setNextHop",
];

/** Calico's krt_metric and LOCAL_PREF add up to this. */
export const priorityMax: number = 2 ** 31 - 1;

/** The metric of a route that says nothing of its own, as Calico has it unless told. */
export const priorityNormal = 1024;
