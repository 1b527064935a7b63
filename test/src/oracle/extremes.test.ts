/** Policies and clusters at the edge of what anybody writes, in a real kernel: long, large, and with names that mean harm. */
import { apiVersion, type Rule, type Tier, type WorkloadEndpoint } from "@brindle/api";
import type { Cluster, Packet, Policy } from "@brindle/policy";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compare, desiredOf, isAllowed, parseClusterAddress } from "./oracle.ts";
import { PolicyNode } from "./policyNode.ts";
import { clusterWith, listenPorts, plainEndpoints, randomPackets, relabelled } from "./randomCase.ts";

const rulesMax = 1_024;
const podsMax = 50_000;
const onP2 = { selector: "place == 'p2'", types: ["Ingress"] as const };

function packet(from: string, to: string, fields: Partial<Packet>): Packet {
  return { source: parseClusterAddress(from), destination: parseClusterAddress(to), protocol: 6, ...fields };
}

/** Every other port is allowed; ports and sources take turns, so that no rule says what another says. */
function longPolicy(): Cluster {
  const ingress = Array.from(
    { length: rulesMax },
    (_, index): Rule => ({
      action: index % 2 === 0 ? "Allow" : "Deny",
      protocol: "TCP",
      source: { nets: [`10.65.0.${1 + (index % 3)}/32`, `fd65::${1 + (index % 3)}/128`] },
      destination: { ports: [1_000 + index] },
    }),
  );
  return clusterWith([{ ...onP2, ingress }]);
}

/** Fifty thousand pods elsewhere that have the label which p2 takes traffic from. */
function largeSet(): Cluster {
  const ingress: Rule[] = [{ action: "Allow", source: { selector: "crowd == 'yes'" } }];
  const base = clusterWith([{ ...onP2, ingress }]);
  const [sample] = base.endpoints;
  if (!sample) throw new Error("the cluster has endpoints");
  // r1 is one of them, under the name that it has.
  const endpoints = base.endpoints.map((endpoint) =>
    endpoint.metadata.name === "r1" ? relabelled(endpoint, { crowd: "yes" }) : endpoint,
  );
  const crowd = Array.from({ length: podsMax - 1 }, (_, index): WorkloadEndpoint => {
    const ipNetworks = [
      `10.${100 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}/32`,
      `fd65:2::${index.toString(16)}/128`,
    ];
    const metadata = { name: `crowd${index}`, namespace: "ns1", labels: { crowd: "yes" } };
    return { ...sample, metadata, spec: { ...sample.spec, node: "node2", interfaceName: `calic${index}`, ipNetworks } };
  });
  return { ...base, endpoints: [...endpoints, ...crowd] };
}

const hostile: readonly string[] = [
  `"; -j ACCEPT #`,
  `a'b"c\\`,
  "line\n-A FORWARD -j ACCEPT\nCOMMIT",
  "--jump ACCEPT",
  "-X",
  "ünïcödé→💥",
  "\u202eesrever",
  "nul\0nul",
  "$(reboot)`reboot`",
  "%n%p%s",
  "x\\",
  "brdl:0123456789abcdef hook",
  "l".repeat(253),
  `${"l".repeat(252)}m`,
];

/** Each name is that of a policy, a tier, a profile, a label's value and a port; each policy closes a port of its own. */
function badlyNamed(): Cluster {
  const base = clusterWith([]);
  const closing = (name: string, index: number): Rule[] => [
    { action: "Log" },
    { action: "Deny", protocol: "TCP", destination: { ports: [1_000 + index] } },
    ...(isPortName(name) ? [{ action: "Deny", protocol: "UDP", destination: { ports: [name] } } as const] : []),
    ...(isValue(name)
      ? [{ action: "Deny", source: { selector: `name == ${quoted(name)}` }, protocol: "SCTP" } as const]
      : []),
  ];
  const policies = hostile.flatMap((name, index): Policy[] => [
    {
      apiVersion,
      kind: "GlobalNetworkPolicy",
      metadata: { name },
      spec: { ...onP2, tier: name, ingress: [...closing(name, index), { action: "Pass" }] },
    },
    {
      apiVersion,
      kind: "NetworkPolicy",
      metadata: { name, namespace: "ns1" },
      spec: {
        ...onP2,
        order: index,
        ingress: [{ action: "Deny", protocol: "TCP", destination: { ports: [2_000 + index] } }],
      },
    },
  ]);
  const last: Policy = {
    apiVersion,
    kind: "NetworkPolicy",
    metadata: { name: "last", namespace: "ns1" },
    spec: { ...onP2, order: 1_000, ingress: [{ action: "Allow" }] },
  };
  const tiers = hostile.map(
    (name, order): Tier => ({ apiVersion, kind: "Tier", metadata: { name }, spec: { order, defaultAction: "Pass" } }),
  );
  const profiles = hostile.map((name) => ({ apiVersion, kind: "Profile", metadata: { name }, spec: {} }) as const);
  const endpoints = base.endpoints.map((endpoint, at): WorkloadEndpoint => {
    const { metadata, spec } = endpoint;
    const ports = hostile.map((name, index) => ({ name, protocol: "UDP", port: 3_000 + index }));
    const labels = { ...metadata.labels, name: hostile[at] ?? "" };
    return {
      ...endpoint,
      metadata: { ...metadata, labels },
      spec: { ...spec, ports, profiles: [...hostile, ...(spec.profiles ?? [])] },
    };
  });
  return { ...base, endpoints, tiers, profiles: [...profiles, ...base.profiles], policies: [...policies, last] };
}

/** What no rule can write closes its policy, which is another matter. */
const isPortName = (name: string): boolean => !/\s/.test(name);
const isValue = (name: string): boolean => !(name.includes("'") && name.includes('"'));

function quoted(text: string): string {
  return text.includes("'") ? `"${text}"` : `'${text}'`;
}

/** Sets are the same with both back ends. */
describe("a large cluster", () => {
  it(`has a set of ${podsMax} pods, and those alone may send`, { timeout: 180_000 }, async () => {
    await using node = await PolicyNode.create({ endpoints: plainEndpoints(), ports: listenPorts, label: "large" });
    const packets = ["10.65.0.1", "fd65::1", "10.65.1.1", "fd65:1::1"].map((from) =>
      packet(from, from.includes(":") ? "fd65::2" : "10.65.0.2", { sourcePort: 20_000, destinationPort: 80 }),
    );
    const { mismatches, denied } = await compare(node, largeSet(), packets);
    expect([mismatches, denied]).toEqual([[], 2]);
    const sizes = (await node.namespace.exec("ipset", ["list", "-t"])).match(/(?<=entries: )\d+/g);
    expect(sizes?.filter((size) => Number(size) === podsMax)).toHaveLength(2);
  });
});

describe.each(["nft", "legacy"] as const)("at the edge, backend %s,", (backend) => {
  let node: PolicyNode;
  beforeAll(async () => {
    node = await PolicyNode.create({ endpoints: plainEndpoints(), ports: listenPorts, backend });
  });
  afterAll(() => node?.[Symbol.asyncDispose]());

  /** Neither all nor none of the packets pass, and those that do are the ones that `evaluate` allows. */
  async function holds(cluster: Cluster, packets: readonly Packet[]): Promise<void> {
    const { mismatches, denied } = await compare(node, cluster, packets);
    expect(mismatches).toEqual([]);
    expect(Math.min(denied, packets.length - denied)).toBeGreaterThan(0);
  }

  it(`a policy of ${rulesMax} rules holds to its last`, async () => {
    const packets = [0, 1, 2, 511, 512, 1_020, 1_021, 1_022, 1_023].flatMap((index) =>
      ["10.65.0.1", "fd65::1", "10.65.0.3", "fd65::3"].map((from) =>
        packet(from, from.includes(":") ? "fd65::2" : "10.65.0.2", {
          sourcePort: 20_000 + index,
          destinationPort: 1_000 + index,
        }),
      ),
    );
    await holds(longPolicy(), packets);
  });

  it("a selector that matches all holds", async () => {
    const spec = { selector: "all()", types: ["Ingress", "Egress"] as const };
    const rules: Rule[] = [
      { action: "Deny", protocol: "TCP", destination: { selector: "all()", ports: [80] } },
      { action: "Allow", source: { selector: "all()", notSelector: "!all()" } },
    ];
    await holds(clusterWith([{ ...spec, ingress: rules, egress: [{ action: "Allow" }] }]), randomPackets(3, 200));
  });

  it("names that mean harm are names", async () => {
    const cluster = badlyNamed();
    const to = (protocol: number, destinationPort: number): Packet[] =>
      ["10.65.0.1", "fd65::1"].map((from) =>
        packet(from, from.includes(":") ? "fd65::2" : "10.65.0.2", { protocol, sourcePort: 21_000, destinationPort }),
      );
    /** Port 80 of TCP and UDP, and the ports that no rule can name; p1 has the label that is denied with SCTP. */
    const isOpen = ({ protocol, destinationPort = 0 }: Packet): boolean =>
      protocol !== 132 &&
      (destinationPort === 80 || (protocol === 17 && !isPortName(hostile[destinationPort - 3_000] ?? "")));
    const packets = [
      ...hostile.flatMap((_, index) => [...to(6, 1_000 + index), ...to(6, 2_000 + index), ...to(17, 3_000 + index)]),
      ...[6, 17, 132].flatMap((protocol) => to(protocol, 80)),
    ];
    expect(desiredOf(cluster).problems.size).toBe(0);
    expect(packets.filter((each) => isAllowed(cluster, each))).toEqual(packets.filter(isOpen));
    await holds(cluster, packets);
    const others = (await node.chains()).split("\n").filter((line) => /^-A (FORWARD|INPUT|OUTPUT) /.test(line));
    expect(others.every((line) => line.includes("-j BRDL-"))).toBe(true);
    await node.restartEnforcer();
    const { mismatches } = await compare(node, cluster, packets);
    expect([mismatches, node.enforcer.counters().tableWrites]).toEqual([[], 0]);
  });
});
