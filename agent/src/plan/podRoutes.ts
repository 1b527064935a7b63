/**
 * The routes of local pods as they should be. Wiring makes them with the pod's interface and the kernel takes them away
 * with it; what somebody else deleted meanwhile is made again from what the datastore and the interfaces say.
 */
import type { WorkloadEndpoint } from "@brindle/api";
import { attachmentKey } from "@brindle/cni";
import { type Link, parseCidr, type Route, routeTable } from "@brindle/net";
import { localRoute, localRouteMetric, localRouteProtocol, readMark } from "../wiring/plan.ts";
import { type RouteTable, routeKey } from "./routes.ts";

export interface PodState {
  readonly node: string;
  readonly endpoints: Iterable<WorkloadEndpoint>;
  readonly links: readonly Link[];
}

/**
 * Only over interfaces that are up and marked for the endpoint's container: one that is being wired or removed is
 * down, and gets its routes, or loses them, by that.
 */
export function desiredPodRoutes({ node, endpoints, links }: PodState): RouteTable {
  const byMark = new Map(
    links.flatMap((link) => {
      const mark = link.up ? readMark(link.alias) : null;
      return mark ? [[attachmentKey(mark), link]] : [];
    }),
  );
  const routes = [...endpoints].flatMap(({ spec }) => {
    if (spec.node !== node || spec.containerID === undefined) return [];
    const link = byMark.get(attachmentKey({ containerId: spec.containerID, interfaceName: spec.endpoint }));
    const addresses = (spec.ipNetworks ?? []).flatMap((text) => parseCidr(text)?.address ?? []);
    return link ? addresses.map((address) => localRoute(link.index, address)) : [];
  });
  return new Map(routes.map((route) => [routeKey(route), route]));
}

export function isPodRoute({ protocol, metric, table }: Route): boolean {
  return protocol === localRouteProtocol && metric === localRouteMetric && table === routeTable.main;
}
