import assert from "node:assert/strict";
import type { NeighborSpec, RouterSpec } from "../../fixtures/routers/router.ts";
import type { Fabric, FabricRouter, Rack, RouterDaemon } from "./fabric.ts";

/** Everything that `build.ts` does, decided: it has no decisions of its own. */
export interface FabricPlan {
  readonly machines: readonly MachinePlan[];
  readonly links: readonly LinkPlan[];
  readonly routers: readonly RouterPlan[];
  readonly nodes: readonly NodePlan[];
}

export interface MachinePlan {
  readonly name: string;
  readonly forwarding: boolean;
  /** Bridges inside it, with their addresses. */
  readonly bridges: readonly { readonly name: string; readonly addresses: readonly string[] }[];
  /** Addresses on its loopback. */
  readonly loopback: readonly string[];
  /** Arguments of `ip route add`. */
  readonly routes: readonly string[];
}

export interface LinkPlan {
  readonly ends: readonly [LinkEndPlan, LinkEndPlan];
}

export interface LinkEndPlan {
  readonly machine: string;
  readonly name: string;
  readonly addresses: readonly string[];
  readonly bridge?: string;
}

export interface RouterPlan {
  readonly daemon: RouterDaemon;
  readonly spec: RouterSpec;
}

export interface NodePlan {
  readonly name: string;
  readonly rack: number;
  /** Underlay addresses, without length: what the agent is told, and what routers peer with. */
  readonly ip: string;
  readonly ip6: string;
  readonly subnets: readonly string[];
  readonly routers: readonly NodeRouter[];
}

export interface NodeRouter {
  readonly name: string;
  readonly asn: number;
  readonly address: string;
  readonly address6: string;
}

/** Out of band: etcd lives here and nodes reach it without the fabric, so that BGP never carries its own datastore. */
export const management = { machine: "mgmt", bridge: "mgmt0", address: "172.28.0.1" } as const;
export const client = { machine: "client", ip: "172.27.0.2", ip6: "fd00:27::2" } as const;
const clientSubnets = ["172.27.0.0/24", "fd00:27::/64"];
const firstHost = 11;

export function planFabric(fabric: Fabric): FabricPlan {
  const nodes = fabric.racks.flatMap((rack) =>
    rack.nodes.map((name, index) => planNode(fabric, rack, { name, index })),
  );
  return {
    machines: [
      ...fabric.routers.map((router) => routerMachine(fabric, router)),
      ...fabric.racks.flatMap((rack) => rack.nodes.map((name, index) => nodeMachine(rack, { name, index }))),
      ...(fabric.clientBehind === undefined ? [] : [clientMachine()]),
      machine({ name: management.machine, bridges: [{ name: management.bridge, addresses: ["172.28.0.1/24"] }] }),
    ],
    links: [
      ...fabric.racks.flatMap((rack) => rack.nodes.flatMap((name, index) => nodeLinks(rack, { name, index }))),
      ...fabric.cables.map(([a, b], index) => cableLink(a, b, index)),
      ...(fabric.clientBehind === undefined ? [] : [clientLink(fabric.clientBehind)]),
      ...nodes.map((node, index) => managementLink(node.name, index)),
    ],
    routers: fabric.routers.map((router) => ({ daemon: router.daemon, spec: routerSpec(fabric, router, nodes) })),
    nodes,
  };
}

interface Member {
  readonly name: string;
  readonly index: number;
}

/** The subnet between a rack's nodes and one of its routers. The second router of rack 1 has 101. */
function rackSubnet(rack: Rack, router: number): { v4: string; v6: string } {
  const third = rack.number + 100 * router;
  return { v4: `172.30.${third}`, v6: `fd00:30:${third}:` };
}

function machine(part: Partial<MachinePlan> & { name: string }): MachinePlan {
  return { forwarding: false, bridges: [], loopback: [], routes: [], ...part };
}

function routerMachine(fabric: Fabric, router: FabricRouter): MachinePlan {
  const bridges = fabric.racks.flatMap((rack) => {
    const index = rack.routers.indexOf(router.name);
    if (index < 0) return [];
    const { v4, v6 } = rackSubnet(rack, index);
    return [{ name: `rack${rack.number}`, addresses: [`${v4}.1/24`, `${v6}:1/64`] }];
  });
  return machine({ name: router.name, forwarding: true, bridges });
}

function nodeMachine(rack: Rack, member: Member): MachinePlan {
  const gateways = rack.routers.map((_, index) => rackSubnet(rack, index));
  const hops = (family: "v4" | "v6"): string =>
    gateways.map((gateway) => `nexthop via ${gateway[family]}${family === "v4" ? "." : ":"}1`).join(" ");
  return machine({
    name: member.name,
    // What every Kubernetes node has by its own preconditions; it is not the network's business.
    forwarding: true,
    loopback: rack.nodeLoopbacks ? loopbackOf(rack, member) : [],
    routes: [`default ${hops("v4")}`, `-6 default ${hops("v6")}`],
  });
}

function loopbackOf(rack: Rack, { index }: Member): string[] {
  return [`172.31.${rack.number}.${firstHost + index}/32`, `fd00:31:${rack.number}::${firstHost + index}/128`];
}

function planNode(fabric: Fabric, rack: Rack, member: Member): NodePlan {
  assert(rack.number >= 1 && rack.number <= 99 && rack.routers.length <= 2, `rack ${rack.number} has no room`);
  const [ip, ip6] = rack.nodeLoopbacks ? loopbackOf(rack, member) : hostAddresses(rack, member, 0);
  return {
    name: member.name,
    rack: rack.number,
    ip: withoutLength(ip),
    ip6: withoutLength(ip6),
    subnets: rack.routers.flatMap((_, index) => subnetsOf(rack, index)),
    routers: rack.routers.map((name, index) => {
      const { v4, v6 } = rackSubnet(rack, index);
      return { name, asn: asnOf(fabric, name), address: `${v4}.1`, address6: `${v6}:1` };
    }),
  };
}

function hostAddresses(rack: Rack, { index }: Member, router: number): string[] {
  const { v4, v6 } = rackSubnet(rack, router);
  return [`${v4}.${firstHost + index}/24`, `${v6}:${firstHost + index}/64`];
}

function subnetsOf(rack: Rack, router: number): string[] {
  const { v4, v6 } = rackSubnet(rack, router);
  return [`${v4}.0/24`, `${v6}:/64`];
}

function nodeLinks(rack: Rack, member: Member): LinkPlan[] {
  return rack.routers.map((router, index) => ({
    ends: [
      { machine: member.name, name: `eth${index}`, addresses: hostAddresses(rack, member, index) },
      { machine: router, name: member.name, addresses: [], bridge: `rack${rack.number}` },
    ],
  }));
}

/** The first end has the even address. From 1, since routers write `fd00:29:0::` without the zero. */
function cableAddresses(index: number): readonly [readonly [string, string], readonly [string, string]] {
  const number = index + 1;
  return [
    [`172.29.${number}.0`, `fd00:29:${number}::`],
    [`172.29.${number}.1`, `fd00:29:${number}::1`],
  ];
}

function cableLink(a: string, b: string, index: number): LinkPlan {
  const [first, second] = cableAddresses(index);
  const withLength = ([v4, v6]: readonly [string, string]): string[] => [`${v4}/31`, `${v6}/127`];
  return {
    ends: [
      { machine: a, name: `to-${b}`, addresses: withLength(first) },
      { machine: b, name: `to-${a}`, addresses: withLength(second) },
    ],
  };
}

function clientMachine(): MachinePlan {
  return machine({ name: client.machine, routes: ["default via 172.27.0.1", "-6 default via fd00:27::1"] });
}

function clientLink(router: string): LinkPlan {
  return {
    ends: [
      { machine: client.machine, name: "eth0", addresses: [`${client.ip}/24`, `${client.ip6}/64`] },
      { machine: router, name: "outside", addresses: ["172.27.0.1/24", "fd00:27::1/64"] },
    ],
  };
}

function managementLink(node: string, index: number): LinkPlan {
  return {
    ends: [
      { machine: node, name: "mgmt0", addresses: [`172.28.0.${firstHost + index}/24`] },
      { machine: management.machine, name: node, addresses: [], bridge: management.bridge },
    ],
  };
}

function routerSpec(fabric: Fabric, router: FabricRouter, nodes: readonly NodePlan[]): RouterSpec {
  const index = fabric.routers.indexOf(router) + 1;
  const racks = fabric.racks.filter((rack) => rack.routers.includes(router.name));
  return {
    name: router.name,
    asn: router.asn,
    routerId: `172.29.255.${index}`,
    announces: [
      ...racks.flatMap((rack) => subnetsOf(rack, rack.routers.indexOf(router.name))),
      ...(fabric.clientBehind === router.name ? clientSubnets : []),
    ],
    podRanges: fabric.podRanges,
    neighbors: [...nodeNeighbors(fabric, router, nodes), ...routerNeighbors(fabric, router)],
  };
}

/** One session to each node, both families over it. */
function nodeNeighbors(fabric: Fabric, router: FabricRouter, nodes: readonly NodePlan[]): NeighborSpec[] {
  return nodes.flatMap((node) =>
    node.routers
      .filter(({ name }) => name === router.name)
      .map(({ address }) => ({
        name: node.name,
        address: node.ip,
        localAddress: address,
        asn: fabric.nodeAsn,
        role: "node" as const,
        families: ["ipv4", "ipv6"] as const,
      })),
  );
}

/**
 * Between routers a session a family, each over its own transport: OpenBGPD on Linux takes ::1 for the IPv6 address of an
 * IPv4 session, which no neighbour can use as next hop.
 */
function routerNeighbors(fabric: Fabric, router: FabricRouter): NeighborSpec[] {
  return fabric.cables.flatMap(([a, b], index) => {
    if (a !== router.name && b !== router.name) return [];
    const other = a === router.name ? b : a;
    const [first, second] = cableAddresses(index);
    const [local, remote] = a === router.name ? [first, second] : [second, first];
    return (["ipv4", "ipv6"] as const).map((family, at) => ({
      name: `${other}-${family}`,
      address: remote[at] ?? "",
      localAddress: local[at] ?? "",
      asn: asnOf(fabric, other),
      role: "router" as const,
      families: [family],
    }));
  });
}

function asnOf(fabric: Fabric, name: string): number {
  const router = fabric.routers.find((candidate) => candidate.name === name);
  assert(router, `no router is called ${name}`);
  return router.asn;
}

function withoutLength(address: string | undefined): string {
  return address?.split("/")[0] ?? "";
}
