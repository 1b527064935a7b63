import assert from "node:assert/strict";
import type { WorkloadEndpoint } from "@brindle/api";
import { afterAll, beforeAll, describe, it } from "vitest";
import { namespaceNamed } from "../fixtures/namespace.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { watchPodRoutes } from "../lab/routeMonitor.ts";
import type { Pod } from "../lab/runtime.ts";
import { startTraffic } from "../lab/traffic/traffic.ts";
import { established, ready, resource, routesFrom, type Stand, sees, startStand } from "./stand.ts";

/** What the control interface counts since the agent's start. */
interface Counters {
  readonly routes: { readonly writes: number };
  readonly podRoutes: { readonly writes: number };
  readonly policy: { readonly tableWrites: number; readonly setWrites: number };
}

describe("an agent that is started again with nothing changed", () => {
  let stand: Stand;
  let pods: Pod[];

  beforeAll(async () => {
    stand = await startStand({ fabric: { racks: [{ number: 1, routers: ["tor"], nodes: ["node1", "node2"] }] } });
    await Promise.all(["node1", "node2"].map((node) => established(stand, node)));
    pods = [
      await stand.runtime.add({ name: "a", node: "node1", labels: { app: "a" } }),
      await stand.runtime.add({ name: "b", node: "node2", labels: { app: "b" } }),
    ];
    const ingress = [{ action: "Allow", source: { selector: "app == 'b'" } }];
    const policy = { selector: "app == 'a'", types: ["Ingress"], ingress };
    await stand.apply(resource("NetworkPolicy", "a", policy, { namespace: "default" }));
    await widen(stand, "node1-k8s-a-eth0");
    await sees(
      "what the router has from node1",
      async () => (await routesFrom(stand, "node1")).filter(isFloating),
      floating,
    );
    await settled(stand);
  });
  afterAll(() => stand[Symbol.asyncDispose]());

  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    it(`by ${signal}: writes nothing to the kernel, and neither pods nor peers notice`, async () => {
      const [a, b] = pods;
      assert(a && b);
      const before = await kernelOf(stand);
      await using monitors = await watchPodRoutes(["node1", "node2", "tor"].map(stand.fabric.machine));
      await using traffic = await startTraffic({
        from: namespaceNamed(b.namespace),
        to: namespaceNamed(a.namespace),
        addresses: a.addresses,
        packetsPerSecond: 200,
      });

      const first = stand.agent("node1");
      first.kill(signal);
      const { exitCode } = await first.exited;
      if (signal === "SIGTERM") assert.equal(exitCode, 0, first.output());
      assert.equal((await routesFrom(stand, "node1")).length, 4, "the router keeps both blocks, and what floats");
      stand.launch("node1");
      await ready(stand, "node1");
      await established(stand, "node1");
      await settled(stand);

      const { routes, podRoutes, policy } = (await stand.call("node1", "counters")) as Counters;
      assert.deepEqual([routes.writes, podRoutes.writes, policy.tableWrites, policy.setWrites], [0, 0, 0, 0]);
      assert.deepEqual(await kernelOf(stand), before);
      assert.deepEqual(await monitors.finish(), { node1: [], node2: [], tor: [] });
      const { lost, sent } = await traffic.finish();
      assert(sent > 100);
      assert.equal(lost, 0);
    });
  }

  it("has what floats to a pod announced until the pod is gone, and reached by whom its policy lets in", async () => {
    const [a] = pods;
    assert(a);
    const tor = stand.fabric.machine("tor");
    const answers = await Promise.all(
      floating.map((to) => tor.run("ping", ["-n", "-c1", "-W1", to.replace(/\/.*/, "")])),
    );
    // The pod's policy lets nobody in but the other pod.
    assert.deepEqual(
      answers.map(({ exitCode }) => exitCode),
      [1, 1],
    );
    const [, b] = pods;
    assert(b);
    for (const to of floating) {
      const { exitCode, stdout } = await namespaceNamed(b.namespace).run("ping", [
        "-n",
        "-c1",
        "-W5",
        to.replace(/\/.*/, ""),
      ]);
      assert.equal(exitCode, 0, stdout);
    }
    await stand.runtime.remove(a);
    await sees("what floats", async () => (await routesFrom(stand, "node1")).filter(isFloating), []);
    const { rules, routes, routes6 } = await kernelOf(stand);
    assert.doesNotMatch(
      [...(rules ?? []), ...(routes ?? []), ...(routes6 ?? [])].join("\n"),
      /BRDL-FLOATING|metric 1025/,
    );
  });
});

/** By these a pod is reached beside its own addresses. */
const floating = ["10.244.200.9/32", "fd00:244:0:ffff::9/128"];

function isFloating(prefix: string): boolean {
  return floating.includes(prefix);
}

/** Lets addresses float to a pod, and the pod send from a network that is not its own, as an operator does. */
async function widen(stand: Stand, name: string): Promise<void> {
  await stand.apply(
    resource("FelixConfiguration", "default", { floatingIPs: "Enabled", workloadSourceSpoofing: "Any" }),
  );
  const endpoint = (await stand.get("WorkloadEndpoint", name, "default")) as WorkloadEndpoint;
  const own = (endpoint.spec.ipNetworks ?? []).map((network) => network.replace(/\/.*/, ""));
  const ipNATs = floating.map((to, at) => ({ externalIP: to.replace(/\/.*/, ""), internalIP: own[at] ?? "" }));
  const allowSpoofedSourcePrefixes = ["198.51.100.0/24", "2001:db8:9::/64"];
  await stand.apply({ ...endpoint, spec: { ...endpoint.spec, ipNATs, allowSpoofedSourcePrefixes } });
}

/** node1 has learned from the other node again, and all that follows from it is in the kernel. */
async function settled(stand: Stand): Promise<void> {
  await waitFor(
    async (saw) => {
      const routes = (await stand.call("node1", "bgp.routes", { bestOnly: true })) as { from: string }[];
      saw(routes);
      return routes.filter(({ from }) => from === "mesh/node2").length === 2;
    },
    { what: "node1 has both blocks of node2 as best routes", deadlineMs: 30_000 },
  );
  await stand.call("node1", "resync");
}

/** All that the kernel of node1 has of ours, without what it counts. */
async function kernelOf(stand: Stand): Promise<Record<string, readonly string[]>> {
  const node = stand.fabric.machine("node1");
  const lines = async (command: string, ...args: readonly string[]): Promise<string[]> =>
    (await node.exec(command, args)).split("\n").map((line) => line.trim());
  const rules = async (command: string): Promise<string[]> =>
    (await lines(command)).filter((line) => !line.startsWith("#")).map((line) => line.replace(/ \[\d+:\d+\]$/, ""));
  return {
    routes: await lines("ip", "-4", "route", "show", "table", "all"),
    routes6: await lines("ip", "-6", "route", "show", "table", "main"),
    links: await lines("ip", "-brief", "link"),
    rules: await rules("iptables-save"),
    rules6: await rules("ip6tables-save"),
    sets: (await lines("ipset", "save")).sort(),
  };
}
