import { type Link, parsePrefix, type Route, type SavedTable } from "@brindle/net";
import { describe, expect, it } from "vitest";
import { type CleanupFacts, describeStep, planCleanup, podLinks } from "./plan.ts";

const nothing: CleanupFacts = {
  ...{ networkLists: [], executable: null, links: [], routes: [], tables: [], sets: [], sysctls: [], folders: [] },
};

function link(name: string, settings: Partial<Link> = {}): Link {
  return {
    ...{ index: 7, name, kind: "veth", up: true, running: true, loopback: false, mtu: 1500, group: 0 },
    ...{ mac: "ee:ee:ee:ee:ee:ee", alias: null, masterIndex: null, peerIndex: 2, peerNamespaceId: 1, vxlan: null },
    ...settings,
  };
}

function route(text: string, interfaceIndex: number | null): Route {
  const destination = parsePrefix(text);
  if (!destination) throw new TypeError(text);
  const nextHops = interfaceIndex === null ? [] : [{ gateway: null, interfaceIndex }];
  return {
    ...{ destination, source: null, kind: "unicast", table: 254, protocol: 214, scope: 0, metric: 1024 },
    ...{ preferredSource: null, nextHops },
  } as unknown as Route;
}

function table(chains: Readonly<Record<string, readonly string[][]>>): SavedTable {
  const entries = Object.entries(chains).map(([name, rules]) => {
    const saved = rules.map((words) => ({ arguments: words, counters: null }));
    return [name, { name, policy: name === "FORWARD" ? "ACCEPT" : null, rules: saved }] as const;
  });
  return { table: "filter", chains: new Map(entries) };
}

const cases: { name: string; facts: Partial<CleanupFacts>; steps: string[] }[] = [
  { name: "has nothing to do where there is nothing", facts: {}, steps: [] },
  {
    name: "takes the network list first, then the executable, then interfaces before chains, folders last",
    facts: {
      networkLists: ["/etc/cni/net.d/10-brindle.conflist"],
      executable: "/opt/cni/bin/brindle",
      links: [link("cali1", { alias: "brindle c1 eth0" })],
      tables: [{ family: 4, backend: "nft", table: table({ "BRDL-FORWARD": [] }) }],
      sets: ["brdl4_x", "cali4_y"],
      folders: ["/run/brindle"],
    },
    steps: [
      "file /etc/cni/net.d/10-brindle.conflist",
      "file /opt/cni/bin/brindle",
      "interface cali1 of container c1 eth0",
      "1 chains and 0 rules that lead to them, in table filter of iptables-nft",
      "set brdl4_x",
      "folder /run/brindle",
    ],
  },
  {
    name: "takes what an agent died over while it made it",
    facts: { links: [link("cali2", { up: false })] },
    steps: ["interface cali2 of nobody: it was never finished"],
  },
  {
    name: "takes what pods' packets wait in, after the pods, and no other queue",
    facts: {
      links: [
        link("brdl1", { kind: "ifb", mac: null }),
        link("cali1", { alias: "brindle c1 eth0" }),
        link("bwcali1", { kind: "ifb", mac: null }),
      ],
    },
    steps: ["interface cali1 of container c1 eth0", "interface brdl1 of what cali1 sends"],
  },
  {
    name: "leaves Calico's interfaces and everybody else's",
    facts: { links: [link("cali3"), link("eth0", { kind: null }), link("veth1", { up: false })] },
    steps: [],
  },
  {
    name: "takes routes, but for those that go with their interface",
    facts: {
      links: [link("cali1", { alias: "brindle c1 eth0" })],
      routes: [route("10.0.0.1/32", 7), route("10.0.0.0/26", null), route("10.9.0.0/26", 2)],
    },
    steps: [
      "interface cali1 of container c1 eth0",
      "route 10.0.0.0/26 with metric 1024",
      "route 10.9.0.0/26 with metric 1024",
    ],
  },
  {
    name: "takes the rules that lead to ours, and no other of a chain",
    facts: {
      tables: [
        {
          family: 6,
          backend: "legacy",
          table: table({
            FORWARD: [
              ["-j", "BRDL-FORWARD"],
              ["-j", "KUBE-FORWARD"],
              ["-s", "::1/128", "-g", "BRDL-X"],
            ],
            "BRDL-FORWARD": [["-j", "BRDL-X"]],
            "BRDL-X": [],
            "KUBE-FORWARD": [],
          }),
        },
      ],
    },
    steps: ["2 chains and 2 rules that lead to them, in table filter of ip6tables-legacy"],
  },
  {
    name: "puts a setting back that is as we left it, and not one that somebody changed since",
    facts: {
      sysctls: [
        { path: "net/ipv4/ip_forward", before: "0", ours: "1", now: "1" },
        { path: "net/ipv6/conf/all/forwarding", before: "0", ours: "1", now: "2" },
      ],
    },
    steps: ["kernel setting net/ipv4/ip_forward back to 0"],
  },
];

describe("the plan of a cleanup", () => {
  for (const { name, facts, steps } of cases) {
    it(name, () => expect(planCleanup({ ...nothing, ...facts }).map(describeStep)).toEqual(steps));
  }
  it("knows the interfaces of pods that run by their mark", () => {
    const marked = link("cali1", { alias: "brindle c1 eth0" });
    expect(podLinks([marked, link("cali2"), link("x", { alias: "uplink" })])).toEqual([marked]);
  });
});
