/** What a peer is told of a route: whether at all, with which attributes, by which next hop. */
import { type Address, type Family, sameAddress } from "@brindle/net";
import { type Candidates, type CompiledFilters, type CompiledRule, deciding } from "../filter/compile.ts";
import type { PeerId } from "../rib/peerTable.ts";
import type { PrefixFilter } from "../rib/prefixFilter.ts";
import type { PrefixId } from "../rib/prefixTable.ts";
import type { Rib } from "../rib/rib.ts";
import type { RouteId } from "../rib/routeTable.ts";
import type { AsPathSegment, PathAttributes } from "../wire/message.ts";

/** Everything that export to one peer depends on, but the routes. */
export interface ExportView {
  readonly peer: PeerId;
  readonly external: boolean;
  readonly localAsn: number;
  readonly peerAddress: Address;
  /** Agreed on with the peer. */
  readonly families: readonly Family[];
  /** Our own address of each family; a family without one cannot be announced. */
  readonly ownNextHop: Readonly<Partial<Record<Family, Address>>>;
  readonly nextHopMode: "self" | "keep";
  /** Decide before `filter`, which has the prefixes that no rule of theirs matches. */
  readonly filters?: CompiledFilters;
  readonly filter: PrefixFilter;
}

/** RFC 1997, "Well-known Communities". */
const wellKnown = { noExport: 0xffffff01, noAdvertise: 0xffffff02, noExportSubconfed: 0xffffff03 } as const;

/** What filters make of routes in one turn, by attributes and next hop: ids stay what they are for so long. */
export type CandidatesSeen = Map<number, Candidates>;

/**
 * Whether the peer is told: `false`, `true` by the policy, or the rule of a filter that accepts and may change what is
 * told. `seen` is kept between the calls of one turn.
 */
export function exportVerdict(
  rib: Rib,
  view: ExportView,
  { prefix, route, seen }: { readonly prefix: PrefixId; readonly route: RouteId; readonly seen: CandidatesSeen },
): CompiledRule | boolean {
  if (!mayBeTold(rib, view, prefix, route)) return false;
  const rule = view.filters ? deciding(candidatesOf(rib, view.filters, route, seen), rib.prefixes, prefix) : null;
  if (rule) return rule.accepts && rule;
  return view.filter.passes(rib.prefixes, prefix);
}

function candidatesOf(rib: Rib, filters: CompiledFilters, route: RouteId, seen: CandidatesSeen): Candidates {
  const [attr, hop] = [rib.routes.attr.get(route), rib.routes.nextHop.get(route)];
  const key = attr * 2 ** 20 + hop; // Our own have no next hop, and all others one.
  const known = seen.get(key);
  if (known) return known;
  const facts = { isOwn: hop === 0, interface: rib.nextHops.interfaceOf(hop) };
  const candidates = filters.candidates(rib.attrs.value(attr), facts);
  seen.set(key, candidates);
  return candidates;
}

export function isExported(rib: Rib, view: ExportView, prefix: PrefixId, route: RouteId): boolean {
  return exportVerdict(rib, view, { prefix, route, seen: new Map() }) !== false;
}

/** What the protocol itself says, whatever the configuration. */
function mayBeTold(rib: Rib, view: ExportView, prefix: PrefixId, route: RouteId): boolean {
  const from = rib.routes.peer.get(route);
  if (from === view.peer) return false;
  // RFC 4271 §9.2: what one internal peer says, the others hear from itself. (There is no route reflection yet.)
  if (!view.external && !rib.peers.get(from).external) return false;
  const family = rib.prefixes.family(prefix);
  if (!view.families.includes(family) || !view.ownNextHop[family]) return false;
  const communities = rib.attrs.value(rib.routes.attr.get(route)).communities;
  return !communities || communitiesAllow(communities, view);
}

function communitiesAllow(communities: readonly number[], { external }: ExportView): boolean {
  if (communities.includes(wellKnown.noAdvertise)) return false;
  if (!external) return true;
  return !communities.includes(wellKnown.noExport) && !communities.includes(wellKnown.noExportSubconfed);
}

/** `learned` is the route's own next hop, or `null` for a prefix of our own. */
export function exportedNextHop(view: ExportView, family: Family, learned: Address | null): Address | undefined {
  const own = view.ownNextHop[family];
  if (learned === null || view.nextHopMode === "self") return own;
  // RFC 4271 §5.1.3: a peer is never told its own address.
  return sameAddress(learned, view.peerAddress) ? own : learned;
}

/** RFC 4271 §5: what crosses an AS border loses what concerns one AS alone, and names the ASes it crossed. */
export function exportedAttributes(
  attributes: PathAttributes,
  { external, localAsn }: Pick<ExportView, "external" | "localAsn">,
  { keepsMed }: { readonly keepsMed: boolean },
): PathAttributes {
  if (!external) return { ...attributes, localPref: attributes.localPref ?? localPrefSent };
  const { localPref: _, med, originatorId: __, clusterList: ___, extendedCommunities, ...passed } = attributes;
  const transitive = extendedCommunities?.filter(isTransitive);
  return {
    ...passed,
    asPath: prepend(attributes.asPath, localAsn),
    // RFC 4271 §5.1.4: a MED that was learned is never passed on to another AS, but our own or a filter's is.
    ...(keepsMed && med !== undefined ? { med } : {}),
    ...(transitive && transitive.length > 0 ? { extendedCommunities: transitive } : {}),
  };
}

const localPrefSent = 100;

/** RFC 4271 §4.3: a segment counts its ASes in one byte. */
const segmentAsnsMax = 255;

function prepend(path: readonly AsPathSegment[], asn: number): AsPathSegment[] {
  const [first, ...rest] = path;
  if (first?.type !== "sequence" || first.asns.length >= segmentAsnsMax) {
    return [{ type: "sequence", asns: [asn] }, ...path];
  }
  return [{ type: "sequence", asns: [asn, ...first.asns] }, ...rest];
}

/** RFC 4360 §2: the second highest bit of the type says that a community stays in its AS. */
function isTransitive(community: string): boolean {
  return (Number.parseInt(community.slice(0, 2), 16) & 0x40) === 0;
}
