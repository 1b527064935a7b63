/** An agent that begins where one of an earlier layout of chains ended: it moves to its own, and no packet notices. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { TablesBackend } from "@brindle/net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { waitFor } from "../fixtures/waitFor.ts";
import { layoutCluster, layoutDesired } from "./layoutCluster.ts";
import { compare } from "./oracle.ts";
import { PolicyNode } from "./policyNode.ts";
import { listenPorts, plainEndpoints, randomPackets } from "./randomCase.ts";
import { flooded, sortedBy } from "./transition.ts";

const folder = fileURLToPath(new URL("layouts/", import.meta.url));
/** After how many of the things that it does to the kernel the first agent is killed; `null` for never. */
const deaths: readonly (number | null)[] = [null, 3];

/** The eldest layout let it pass. */
const ipip = 4;

interface Layout {
  readonly name: string;
  /** What `iptables-save`, `ip6tables-save` and `ipset save` said, by these commands. */
  readonly saved: Readonly<Record<"iptables" | "ip6tables" | "ipset", string>>;
}

const layouts = readdirSync(folder).map((name): Layout => {
  const read = (command: string): string => readFileSync(`${folder}${name}/${command}`, "utf8");
  return { name, saved: { iptables: read("iptables"), ip6tables: read("ip6tables"), ipset: read("ipset") } };
});

/** Leaves the node as the agent of a layout left it. */
async function bringBack(node: PolicyNode, { saved }: Layout, backend: TablesBackend): Promise<void> {
  const { namespace } = node;
  for (const command of ["iptables", "ip6tables"] as const) {
    const tables = [...saved[command].matchAll(/^\*(\w+)$/gm)].map(([, table = ""]) => table);
    const empty = tables.map((table) => `*${table}\nCOMMIT\n`).join("");
    await namespace.exec(`${command}-${backend}-restore`, [], { input: empty });
  }
  // nf_tables lets go of the sets of deleted rules a while after the commit.
  const noSets = async (): Promise<boolean> => (await namespace.run("ipset", ["destroy"])).exitCode === 0;
  await waitFor(noSets, { what: "no set is left", deadlineMs: 30_000, intervalMs: 10 });
  await namespace.exec("ipset", ["restore"], { input: saved.ipset });
  for (const command of ["iptables", "ip6tables"] as const) {
    await namespace.exec(`${command}-${backend}-restore`, [], { input: saved[command] });
  }
}

describe.each(["nft", "legacy"] as const)("the chains of an earlier agent, backend %s,", (backend) => {
  let node: PolicyNode;
  beforeAll(async () => {
    node = await PolicyNode.create({ endpoints: plainEndpoints(), ports: listenPorts, backend });
  });
  afterAll(() => node?.[Symbol.asyncDispose]());

  it.each(layouts)("of the layout $name are taken over, and no packet notices", async (layout) => {
    const cluster = layoutCluster({ withHost: layout.saved.iptables.includes("BRDL-TO-HOSTS") });
    const desired = layoutDesired(cluster);
    const packets = randomPackets(7, 150, { ofNode: 0.2 }).filter(({ protocol }) => protocol !== ipip);
    const agreed = sortedBy(cluster, packets);
    expect(Math.min(agreed.allowed.length, agreed.denied.length)).toBeGreaterThan(20);
    for (const death of deaths) {
      await bringBack(node, layout, backend);
      await node.restartEnforcer();
      const { passedThough, droppedThough, ...counts } = await flooded(node, agreed, async () => {
        if (death !== null) await node.applyAndDie(desired, death);
        await node.apply(desired);
      });
      expect([death, passedThough, droppedThough]).toEqual([death, [], []]);
      expect(Math.min(counts.allowed, counts.denied)).toBeGreaterThan(20);
      await node.enforcer.resync();
      const { tableWrites } = node.enforcer.counters();
      await node.enforcer.resync();
      expect(node.enforcer.counters().tableWrites).toBe(tableWrites);
    }
    const { mismatches } = await compare(node, cluster, packets, { spoil: () => desired });
    expect(mismatches).toEqual([]);
  });
});
