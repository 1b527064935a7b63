/**
 * The routes of local pods as they should be. Wiring makes them with the pod's interface and the kernel takes them away
 * with it; what somebody else deleted meanwhile is made again from what the datastore and the interfaces say.
 */
import type { WorkloadEndpoint } from "@brindle/api";
import { attachmentKey } from "@brindle/cni";
import { type Address, type Link, type NewRoute, parseCidr, type Route, routeTable } from "@brindle/net";
import { localRoute, localRouteMetric, localRouteProtocol, readMark } from "../wiring/plan.ts";
import { type RouteTable, routeKey } from "./routes.ts";

export interface PodState {
  readonly node: string;
  readonly endpoints: Iterable<WorkloadEndpoint>;
  readonly links: readonly Link[];
  readonly floating?: readonly FloatingRoute[];
}

/**
 * Behind a pod's own address. By it a later agent knows such a route, which outlives what it was made for: a pod keeps its
 * interface while an address comes to float to another.
 */
export const floatingRouteMetric = 1025;

/** What floats to a pod of this node. */
export interface FloatingRoute {
  readonly floating: Address;
  /** The pod's own. */
  readonly own: Address;
  /** `namespace/name` of the endpoint. */
  readonly endpoint: string;
}

/**
 * Only over interfaces that are up and marked for the endpoint's container: one that is being wired or removed is
 * down, and gets its routes, or loses them, by that.
 */
export function desiredPodRoutes({ node, endpoints, links, floating = [] }: PodState): RouteTable {
  const floatingTo = Map.groupBy(floating, ({ endpoint }) => endpoint);
  const byMark = new Map(
    links.flatMap((link) => {
      const mark = link.up ? readMark(link.alias) : null;
      return mark ? [[attachmentKey(mark), link]] : [];
    }),
  );
  const routes = [...endpoints].flatMap(({ metadata, spec }): NewRoute[] => {
    if (spec.node !== node || spec.containerID === undefined) return [];
    const link = byMark.get(attachmentKey({ containerId: spec.containerID, interfaceName: spec.endpoint }));
    const addresses = (spec.ipNetworks ?? []).flatMap((text) => parseCidr(text)?.address ?? []);
    if (!link) return [];
    const id = `${metadata.namespace ?? ""}/${metadata.name}`;
    return [
      ...addresses.map((address) => localRoute(link.index, address)),
      ...(floatingTo.get(id) ?? []).map((to) => floatingRoute(link.index, to.floating)),
    ];
  });
  return new Map(routes.map((route) => [routeKey(route), route]));
}

function floatingRoute(interfaceIndex: number, address: Address): NewRoute {
  return { ...localRoute(interfaceIndex, address), metric: floatingRouteMetric };
}

export function isFloatingRoute({ protocol, metric, table }: Route): boolean {
  return protocol === localRouteProtocol && metric === floatingRouteMetric && table === routeTable.main;
}

export function isPodRoute({ protocol, metric, table }: Route): boolean {
  return protocol === localRouteProtocol && metric === localRouteMetric && table === routeTable.main;
}
