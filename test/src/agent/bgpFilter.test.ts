import assert from "node:assert/strict";
import type { RouteStatus } from "@brindle/bgp";
import { afterAll, beforeAll, describe, it } from "vitest";
import { established, resource, routesFrom, type Stand, sees, startStand } from "./stand.ts";

describe("the filters of a peer", () => {
  let stand: Stand;
  let blocks: string[];
  const peering = { peerIP: "172.30.1.1", asNumber: 65001, node: "node1" };

  beforeAll(async () => {
    stand = await startStand({ fabric: { racks: [{ number: 1, routers: ["tor"], nodes: ["node1"] }] } });
    await established(stand, "node1");
    await stand.runtime.add({ name: "pod", node: "node1", labels: {} });
    await sees("how many routes the router has from node1", async () => (await announced()).length, 2);
    blocks = await announced();
  });
  afterAll(() => stand[Symbol.asyncDispose]());

  const announced = async (): Promise<string[]> => (await routesFrom(stand, "node1")).sort();
  const routes = async (query: object): Promise<readonly RouteStatus[]> =>
    (await stand.call("node1", "bgp.routes", query)) as readonly RouteStatus[];
  /** What node1 takes of the router's, and why it does not take the rest. */
  const taken = async (): Promise<string[]> =>
    (await routes({ peer: "peer/tor" })).map(({ prefix, best, lostBy, refusedBy }) => {
      const rule = refusedBy ? ` ${refusedBy.filter} ${refusedBy.place}` : "";
      return `${prefix} ${best ? "taken" : lostBy}${rule}`;
    });
  const filter = (spec: object): object => resource("BGPFilter", "rack", spec);
  const problems = async (): Promise<readonly string[]> => (await stand.status("node1")).problems;

  it("take what the cluster's pools say nothing of, and refuse by filter and rule", async () => {
    const subnet = "172.30.1.0/24";
    await sees("what node1 takes", async () => (await taken()).filter((row) => row.startsWith(subnet)), [
      `${subnet} importPolicy`,
    ]);
    await stand.apply(filter({ importV4: [{ cidr: subnet, matchOperator: "Equal", action: "Accept" }] }));
    await stand.apply(resource("BGPPeer", "tor", { ...peering, filters: ["rack"] }));
    await sees("what node1 takes", async () => (await taken()).filter((row) => row.startsWith(subnet)), [
      `${subnet} taken`,
    ]);
    await stand.apply(filter({ importV4: [{ source: "RemotePeers", action: "Reject" }] }));
    await sees("what node1 takes", async () => (await taken()).filter((row) => row.startsWith(subnet)), [
      `${subnet} importFilter rack 1`,
    ]);
    assert.deepEqual(await announced(), blocks);
  });

  it("keep routes to themselves, and mark others", async () => {
    await stand.apply(
      filter({
        exportV6: [{ action: "Reject" }],
        exportV4: [{ action: "Accept", operations: [{ addCommunity: { value: "64512:77" } }] }],
      }),
    );
    await sees(
      "what the router has from node1",
      announced,
      blocks.filter((prefix) => !prefix.includes(":")),
    );
    const shown = await stand.fabric
      .router("tor")
      .show(`show route ${blocks.find((prefix) => !prefix.includes(":"))} all`);
    assert.match(shown, /BGP\.community: .*\(64512,77\)/);
  });

  it("refuse everything when one of them is gone, which is told", async () => {
    await stand.remove("BGPFilter", "rack");
    await sees("what the router has from node1", announced, []);
    await sees("what node1 takes", async () => (await taken()).filter((row) => row.endsWith("taken")), []);
    assert.match((await problems()).join("\n"), /BGPPeer tor: spec\.filters: rack is missing or not understood/);
    await stand.apply(resource("BGPPeer", "tor", peering));
    await sees("what the router has from node1", announced, blocks);
    assert.deepEqual(await problems(), []);
  });

  it("are not needed for the communities of the cluster", async () => {
    const prefixAdvertisements = [{ cidr: "10.244.0.0/16", communities: ["pods", "64512:1:2"] }];
    const communities = [{ name: "pods", value: "64512:100" }];
    await stand.apply(resource("BGPConfiguration", "default", { communities, prefixAdvertisements }));
    const v4 = blocks.find((prefix) => !prefix.includes(":"));
    await sees("the communities at the router", async () => {
      const shown = await stand.fabric.router("tor").show(`show route ${v4} all`);
      return [/\(64512,100\)/.test(shown), /\(64512, 1, 2\)/.test(shown)];
    }, [true, true]);
  });
});
