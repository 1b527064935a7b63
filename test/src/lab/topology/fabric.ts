/**
 * A fabric as one would describe it over the telephone. Addresses, links and configurations follow from it (`plan.ts`);
 * a dual-homed node, a spine or a loopback address is one more word here.
 */
export interface Fabric {
  readonly routers: readonly FabricRouter[];
  readonly racks: readonly Rack[];
  /** Pairs of router names joined by a cable. */
  readonly cables: readonly (readonly [string, string])[];
  /** A machine outside, behind this router. */
  readonly clientBehind?: string;
  readonly nodeAsn: number;
  readonly podRanges: readonly string[];
}

export type RouterDaemon = "BIRD" | "FRR" | "GoBGP" | "OpenBGPD";

export interface FabricRouter {
  readonly name: string;
  readonly daemon: RouterDaemon;
  readonly asn: number;
}

export interface Rack {
  /** From 1 to 99; the third byte of its subnet. */
  readonly number: number;
  /** Names of its routers, at most two. A node has one link to each. */
  readonly routers: readonly string[];
  readonly nodes: readonly string[];
  /** Gives each node an address on its loopback interface, reachable over any of its links. */
  readonly nodeLoopbacks?: boolean;
}

/** The lab of the README: two racks, each with another router, and an outside host behind a third kind. */
export const labFabric: Fabric = {
  routers: [
    { name: "edge", daemon: "OpenBGPD", asn: 64999 },
    { name: "tor-a", daemon: "BIRD", asn: 65001 },
    { name: "tor-b", daemon: "FRR", asn: 65002 },
  ],
  racks: [
    { number: 1, routers: ["tor-a"], nodes: ["node1", "node2"] },
    { number: 2, routers: ["tor-b"], nodes: ["node3"] },
  ],
  cables: [
    ["edge", "tor-a"],
    ["edge", "tor-b"],
  ],
  clientBehind: "edge",
  nodeAsn: 64512,
  podRanges: ["10.244.0.0/16", "fd00:244::/48"],
};
