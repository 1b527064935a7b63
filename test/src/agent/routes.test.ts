import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, it } from "vitest";
import { namespaceNamed } from "../fixtures/namespace.ts";
import { storedBlocks } from "../lab/blocks.ts";
import type { Pod } from "../lab/runtime.ts";
import { removePodsOfFailedTests } from "./failedTests.ts";
import { established, kernelRoutes, reaches, resource, type Stand, sees, startStand } from "./stand.ts";

/** Of rack 1 and of rack 2, where the router is. */
const gateway = { v4: "172.30.1.1", v6: "fd00:30:1::1" };
const foreign = "198.51.100.0/24";

/** Much less than the 90 s after which everything is looked at. */
const soonMs = 15_000;

describe("routes in the kernel of a node", () => {
  let stand: Stand;
  let pods: { readonly near: Pod; readonly far: Pod };
  /** Of node2, in the other rack. */
  let blocks: { readonly v4: string; readonly v6: string };

  beforeAll(async () => {
    const rack = (number: number, node: string) => ({ number, routers: ["tor"], nodes: [node] });
    stand = await startStand({ fabric: { racks: [rack(1, "node1"), rack(2, "node2")] } });
    // The fabric names its peerings after the router, which here has one in each rack: its "tor" is the second.
    const peering = { nodeSelector: "rack == 'rack-1'", peerIP: gateway.v4, asNumber: 65001 };
    await stand.apply(resource("BGPPeer", "tor1", peering));
    await Promise.all(["node1", "node2"].map((node) => established(stand, node)));
    const add = (name: string, node: string): Promise<Pod> => stand.runtime.add({ name, node, labels: {} });
    pods = { near: await add("near", "node1"), far: await add("far", "node2") };
    const ofFar = (await storedBlocks(stand.etcd)).filter(({ node }) => node === "node2").map(({ cidr }) => cidr);
    blocks = { v4: ofFar.find(isV4) ?? "", v6: ofFar.find((cidr) => !isV4(cidr)) ?? "" };
  });
  afterAll(() => stand[Symbol.asyncDispose]());
  removePodsOfFailedTests(() => stand);

  const node1 = (command: string): Promise<string> => {
    const [program = "", ...args] = command.split(" ");
    return stand.fabric.machine("node1").exec(program, args);
  };
  /** How node1 reaches what it learned: `10.244.1.0/26 via 172.30.1.1`. */
  const learned = async ({ metric } = { metric: 2048 }): Promise<string[]> => {
    const ours = (await kernelRoutes(stand, "node1")).filter((route) => {
      return route.protocol === "214" && route.metric === metric;
    });
    return ours.map(({ dst, gateway: via }) => `${dst} via ${via}`).sort();
  };
  const viaRouter = (): string[] => [`${blocks.v4} via ${gateway.v4}`, `${blocks.v6} via ${gateway.v6}`].sort();
  const health = async (): Promise<string | null> =>
    (await stand.status("node1")).health.find(({ part }) => part === "routes")?.reason ?? null;

  it("lead through the router to a node of another rack, as the node's own routes do", async () => {
    await sees("what node1 learned", learned, viaRouter());
    for (const address of pods.far.addresses) await reachesFrom(pods.near, address);
  });

  it("go when the way to their next hop goes, and come back with it", async () => {
    await node1("ip route delete default");
    await node1("ip -6 route delete default");
    await sees("what node1 learned", learned, []);
    await node1(`ip route add default via ${gateway.v4}`);
    await node1(`ip -6 route add default via ${gateway.v6}`);
    await sees("what node1 learned", learned, viaRouter());
  });

  it("come back when somebody deletes them", async () => {
    await node1(`ip route delete ${blocks.v4}`);
    await node1(`ip -6 route delete ${blocks.v6}`);
    await sees("what node1 learned", learned, viaRouter(), soonMs);
  });

  it("to a pod come back when somebody deletes them, and leave with the pod", async () => {
    const { near } = pods;
    const own = (): Promise<string[]> => learned({ metric: 1024 });
    const before = await own();
    assert.equal(before.length, 2);
    for (const address of near.addresses) await node1(`ip ${isV4(address) ? "-4" : "-6"} route delete ${address}`);
    await sees("the routes to pods of node1", own, before, soonMs);
    for (const address of near.addresses) await reachesFrom(pods.far, address);

    const passing = await stand.runtime.add({ name: "passing", node: "node1", labels: {} });
    await stand.runtime.remove(passing);
    assert.deepEqual(await own(), before);
  });

  it("leave another program's route to the same destination alone, and say so", async () => {
    await node1(`ip route replace ${blocks.v4} via 172.30.1.77 dev eth0 metric 2048 proto 77 onlink`);
    await sees("whether node1 says why it has no route", async () => (await health())?.includes(blocks.v4), true);
    assert.match((await health()) ?? "", /another program has a route to this destination; it is left alone/);
    await stand.call("node1", "resync");
    assert.match(await node1(`ip route show ${blocks.v4}`), /via 172.30.1.77 dev eth0 proto 77 metric 2048 onlink/);

    await node1(`ip route delete ${blocks.v4} proto 77`);
    await sees("what node1 learned", learned, viaRouter());
    await sees("the health of the routes", health, null);
  });

  it("of a router are the default route alone: the rest is filtered and counted", async () => {
    await announceMore(stand);
    await sees(
      "what node1 learned",
      learned,
      [...viaRouter(), `default via ${gateway.v4}`, `default via ${gateway.v6}`].sort(),
    );
    const routes = await kernelRoutes(stand, "node1");
    const defaults = routes.filter(({ dst, gateway: via }) => dst === "default" && via === gateway.v4);
    assert.deepEqual(
      defaults.map(({ protocol, metric }) => ({ protocol, metric })),
      // Without a metric it is 0, which comes first: the operator's word.
      [
        { protocol: undefined, metric: undefined },
        { protocol: "214", metric: 2048 },
      ],
    );
    assert.deepEqual(
      routes.filter(({ dst }) => dst === foreign),
      [],
    );

    const counted = async () => {
      const v4 = (await stand.peer("node1", "peer/tor1")).session?.families.find(({ family }) => family === 4);
      return { accepted: v4?.accepted, filtered: v4?.filtered };
    };
    // The two racks' subnets, the foreign one, and what node2 announced: that has our AS in its path.
    await sees("what node1 took of the router", counted, { accepted: 1, filtered: 4 });
  });

  it("stand on the router's default route where the node has none of its own", async () => {
    const before = await learned();
    await node1(`ip route delete default via ${gateway.v4} metric 0`);
    await stand.call("node1", "resync");
    assert.deepEqual(await learned(), before);
    assert.doesNotMatch(await node1("ip route show default"), /default via \S+ dev eth0 $/m);
    for (const address of pods.far.addresses) await reachesFrom(pods.near, address);
  });
});

function isV4(address: string): boolean {
  return !address.includes(":");
}

function reachesFrom(pod: Pod, address: string): Promise<void> {
  return reaches(namespaceNamed(pod.namespace), address);
}

/** The router announces what it should not, and default routes. */
async function announceMore(stand: Stand): Promise<void> {
  const router = stand.fabric.router("tor");
  const config = await readFile(router.configFile, "utf8");
  const more = `
protocol static more4 { ipv4; route ${foreign} blackhole; route 0.0.0.0/0 blackhole; }
protocol static more6 { ipv6; route ::/0 blackhole; }
`;
  await writeFile(
    router.configFile,
    config.replaceAll("export where source", "export where source = RTS_STATIC || source") + more,
  );
  await router.show("configure");
}
