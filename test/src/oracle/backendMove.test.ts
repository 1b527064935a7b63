/** From one backend of iptables to the other, and beside rules of nftables in the same tables: no packet notices. */
import type { TablesBackend } from "@brindle/net";
import type { Cluster } from "@brindle/policy";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { layoutCluster } from "./layoutCluster.ts";
import { desiredOf } from "./oracle.ts";
import { PolicyNode } from "./policyNode.ts";
import { listenPorts, plainEndpoints, randomPackets } from "./randomCase.ts";
import { flooded, sortedBy } from "./transition.ts";

/** Raw sockets cannot tell its replies from its first packets. */
const ipip = 4;
/** Sets that take a while to fill: one that is emptied under the eyes of rules is noticed. */
const many = Array.from({ length: 10_000 }, (_, index) => `100.64.${index >> 8}.${index & 0xff}/32`);
const laidOut = layoutCluster({ withHost: false });
const cluster: Cluster = {
  ...laidOut,
  networkSets: (laidOut.networkSets ?? []).map((set) => ({
    ...set,
    spec: { nets: [...many, ...(set.spec.nets ?? [])] },
  })),
};
/** Without the policies many packets have another verdict. */
const other = { ...laidOut, policies: laidOut.policies.slice(1) };

describe("the backend", () => {
  let node: PolicyNode;
  beforeAll(async () => {
    node = await PolicyNode.create({ endpoints: plainEndpoints(), ports: listenPorts });
  });
  afterAll(() => node?.[Symbol.asyncDispose]());

  const packets = randomPackets(7, 150, { ofNode: 0.2 }).filter(({ protocol }) => protocol !== ipip);
  const chainsIn = async (backend: TablesBackend): Promise<number> => {
    const saves = await Promise.all(
      ["iptables", "ip6tables"].map((command) => node.namespace.exec(`${command}-${backend}-save`, [])),
    );
    return saves.join("").match(/BRDL-/g)?.length ?? 0;
  };

  const moves: { name: string; to: TablesBackend; work: (to: TablesBackend) => Promise<void> }[] = [
    { name: "is another one from now on", to: "legacy", work: (to) => node.moveTo(to) },
    {
      name: "is another one as policy changes",
      to: "nft",
      work: async (to) => {
        const moved = node.moveTo(to);
        await node.apply(desiredOf(cluster));
        await moved;
      },
    },
    {
      name: "is another one for the next agent",
      to: "legacy",
      work: async (to) => {
        await node.restartIn(to);
        await node.apply(desiredOf(cluster));
      },
    },
  ];
  it.each(moves)("$name, and nothing is open meanwhile, nor closed", async ({ to, work }) => {
    const from = to === "nft" ? "legacy" : "nft";
    await node.moveTo(from);
    await node.apply(desiredOf(cluster));
    expect([(await chainsIn(from)) > 0, await chainsIn(to)]).toEqual([true, 0]);
    const agreed = sortedBy(laidOut, packets);
    const { passedThough, droppedThough, ...counts } = await flooded(node, agreed, () => work(to));
    expect([passedThough, droppedThough]).toEqual([[], []]);
    expect(Math.min(counts.allowed, counts.denied)).toBeGreaterThan(20);
    expect([await chainsIn(from), (await chainsIn(to)) > 0]).toEqual([0, true]);
    const { tableWrites, setWrites } = node.enforcer.counters();
    await node.enforcer.resync();
    const after = node.enforcer.counters();
    expect([after.tableWrites, after.setWrites]).toEqual([tableWrites, setWrites]);
  });

  it("is kept up beside rules of nftables that iptables has no words for", async () => {
    await node.moveTo("nft");
    await node.apply(desiredOf(laidOut));
    const nft = (text: string) => node.namespace.exec("nft", [text]);
    for (const family of ["ip", "ip6"]) {
      await nft(`add chain ${family} filter others`);
      await nft(`add rule ${family} filter others ct state vmap { established : accept, related : accept }`);
      await nft(`insert rule ${family} filter FORWARD counter jump others`);
    }
    const agreed = sortedBy(laidOut, packets);
    const { passedThough, droppedThough } = await flooded(node, agreed, async () => {
      await node.enforcer.resync();
      await node.restartEnforcer();
      await node.apply(desiredOf(laidOut));
    });
    expect([passedThough, droppedThough]).toEqual([[], []]);
    const rules = await node.namespace.exec("iptables", ["-S", "FORWARD"]);
    expect(rules.match(/-j BRDL-FORWARD$/gm)).toHaveLength(1);
    await node.apply(desiredOf(other));
    const changed = sortedBy(other, packets);
    const later = await flooded(node, changed, () => node.enforcer.resync());
    expect([later.passedThough, later.droppedThough]).toEqual([[], []]);
  });
});
