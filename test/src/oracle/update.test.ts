/** Changing policy opens nothing on the way, and interrupts nothing that stays allowed. Datagrams flow all the while. */
import { apiVersion, type Labels, type PolicySpec, type Rule, type WorkloadEndpoint } from "@brindle/api";
import type { Cluster } from "@brindle/policy";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compare, desiredOf, packetOf } from "./oracle.ts";
import { PolicyNode } from "./policyNode.ts";
import type { ProbeOrder } from "./probe.ts";
import { clusterWith, listenPorts, plainEndpoints, relabelled } from "./randomCase.ts";

const selectsP2 = "place == 'p2'";
const ingress = (...rules: Rule[]): PolicySpec => ({ selector: selectsP2, types: ["Ingress"], ingress: rules });
const from = (selector: string, action: Rule["action"] = "Allow"): Rule => ({
  action,
  source: { selector, namespaceSelector: "all()" },
});

/** In both states p1 may send to p2 and p3 may not; only the reasons differ. */
const transitions: { name: string; before: Cluster; after: Cluster }[] = [
  {
    name: "one set for another",
    before: labelled([ingress(from("role == 'a'"))], { p1: "a", p3: "x" }),
    after: labelled([ingress(from("place == 'p1'"))], { p1: "a", p3: "x" }),
  },
  {
    name: "a rule that denies one who joins the set that allows",
    before: labelled([ingress(from("role == 'a'"))], { p1: "a", p3: "x" }),
    after: labelled([ingress(from("place == 'p3'", "Deny"), from("role == 'a'"))], { p1: "a", p3: "a" }),
  },
  {
    name: "a set that denies for one that allows, as members change places",
    before: labelled([ingress(from("role == 'x'", "Deny"), from("has(role)"))], { p1: "a", p3: "x" }),
    after: labelled([ingress(from("role == 'x'"))], { p1: "x", p3: "a" }),
  },
  {
    name: "the label that allows, as the policy turns to another",
    before: labelled([ingress(from("role == 'a'"))], { p1: "a", p3: "x" }),
    after: labelled([ingress(from("role == 'b'"))], { p1: "b", p3: "a" }),
  },
  {
    name: "roles of the two sides in one rule",
    before: labelled([ingress({ action: "Allow", source: { notSelector: "role == 'x'" } })], { p1: "a", p3: "x" }),
    after: labelled([ingress(from("role == 'x'"))], { p1: "x", p3: "a" }),
  },
  {
    name: "the networks of a set, and the label by which a rule finds it",
    before: withNetworks([ingress(from("role == 'a'"))], { role: "a" }, ["10.65.0.1", "192.0.2.0/24", "fd65::1/128"]),
    after: withNetworks([ingress(from("role == 'b'"))], { role: "b" }, ["10.65.0.0/31", "fd65::0/127"]),
  },
  {
    name: "a set of networks that denies one who is allowed otherwise",
    before: withNetworks([ingress(from("place == 'p1'"))], { role: "x" }, ["10.65.0.0/24", "fd65::/64"]),
    after: withNetworks([ingress(from("role == 'x'", "Deny"), from("all()"))], { role: "x" }, [
      "10.65.0.2/31",
      "fd65::2/127",
    ]),
  },
  {
    name: "no policy but a denying one for many",
    before: labelled([ingress(from("role == 'x'", "Deny"), { action: "Allow" })], { p1: "a", p3: "x" }),
    after: labelled([ingress(), { ...ingress(from("role == 'a'")), order: -1 }], { p1: "a", p3: "x" }),
  },
];

function labelled(specs: readonly PolicySpec[], roles: Readonly<Record<string, string>>): Cluster {
  const cluster = clusterWith(specs);
  const endpoints = cluster.endpoints.map((endpoint) => {
    const role = roles[endpoint.metadata.name];
    return relabelled(endpoint, { place: endpoint.metadata.name, ...(role === undefined ? {} : { role }) });
  });
  return { ...cluster, endpoints };
}

function withNetworks(specs: readonly PolicySpec[], labels: Labels, nets: readonly string[]): Cluster {
  const metadata = { name: "networks", namespace: "ns1", labels };
  return { ...labelled(specs, {}), networkSets: [{ apiVersion, kind: "NetworkSet", metadata, spec: { nets } }] };
}

function datagrams(id: string, source: string, destination: string): ProbeOrder {
  return { id, protocol: "udp", source, sourcePort: 20_000, destination, destinationPort: 80 };
}

const wanted = [datagrams("wanted4", "10.65.0.1", "10.65.0.2"), datagrams("wanted6", "fd65::1", "fd65::2")];
const unwanted = [datagrams("unwanted4", "10.65.0.3", "10.65.0.2"), datagrams("unwanted6", "fd65::3", "fd65::2")];

describe.each(["nft", "legacy"] as const)("while policy changes, with the backend %s,", (backend) => {
  let node: PolicyNode;
  beforeAll(async () => {
    node = await PolicyNode.create({ endpoints: plainEndpoints(), ports: listenPorts, backend });
  });
  afterAll(() => node?.[Symbol.asyncDispose]());

  for (const { name, before, after } of transitions) {
    it(`what is allowed flows and what is denied does not: ${name}`, async () => {
      await node.apply(desiredOf(before));
      await node.startStreams([...wanted, ...unwanted]);
      for (let round = 0; round < 8; round++) {
        await node.apply(desiredOf(round % 2 === 0 ? after : before));
        // However seldom they have a turn: some of each meet each state.
        await node.haveArrived(idsOf(wanted), 15 * (round + 1));
      }
      const received = await node.endStreams(idsOf([...wanted, ...unwanted]), idsOf(wanted));
      for (const { id } of unwanted) expect([id, received.get(id)?.received]).toEqual([id, 0]);
      for (const { id } of wanted) {
        const { sent = 0, received: arrived } = received.get(id) ?? {};
        expect(sent).toBeGreaterThan(100);
        expect([id, arrived]).toEqual([id, sent]);
      }
    });
  }

  it("the streams notice a hole", async () => {
    const denied = labelled([ingress(from("role == 'a'"))], { p1: "a", p3: "x" });
    const open = labelled([], {});
    await node.apply(desiredOf(denied));
    await node.startStreams(unwanted);
    await node.apply(desiredOf(open));
    await node.haveArrived(idsOf(unwanted), 1); // Else the hole may be closed before anything has met it.
    await node.apply(desiredOf(denied));
    const received = await node.endStreams(idsOf(unwanted), []);
    for (const { id } of unwanted) expect(received.get(id)?.received).toBeGreaterThan(0);
  });
});

function idsOf(orders: readonly ProbeOrder[]): string[] {
  return orders.map(({ id }) => id);
}

describe("a new pod", () => {
  const base = clusterWith([ingress(from("place == 'p1'"))]);
  const late = base.endpoints.find(({ metadata }) => metadata.name === "p2");
  const others = (endpoints: readonly WorkloadEndpoint[]) => endpoints.filter((endpoint) => endpoint !== late);

  it("has no traffic before its policy stands, and its policy's from then on", async () => {
    if (!late) throw new Error("p2 is one of the endpoints");
    const first = { ...base, endpoints: others(base.endpoints) };
    await using node = await PolicyNode.create({ endpoints: first.endpoints, ports: listenPorts });
    await node.apply(desiredOf(first));
    await node.addPod(late);

    const toAndFrom = [...wanted, ...unwanted].flatMap((order, index) => [
      order,
      {
        ...order,
        id: `${order.id}-back`,
        source: order.destination,
        destination: order.source,
        sourcePort: 21_000 + index,
      },
    ]);
    expect(await node.probe(toAndFrom, new Set())).toEqual(new Set());

    const inForce = node.enforcer.inForce("ns1/p2");
    await node.apply(desiredOf(base));
    await inForce;
    const { mismatches } = await compare(
      node,
      base,
      toAndFrom.map((order) => packetOf({ ...order, sourcePort: order.sourcePort + 100 })),
    );
    expect(mismatches).toEqual([]);
    expect(node.enforcer.counters().failed).toBe(0);
  });
});
