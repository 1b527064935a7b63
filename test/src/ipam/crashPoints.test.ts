/**
 * A process that is killed at any point: before and after each request that it sends, told or not told what came of it. The points
 * are those of the same work done without a kill, so that none is left out. After each the datastore makes sense, whoever was told
 * an address has it, the work can be done again, or undone, and if nobody does either it is collected.
 */
import { describe, expect, it } from "vitest";
import { CrashLab, type Scenario } from "./model/crashLab.ts";
import { stores } from "./model/world.ts";

const scenarios: readonly Scenario[] = [
  { name: "the first ADD of all", act: (lab) => lab.add("web") },
  { name: "an ADD in blocks of its own", prepare: (lab) => lab.add("before"), act: (lab) => lab.add("web") },
  { name: "an ADD again", prepare: (lab) => lab.add("web"), act: (lab) => lab.add("web") },
  {
    name: "an ADD of the family that is missing",
    prepare: (lab) => lab.add("web", { families: [6] }),
    act: (lab) => lab.add("web"),
  },
  {
    name: "an ADD when the own blocks are full",
    prepare: (lab) => lab.addAll(["a", "b", "c", "d"]),
    act: (lab) => lab.add("web"),
  },
  {
    name: "an ADD that borrows",
    prepare: async (lab) => {
      await lab.addAll(["a", "e"], "node2");
      await lab.addAll(["b", "c", "d", "f"]);
    },
    act: (lab) => lab.add("web"),
  },
  {
    name: "an ADD in a block without a node",
    prepare: async (lab) => {
      await lab.addAll(["a"], "node2");
      await lab.addAll(["b", "c", "d", "e"]);
      await lab.orphan("node2");
    },
    act: (lab) => lab.add("web"),
  },
  { name: "an ADD that asks for an address", act: (lab) => lab.add("web", { address: "10.0.0.6" }) },
  {
    name: "an ADD that asks for an address of another node's block",
    prepare: (lab) => lab.add("other", { node: "node2", address: "10.0.0.5" }),
    act: (lab) => lab.add("web", { address: "10.0.0.6" }),
  },
  {
    name: "an ADD that finds a claim which another node won",
    prepare: async (lab) => {
      await lab.addAll(["a"], "node2");
      await lab.claimLost("node1");
    },
    act: (lab) => lab.add("web"),
  },
  { name: "a DEL", prepare: (lab) => lab.add("web"), act: (lab) => lab.del("web") },
  {
    name: "a DEL after which the address rests",
    prepare: (lab) => lab.add("web"),
    act: (lab) => lab.del("web", { restSeconds: 30 }),
  },
  {
    name: "a DEL of the last address of a block without a node",
    prepare: async (lab) => {
      await lab.add("web");
      await lab.orphan("node1");
    },
    act: (lab) => lab.del("web"),
  },
  {
    name: "the collection of a leak",
    prepare: async (lab) => {
      await lab.add("lost");
      await lab.gone("lost");
    },
    act: (lab) => lab.collect(),
  },
  {
    name: "the collection of what a node left",
    prepare: async (lab) => {
      await lab.addAll(["a", "b"], "node2");
      await lab.add("web", { address: "10.0.0.7" });
      await lab.nodeGone("node2");
    },
    act: (lab) => lab.collect(),
  },
  { name: "the collection of an orphan handle", prepare: (lab) => lab.orphanHandle(), act: (lab) => lab.collect() },
  {
    name: "the collection where a handle is missing, and one counts wrong",
    prepare: async (lab) => {
      await lab.addAll(["a", "b"]);
      await lab.spoilHandles("a", "b");
    },
    act: (lab) => lab.collect(),
  },
  {
    name: "the collection of claims that are nobody's",
    prepare: async (lab) => {
      await lab.addAll(["a"], "node2");
      await lab.claimLost("node1");
    },
    act: (lab) => lab.collect(),
  },
  {
    name: "the adoption of addresses in use",
    prepare: async (lab) => {
      await lab.addAll(["a", "b"]);
      await lab.forgetAll();
    },
    act: (lab) => lab.adopt(),
  },
];

describe("a kill", () => {
  let points = 0;
  let visited = 0;
  for (const transactions of stores)
    for (const scenario of scenarios)
      it(`at any point of ${scenario.name} harms nobody, with transactions of ${transactions}`, async () => {
        const begun = await CrashLab.begun(scenario, transactions);
        const requests = await begun.requestsOf(scenario);
        expect(requests).toBeGreaterThan(0);
        points += requests * 2;
        for (let at = 0; at < requests; at++)
          for (const when of ["before", "after"] as const) {
            await begun.kill(scenario, { at, when });
            visited++;
          }
      });

  it("was tried at every point that there is", () => {
    console.log(`${visited} of ${points} points of kill visited`);
    expect(visited).toBe(points);
    expect(points).toBeGreaterThan(200);
  });
});
