/** The enforcer in a real kernel: what it writes and when, what it leaves alone, and what surrounds policy. */
import { apiVersion, type IPPool, type Rule, type WorkloadEndpoint } from "@brindle/api";
import { type InterfaceElement, networkOf } from "@brindle/net";
import { type Cluster, type Desired, nothingDesired, PolicyGraph } from "@brindle/policy";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { waitFor } from "../fixtures/waitFor.ts";
import { chainOf, commented, ends, nothing } from "./faultKit.ts";
import { compare, desiredOf, packetOf, receiveCluster } from "./oracle.ts";
import { nodeName, PolicyNode } from "./policyNode.ts";
import type { ProbeOrder, ProbeProtocol } from "./probe.ts";
import { clusterWith, listenPorts, plainEndpoints } from "./randomCase.ts";

const fromP1: Rule = { action: "Allow", source: { selector: "place == 'p1'" } };
const webPort: Rule = { action: "Allow", protocol: "TCP", destination: { ports: ["web"] } };
const cluster = clusterWith([
  {
    selector: "place == 'p2'",
    types: ["Ingress"],
    ingress: [fromP1, webPort, { action: "Deny", source: { nets: ["10.0.0.0/8", "fd00::/8"] } }],
  },
]);
const pool: IPPool = {
  apiVersion,
  kind: "IPPool",
  metadata: { name: "pool" },
  spec: { cidr: "10.65.0.0/16", natOutgoing: true },
};
const desired = withPool(cluster);

function withPool(of: Cluster): Desired {
  const graph = new PolicyGraph({ node: nodeName });
  receiveCluster(graph, of);
  graph.receive({ key: { kind: "IPPool", name: "pool" }, value: pool });
  return graph.desired();
}

let nextPort = 20_000;
function probe(protocol: ProbeProtocol, source: string, destination: string, destinationPort = 80): ProbeOrder {
  const sourcePort = nextPort++;
  return { id: `${protocol} ${source} ${destination}`, protocol, source, sourcePort, destination, destinationPort };
}

const dispatchEnd = "no endpoint, or not its address";

/** The network of 256 addresses around it. */
function widened({ address, interfaceName }: InterfaceElement): InterfaceElement {
  return { ...networkOf({ address, length: (address.family === 4 ? 32 : 128) - 8 }), interfaceName };
}

describe.each(["nft", "legacy"] as const)("the enforcer, backend %s,", (backend) => {
  let node: PolicyNode;
  beforeAll(async () => {
    node = await PolicyNode.create({ endpoints: plainEndpoints(), ports: listenPorts, backend });
    await node.namespace.exec(`iptables-${backend}`, ["-A", "FORWARD", "-s", "192.0.2.1", "-j", "DROP"]);
    await node.namespace.exec(`iptables-${backend}`, ["-N", "OTHERS"]);
    await node.namespace.exec("ipset", ["create", "others", "hash:ip"]);
    // As Docker leaves it: what policy allows must pass all the same.
    for (const program of ["iptables", "ip6tables"]) {
      await node.namespace.exec(`${program}-${backend}`, ["-P", "FORWARD", "DROP"]);
    }
  });
  afterAll(() => node?.[Symbol.asyncDispose]());

  it("writes nothing when it is started again and nothing changed", async () => {
    await node.apply(desired);
    await node.restartEnforcer();
    await node.apply(withPool(cluster));
    const { applied, readBacks, tableWrites, setWrites } = node.enforcer.counters();
    expect({ applied, readBacks, tableWrites, setWrites }).toEqual({
      applied: 1,
      readBacks: 1,
      tableWrites: 0,
      setWrites: 0,
    });
  });

  const drifts: { name: string; command: string[] }[] = [
    { name: "a rule was deleted", command: [`iptables-${backend}`, "-D", "BRDL-FORWARD", "1"] },
    { name: "a chain was emptied", command: [`ip6tables-${backend}`, "-F", "BRDL-TO-PODS"] },
    {
      name: "a rule was added",
      command: [`iptables-${backend}`, "-I", chainOf(desired, "p2"), "-j", "ACCEPT"],
    },
    {
      name: "a rule came into the dispatch",
      command: [`iptables-${backend}`, "-I", "BRDL-FROM-PODS", "-j", "ACCEPT"],
    },
    { name: "the acceptance at the end was deleted", command: [`iptables-${backend}`, "-D", "FORWARD", "3"] },
    { name: "the hook was deleted", command: [`iptables-${backend}`, "-D", "FORWARD", "1"] },
    {
      name: "another rule came before the hook",
      command: [`iptables-${backend}`, "-I", "FORWARD", "-s", "192.0.2.7", "-j", "ACCEPT"],
    },
    { name: "a stray chain of ours is there", command: [`iptables-${backend}`, "-N", "BRDL-to-caligone"] },
    { name: "a stray set of ours is there", command: ["ipset", "create", "brdl4_stray", "hash:ip"] },
  ];
  for (const { name, command } of drifts) {
    it(`repairs that ${name}`, async () => {
      await node.apply(desired);
      const before = (await normalized(node)).filter((line) => !line.includes("192.0.2.7"));
      const [program = "", ...args] = command;
      await node.namespace.exec(program, args);
      await node.enforcer.resync();
      const after = (await normalized(node)).filter((line) => !line.includes("192.0.2.7"));
      expect(after).toEqual(before);
    });
  }

  it("repairs members of sets", async () => {
    await node.apply(desired);
    const before = await normalized(node);
    const member = before.find((line) => line.startsWith("add brdl4") && line.endsWith(" 10.65.0.1"));
    const [, set = "", element = ""] = member?.split(" ") ?? [];
    await node.namespace.exec("ipset", ["del", set, element]);
    await node.namespace.exec("ipset", ["add", set, "10.65.0.3"]);
    await node.enforcer.resync();
    expect(await normalized(node)).toEqual(before);
  });

  it("mends the ends of pods without a commit", async () => {
    await node.apply(desired);
    const before = await normalized(node);
    const ends = before.filter((line) => /^add brdl4[ft]_\S+ 10\.65\.0\.2,calip2$/.test(line));
    expect(ends).toHaveLength(2);
    const { tableWrites } = node.enforcer.counters();
    for (const end of ends) await node.namespace.exec("ipset", ["del", ...end.split(" ").slice(1)]);
    for (const end of ends) await node.namespace.exec("ipset", ["add", end.split(" ")[1] ?? "", "10.65.0.2,calip3"]);
    await node.enforcer.resync();
    expect(await normalized(node)).toEqual(before);
    expect(node.enforcer.counters().tableWrites).toBe(tableWrites);
  });

  it("adds and removes a pod whose policies another one has without a commit, and it is as allowed as that", async () => {
    const all = plainEndpoints();
    const [p1, late] = ["p1", "p2"].map((name) => all.find(({ metadata }) => metadata.name === name));
    if (!p1 || !late) throw new Error("p1 and p2 are two of the endpoints");
    const alike = {
      ...late,
      metadata: { ...p1.metadata, name: "p2" },
      spec: { ...late.spec, profiles: p1.spec.profiles ?? [] },
    };
    const both = (...endpoints: WorkloadEndpoint[]): Cluster => ({ ...clusterWith([]), endpoints });
    const others = all.filter((one) => one !== late);
    await node.apply(desiredOf(both(...others)));
    const { tableWrites } = node.enforcer.counters();
    const { mismatches } = await compare(node, both(...others, alike), [
      packetOf(probe("udp", "10.65.0.1", "10.65.0.2")),
      packetOf(probe("tcp", "fd65::2", "fd65::1")),
    ]);
    expect(mismatches).toEqual([]);
    await node.apply(desiredOf(both(...others)));
    const gone = probe("udp", "10.65.0.1", "10.65.0.2");
    expect(await node.probe([gone], new Set())).toEqual(new Set());
    expect(node.enforcer.counters().tableWrites).toBe(tableWrites);
  });

  describe("lets nobody send from an address that is not its own", () => {
    const alone = desiredOf(clusterWith([]));
    const cases: { name: string; state: Desired; passes: boolean }[] = [
      { name: "as it is", state: alone, passes: false },
      {
        name: "and would be caught without the drop at the end",
        state: commented(dispatchEnd, nothing)(alone),
        passes: true,
      },
      { name: "and would be caught with wider ends", state: ends((end) => [widened(end)])(alone), passes: true },
    ];
    beforeAll(() => node.ownAddress("10.65.0.3", "10.65.0.77"));
    it.each(cases)("$name", async ({ state, passes }) => {
      await node.apply(state);
      const spoofed = { ...probe("udp", "10.65.0.3", "10.65.0.1"), id: "spoofed", source: "10.65.0.77" };
      const own = probe("udp", "10.65.0.3", "10.65.0.1");
      const expected = new Set([own.id, ...(passes ? [spoofed.id] : [])]);
      expect(await node.probe([spoofed, own], expected)).toEqual(expected);
    });
  });

  it("keeps pods from their node, and the node from nothing", async () => {
    const orders = [
      ...["203.0.113.1", "2001:db8:1::1"].flatMap((host, index) => {
        const pod = ["10.65.0.2", "fd65::2"][index] ?? "";
        return [probe("tcp", pod, host), probe("echo", pod, host), probe("tcp", host, pod), probe("echo", host, pod)];
      }),
    ];
    const { mismatches, denied } = await compare(node, cluster, orders.map(packetOf));
    expect(mismatches).toEqual([]);
    expect(denied).toBe(4);
  });

  it("masquerades what leaves the pools, and nothing between them", async () => {
    await node.apply(withPool(clusterWith([])));
    const outside = probe("udp", "10.65.0.1", "198.51.100.9");
    const inside = probe("udp", "10.65.0.1", "10.65.1.1");
    await node.probe([outside, inside], new Set([outside.id, inside.id]));
    expect([node.sourceOf(outside.id), node.sourceOf(inside.id)]).toEqual(["203.0.113.1", "10.65.0.1"]);
  });

  it("takes everything of ours away, and nothing of others", async () => {
    await node.apply(desired);
    await node.apply(nothingDesired);
    const left = await waitFor(
      async (saw) => {
        const lines = await normalized(node);
        saw(lines);
        return lines.every((line) => !/brdl/i.test(line)) && lines;
      },
      { what: "nothing of ours is left" },
    );
    expect(left).toContain("-A FORWARD -s 192.0.2.1/32 -j DROP");
    expect(left.some((line) => line.startsWith(":OTHERS"))).toBe(true);
    expect(left.some((line) => line.startsWith("create others"))).toBe(true);
  });
});

/** All tables and sets, without times, counters and an order that means nothing. */
async function normalized(node: PolicyNode): Promise<string[]> {
  const lines = (await node.chains()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const rules = lines.filter((line) => !/^(create|add) /.test(line));
  const sets = lines
    .filter((line) => /^(create|add) /.test(line))
    .map((line) => line.replace(/ (initval|bucketsize) \S+/g, ""));
  return [...rules.map((line) => line.replace(/\[\d+:\d+\]/, "")), ...sets.sort()];
}
