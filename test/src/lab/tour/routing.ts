import { field, list } from "../../fixtures/json.ts";
import { type StoredBlock, storedBlocks } from "../blocks.ts";
import type { Step, Tour } from "./step.ts";

/** The line that a person types to see a router's sessions, and its routes. */
const looks = {
  BIRD: { sessions: "birdc show protocols", routes: "birdc show route where 'source = RTS_BGP'" },
  FRR: { sessions: "vtysh -c 'show bgp summary'", routes: "vtysh -c 'show ip route bgp'" },
  GoBGP: { sessions: "gobgp neighbor", routes: "gobgp global rib" },
  OpenBGPD: { sessions: "bgpctl show", routes: "bgpctl show rib" },
} as const;

export const peersStep: Step = {
  title: "Nodes, and peers Established: the mesh and the top-of-rack routers",
  async run(tour) {
    const { fabric } = tour.lab;
    await tour.type("node1", "brindlectl get nodes -o wide");
    let sessions = 0;
    for (const router of fabric.routers) {
      const expected = fabric.plan.routers.find(({ spec }) => spec.name === router.name)?.spec.neighbors ?? [];
      await tour.expect(
        `${router.name} (${router.kind}) is Established with all its neighbours`,
        expected.map(({ address }) => address).sort(),
        async () => establishedAt(tour, router.name, new Set(expected.map(({ address }) => address))),
        30_000,
      );
      sessions += expected.length;
      await tour.type(router.name, looks[router.kind].sessions);
    }
    await meshStands(tour);
    await tour.type("node1", "brindlectl bgp peers");
    return [
      { what: "sessions Established as the routers see them", figure: String(sessions) },
      { what: "mesh connections between nodes, as their sockets show", figure: String(meshPairs(tour).length) },
    ];
  },
};

async function establishedAt(tour: Tour, router: string, wanted: ReadonlySet<string>): Promise<string[]> {
  const sessions = await tour.lab.fabric.router(router).sessions();
  return sessions
    .filter(({ established, neighbor }) => established && wanted.has(neighbor))
    .map(({ neighbor }) => neighbor)
    .sort();
}

function meshPairs(tour: Tour): [string, string][] {
  const { nodes } = tour.lab.fabric.plan;
  return nodes.flatMap((a, index) => nodes.slice(index + 1).map((b): [string, string] => [a.name, b.name]));
}

/** A mesh session is a TCP connection with port 179 at one end; which end is up to the two. */
export async function meshStands(tour: Tour): Promise<void> {
  const { plan, machine } = tour.lab.fabric;
  for (const [a, b] of meshPairs(tour)) {
    const peer = plan.nodes.find((node) => node.name === b)?.ip ?? "";
    await tour.expect(
      `${a} has one BGP connection with ${b}`,
      1,
      async () => {
        const out = await machine(a).exec("ss", ["-Htn", "state", "established", "dst", peer]);
        return out.split("\n").filter((line) => /:179\s/.test(`${line} `)).length;
      },
      30_000,
    );
  }
}

export const addressesStep: Step = {
  title: "Addresses, out of blocks in etcd",
  async run(tour) {
    await tour.type("mgmt", "etcdctl get --prefix /calico/ipam/v2/assignment/ --keys-only");
    await tour.type("node1", "brindlectl ipam show --show-blocks");
    const blocks = await storedBlocks(tour.lab.etcd);
    for (const pod of await tour.lab.runtime.pods()) {
      for (const address of pod.addresses) {
        await tour.expect(`${address} of ${pod.name} is in use in a block of ${pod.node}`, pod.node, async () => {
          return blocks.find((block) => block.allocated.includes(address))?.node;
        });
      }
    }
    const inUse = blocks.reduce((sum, block) => sum + block.allocated.length, 0);
    return [
      { what: "addresses in blocks of their nodes, read from etcd", figure: `${inUse} in ${blocks.length} blocks` },
    ];
  },
};

export const routesStep: Step = {
  title: "Routes, as BIRD, FRR, OpenBGPD and the kernels hold them",
  async run(tour) {
    const { fabric } = tour.lab;
    const blocks = await storedBlocks(tour.lab.etcd);
    for (const block of blocks) {
      const family = block.cidr.includes(":") ? "ipv6" : "ipv4";
      for (const router of fabric.routers) {
        await tour.expect(`${router.name} has a best route to ${block.cidr}`, true, async () =>
          (await router.routes(family)).some((route) => route.best && route.prefix === block.cidr),
        );
      }
      for (const machine of [...fabric.routers.map(({ name }) => name), ...nodesWithout(tour, block)]) {
        await tour.expect(`the kernel of ${machine} routes ${block.cidr}`, true, () =>
          kernelRoutes(tour, machine, block),
        );
      }
    }
    for (const router of fabric.routers) await tour.type(router.name, looks[router.kind].routes);
    await tour.type("node1", "brindlectl bgp routes");
    await tour.type("node3", "ip route");
    await tour.type("node3", "ip -6 route");
    const places = fabric.routers.length * 2 + fabric.plan.nodes.length - 1;
    return [
      {
        what: "blocks routed by every router, its kernel, and every other node",
        figure: `${blocks.length} × ${places}`,
      },
    ];
  },
};

function nodesWithout(tour: Tour, block: StoredBlock): string[] {
  return tour.lab.fabric.plan.nodes.map(({ name }) => name).filter((name) => name !== block.node);
}

async function kernelRoutes(tour: Tour, machine: string, block: StoredBlock): Promise<boolean> {
  const family = block.cidr.includes(":") ? "-6" : "-4";
  const answer = await tour.lab.fabric.machine(machine).exec("ip", ["-j", family, "route", "show", block.cidr]);
  const routes = list(JSON.parse(answer || "[]"));
  return routes.some((route) => field(route, "gateway") !== undefined || list(field(route, "nexthops")).length > 0);
}
