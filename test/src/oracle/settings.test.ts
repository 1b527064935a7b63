/** What an operator may set about the packet filter, in a real kernel. */
import type { Rule } from "@brindle/api";
import { type Desired, type FilterSettings, PolicyGraph, quietSettings } from "@brindle/policy";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { receiveCluster } from "./oracle.ts";
import { nodeName, PolicyNode } from "./policyNode.ts";
import { clusterWith, listenPorts, plainEndpoints } from "./randomCase.ts";

const logging: Rule = { action: "Log", protocol: "TCP" };
const cluster = clusterWith([{ selector: "place == 'p2'", types: ["Ingress"], ingress: [logging] }]);

function desiredWith(settings: Partial<FilterSettings>): Desired {
  const graph = new PolicyGraph({ node: nodeName });
  receiveCluster(graph, cluster);
  graph.setFilterSettings(settings);
  return graph.desired();
}

describe.each(["nft", "legacy"] as const)("settings of the packet filter, backend %s,", (backend) => {
  let node: PolicyNode;
  const rules = async (): Promise<string[]> =>
    (await node.chains()).split("\n").map((line) => line.replace(/ -m comment --comment ("[^"]*"|\S+)/, ""));
  beforeAll(async () => {
    node = await PolicyNode.create({ endpoints: plainEndpoints(), ports: listenPorts, backend });
  });
  afterAll(() => node?.[Symbol.asyncDispose]());

  it.each([
    ["10.65.0.1", "10.65.0.2"],
    ["fd65::1", "fd65::2"],
  ])("tell %s that policy denies it", async (from, to) => {
    await node.apply(desiredWith({ denyAction: "Reject" }));
    const script = `exec 3<>/dev/tcp/${to}/80`;
    const { stderr } = await node.podWith(from).run("timeout", ["20", "bash", "--norc", "-c", script]);
    expect(stderr).toContain("Connection refused");
  });

  it("say how a rule logs, and how often", async () => {
    await node.apply(desiredWith({ log: { prefix: "deny %k %t %p", rate: "100/minute", burst: 7 } }));
    const logged = (await rules()).filter((line) => line.includes("-j LOG"));
    expect(logged).toEqual(
      Array(2).fill(
        '-A BRDL-pi-ns1/policy-0 -p tcp -m limit --limit 100/min --limit-burst 7 -j LOG --log-prefix "deny np default ns1/policy-: " --log-level 5',
      ),
    );
    await node.apply(desiredWith({ log: quietSettings.log }));
    expect((await rules()).find((line) => line.includes("-j LOG"))).toBe(
      '-A BRDL-pi-ns1/policy-0 -p tcp -j LOG --log-prefix "calico-packet: " --log-level 5',
    );
  });

  it("put our rules behind those of others, or before", async () => {
    const foreign = ["FORWARD", "-s", "192.0.2.1/32", "-j", "ACCEPT"];
    const order = async (): Promise<string[]> => (await rules()).filter((line) => line.startsWith("-A FORWARD "));
    await node.namespace.exec(`iptables-${backend}`, ["-A", ...foreign]);
    await node.apply(desiredWith({ insertMode: "Append" }));
    const [hook, end] = ["-A FORWARD -j BRDL-FORWARD", "-A FORWARD -j BRDL-FORWARD-END"];
    expect((await order()).slice(0, 3)).toEqual([`-A ${foreign.join(" ")}`, hook, end]);
    const { tableWrites } = node.enforcer.counters();
    await node.enforcer.resync();
    expect(node.enforcer.counters().tableWrites).toBe(tableWrites);

    await node.apply(desiredWith({ insertMode: "Insert" }));
    expect((await order()).slice(0, 3)).toEqual([hook, `-A ${foreign.join(" ")}`, end]);
  });
});
