/** What a peer is told of a route: whether at all, with which attributes, by which next hop. */
import { type Address, type Family, sameAddress } from "@brindle/net";
import { type Candidates, type CompiledFilters, type CompiledRule, deciding } from "../filter/compile.ts";
import { type AttrId, localPrefWithout } from "../rib/attrTable.ts";
import type { NextHopId } from "../rib/nextHopTable.ts";
import type { PeerId } from "../rib/peerTable.ts";
import type { PrefixFilter } from "../rib/prefixFilter.ts";
import type { PrefixId } from "../rib/prefixTable.ts";
import type { Rib } from "../rib/rib.ts";
import type { RouteId } from "../rib/routeTable.ts";
import { attributeFlag } from "../wire/attributeSummary.ts";
import type { AsPathSegment, PathAttributes } from "../wire/message.ts";
import { wellKnownBit, wellKnownCommunity, wellKnownFlag } from "../wire/wellKnownCommunities.ts";

/** Everything that export to one peer depends on, but the routes. */
export interface ExportView {
  /** Zero where the view is that of a group of peers, as is `null` in `peerAddress`. */
  readonly peer: PeerId;
  readonly external: boolean;
  readonly localAsn: number;
  readonly peerAddress: Address | null;
  /** Agreed on with the peer. */
  readonly families: readonly Family[];
  /** Our own address of each family; a family without one cannot be announced. */
  readonly ownNextHop: Readonly<Partial<Record<Family, Address>>>;
  readonly nextHopMode: "self" | "keep";
  /** Decide before `filter`, which has the prefixes that no rule of theirs matches. */
  readonly filters?: CompiledFilters;
  readonly filter: PrefixFilter;
  /** RFC 4456: that we reflect, and whether the peer is a client. Absent: what one internal peer says, no other hears. */
  readonly reflection?: { readonly clusterId: number; readonly toClient: boolean };
  /** Whether more is changed in attributes than the protocol itself asks for (`exportedAttributes`). */
  readonly changesAttributes?: true;
  /** RFC 9234 §5: what is for customers alone is not told, and what is told is for customers alone. */
  readonly keepsOnlyToCustomer?: true;
  readonly marksOnlyToCustomer?: true;
  /** RFC 9494 §4.3: the peer knows what a last resort is; others are not told of one. */
  readonly takesLongLived?: true;
  /** RFC 8326 §4: we are about to go away, and the peer is to prefer others. */
  readonly shutsDown?: true;
}

/** What filters make of routes in one turn, by attributes, then by next hop: ids stay what they are for so long. */
export type CandidatesSeen = Map<AttrId, Map<NextHopId, Candidates>>;

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
  const ofAttr = seen.get(attr) ?? new Map<NextHopId, Candidates>();
  if (ofAttr.size === 0) seen.set(attr, ofAttr);
  const known = ofAttr.get(hop);
  if (known) return known;
  // Our own have no next hop, and all others one.
  const facts = { isOwn: hop === 0, interface: rib.nextHops.interfaceOf(hop) };
  const candidates = filters.candidates(rib.attrs.value(attr), facts);
  ofAttr.set(hop, candidates);
  return candidates;
}

export function isExported(rib: Rib, view: ExportView, prefix: PrefixId, route: RouteId): boolean {
  return exportVerdict(rib, view, { prefix, route, seen: new Map() }) !== false;
}

/** What the protocol itself says, whatever the configuration. */
function mayBeTold(rib: Rib, view: ExportView, prefix: PrefixId, route: RouteId): boolean {
  const from = rib.routes.peer.get(route);
  if (from === view.peer) return false;
  if (!view.external && !rib.peers.get(from).external && !isReflected(rib, view, from)) return false;
  const family = rib.prefixes.family(prefix);
  if (!view.families.includes(family) || !view.ownNextHop[family]) return false;
  const lastResorts = view.takesLongLived ? 0 : wellKnownBit.llgrStale;
  const hidden =
    (view.external ? notOutside : notAtAll) |
    lastResorts |
    (view.keepsOnlyToCustomer ? attributeFlag.onlyToCustomer : 0);
  return (rib.attrs.flags.get(rib.routes.attr.get(route)) & hidden) === 0;
}

/** RFC 4271 §9.2: what one internal peer says, the others hear from itself; but RFC 4456 §6: clients and their router. */
function isReflected(rib: Rib, { reflection }: ExportView, from: PeerId): boolean {
  return reflection !== undefined && (reflection.toClient || rib.peers.get(from).isClient === true);
}

/** RFC 1997, "Well-known Communities". */
const notAtAll = wellKnownBit.noAdvertise;
const notOutside = notAtAll | wellKnownBit.noExport | wellKnownBit.noExportSubconfed;

/** `learned` is the route's own next hop, or `null` for a prefix of our own. */
export function exportedNextHop(view: ExportView, family: Family, learned: Address | null): Address | undefined {
  const own = view.ownNextHop[family];
  if (learned === null || view.nextHopMode === "self") return own;
  // RFC 4271 §5.1.3: a peer is never told its own address.
  return view.peerAddress && sameAddress(learned, view.peerAddress) ? own : learned;
}

interface Telling {
  readonly keepsMed: boolean;
  /** The BGP identifier of the internal peer whose route is reflected; else `null`. */
  readonly originator?: number | null;
}

type Terms = Pick<ExportView, "external" | "localAsn"> &
  Pick<ExportView, "reflection" | "shutsDown" | "marksOnlyToCustomer">;

/** RFC 4271 §5: what crosses an AS border loses what concerns one AS alone, and names the ASes it crossed. */
export function exportedAttributes(
  attributes: PathAttributes,
  terms: Terms,
  { keepsMed, originator = null }: Telling,
): PathAttributes {
  const communities = terms.shutsDown && withCommunity(attributes, wellKnownCommunity.gracefulShutdown);
  if (!terms.external) {
    // RFC 8326 §4: inside, too, nothing is less preferred.
    const localPref = terms.shutsDown ? 0 : (attributes.localPref ?? localPrefOf(attributes));
    return { ...attributes, localPref, ...communities, ...reflectionMarks(attributes, terms, originator) };
  }
  const { localPref: _, med, originatorId: __, clusterList: ___, extendedCommunities, ...passed } = attributes;
  const transitive = extendedCommunities?.filter(isTransitive);
  return {
    ...(terms.marksOnlyToCustomer && { onlyToCustomer: terms.localAsn }),
    ...passed,
    ...communities,
    asPath: prepend(attributes.asPath, terms.localAsn),
    // RFC 4271 §5.1.4: a MED that was learned is never passed on to another AS, but our own or a filter's is.
    ...(keepsMed && med !== undefined ? { med } : {}),
    ...(transitive && transitive.length > 0 ? { extendedCommunities: transitive } : {}),
  };
}

/** RFC 4456 §8: who said it first stays, and our cluster is put in front. */
function reflectionMarks(
  { originatorId, clusterList = [] }: PathAttributes,
  { reflection }: Terms,
  originator: number | null,
): Pick<PathAttributes, "originatorId" | "clusterList"> {
  if (originator === null || !reflection) return {};
  return { originatorId: originatorId ?? originator, clusterList: [reflection.clusterId, ...clusterList] };
}

function withCommunity({ communities = [] }: PathAttributes, added: number): Pick<PathAttributes, "communities"> {
  return { communities: communities.includes(added) ? communities : [...communities, added] };
}

function localPrefOf({ communities = [] }: PathAttributes): number {
  return localPrefWithout(communities.reduce((flags, community) => flags | wellKnownFlag(community), 0));
}

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
