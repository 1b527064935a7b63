/** Routes, addresses that are translated, sizes of packets. */
import type * as z from "zod";
import { duration, flag, integer, oneOf, text } from "../fields.ts";
import { field, list, object } from "../schema.ts";
import { addressOrNone, anyCase, cidr, onOff, portRange, type Settings, setting } from "./setting.ts";

export interface RoutingSettings {
  readonly ipv6Support?: boolean;
  readonly routeRefreshInterval?: string;
  readonly ipForwarding?: "Enabled" | "Disabled";
  readonly natPortRange?: number | string;
  readonly natOutgoingAddress?: string;
  readonly natOutgoingExclusions?: "IPPoolsOnly" | "IPPoolsAndHostIPs";
  readonly deviceRouteSourceAddress?: string;
  readonly deviceRouteSourceAddressIPv6?: string;
  readonly deviceRouteProtocol?: number;
  readonly removeExternalRoutes?: boolean;
  readonly externalNodesList?: readonly string[];
  readonly routeSource?: string;
  readonly routeTableRanges?: readonly RouteTableRange[];
  readonly routeTableRange?: RouteTableRange;
  readonly routeSyncDisabled?: boolean;
  readonly mtuIfacePattern?: string;
  readonly requireMTUFile?: boolean;
  readonly floatingIPs?: "Enabled" | "Disabled";
  readonly ipv4NormalRoutePriority?: number;
  readonly ipv6NormalRoutePriority?: number;
  readonly ipv4ElevatedRoutePriority?: number;
  readonly ipv6ElevatedRoutePriority?: number;
  readonly liveMigrationRouteConvergenceTime?: string;
  readonly localSubnetL2Reachability?: "Disabled" | "PodsAndLoadBalancers";
  readonly localSubnetL2ReachabilityRefreshInterval?: string;
  readonly programClusterRoutes?: "Enabled" | "Disabled" | "EnabledIPIPOnly" | "EnabledNoEncapOnly";
}

export interface RouteTableRange {
  readonly min: number;
  readonly max: number;
}

const address4 = addressOrNone(4);
const address6 = addressOrNone(6);

function tableRange(last: number): z.ZodType<RouteTableRange> {
  const table = integer(1, last);
  return object<RouteTableRange>(
    { min: field(table, "The first table."), max: field(table, "The last table.") },
    ({ min, max }, report) => {
      if (min > max) report(["max"], `is less than min, which is ${min}`);
    },
  );
}

const routeTableRange = tableRange(0x7fffffff);
/** The tables above are those of the kernel itself. */
const oldRouteTableRange = tableRange(250);

export const routingSettings: Settings<RoutingSettings> = {
  ipv6Support: setting(flag, "Pods and nodes have IPv6.", {
    unset: true,
    meanwhile: "IPv6 is there where the pools and nodes have it",
  }),
  routeRefreshInterval: setting(duration, "How often routes are read back and mended.", { unset: "1m30s" }),
  ipForwarding: setting(onOff, "Whether the node is made to forward packets.", {
    unset: "Enabled",
    meanwhile: "it is",
  }),
  natPortRange: setting(portRange, "Source ports of outgoing NAT, as 20000:29999; 0 leaves them to the kernel.", {
    unset: 0,
  }),
  natOutgoingAddress: setting(
    address4,
    "Address from which packets leave by outgoing NAT; that of the interface, if left out.",
    { alsoAccepted: [""], meanwhile: "they leave with the address of the interface" },
  ),
  natOutgoingExclusions: setting(
    oneOf("IPPoolsOnly", "IPPoolsAndHostIPs"),
    "To which addresses packets go without outgoing NAT.",
    { unset: "IPPoolsOnly", meanwhile: "pools alone are left out" },
  ),
  deviceRouteSourceAddress: setting(
    address4,
    "Source address that the routes to pods give to what the node sends by IPv4.",
    { alsoAccepted: [""] },
  ),
  deviceRouteSourceAddressIPv6: setting(
    address6,
    "Source address that the routes to pods give to what the node sends by IPv6.",
    { alsoAccepted: [""] },
  ),
  deviceRouteProtocol: setting(integer(0, 255), "The protocol number of the routes to pods.", {
    unset: 3,
    alsoAccepted: [214],
    meanwhile: "it is 214",
  }),
  removeExternalRoutes: setting(flag, "Routes to pods that somebody else made are removed.", {
    unset: true,
    alsoAccepted: [false],
    meanwhile: "they stay",
  }),
  externalNodesList: setting(list(cidr), "Routers outside the cluster from which packets in tunnels are taken."),
  routeSource: setting(
    anyCase("WorkloadIPs", "CalicoIPAM"),
    "Whether routes to other nodes follow from endpoints or from blocks.",
    { unset: "CalicoIPAM", meanwhile: "they come by BGP" },
  ),
  routeTableRanges: setting(list(routeTableRange), "Numbers of the routing tables that may be used."),
  routeTableRange: setting(oldRouteTableRange, "The older form of routeTableRanges, for one range up to 250."),
  routeSyncDisabled: setting(flag, "No routes are made at all.", { unset: false, effect: "withheld" }),
  mtuIfacePattern: setting(text, "A regular expression for the interfaces whose smallest MTU is that of pods.", {
    unset: "^((en|wl|ww|sl|ib)[Pcopsvx].*|(eth|wlan|wwan).*)",
  }),
  requireMTUFile: setting(flag, "No pod is made before the MTU was found.", { unset: false, alsoAccepted: [true] }),
  floatingIPs: setting(onOff, "Whether pods may have addresses that are translated to theirs.", {
    unset: "Disabled",
    written: true,
    effect: "honoured",
  }),
  ipv4NormalRoutePriority: setting(integer(1, 2_147_483_646), "Metric of routes to pods, of IPv4.", { unset: 1024 }),
  ipv6NormalRoutePriority: setting(integer(1, 2_147_483_646), "Metric of routes to pods, of IPv6.", { unset: 1024 }),
  ipv4ElevatedRoutePriority: setting(
    integer(1, 2_147_483_646),
    "Metric of routes to a virtual machine that moves, of IPv4.",
    { unset: 512 },
  ),
  ipv6ElevatedRoutePriority: setting(
    integer(1, 2_147_483_646),
    "Metric of routes to a virtual machine that moves, of IPv6.",
    { unset: 512 },
  ),
  liveMigrationRouteConvergenceTime: setting(
    duration,
    "How long other nodes are given to learn where a virtual machine moved.",
    { unset: "30s" },
  ),
  localSubnetL2Reachability: setting(
    oneOf("Disabled", "PodsAndLoadBalancers"),
    "Whether the node answers, in its own network, for addresses of pods and Services.",
    { unset: "Disabled" },
  ),
  localSubnetL2ReachabilityRefreshInterval: setting(duration, "How often that is checked.", { unset: "2m0s" }),
  programClusterRoutes: setting(
    oneOf("Enabled", "Disabled", "EnabledIPIPOnly", "EnabledNoEncapOnly"),
    "Which routes to other nodes this process makes, rather than BGP.",
    { unset: "EnabledIPIPOnly", meanwhile: "BGP makes them all" },
  ),
};
