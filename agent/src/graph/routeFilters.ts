/** What a peer's BGPFilters mean for its session. */
import type { BGPFilter } from "@brindle/api";
import type { PeerConfig, RouteFilter } from "@brindle/bgp";

/**
 * In the order in which the peer names them. One that is missing or not understood refuses every route, in both
 * directions: without it the session would take and tell what somebody wanted kept out.
 */
export function routeFilters(
  names: readonly string[],
  filters: ReadonlyMap<string, BGPFilter>,
): Pick<PeerConfig, "importFilters" | "exportFilters"> {
  if (names.length === 0) return {};
  const found = names.map((name) => ({ name, spec: filters.get(name)?.spec }));
  return {
    importFilters: found.map(({ name, spec }) =>
      spec ? { name, rules: rulesOf(spec.importV4, spec.importV6) } : refusing(name),
    ),
    exportFilters: found.map(({ name, spec }) =>
      spec ? { name, rules: rulesOf(spec.exportV4, spec.exportV6) } : refusing(name),
    ),
  };
}

/** The names that are no filters, for people to know. */
export function missingFilters(names: readonly string[], filters: ReadonlyMap<string, BGPFilter>): string[] {
  return names.filter((name) => !filters.has(name));
}

function rulesOf(v4: RouteFilter["rules"][4], v6: RouteFilter["rules"][6]): RouteFilter["rules"] {
  return { ...(v4 && { 4: v4 }), ...(v6 && { 6: v6 }) };
}

function refusing(name: string): RouteFilter {
  return { name, rules: { 4: [{ action: "Reject" }], 6: [{ action: "Reject" }] } };
}
