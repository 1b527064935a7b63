import assert from "node:assert/strict";
import { afterAll, beforeAll, describe, it } from "vitest";
import { namespaceNamed } from "../fixtures/namespace.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { watchPodRoutes } from "../lab/routeMonitor.ts";
import type { Pod } from "../lab/runtime.ts";
import { startTraffic } from "../lab/traffic/traffic.ts";
import { established, ready, resource, routesFrom, type Stand, startStand } from "./stand.ts";

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
      assert.equal((await routesFrom(stand, "node1")).length, 2, "the router keeps both blocks");
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
});

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
