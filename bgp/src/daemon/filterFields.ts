/** Filters in the daemon's YAML: Calico's BGPFilter, word for word, and the operations of our own. */
import type { FilterOperation, FilterRule } from "../filter/rule.ts";
import { listOf, map, optional, required, type Value } from "./field.ts";
import { asNumber, community, oneOf, text, whole } from "./scalars.ts";

export interface FilterSettings {
  readonly importV4?: readonly FilterRule[];
  readonly exportV4?: readonly FilterRule[];
  readonly importV6?: readonly FilterRule[];
  readonly exportV6?: readonly FilterRule[];
}

const word32 = whole(0, 0xffffffff);
const priority = whole(1, 2147483646);

export const filterOperation: Value<FilterOperation> = map("operation", {
  addCommunity: optional(single(community), "Adds a community."),
  prependASPath: optional(
    map("{ prefix: list of AS number }", {
      prefix: required(listOf(asNumber, { min: 1 }), "AS numbers, the one that stands first told first."),
    }),
    "Puts AS numbers before the path.",
  ),
  setPriority: optional(single(priority), "Sets the local preference to 2147483647 less this."),
  removeCommunity: optional(single(text), "Removes a community; `64512:*` all that begin so, `*` all."),
  setCommunities: optional(
    map("{ values: list of community }", { values: required(listOf(community), "The communities.") }),
    "In place of all communities of both kinds.",
  ),
  setMED: optional(single(word32), "Sets MULTI_EXIT_DISC."),
  setLocalPreference: optional(single(word32), "Sets LOCAL_PREF."),
  setNextHop: optional(
    single(oneOf("Self", "Keep")),
    "The next hop that is told: our own, or the one that was learned.",
  ),
});

/** Through which interface a next hop is reached is nothing that the daemon knows, so it takes no rule that asks. */
export const filterRule: Value<FilterRule> = map<Omit<FilterRule, "interface">>("rule", {
  cidr: optional(text, "Compared with the network of the route, as `matchOperator` says."),
  matchOperator: optional(oneOf("Equal", "NotEqual", "In", "NotIn"), "How the network of the route stands to `cidr`."),
  prefixLength: optional(
    map<NonNullable<FilterRule["prefixLength"]>>("{ min, max }", {
      min: optional(whole(0, 128), "The shortest; that of `cidr` where left out."),
      max: optional(whole(0, 128), "The longest; that of one address where left out."),
    }),
    "How long the prefix may be; needs a `cidr`.",
  ),
  source: optional(oneOf("RemotePeers"), "Only routes that came from a peer."),
  peerType: optional(oneOf("eBGP", "iBGP"), "Only peers of another AS, or only those of the own."),
  communities: optional(
    map("{ values: list of community }", { values: required(listOf(community, { min: 1 }), "The communities.") }),
    "Only routes that carry all of these.",
  ),
  asPathPrefix: optional(listOf(asNumber, { min: 1 }), "Only routes whose AS path begins so."),
  priority: optional(priority, "Only routes of this priority: 2147483647 less the local preference, 1024 without one."),
  action: required(oneOf("Accept", "Reject"), "What becomes of the route."),
  operations: optional(listOf(filterOperation), "What is changed in a route that is accepted, in this order."),
});

export const filterSettings: Value<FilterSettings> = map("filter", {
  importV4: optional(listOf(filterRule), "For IPv4 routes that a peer tells; the first rule that matches decides."),
  exportV4: optional(listOf(filterRule), "For IPv4 routes that a peer is told."),
  importV6: optional(listOf(filterRule), "For IPv6 routes that a peer tells."),
  exportV6: optional(listOf(filterRule), "For IPv6 routes that a peer is told."),
});

function single<T>(value: Value<T>): Value<{ readonly value: T }> {
  return map<{ readonly value: T }>(`{ value: ${value.type} }`, {
    value: required(value, "The value."),
  } as never); // The compiler does not see through the conditional type of an unknown `T`.
}
