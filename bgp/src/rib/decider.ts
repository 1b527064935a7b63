/** The best of a prefix's routes: `decide` over the columns, and MED heeded only among routes of one neighbour. */
import { type Candidate, decide, Rule, ruleName } from "./decide.ts";
import type { RibTables } from "./routeImport.ts";
import { type RouteId, routePlace, routeRowAt } from "./routeTable.ts";
import { accepted } from "./verdict.ts";

/** Routes that are used beside the best: how many in all, and whether paths of one length are equal. */
export interface Multipath {
  readonly paths: number;
  readonly relaxAsPath: boolean;
}

export interface Decider {
  isEligible(route: RouteId): boolean;
  /** The best of the chain that begins with this route, or zero where none is eligible. */
  best(first: RouteId): RouteId;
  /**
   * Routes of the chain as good as its best by all rules but the last, which only break ties: the best itself first.
   * `relaxAsPath`: paths of one length are equal, whichever ASes they name.
   */
  equals(first: RouteId, best: RouteId, options: { readonly relaxAsPath: boolean }): RouteId[];
  /** Those of the chain that begins with this route. */
  eligible(first: RouteId): RouteId[];
  /** The same, each the best of those that the ones before it leave. */
  ranked(eligible: readonly RouteId[]): RouteId[];
  /** The rule by which `route` lost to `best`. */
  lostBy(route: RouteId, best: RouteId): string;
}

/** Above whatever a peer may say: what we originate ourselves is never better reached through another. */
const localPrefOfOwn = 2 ** 32;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export function makeDecider(rib: RibTables): Decider {
  const { attrs, nextHops, routes } = rib;
  const load = candidateLoader(rib);
  const winner = emptyCandidate();
  const challenger = emptyCandidate();
  /** The best route so far of each neighbouring AS. */
  const byNeighbor = new Map<number, RouteId>();

  function better(a: RouteId, b: RouteId): RouteId {
    load(winner, a);
    load(challenger, b);
    return decide(winner, challenger) > 0 ? a : b;
  }

  /** RFC 4271 §9.1.2.2 c: routes that lose by MED leave before the rest is compared. */
  function bestOfMany(first: RouteId): RouteId {
    byNeighbor.clear();
    for (let route = first; route !== 0; route = routes.nextOfPrefix(route)) enter(route);
    return bestOf(byNeighbor.values(), better);
  }

  function bestAmong(left: ReadonlySet<RouteId>): RouteId {
    byNeighbor.clear();
    for (const route of left) enter(route);
    return bestOf(byNeighbor.values(), better);
  }

  function enter(route: RouteId): void {
    const neighbor = attrs.neighborAsn.get(routes.attr.get(route));
    const rival = byNeighbor.get(neighbor);
    byNeighbor.set(neighbor, rival === undefined ? route : better(rival, route));
  }

  function best(first: RouteId): RouteId {
    if (first === 0) return 0;
    const row = routes.rows.chunkOf(first);
    const at = routeRowAt(first);
    const second = row[at + routePlace.nextOfPrefix] ?? 0;
    if (second === 0) {
      const isAccepted = row[at + routePlace.verdict] === accepted;
      return isAccepted && nextHops.isReachable(row[at + routePlace.nextHop] ?? 0) ? first : 0;
    }
    const route = routes.nextOfPrefix(second) === 0 ? better(first, second) : bestOfMany(first);
    return isEligible(rib, route) ? route : 0;
  }

  function lostBy(route: RouteId, best: RouteId): string {
    load(winner, best);
    load(challenger, route);
    const rule = decide(winner, challenger);
    // Better than the best by this comparison, so it was a rival of its own neighbour that put it out.
    return rule < 0 ? "med" : ruleName(rule);
  }

  const eligibility = { isEligible: isEligible.bind(null, rib), eligible: eligibleOf.bind(null, rib) };
  const equals = equalsOf(rib, load);
  return { ...eligibility, ranked: (all) => ranked(all, bestAmong), best, equals, lostBy };
}

function equalsOf(rib: RibTables, load: CandidateLoader): Decider["equals"] {
  const { attrs, routes } = rib;
  const winner = emptyCandidate();
  const challenger = emptyCandidate();

  function equals(first: RouteId, best: RouteId, { relaxAsPath }: { readonly relaxAsPath: boolean }): RouteId[] {
    const all = [best];
    for (let route = first; route !== 0; route = routes.nextOfPrefix(route)) {
      if (route === best || !isEligible(rib, route)) continue;
      load(winner, best);
      load(challenger, route);
      if (Math.abs(decide(winner, challenger)) <= Rule.igpCost) continue;
      if (relaxAsPath || attrs.haveSamePath(routes.attr.get(best), routes.attr.get(route))) all.push(route);
    }
    return all.length === 1 ? all : all.filter((route) => !isWorseByMed(route, first));
  }

  /** RFC 4271 §9.1.2.2 c: than another of its neighbouring AS, whose MED the best, of another one, is not compared by. */
  function isWorseByMed(route: RouteId, first: RouteId): boolean {
    const neighbor = attrs.neighborAsn.get(routes.attr.get(route));
    for (let rival = first; rival !== 0; rival = routes.nextOfPrefix(rival)) {
      if (rival === route || attrs.neighborAsn.get(routes.attr.get(rival)) !== neighbor || !isEligible(rib, rival))
        continue;
      load(winner, rival);
      load(challenger, route);
      if (decide(winner, challenger) === Rule.med) return true;
    }
    return false;
  }

  return equals;
}

function bestOf(rivals: Iterable<RouteId>, better: (a: RouteId, b: RouteId) => RouteId): RouteId {
  let best: RouteId = 0;
  for (const route of rivals) best = best === 0 ? route : better(best, route);
  return best;
}

function eligibleOf(rib: RibTables, first: RouteId): RouteId[] {
  const found: RouteId[] = [];
  for (let route = first; route !== 0; route = rib.routes.nextOfPrefix(route)) {
    if (isEligible(rib, route)) found.push(route);
  }
  return found;
}

function ranked(all: readonly RouteId[], bestAmong: (left: ReadonlySet<RouteId>) => RouteId): RouteId[] {
  const left = new Set(all);
  const found: RouteId[] = [];
  while (left.size > 0) {
    const best = bestAmong(left);
    found.push(best);
    left.delete(best);
  }
  return found;
}

function isEligible({ routes, nextHops }: RibTables, route: RouteId): boolean {
  return routes.verdict.get(route) === accepted && nextHops.isReachable(routes.nextHop.get(route));
}

type CandidateLoader = (into: Mutable<Candidate>, route: RouteId) => void;

/** Fills in what the decision compares of a route. */
function candidateLoader(rib: RibTables): CandidateLoader {
  const { attrs, nextHops, routes, peers, local } = rib;
  return (into, route) => {
    const [attr, hop, peerId] = [routes.attr.get(route), routes.nextHop.get(route), routes.peer.get(route)];
    const peer = peers.get(peerId);
    into.eligible = isEligible(rib, route);
    into.localPref = peerId === local ? localPrefOfOwn : attrs.localPref.get(attr);
    into.asPathLength = attrs.asPathLength.get(attr);
    into.origin = attrs.origin.get(attr);
    into.med = attrs.med.get(attr);
    into.neighborAsn = attrs.neighborAsn.get(attr);
    into.external = peer.external;
    into.igpCost = nextHops.igpCost.get(hop);
    into.bgpId = attrs.originatorId.get(attr) || peer.bgpId;
    into.clusterListLength = attrs.clusterListLength.get(attr);
    into.peerRank = peers.rankOf(peerId);
    into.pathId = routes.pathId.get(route);
  };
}

function emptyCandidate(): Mutable<Candidate> {
  const zeros = { localPref: 0, asPathLength: 0, origin: 0, med: 0, neighborAsn: 0, igpCost: 0, bgpId: 0 };
  return { ...zeros, eligible: false, external: false, clusterListLength: 0, peerRank: 0, pathId: 0 };
}
