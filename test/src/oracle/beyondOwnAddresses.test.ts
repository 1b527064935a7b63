/** What a pod does with addresses that are not its own, in a real kernel: it sends from networks that it was granted, and is reached by floating ones. */
import { apiVersion, type WorkloadEndpoint } from "@brindle/api";
import { parseAddress } from "@brindle/net";
import { type Cluster, type Desired, type FloatingAddress, PolicyGraph } from "@brindle/policy";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { receiveCluster } from "./oracle.ts";
import { nodeName, PolicyNode } from "./policyNode.ts";
import type { ProbeOrder, ProbeProtocol } from "./probe.ts";
import { clusterWith, listenPorts, plainEndpoints } from "./randomCase.ts";

const granted = ["198.51.100.64/28", "2001:db8:9::/64"];

function withGranted(cluster: Cluster): Cluster {
  const endpoints = cluster.endpoints.map((endpoint) =>
    endpoint.metadata.name === "p3" ? grantedTo(endpoint, granted) : endpoint,
  );
  return { ...cluster, endpoints };
}

function grantedTo(endpoint: WorkloadEndpoint, sources: readonly string[]): WorkloadEndpoint {
  return { ...endpoint, spec: { ...endpoint.spec, allowSpoofedSourcePrefixes: sources } };
}

function desiredOf(cluster: Cluster, sourceSpoofing: "Any" | "Disabled"): Desired {
  const graph = new PolicyGraph({ node: nodeName });
  graph.setFilterSettings({ sourceSpoofing });
  receiveCluster(graph, withGranted(cluster));
  return graph.desired();
}

const open = clusterWith([]);

function floating(own: string, address: string): FloatingAddress {
  const [to, from] = [parseAddress(own), parseAddress(address)];
  if (!to || !from) throw new Error("these are addresses");
  return { own: to, floating: from };
}

function withFloating(cluster: Cluster, all: readonly FloatingAddress[]): Desired {
  const graph = new PolicyGraph({ node: nodeName });
  receiveCluster(graph, cluster);
  graph.receive({
    key: { kind: "IPPool", name: "pool" },
    value: {
      apiVersion,
      kind: "IPPool",
      metadata: { name: "pool" },
      spec: { cidr: "10.65.0.0/16", natOutgoing: true },
    },
  });
  graph.setFloating(all);
  return graph.desired();
}

let nextPort = 20_000;
function from(source: string, destination: string, destinationPort = 80): ProbeOrder {
  const sourcePort = nextPort++;
  return { id: source, protocol: "udp", source, sourcePort, destination, destinationPort };
}

describe.each(["nft", "legacy"] as const)("beside its own addresses, backend %s, a pod", (backend) => {
  let node: PolicyNode;
  beforeAll(async () => {
    node = await PolicyNode.create({ endpoints: plainEndpoints(), ports: listenPorts, backend, label: "beyond" });
    for (const address of ["198.51.100.70", "198.51.100.90", "2001:db8:9::70", "2001:db8:8::70"])
      await node.ownAddress(address.includes(":") ? "fd65::3" : "10.65.0.3", address);
  });
  afterAll(() => node?.[Symbol.asyncDispose]());

  const own = ["10.65.0.3", "fd65::3"];
  const ofGranted = ["198.51.100.70", "2001:db8:9::70"];
  const ofOthers = ["198.51.100.90", "2001:db8:8::70"];
  const [silence] = clusterWith([
    { selector: "place == 'p3'", types: ["Egress"], egress: [{ action: "Allow", destination: { ports: [81] } }] },
  ]).policies;
  const namespace = open.endpoints.find(({ metadata }) => metadata.name === "p3")?.metadata.namespace ?? "";
  const silenced = {
    ...open,
    policies: silence ? [{ ...silence, metadata: { ...silence.metadata, namespace } } as typeof silence] : [],
  };
  const cases: { name: string; cluster: Cluster; spoofing: "Any" | "Disabled"; pass: readonly string[] }[] = [
    {
      name: "sends from what it was granted, and from nothing else",
      cluster: open,
      spoofing: "Any",
      pass: [...own, ...ofGranted],
    },
    { name: "sends so by its policy alone", cluster: silenced, spoofing: "Any", pass: [] },
    {
      name: "sends from its own alone where nobody may be granted more",
      cluster: open,
      spoofing: "Disabled",
      pass: own,
    },
  ];
  it.each(cases)("$name", async ({ cluster, spoofing, pass }) => {
    await node.apply(desiredOf(cluster, spoofing));
    const orders = [...own, ...ofGranted, ...ofOthers].map((source) =>
      from(source, source.includes(":") ? "fd65::1" : "10.65.0.1"),
    );
    expect(await node.probe(orders, new Set(pass))).toEqual(new Set(pass));
  });

  it("is granted it, and loses it, without a commit", async () => {
    await node.apply(desiredOf(open, "Any"));
    const { tableWrites } = node.enforcer.counters();
    await node.apply(desiredOf(open, "Disabled"));
    await node.apply(desiredOf(open, "Any"));
    expect(node.enforcer.counters().tableWrites).toBe(tableWrites);
  });

  it("shares a network with as many as a node has pods", async () => {
    const [model] = plainEndpoints();
    if (!model) throw new Error("there are endpoints");
    const crowd = Array.from({ length: 100 }, (_, at) => {
      const { metadata, spec } = grantedTo(model, ["192.0.2.0/24"]);
      const ipNetworks = [`10.65.7.${at}/32`];
      return {
        ...model,
        metadata: { ...metadata, name: `crowd${at}` },
        spec: { ...spec, ipNetworks, interfaceName: `calicrowd${at}` },
      };
    });
    await node.apply(desiredOf({ ...open, endpoints: [...open.endpoints, ...crowd] }, "Any"));
    const lines = (await node.chains()).split("\n");
    const ofLast = lines.filter((line) => /^add brdl4f_\S+ 192\.0\.2\.\d+\/\d+,calicrowd99$/.test(line));
    expect(ofLast).toHaveLength(8);
    await node.apply(desiredOf(open, "Any"));
  });

  describe("by floating addresses", () => {
    const floats = [
      floating("10.65.0.3", "192.0.2.9"),
      floating("10.65.0.3", "192.0.2.10"),
      floating("fd65::3", "2001:db8:7::9"),
    ];
    const [v4, v6] = ["192.0.2.9", "2001:db8:7::9"];
    const to = (name: string, protocol: ProbeProtocol, source: string, destination: string): ProbeOrder => {
      return { id: name, protocol, source, sourcePort: nextPort++, destination, destinationPort: 80 };
    };
    const orders = (): ProbeOrder[] => [
      to("outside 4", "tcp", "198.51.100.9", v4),
      to("outside 6", "tcp", "2001:db8:9::9", v6),
      to("other 4", "tcp", "198.51.100.9", "192.0.2.10"),
      to("node 4", "tcp", "203.0.113.1", v4),
      to("node 6", "tcp", "2001:db8:1::1", v6),
      to("pod 4", "tcp", "10.65.0.1", v4),
      to("pod 6", "tcp", "fd65::1", v6),
      to("itself 4", "tcp", "10.65.0.3", v4),
      to("itself 6", "tcp", "fd65::3", v6),
    ];
    const everybody = orders().map(({ id }) => id);

    it("is reached from everywhere, by all of them", async () => {
      await node.apply(withFloating(open, floats));
      expect(await node.probe(orders(), new Set(everybody), 5_000)).toEqual(new Set(everybody));
    });

    it("is told who sends, and of itself that the lowest of its floating addresses does", async () => {
      await node.apply(withFloating(open, floats));
      const sent = [
        to("out", "udp", "198.51.100.9", v4),
        to("self 4", "udp", "10.65.0.3", "192.0.2.10"),
        to("self 6", "udp", "fd65::3", v6),
      ];
      await node.probe(sent, new Set(sent.map(({ id }) => id)));
      expect(sent.map(({ id }) => node.sourceOf(id))).toEqual(["198.51.100.9", v4, v6]);
    });

    it("is reached by its policy alone, which sees its own address", async () => {
      const allowed: Cluster = {
        ...open,
        policies: silence
          ? [
              {
                ...silence,
                metadata: { ...silence.metadata, namespace },
                spec: {
                  selector: "place == 'p3'",
                  types: ["Ingress"],
                  ingress: [
                    {
                      action: "Allow",
                      destination: { nets: ["10.65.0.3/32", "fd65::3/128"] },
                      source: { nets: ["10.65.0.1/32", "fd65::1/128"] },
                    },
                  ],
                },
              } as typeof silence,
            ]
          : [],
      };
      await node.apply(withFloating(allowed, floats));
      const pass = new Set(["node 4", "node 6", "pod 4", "pod 6"]);
      expect(await node.probe(orders(), pass)).toEqual(pass);
    });

    it("is reached no more when they are gone, and nothing is written for a new agent", async () => {
      await node.apply(withFloating(open, floats));
      await node.restartEnforcer();
      await node.apply(withFloating(open, floats));
      expect(node.enforcer.counters().tableWrites).toBe(0);
      const some = floats.slice(1, 2);
      await node.apply(withFloating(open, some));
      expect(await node.probe(orders(), new Set(["other 4"]))).toEqual(new Set(["other 4"]));
      await node.apply(withFloating(open, []));
      expect((await node.chains()).includes("BRDL-FLOATING")).toBe(false);
      expect(await node.probe(orders(), new Set())).toEqual(new Set());
    });
  });
});
