/** What an operator may set about the packet filter, in a real kernel. */
import { apiVersion, type GlobalPolicySpec, type Rule } from "@brindle/api";
import { type Cluster, type Desired, type FilterSettings, PolicyGraph, quietSettings } from "@brindle/policy";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Namespace } from "../fixtures/namespace.ts";
import { desiredOf, receiveCluster } from "./oracle.ts";
import { nodeAddresses, nodeName, outsideAddresses, PolicyNode } from "./policyNode.ts";
import { clusterWith, listenPorts, plainEndpoints } from "./randomCase.ts";

const logging: Rule = { action: "Log", protocol: "TCP" };
const cluster = clusterWith([{ selector: "place == 'p2'", types: ["Ingress"], ingress: [logging] }]);

const closed: GlobalPolicySpec = { types: ["Ingress", "Egress"], ingress: [], egress: [] };
const closedNode: Cluster = {
  ...cluster,
  hostEndpoints: [
    {
      apiVersion,
      kind: "HostEndpoint",
      metadata: { name: "uplink" },
      spec: { node: nodeName, interfaceName: "uplink" },
    },
  ],
  policies: [{ apiVersion, kind: "GlobalNetworkPolicy", metadata: { name: "closed" }, spec: closed }],
};

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
  ])("tell %s that policy denies it, at its first packet", async (from, to) => {
    await node.apply(desiredWith({ denyAction: "Reject" }));
    for (const protocol of ["tcp", "udp"] as const) {
      expect(await refusal(node.podWith(from), protocol, to)).toEqual(refused);
    }
  });

  it("tell who is denied by the policy of a node, and the node itself", async () => {
    const [node4 = "", node6 = ""] = nodeAddresses;
    await node.apply(desiredOf(closedNode, { denyAction: "Reject" }));
    const [outside4 = "", , outside6 = ""] = outsideAddresses;
    const rows: readonly (readonly [from: string, to: string])[] = [
      [outside4, node4],
      [outside6, node6],
      [node4, outside4],
      [node6, outside6],
    ];
    for (const [from, to] of rows) expect(await refusal(node.namespaceOf(from), "tcp", to)).toEqual(refused);
    await node.apply(desiredOf(cluster));
    const greeted = { isRefused: false, sentAgain: 0 };
    for (const [from, to] of rows) expect(await refusal(node.namespaceOf(from), "tcp", to)).toEqual(greeted);
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

const refused = { isRefused: true, sentAgain: 0 };

/** A connection that hears no refusal is asked for again, after a second. */
async function refusal(from: Namespace, protocol: "tcp" | "udp", to: string): Promise<typeof refused> {
  const before = await sentAgain(from);
  const asked = protocol === "tcp" ? "" : "echo >&3; read -r -t 5 -u 3; echo >&3";
  const script = `exec 3<>/dev/${protocol}/${to}/80; ${asked}`;
  const { stderr } = await from.run("timeout", ["20", "bash", "--norc", "-c", script]);
  return { isRefused: stderr.includes("Connection refused"), sentAgain: (await sentAgain(from)) - before };
}

/** How many segments of TCP were sent once more. */
async function sentAgain(pod: Namespace): Promise<number> {
  const [names = [], values = []] = (await pod.exec("cat", ["/proc/net/snmp"]))
    .split("\n")
    .filter((line) => line.startsWith("Tcp:"))
    .map((line) => line.split(" "));
  return Number(values[names.indexOf("RetransSegs")]);
}
