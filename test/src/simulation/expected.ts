/**
 * The tables at which a fabric comes to rest, worked out without a message, a timer or a table of ours: all routers look
 * at what their neighbours hold, over and over, until nobody changes his mind. Written from the RFCs, not from the
 * speaker.
 */
import type { Random } from "../oracle/random.ts";
import type { Fabric, Router } from "./fabric.ts";
import { localPrefOf, localPrefOfOwn, markOf, type Side, sidesOf, treatmentOf, type Wishes } from "./wishes.ts";

export interface Route {
  readonly prefix: string;
  /** The neighbour's address, or `local`. */
  readonly from: string;
  readonly nextHop: string | null;
  readonly asPath: readonly number[];
  readonly localPref: number;
  readonly med: number | null;
  readonly communities: readonly string[];
  readonly originatorId: string | null;
  readonly clusterList: readonly string[];
  /** Of whoever said it, or of the originator that it names. */
  readonly bgpId: number;
  readonly external: boolean;
  readonly cost: number;
  /** Why it is not used, whatever else there is. */
  readonly refused: "asLoop" | "originatorLoop" | "clusterLoop" | "ownNextHop" | null;
}

export type Table = ReadonlyMap<string, Holding>;

/** What a router holds of a prefix. */
export interface Holding {
  readonly best: Route | null;
  readonly all: readonly Route[];
  /** The next hops of the best and of what is used beside it, in no order; none for what is our own. */
  readonly used: readonly string[];
}

const roundsMax = 200;

/** Of every router by its address. Routers are asked in a random order; throws where they never agree. */
export function expectedTables(fabric: Fabric, wishes: Wishes, random: Random): ReadonlyMap<string, Table> {
  const sides = new Map(fabric.routers.map((router) => [router.address, sidesOf(fabric, router)]));
  const tables = new Map<string, Table>(fabric.routers.map(({ address }) => [address, new Map()]));
  const order = shuffled(fabric.routers, random);
  for (let round = 0; round < roundsMax; round++) {
    let changed = false;
    for (const router of order) {
      const table = tableOf(fabric, wishes, { router, sides: sides.get(router.address) ?? [], tables });
      if (JSON.stringify([...table]) === JSON.stringify([...(tables.get(router.address) ?? [])])) continue;
      tables.set(router.address, table);
      changed = true;
    }
    if (!changed) return tables;
  }
  throw new Error(`the routers do not agree within ${roundsMax} rounds`);
}

interface Place {
  readonly router: Router;
  readonly sides: readonly Side[];
  readonly tables: ReadonlyMap<string, Table>;
}

function tableOf(fabric: Fabric, wishes: Wishes, { router, sides, tables }: Place): Table {
  const all = new Map<string, Route[]>();
  for (const prefix of wishes.origins.get(router.address) ?? []) all.set(prefix, [ownRoute(prefix)]);
  for (const side of sides) {
    const theirs = mirrored(fabric, side);
    for (const holding of tables.get(side.other.address)?.values() ?? []) {
      for (const route of toTell(holding, theirs)) {
        const told = tell(fabric, wishes, { side: theirs, route });
        if (told) all.set(told.prefix, [...(all.get(told.prefix) ?? []), learn(fabric, side, told)]);
      }
    }
  }
  const prefixes = [...all.keys()].sort();
  return new Map(
    prefixes.map((prefix) => {
      const routes = all.get(prefix) ?? [];
      const best = bestOf(routes);
      return [prefix, { best, all: routes, used: usedOf(routes, best, router) }];
    }),
  );
}

/** RFC 7911: all that may be used, to who has agreed to hear it. */
function toTell({ best, all }: Holding, { link, router }: Side): readonly Route[] {
  if (link.allPaths && link.a === router.address) return all.filter(({ refused }) => refused === null);
  return best ? [best] : [];
}

function mirrored(fabric: Fabric, { other, router }: Side): Side {
  const side = sidesOf(fabric, other).find((each) => each.other === router);
  if (!side) throw new Error(`${other.address} has no session with ${router.address}`);
  return side;
}

function ownRoute(prefix: string): Route {
  return {
    prefix,
    from: "local",
    nextHop: null,
    asPath: [],
    localPref: localPrefOfOwn,
    med: null,
    communities: [],
    originatorId: null,
    clusterList: [],
    bgpId: 0,
    external: false,
    cost: 0,
    refused: null,
  };
}

/** RFC 4271 §9.2 and RFC 4456 §6: what `side.router` says to `side.other` of a route, `null` for nothing. */
function tell(fabric: Fabric, wishes: Wishes, { side, route }: { side: Side; route: Route }): Route | null {
  const { other, otherIs } = side;
  if (route.from === other.address) return null;
  return otherIs === "inside" ? tellInside(fabric, side, route) : tellOutside(wishes, side, route);
}

function tellOutside(wishes: Wishes, side: Side, route: Route): Route | null {
  const { router, otherIs } = side;
  const learnedFrom = (["peer", "provider"] as const).filter((kind) =>
    route.communities.includes(markOf(router.asn, kind)),
  );
  if (otherIs !== "customer" && learnedFrom.length > 0) return null;
  const { med, prepends } = treatmentOf(wishes, side);
  const ownAsns = Array.from({ length: 1 + prepends }, () => router.asn);
  return {
    ...route,
    nextHop: ownAddress(router, route.prefix),
    asPath: [...ownAsns, ...route.asPath],
    med,
    originatorId: null,
    clusterList: [],
  };
}

function tellInside(fabric: Fabric, { router, other, isClient }: Side, route: Route): Route | null {
  const system = fabric.systems.find(({ asn }) => asn === router.asn);
  const fromInside = !route.external && route.from !== "local";
  const fromClient = fabric.links.some(
    ({ a, b, relation }) => a === router.address && b === route.from && relation === "client",
  );
  if (fromInside && !isClient && !fromClient) return null;
  const own = ownAddress(router, route.prefix);
  // RFC 4271 §5.1.3. Sessions are of IPv4: who the peer is in IPv6, nobody said.
  const isTheirs = route.nextHop === other.address;
  const keeps = route.nextHop !== null && system?.nextHopMode === "keep" && !isTheirs;
  return {
    ...route,
    nextHop: keeps ? route.nextHop : own,
    ...(fromInside && {
      originatorId: route.originatorId ?? route.from,
      clusterList: [router.clusterId, ...route.clusterList],
    }),
  };
}

/** What becomes of it at `side.router`, to whom `side.other` says it. */
function learn(fabric: Fabric, side: Side, told: Route): Route {
  const { router, other, otherIs } = side;
  const external = otherIs !== "inside";
  const learned: Route = {
    ...told,
    from: other.address,
    external,
    bgpId: numberOf(told.originatorId ?? other.address),
    cost: external ? 0 : costOf(router, told.nextHop),
    refused: refusal(router, told),
  };
  if (!external) return learned;
  const system = fabric.systems.find(({ asn }) => asn === router.asn);
  return {
    ...learned,
    localPref: localPrefOf(fabric, side),
    med: system?.heedsMed ? told.med : 0,
    communities: [
      ...told.communities.filter((each) => !each.startsWith(`${router.asn}:`)),
      markOf(router.asn, otherIs),
    ],
  };
}

function refusal(router: Router, { asPath, originatorId, clusterList, nextHop, prefix }: Route): Route["refused"] {
  if (nextHop === ownAddress(router, prefix)) return "ownNextHop";
  if (asPath.includes(router.asn)) return "asLoop";
  if (originatorId === router.address) return "originatorLoop";
  return clusterList.includes(router.clusterId) ? "clusterLoop" : null;
}

/** RFC 4271 §9.1.2.2, RFC 4456 §9. */
function bestOf(routes: readonly Route[]): Route | null {
  const own = routes.find(({ from }) => from === "local");
  if (own) return own;
  let left = equallyGood(routes);
  left = least(left, ({ bgpId }) => bgpId);
  left = least(left, ({ clusterList }) => clusterList.length);
  left = least(left, ({ from }) => numberOf(from));
  return left[0] ?? null;
}

/** What of them is used: with multipath, all that loses by the identifiers and addresses of who says it alone. */
function usedOf(routes: readonly Route[], best: Route | null, { multipath }: Router): string[] {
  if (!best || best.nextHop === null) return [];
  const isUsed = (route: Route): boolean =>
    route === best || (multipath !== null && (multipath === "relaxed" || isSamePath(route, best)));
  const hops = equallyGood(routes)
    .filter(isUsed)
    .map(({ nextHop }) => nextHop ?? "");
  return [...new Set(hops)].sort();
}

function isSamePath(a: Route, b: Route): boolean {
  return a.asPath.join(" ") === b.asPath.join(" ");
}

/** What is left of them before identifiers and addresses decide. */
function equallyGood(routes: readonly Route[]): Route[] {
  let left = routes.filter(({ refused }) => refused === null);
  left = least(left, ({ localPref }) => -localPref);
  left = least(left, ({ asPath }) => asPath.length);
  left = left.filter(
    (route) => !left.some((other) => neighborOf(other) === neighborOf(route) && medOf(other) < medOf(route)),
  );
  left = least(left, ({ external }) => (external ? 0 : 1));
  return least(left, ({ cost }) => cost);
}

function least(routes: readonly Route[], measure: (route: Route) => number): Route[] {
  const lowest = Math.min(...routes.map(measure));
  return routes.filter((route) => measure(route) === lowest);
}

function neighborOf({ asPath }: Route): number {
  return asPath[0] ?? 0;
}

/** RFC 4271 §9.1.2.2 c: none is the lowest. */
function medOf({ med }: Route): number {
  return med ?? 0;
}

/** Of a router of this AS; others, as those beyond its border, are as near as can be. */
function costOf(router: Router, nextHop: string | null): number {
  return nextHop === null ? 0 : (router.costs.get(ofBothFamilies(nextHop)) ?? 0);
}

/** `fd00::a` is where 10.0.0.10 is. */
function ofBothFamilies(address: string): string {
  const last = /^fd00::([0-9a-f]+)$/.exec(address)?.[1];
  return last === undefined ? address : `10.0.0.${Number.parseInt(last, 16)}`;
}

function ownAddress(router: Router, prefix: string): string {
  return prefix.includes(":") ? router.address6 : router.address;
}

function numberOf(address: string): number {
  return address.split(".").reduce((number, octet) => number * 256 + Number(octet), 0);
}

function shuffled<T>(elements: readonly T[], random: Random): T[] {
  return elements
    .map((element) => ({ element, place: random.fraction() }))
    .sort((a, b) => a.place - b.place)
    .map(({ element }) => element);
}
