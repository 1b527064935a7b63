/** The rows of `brindlectl bgp routes`: bounded, since a table may hold a million. */
import { addressBits, networkOf, parseAddress, parsePrefix } from "@brindle/net";
import type { RouteStatus } from "../control.ts";
import { Rule } from "../rib/decide.ts";
import { packPrefix } from "../rib/packed.ts";
import type { PrefixId } from "../rib/prefixTable.ts";
import type { Rib } from "../rib/rib.ts";
import type { RouteId } from "../rib/routeTable.ts";
import { accepted } from "../rib/verdict.ts";
import { formatAsPath, formatCommunity, formatLargeCommunity } from "../wire/text.ts";
import type { RouteQuery } from "./event.ts";
import type { RouteSide } from "./routeSide.ts";

const limitDefault = 1000;

interface Sources {
  readonly rib: Rib;
  routesOf(peer: string): RouteSide | undefined;
}

/** A part of the table, by the ids of its prefixes; `next` of an answer is `null` at the end. */
export interface RouteSlice {
  readonly rows: readonly RouteStatus[];
  readonly next: PrefixId | null;
}

/** Some milliseconds of work where the query leaves most of them out: whoever asks waits, a keepalive does not. */
const prefixesPerSlice = 16_384;

/** The rows that begin at this prefix, of which there may be none though more come. */
export function querySlice(query: RouteQuery, sources: Sources, from: PrefixId): RouteSlice {
  const { idsEnd } = sources.rib.prefixes;
  const isOfOne = query.prefix !== undefined || query.covering !== undefined;
  const end = isOfOne ? idsEnd : Math.min(from + prefixesPerSlice, idsEnd);
  const rows = queryRoutes(query, sources, { from, end });
  return { rows, next: end < idsEnd && rows.length < (query.limit ?? limitDefault) ? end : null };
}

/** The best route of each prefix before the others. */
export function queryRoutes(
  query: RouteQuery,
  sources: Sources,
  range: PrefixRange = { from: 1, end: sources.rib.prefixes.idsEnd },
): RouteStatus[] {
  const { rib } = sources;
  const limit = query.limit ?? limitDefault;
  const peer = query.peer === undefined ? null : ribPeerOf(query.peer, sources);
  const out = query.advertisedTo === undefined ? null : (sources.routesOf(query.advertisedTo)?.out ?? undefined);
  if (peer === undefined || out === undefined) return [];

  const rows: RouteStatus[] = [];
  for (const prefix of prefixesOf(query, rib, range)) {
    if (out && !out.isAdvertised(prefix)) continue;
    let used: readonly RouteId[] | null = null;
    for (const route of routesOf(prefix, rib)) {
      if (rows.length >= limit) return rows;
      const isBest = route === rib.best(prefix);
      if ((query.bestOnly || out) && !isBest) continue;
      if (query.refusedOnly && rib.routes.verdict.get(route) === accepted) continue;
      if (peer !== null && rib.routes.peer.get(route) !== peer) continue;
      used ??= rib.used(prefix);
      rows.push(rowOf(route, rib, used));
    }
  }
  return rows;
}

function ribPeerOf(name: string, { routesOf, rib }: Sources): number | undefined {
  return name === "local" ? rib.local : routesOf(name)?.ribPeer;
}

interface PrefixRange {
  readonly from: PrefixId;
  readonly end: PrefixId;
}

function* prefixesOf(query: RouteQuery, rib: Rib, { from, end }: PrefixRange): Generator<PrefixId> {
  if (query.prefix !== undefined) {
    const prefix = parsePrefix(query.prefix);
    const id = prefix ? rib.prefixes.find(packPrefix(prefix), 0) : 0;
    if (id !== 0) yield id;
    return;
  }
  if (query.covering !== undefined) {
    const id = mostSpecific(query.covering, rib);
    if (id !== 0) yield id;
    return;
  }
  for (let id = from; id < end; id++) {
    if (!rib.prefixes.isLive(id)) continue;
    if (query.family === undefined || rib.prefixes.family(id) === query.family) yield id;
  }
}

/** What packets to the address follow, as far as this table says; where they follow nothing, what there is all the same. */
function mostSpecific(text: string, rib: Rib): PrefixId {
  const address = parseAddress(text);
  if (!address) return 0;
  let unused = 0;
  for (let length = addressBits[address.family]; length >= 0; length--) {
    const id = rib.prefixes.find(packPrefix(networkOf({ address, length })), 0);
    if (id === 0 || rib.routes.firstOfPrefix(id) === 0) continue;
    if (rib.best(id) !== 0) return id;
    unused ||= id;
  }
  return unused;
}

function* routesOf(prefix: PrefixId, rib: Rib): Generator<RouteId> {
  const best = rib.best(prefix);
  if (best !== 0) yield best;
  for (let route = rib.routes.firstOfPrefix(prefix); route !== 0; route = rib.routes.nextOfPrefix(route)) {
    if (route !== best) yield route;
  }
}

function rowOf(route: RouteId, rib: Rib, used: readonly RouteId[]): RouteStatus {
  const { routes, nextHops, attrs, prefixes, peers } = rib;
  const attributes = attrs.value(routes.attr.get(route));
  const hop = routes.nextHop.get(route);
  const prefix = routes.prefix.get(route);
  const lostBy = rib.lostBy(route);
  return {
    prefix: prefixes.text(prefix),
    best: rib.best(prefix) === route,
    used: used.includes(route),
    from: peers.get(routes.peer.get(route)).name,
    nextHop: hop === 0 ? null : nextHops.text(hop),
    asPath: formatAsPath(attributes.asPath),
    origin: attributes.origin,
    localPref: attributes.localPref ?? null,
    med: attributes.med ?? null,
    communities: (attributes.communities ?? []).map(formatCommunity),
    largeCommunities: (attributes.largeCommunities ?? []).map(formatLargeCommunity),
    lostBy,
    lostByRule: ruleNumber(lostBy),
    refusedBy: rib.refusedBy(route),
  };
}

const ruleNumbers: ReadonlyMap<string, number> = new Map(Object.entries(Rule));

/** A next hop that cannot be reached is the first rule of the decision, by a name that says more. */
function ruleNumber(lostBy: string | null): number | null {
  if (lostBy === null) return null;
  return lostBy === "nextHopUnreachable" ? Rule.eligible : (ruleNumbers.get(lostBy) ?? null);
}
