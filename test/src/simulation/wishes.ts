/** What routers are told to do: what each originates and how it treats each neighbour, and that as a configuration. */
import type { FilterOperation, FilterRule, OwnRoute, PeerConfig, RouteFilter, SpeakerConfig } from "@brindle/bgp";
import type { Fabric, Link, Router, Treatment } from "./fabric.ts";

export interface Wishes {
  readonly origins: ReadonlyMap<string, readonly string[]>;
  /** By `${router} ${neighbour}`, where they are others than at first. */
  readonly treatments: ReadonlyMap<string, Treatment>;
}

/** What the other end of a link is to a router. */
export type Neighborhood = "customer" | "peer" | "provider" | "inside";

export interface Side {
  readonly link: Link;
  readonly router: Router;
  readonly other: Router;
  readonly otherIs: Neighborhood;
  /** Inside an AS: whether the other is a client of ours. */
  readonly isClient: boolean;
}

/** All sessions of a router. */
export function sidesOf({ routers, links }: Fabric, router: Router): Side[] {
  return links.flatMap((link) => {
    const isA = link.a === router.address;
    if (!isA && link.b !== router.address) return [];
    const other = routers.find(({ address }) => address === (isA ? link.b : link.a));
    if (!other) return [];
    const isClient = isA && link.relation === "client";
    return [{ link, router, other, otherIs: neighborhood(link, isA), isClient }];
  });
}

function neighborhood({ relation }: Link, isA: boolean): Neighborhood {
  if (relation === "client" || relation === "equal") return "inside";
  if (relation === "peer") return "peer";
  return isA ? "customer" : "provider";
}

/** Above all that is learned, so that an AS prefers its own prefixes. */
export const localPrefOfOwn = 400;

const localPrefs = { customer: 300, peer: 200, provider: 100 } as const;

/** RFC 4271 §5.1.5: the degree of preference of routes of this neighbour. */
export function localPrefOf(fabric: Fabric, { router, other, otherIs }: Side): number {
  if (otherIs === "inside") return 100;
  const system = fabric.systems.find(({ asn }) => asn === router.asn);
  // ASes are numbered from 65001 on.
  return localPrefs[otherIs] + (system?.prefersApart ? (other.asn - 65_000) % 100 : 0);
}

/** By which an AS marks where it learned a route. */
export function markOf(asn: number, otherIs: Neighborhood): string {
  return `${asn}:${{ customer: 1, peer: 2, provider: 3, inside: 0 }[otherIs]}`;
}

export function ownRoutes(wishes: Wishes, router: Router): OwnRoute[] {
  return (wishes.origins.get(router.address) ?? []).map((prefix) => ({ prefix, localPref: localPrefOfOwn }));
}

export function configOf(
  fabric: Fabric,
  wishes: Wishes,
  router: Router,
  { restarting }: { readonly restarting: boolean },
): SpeakerConfig {
  return {
    asn: router.asn,
    bgpId: router.address,
    clusterId: router.clusterId,
    listen: [],
    peers: sidesOf(fabric, router).map((side) => peerOf(fabric, wishes, side)),
    ...(router.restartsGracefully && { gracefulRestart: { restartSeconds: 25, forwardingKept: true } }),
    // Beyond what there may be: which of too many are used is not what is asked here.
    ...(router.multipath && { multipath: { paths: 64, relaxAsPath: router.multipath === "relaxed" } }),
    ...(restarting && { restarting: { deadlineSeconds: 20 } }),
  };
}

function peerOf(fabric: Fabric, wishes: Wishes, side: Side): PeerConfig {
  const { link, router, other, otherIs, isClient } = side;
  const isA = link.a === router.address;
  const system = fabric.systems.find(({ asn }) => asn === router.asn);
  const outside = otherIs !== "inside";
  return {
    name: other.address,
    role: outside ? "peer" : "mesh",
    address: other.address,
    port: 179,
    asn: other.asn,
    passive: link.dials !== "both" && link.dials !== (isA ? "a" : "b"),
    holdSeconds: 30,
    connectRetrySeconds: 5,
    families: [4, 6],
    nextHop: { 4: router.address, 6: router.address6 },
    nextHopMode: outside ? "self" : (system?.nextHopMode ?? "keep"),
    importPolicy: { accept: "all" },
    exportPolicy: { accept: "all" },
    ...(isClient && { routeReflectorClient: true }),
    ...(link.allPaths && { addPath: isA ? { send: true } : { receive: true } }),
    ...(outside && {
      importFilters: [importFilter(fabric, side)],
      exportFilters: [exportFilter(side, treatmentOf(wishes, side))],
    }),
  };
}

const untreated: Treatment = { med: 0, prepends: 0 };

export function treatmentOf(wishes: Wishes, { router, other, link }: Side): Treatment {
  const first = link.treatments?.[link.a === router.address ? "a" : "b"] ?? untreated;
  return wishes.treatments.get(`${router.address} ${other.address}`) ?? first;
}

function importFilter(fabric: Fabric, side: Side): RouteFilter {
  const { router, otherIs } = side;
  const system = fabric.systems.find(({ asn }) => asn === router.asn);
  const operations: FilterOperation[] = [
    { removeCommunity: { value: `${router.asn}:*` } },
    { addCommunity: { value: markOf(router.asn, otherIs) } },
    { setLocalPreference: { value: localPrefOf(fabric, side) } },
    ...(system?.heedsMed ? [] : [{ setMED: { value: 0 } }]),
  ];
  return filterOf("learn", [{ action: "Accept", operations }]);
}

function exportFilter({ router, otherIs }: Side, { med, prepends }: Treatment): RouteFilter {
  const hidden = otherIs === "customer" ? [] : (["peer", "provider"] as const);
  const prefix = Array.from({ length: prepends }, () => router.asn);
  return filterOf("tell", [
    ...hidden.map((from): FilterRule => ({ action: "Reject", communities: { values: [markOf(router.asn, from)] } })),
    {
      action: "Accept",
      operations: [{ setMED: { value: med } }, ...(prepends > 0 ? [{ prependASPath: { prefix } }] : [])],
    },
  ]);
}

function filterOf(name: string, rules: readonly FilterRule[]): RouteFilter {
  return { name, rules: { 4: rules, 6: rules } };
}
