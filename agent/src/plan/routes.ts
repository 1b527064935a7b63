/**
 * The kernel routes that follow from BGP, and the steps from what is there to what is wanted. Only routes with our
 * protocol number and one of our two metrics are ever changed; the routes of local pods are `wiring`'s.
 */
import { isDeepStrictEqual } from "node:util";
import {
  type Address,
  formatAddress,
  formatPrefix,
  type KernelChange,
  type NewRoute,
  type NextHop,
  type Prefix,
  parsePrefix,
  type Route,
  routeTable,
} from "@brindle/net";
import { localRouteProtocol } from "../wiring/plan.ts";

/** Behind the routes of local pods (1024), so that no neighbour can take a pod of this node over. */
export const learnedRouteMetric = 2048;
/** Behind the learned ones. */
export const blackholeRouteMetric = 4096;

/** Where the kernel sends what is for a next hop of BGP; `null` when it knows no way. */
export type Resolution = { readonly gateway: Address; readonly interfaceIndex: number } | null;

export interface RouteState {
  /** The best way to each learned prefix: addresses of next hops, in canonical text. */
  readonly learned: ReadonlyMap<string, readonly string[]>;
  /** By next hop. */
  readonly resolved: ReadonlyMap<string, Resolution>;
  readonly ownBlocks: readonly Prefix[];
}

/** By destination and metric: what the kernel tells two routes apart by. */
export type RouteTable = ReadonlyMap<string, NewRoute>;

export function desiredRoutes({ learned, resolved, ownBlocks }: RouteState): RouteTable {
  const routes = [
    ...ownBlocks.map(blackhole),
    ...[...learned].flatMap(([text, hops]) => learnedRoute(text, hops, resolved)),
  ];
  return new Map(routes.map((route) => [routeKey(route), route]));
}

/** What of the kernel's routes is this plan's business. */
export function ownRoutes(routes: readonly Route[]): Map<string, Route> {
  return new Map(routes.filter(isOwnRoute).map((route) => [routeKey(route), route]));
}

export function isOwnRoute(route: Route): boolean {
  const { protocol, metric, table } = route;
  const isMetric = metric === learnedRouteMetric || metric === blackholeRouteMetric;
  return protocol === localRouteProtocol && table === routeTable.main && isMetric;
}

/**
 * Before the table of a restarted speaker is complete what an earlier run learned stands: taken away is only what this
 * run was told of, by destination.
 * A route that is new is added, not replaced, so that one of somebody else with the same destination and metric stays.
 */
export function planRoutes(
  desired: RouteTable,
  actual: ReadonlyMap<string, NewRoute>,
  { mayDelete }: { readonly mayDelete: boolean | ReadonlySet<string> },
): KernelChange[] {
  const gone = [...actual].filter(([key]) => !desired.has(key));
  const changes = [...desired].filter(([key, route]) => {
    const present = actual.get(key);
    return !present || !sameRoute(present, route);
  });
  return [
    ...changes.map(
      ([key, route]): KernelChange => (actual.has(key) ? { op: "replaceRoute", route } : { op: "addRoute", route }),
    ),
    ...gone
      .filter(([, { destination }]) => {
        return typeof mayDelete === "boolean" ? mayDelete : mayDelete.has(formatPrefix(destination));
      })
      .map(([, route]): KernelChange => ({ op: "deleteRoute", route })),
  ];
}

export function routeKey({ destination, metric }: Pick<NewRoute, "destination" | "metric">): string {
  return `${formatPrefix(destination)} ${metric ?? 0}`;
}

/**
 * What is for a block of ours and no pod of ours must end here: by the default route it would go to the router, which
 * sends it back.
 */
function blackhole(block: Prefix): NewRoute {
  return {
    destination: block,
    kind: "blackhole",
    protocol: localRouteProtocol,
    metric: blackholeRouteMetric,
    nextHops: [],
  };
}

function learnedRoute(text: string, hops: readonly string[], resolved: RouteState["resolved"]): NewRoute[] {
  const destination = parsePrefix(text);
  const nextHops = hops.flatMap((hop): NextHop[] => {
    const way = resolved.get(hop);
    return way ? [{ gateway: way.gateway, interfaceIndex: way.interfaceIndex }] : [];
  });
  if (!destination || nextHops.length === 0) return [];
  // Two next hops behind one gateway are one way: the kernel would give it twice the packets, and IPv6 has no such route.
  const distinct = new Map(nextHops.map((hop) => [hopText(hop), hop]));
  return [{ destination, protocol: localRouteProtocol, metric: learnedRouteMetric, nextHops: [...distinct.values()] }];
}

/** To a blackhole leads no hop, though the kernel names the loopback interface in those of IPv6. */
export function sameRoute(a: NewRoute, b: NewRoute): boolean {
  const kind = a.kind ?? "unicast";
  if (kind !== (b.kind ?? "unicast")) return false;
  return kind === "blackhole" || isDeepStrictEqual(hopTexts(a), hopTexts(b));
}

function hopTexts({ nextHops = [] }: NewRoute): string[] {
  return nextHops.map(hopText).sort();
}

function hopText({ gateway, interfaceIndex }: NextHop): string {
  return `${gateway ? formatAddress(gateway) : ""} ${interfaceIndex}`;
}
