/** In etcd a node may bear another name than in Kubernetes, by whose word it is judged. */
import { beforeEach, describe, expect, it } from "vitest";
import { readFacts } from "./collector.ts";
import { examine } from "./examine.ts";
import { planRepair } from "./plan.ts";
import { nodeOf, SampleWorld } from "./sampleWorld.ts";

describe("where nodes bear other names in etcd than in Kubernetes, the collection", () => {
  let world: SampleWorld;
  beforeEach(async () => {
    world = new SampleWorld("many");
    await world.begin();
    const orchRefs = [{ nodeName: "ip-10-0-0-1", orchestrator: "k8s" }];
    await world.put("Node", "node1", { ...nodeOf("node1"), spec: { orchRefs } });
    world.nodes.delete("node1");
    world.nodes.add("ip-10-0-0-1");
    await world.add("a");
    world.pods.set("shop/a", { node: "ip-10-0-0-1" });
  });

  it("leaves pods that run their endpoints and addresses", async () => {
    const before = await world.dump();
    expect(await world.passes(4)).toEqual([]);
    expect(await world.dump()).toBe(before);
  });

  it("leaves all of a node whose resource somebody deleted, as long as its pods run", async () => {
    await world.remove("Node", "node1");
    const before = await world.dump();
    expect(await world.passes(4)).toEqual([]);
    expect(await world.dump()).toBe(before);
    world.nodes.delete("ip-10-0-0-1");
    world.pods.delete("shop/a");
    expect((await world.passes(4)).map(({ kind }) => kind)).toContain("staleEndpoint");
  });

  it("takes no pod that runs on another node by now for a sign of it", async () => {
    await world.remove("Node", "node1");
    world.pods.set("shop/a", { node: "node2" });
    expect((await world.passes(4)).map(({ kind }) => kind)).toContain("staleEndpoint");
  });

  it("leaves all of a node that does not answer", async () => {
    world.pods.delete("shop/a");
    world.nodesAway.add("ip-10-0-0-1");
    expect(await world.passes(4)).toEqual([]);
  });

  it("deletes the resource of a gone node when nothing else of it is left, and not before", async () => {
    world.nodes.delete("ip-10-0-0-1");
    const facts = await readFacts({
      store: world.store,
      kubernetes: async () => world.kubernetes(),
      now: () => world.now(),
    });
    expect(planRepair({ kind: "staleNode", node: "node1" }, facts)).toBeNull();
    world.pods.delete("shop/a");
    expect((await world.passes(3)).at(-1)).toEqual({ kind: "staleNode", node: "node1" });
    expect(await world.get("Node", "node1")).toBeNull();
  });

  it("leaves all of a node whose resource cannot be read", async () => {
    const facts = await readFacts({
      store: world.store,
      kubernetes: async () => world.kubernetes(),
      now: () => world.now(),
    });
    const nodes = new Map([...facts.nodes].filter(([name]) => name !== "node1"));
    const undecodable = [{ key: { kind: "Node", name: "node1" }, reason: "damaged", partial: null }] as const;
    const findings = examine({ ...facts, nodes, undecodable });
    expect(findings.map(({ kind }) => kind)).toEqual(["unreadable"]);
  });
});
