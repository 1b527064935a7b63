import assert from "node:assert/strict";
import type { EndpointSlice, IPPool, Profile, Rule, Tier, WorkloadEndpoint } from "@brindle/api";
import { apiVersion } from "@brindle/api";
import { formatAddress } from "@brindle/net";
import { describe, expect, it } from "vitest";
import type { Match } from "../render/ir.ts";
import { lookupOf } from "../render/setUse.ts";
import {
  endpointSample,
  globalNetworkSetSample,
  globalPolicySample,
  namespaceProfileSample,
  networkSetSample,
  policySample,
  tierSample,
} from "../sampleCluster.ts";
import type { Desired, DesiredSet } from "./desired.ts";
import { PolicyGraph, type PolicyResource, type PolicyUpdate } from "./policyGraph.ts";

const web = endpointSample("web", { labels: { app: "web" }, addresses: ["10.0.0.2", "fd00::2"] });
const client = endpointSample("client", { labels: { app: "client" }, addresses: ["10.0.1.1"], node: "node2" });
const sharing = endpointSample("sharing", { labels: { app: "client" }, addresses: ["10.0.1.1"], node: "node3" });
const relabelled = endpointSample("client", { labels: { app: "other" }, addresses: ["10.0.1.1"], node: "node2" });
const moved = endpointSample("client", { labels: { app: "client" }, addresses: ["10.0.1.9"], node: "node2" });
const named = endpointSample("client", {
  labels: { app: "client" },
  addresses: ["10.0.1.1"],
  node: "node2",
  ports: [{ name: "http", protocol: "TCP", port: 8080 }],
});
const fromClients: Rule = { action: "Allow", source: { selector: "app == 'client'" } };
const allowClients = policySample("allow", { selector: "app == 'web'", ingress: [fromClients] });
const denyClients = policySample("allow", { selector: "app == 'web'", ingress: [{ ...fromClients, action: "Deny" }] });
const both = policySample("both", {
  selector: "app == 'web'",
  order: 1,
  ingress: [{ ...fromClients, action: "Deny" }],
});
const elsewhere = policySample("elsewhere", { selector: "app == 'client'", ingress: [fromClients] });
const byPort = policySample("port", {
  selector: "app == 'web'",
  types: ["Egress"],
  egress: [{ action: "Allow", destination: { ports: ["http"] } }],
});
const teamOnly = policySample("team", {
  selector: "app == 'web'",
  ingress: [{ action: "Allow", source: { namespaceSelector: "team == 'a'" } }],
});
const broken = globalPolicySample("broken", { ingress: [{ action: "Allow", protocol: "NOSUCH" }] });
const plainNamespace = namespaceProfileSample("default");
const teamNamespace = namespaceProfileSample("default", { team: "a" });
const clients = networkSetSample("clients", {
  labels: { app: "client" },
  nets: ["192.0.2.0/24", "10.0.1.1", "0.0.0.0/0"],
});
const fewer = networkSetSample("clients", { labels: { app: "client" }, nets: ["192.0.2.7/24"] });
const others = networkSetSample("clients", { labels: { app: "other" }, nets: ["192.0.2.0/24"] });
const world = globalNetworkSetSample("world", {
  // It is in no namespace, whatever it says.
  labels: { app: "client", "projectcalico.org/namespace": "default" },
  nets: ["198.51.100.0/24", "2001:db8::/32"],
});
const fromWorld: Rule = { action: "Deny", source: { selector: "app == 'client'", namespaceSelector: "global()" } };
const denyWorld = policySample("world", { selector: "app == 'web'", ingress: [fromWorld] });
const platform = (order: number, defaultAction: "Deny" | "Pass" = "Deny"): Tier =>
  tierSample("platform", { order, defaultAction });
const inPlatform = globalPolicySample("edge", {
  tier: "platform",
  selector: "app == 'web'",
  types: ["Ingress"],
  ingress: [{ action: "Pass", source: { selector: "app == 'client'" } }],
});
const accounted = endpointSample("deploy", {
  labels: { "projectcalico.org/serviceaccount": "deployer" },
  addresses: ["10.0.1.7"],
  node: "node2",
  profiles: ["kns.default", "ksa.default.deployer"],
});
const deployers: Profile = {
  apiVersion,
  kind: "Profile",
  metadata: { name: "ksa.default.deployer" },
  spec: { labelsToApply: { "pcsa.role": "ops" } },
};
const ofAccounts = policySample("accounts", {
  selector: "app == 'web'",
  ingress: [
    { action: "Allow", source: { serviceAccounts: { selector: "role == 'ops'" } } },
    { action: "Allow", source: { serviceAccounts: { names: ["deployer", "other"] } } },
  ],
});
/** One that may send from networks beside its own address. */
function sending(name: string): WorkloadEndpoint {
  const { spec, ...rest } = endpointSample(name, { addresses: [`10.0.2.${name.charCodeAt(0)}`] });
  return { ...rest, spec: { ...spec, allowSpoofedSourcePrefixes: ["198.51.100.0/24", "2001:db8::/64"] } };
}
const pool: IPPool = {
  apiVersion,
  kind: "IPPool",
  metadata: { name: "pool" },
  spec: { cidr: "10.0.0.0/16", natOutgoing: true },
};

function set(value: PolicyResource): PolicyUpdate {
  const { name, namespace } = value.metadata;
  return { key: { kind: value.kind, name, ...(namespace === undefined ? {} : { namespace }) }, value };
}

function gone(value: PolicyResource): PolicyUpdate {
  return { ...set(value), value: null };
}

function unreadable(value: PolicyResource, partial?: unknown): PolicyUpdate {
  return { ...gone(value), unreadable: { reason: "is no JSON", ...(partial !== undefined && { partial }) } };
}

/** Each leads to a state; the last word on each resource counts. */
const scenarios: { name: string; updates: PolicyUpdate[] }[] = [
  { name: "an endpoint alone", updates: [set(web)] },
  { name: "a policy with its endpoints", updates: [set(plainNamespace), set(web), set(client), set(allowClients)] },
  { name: "an address that two endpoints share", updates: [set(web), set(allowClients), set(client), set(sharing)] },
  { name: "one of the two gone", updates: [set(web), set(allowClients), set(client), set(sharing), gone(client)] },
  { name: "an endpoint relabelled", updates: [set(web), set(client), set(allowClients), set(relabelled)] },
  { name: "an endpoint with a new address", updates: [set(web), set(client), set(allowClients), set(moved)] },
  { name: "a policy changed", updates: [set(web), set(client), set(allowClients), set(denyClients)] },
  { name: "a set used both ways", updates: [set(web), set(client), set(allowClients), set(both)] },
  { name: "a policy for others", updates: [set(web), set(client), set(elsewhere)] },
  { name: "a named port", updates: [set(web), set(byPort), set(client), set(named)] },
  {
    name: "a namespace labelled",
    updates: [set(plainNamespace), set(web), set(client), set(teamOnly), set(teamNamespace)],
  },
  {
    name: "a namespace gone",
    updates: [set(teamNamespace), set(web), set(client), set(teamOnly), gone(teamNamespace)],
  },
  { name: "a policy that cannot be enforced", updates: [set(web), set(broken)] },
  { name: "a policy that cannot be read any more", updates: [set(web), set(allowClients), unreadable(allowClients)] },
  { name: "a policy mended", updates: [set(web), set(client), unreadable(allowClients), set(allowClients)] },
  { name: "a policy that cannot be read gone", updates: [set(web), unreadable(allowClients), gone(allowClients)] },
  {
    name: "a policy of which less and less can be read",
    updates: [set(web), unreadable(allowClients, { spec: { selector: "app == 'web'" } }), unreadable(allowClients)],
  },
  { name: "two tiers", updates: [set(platform(100)), set(web), set(client), set(inPlatform), set(allowClients)] },
  {
    name: "a tier moved",
    updates: [set(platform(100)), set(web), set(inPlatform), set(denyClients), set(platform(2e6))],
  },
  { name: "a tier that passes on", updates: [set(platform(1)), set(web), set(inPlatform), set(platform(1, "Pass"))] },
  { name: "a tier gone", updates: [set(platform(1)), set(web), set(inPlatform), gone(platform(1))] },
  { name: "a tier that comes late", updates: [set(web), set(inPlatform), set(allowClients), set(platform(1))] },
  { name: "service accounts", updates: [set(web), set(ofAccounts), set(client), set(accounted), set(deployers)] },
  {
    name: "a service account relabelled",
    updates: [set(web), set(deployers), set(ofAccounts), set(accounted), gone(deployers)],
  },
  { name: "a set of networks", updates: [set(web), set(allowClients), set(clients), set(client)] },
  { name: "a set with fewer networks", updates: [set(web), set(allowClients), set(clients), set(fewer)] },
  { name: "a set relabelled", updates: [set(web), set(allowClients), set(clients), set(others)] },
  { name: "a set gone", updates: [set(web), set(allowClients), set(client), set(clients), gone(clients)] },
  { name: "a set of a labelled namespace", updates: [set(web), set(teamOnly), set(others), set(teamNamespace)] },
  { name: "a set of the cluster", updates: [set(web), set(world), set(denyWorld), set(clients), set(allowClients)] },
  {
    name: "a set that can be read in part",
    updates: [
      set(web),
      set(allowClients),
      unreadable(clients, { metadata: { labels: { app: "client" } }, spec: { nets: ["192.0.2.0/24", "192.0.2"] } }),
    ],
  },
  {
    name: "a set that cannot be read any more",
    updates: [set(web), set(allowClients), set(clients), unreadable(clients)],
  },
  { name: "pools", updates: [set(pool), set(web)] },
  { name: "sources beside an endpoint's own", updates: [set(sending("a")), set(web), set(sending("b"))] },
  { name: "such sources gone", updates: [set(sending("a")), set(web), gone(sending("a"))] },
  {
    name: "everything gone",
    updates: [set(web), set(client), set(allowClients), gone(allowClients), gone(client), gone(web)],
  },
];

function run(updates: readonly PolicyUpdate[], { between = false } = {}): Desired {
  const graph = new PolicyGraph({ node: "node1" });
  graph.setFilterSettings({ sourceSpoofing: "Any" });
  for (const update of updates) {
    graph.receive(update);
    if (between) graph.desired();
  }
  return graph.desired();
}

/** What is equal when the states are: sets without the order in which they came. */
function comparable(desired: Desired): unknown {
  const sets = [...desired.sets.values()].map((one) => ({ ...one, members: [...one.members.keys()].sort() }));
  return { ...desired, sets: sets.sort((a, b) => (a.name < b.name ? -1 : 1)) };
}

it("lets nobody send to a pod by the networks from which it may send", () => {
  const { sets } = run([set(sending("a"))]);
  const widened = [...sets.values()].filter(({ members }) => members.has("198.51.100.0/24,calia"));
  assert.deepEqual(
    widened.map(({ lookups, growth }) => [lookups, growth]),
    // To its chain, and among all ends.
    Array(2).fill([lookupOf("Egress", "source"), "admits"]),
  );
});

function lastWords(updates: readonly PolicyUpdate[]): PolicyUpdate[] {
  const byKey = new Map(updates.map((update) => [JSON.stringify(update.key), update]));
  return [...byKey.values()];
}

describe("the graph's output depends on the state only", () => {
  for (const { name, updates } of scenarios) {
    const expected = comparable(run(lastWords(updates)));
    const ways: { way: string; sequence: PolicyUpdate[]; between?: boolean }[] = [
      { way: "forwards", sequence: updates },
      { way: "forwards with every state looked at", sequence: updates, between: true },
      { way: "backwards", sequence: lastWords(updates).reverse() },
      { way: "backwards with every state looked at", sequence: lastWords(updates).reverse(), between: true },
      { way: "doubled", sequence: updates.flatMap((update) => [update, update]), between: true },
      { way: "undone and done again", sequence: [...updates, ...updates.map(undone), ...updates], between: true },
      { way: "interleaved with others", sequence: updates.flatMap((update) => [set(sharing), update, gone(sharing)]) },
    ];
    for (const { way, sequence, between = false } of ways) {
      // A scenario about the other endpoint itself cannot be interleaved with it.
      if (way.startsWith("interleaved") && updates.some(({ key }) => key.name === "sharing")) continue;
      it(`${name}, ${way}`, () => expect(comparable(run(sequence, { between }))).toEqual(expected));
    }
  }
});

function setsOfPolicies({ sets }: Desired): DesiredSet[] {
  return [...sets.values()].filter(({ growth }) => growth !== "admits");
}

describe("what is behind Services", () => {
  const slice = (name: string, addresses: readonly string[], rest: Partial<EndpointSlice> = {}): EndpointSlice => ({
    ...{ namespace: "default", name, service: "dns", addresses, ports: [{ protocol: "UDP", port: 53 }] },
    ...rest,
  });
  const toDns = policySample("to-dns", {
    selector: "app == 'web'",
    types: ["Ingress", "Egress"],
    ingress: [{ action: "Deny", source: { services: { name: "dns" } } }],
    egress: [{ action: "Allow", destination: { services: { name: "dns" } } }],
  });
  type Word = readonly [string, EndpointSlice | null];

  /** The members of the sets of IPv4, of IPv6, by whether they have ports. */
  function state(words: readonly Word[], { looks = false, policyAt = 0 } = {}): string[] {
    const graph = new PolicyGraph({ node: "node1" });
    graph.setUnserved(null);
    graph.receive(set(web));
    for (const [index, [id, one]] of [...words, ["end", null] as const].entries()) {
      if (index === policyAt) graph.receive(set(toDns));
      graph.receiveSlice(id, one);
      if (looks) graph.desired();
    }
    graph.receive(set(toDns));
    return setsOfPolicies(graph.desired())
      .map(
        ({ family, type, growth, members }) =>
          `IPv${family} ${type} ${growth}: ${[...members.keys()].sort().join(" ")}`,
      )
      .sort();
  }

  const tcp = slice("a", ["10.0.3.1"], { ports: [{ protocol: "TCP", port: 53 }] });
  const cases: { name: string; words: Word[]; v4: readonly [ports: string, addresses: string] }[] = [
    { name: "one slice", words: [["a", slice("a", ["10.0.3.1"])]], v4: ["10.0.3.1,udp:53", "10.0.3.1/32"] },
    {
      name: "two that share an address",
      words: [
        ["a", slice("a", ["10.0.3.1"])],
        ["b", slice("b", ["10.0.3.1", "10.0.3.2"])],
      ],
      v4: ["10.0.3.1,udp:53 10.0.3.2,udp:53", "10.0.3.1/32 10.0.3.2/32"],
    },
    {
      name: "one of the two gone",
      words: [
        ["a", slice("a", ["10.0.3.1"])],
        ["b", slice("b", ["10.0.3.1", "10.0.3.2"])],
        ["b", null],
      ],
      v4: ["10.0.3.1,udp:53", "10.0.3.1/32"],
    },
    {
      name: "one with another port",
      words: [
        ["a", slice("a", ["10.0.3.1"])],
        ["a", tcp],
      ],
      v4: ["10.0.3.1,tcp:53", "10.0.3.1/32"],
    },
    {
      name: "one that goes to another Service",
      words: [
        ["a", slice("a", ["10.0.3.1"])],
        ["a", slice("a", ["10.0.3.1"], { service: "other" })],
      ],
      v4: ["", ""],
    },
    { name: "one of another namespace", words: [["a", slice("a", ["10.0.3.1"], { namespace: "x" })]], v4: ["", ""] },
    { name: "names of DNS", words: [["a", slice("a", ["db.example.org"])]], v4: ["", ""] },
    { name: "none", words: [], v4: ["", ""] },
  ];
  for (const { name, words, v4 } of cases) {
    it(`is in the sets of rules, whichever comes first: ${name}`, () => {
      const expected = [
        `IPv4 hash:ip,port loosens: ${v4[0]}`,
        `IPv4 hash:net tightens: ${v4[1]}`,
        "IPv6 hash:ip,port loosens: ",
        "IPv6 hash:net tightens: ",
      ];
      for (const looks of [false, true]) {
        for (let policyAt = 0; policyAt <= words.length; policyAt++) {
          expect(state(words, { looks, policyAt })).toEqual(expected);
          expect(state([...words, ...words], { looks, policyAt })).toEqual(expected);
        }
      }
    });
  }

  it("closes the policies that name some where nobody can tell, as long as nobody can", () => {
    const graph = new PolicyGraph({ node: "node1" });
    for (const one of [web, toDns, allowClients]) graph.receive(set(one));
    expect(graph.asksForServices).toBe(true);
    expect([...graph.desired().problems]).toEqual([
      [
        "NetworkPolicy default/to-dns",
        "its rules name Services: there is no Kubernetes here that says what is behind them; " +
          "it is closed, ingress and egress, for the endpoints with app == 'web' of namespace default",
      ],
    ]);
    graph.setUnserved(null);
    expect(graph.desired().problems.size).toBe(0);
    expect(setsOfPolicies(graph.desired())).toHaveLength(6);
    graph.setUnserved("none is here any more");
    expect([...graph.desired().problems.values()][0]).toMatch(/^its rules name Services: none is here any more; /);
    expect(setsOfPolicies(graph.desired())).toHaveLength(2);
    graph.receive(gone(toDns));
    expect(graph.asksForServices).toBe(false);
  });
});

function undone(update: PolicyUpdate): PolicyUpdate {
  return { ...update, value: null };
}

describe("the graph", () => {
  const members = (desired: Desired) => setsOfPolicies(desired).map((one) => [...one.members.keys()]);
  /** The ends that come to a chain, by its name. */
  const endsOf = (desired: Desired, id: string): string[] => {
    const { chains } = desired.endpoints.get(id) ?? assert.fail(`${id} has no chains`);
    const rules = desired.tables.flatMap(({ content }) => content.chains.flatMap((chain) => chain.rules));
    const ofChain = rules.filter(({ target }) => "chain" in target && Object.values(chains).includes(target.chain));
    const names = ofChain.flatMap(({ matches }) =>
      matches.flatMap((match) => (match.kind === "ends" ? match.set : [])),
    );
    return names.flatMap((name) => [...(desired.sets.get(name)?.members.keys() ?? [])]).sort();
  };
  const chainNames = (desired: Desired) =>
    desired.tables.flatMap(({ family, table, content }) =>
      family === 4 && table === "filter" ? content.chains.map((chain) => chain.name) : [],
    );

  /** What the endpoint's chain asks of policies. */
  const toWeb = (desired: Desired): string[] => {
    const own = desired.endpoints.get("default/web")?.chains.Ingress;
    const chain = desired.tables[0]?.content.chains.find(({ name }) => name === own);
    const rules = (chain?.rules ?? []).slice(3, -1).map(({ target, comment }) => {
      if (target.kind === "jump") return `jump ${target.chain}`;
      return target.kind === "return" ? "return" : `${target.kind} ${comment}`;
    });
    return rules;
  };

  it("tells which endpoints the chains are for", () => {
    const { endpoints } = run([set(web), set(client)]);
    expect([...endpoints].map(([id, { addresses }]) => [id, addresses.map(formatAddress)])).toEqual([
      ["default/web", ["10.0.0.2", "fd00::2"]],
    ]);
  });
  describe("makes chains for an endpoint that is about to be written", () => {
    const coming = endpointSample("coming", { labels: { app: "client" }, addresses: ["10.0.0.7"] });
    const before = [set(web), set(allowClients), set(client)];
    const expecting = () => {
      const graph = new PolicyGraph({ node: "node1" });
      for (const update of before) graph.receive(update);
      graph.desired();
      graph.coming.expect(coming);
      return graph;
    };

    it("which no rule finds by its labels, until the datastore tells it", () => {
      const graph = expecting();
      const early = graph.desired();
      expect(chainNames(early)).toEqual(chainNames(run([...before, set(coming)])));
      expect(members(early)).toEqual(members(run(before)));
      expect([...early.expected]).toEqual(["default/coming"]);
      const key = { namespace: "default", name: "coming" };
      expect(graph.coming.awaits(key)).toBe(true);
      graph.receive(set(coming));
      expect(graph.coming.awaits(key)).toBe(false);
      expect(comparable(graph.desired())).toEqual(comparable(run([...before, set(coming)])));
    });
    it("and takes them back where it was not written", () => {
      const graph = expecting();
      graph.desired();
      expect(graph.coming.unexpect(coming)).toBe(true);
      expect(comparable(graph.desired())).toEqual(comparable(run(before)));
    });
    it("and leaves one alone that the datastore has told", () => {
      const graph = expecting();
      graph.receive(set(coming));
      graph.coming.expect({ ...coming, spec: { ...coming.spec, ipNetworks: ["10.0.0.8/32"] } });
      expect(graph.coming.unexpect(coming)).toBe(false);
      expect(comparable(graph.desired())).toEqual(comparable(run([...before, set(coming)])));
    });
  });
  it("keeps no set and no chain that only other nodes need", () => {
    const desired = run([set(web), set(client), set(elsewhere)]);
    expect(setsOfPolicies(desired)).toEqual([]);
    expect(chainNames(desired)).not.toContain("BRDL-pi-default/elsewhere");
  });
  it("gives a shared address up with its last holder", () => {
    expect(members(run([set(web), set(allowClients), set(client), set(sharing), gone(client)]))[0]).toEqual([
      "10.0.1.1/32",
    ]);
  });
  it("knows how verdicts follow the growth of a set", () => {
    const growth = (...updates: PolicyUpdate[]) => setsOfPolicies(run([set(web), ...updates])).map((one) => one.growth);
    expect(growth(set(allowClients))).toEqual(["loosens", "loosens"]);
    expect(growth(set(denyClients))).toEqual(["tightens", "tightens"]);
    expect(growth(set(allowClients), set(both))).toEqual(["mixed", "mixed"]);
  });
  it("closes what a policy selects that cannot be read, and says how far", () => {
    const desired = run([set(web), set(client), unreadable(allowClients, { spec: { selector: "app == 'web'" } })]);
    expect(chainNames(desired)).toContain("BRDL-pi-default/allow");
    expect([...desired.problems]).toEqual([
      [
        "NetworkPolicy default/allow",
        "is no JSON; it is closed, ingress, for the endpoints with app == 'web' of namespace default",
      ],
    ]);
  });
  describe("keeps an endpoint that cannot be read", () => {
    const text = {
      metadata: { labels: { app: "client", rank: 7 } },
      spec: { node: "node2", ipNetworks: ["10.0.1.1/32", "10.0.1", 3], ports: [{ name: "http" }] },
    };
    const inSets = (...updates: PolicyUpdate[]) => members(run([set(web), set(denyClients), ...updates]));

    it("in the sets of others by what can be read", () => {
      expect(inSets(unreadable(client, text))).toEqual(inSets(set(client)));
    });
    it("by what was known of it, where nothing can be", () => {
      expect(inSets(set(client), unreadable(client))).toEqual(inSets(set(client)));
      expect(inSets(set(client), unreadable(client, { metadata: { labels: { app: "other" } } }))).toEqual(inSets());
      expect(inSets(set(client), unreadable(client), gone(client))).toEqual(inSets());
    });
    it("closed, if it is one of this node, and says so", () => {
      const desired = run([set(web), unreadable(web)]);
      expect(desired.endpoints.size).toBe(0);
      expect([...desired.problems]).toEqual([
        [
          "WorkloadEndpoint default/web",
          "is no JSON; it is closed, and rules of others find 10.0.0.2/32, fd00::2/128 by 1 labels",
        ],
      ]);
      expect([...run([unreadable(client)]).problems.values()]).toEqual([
        "is no JSON; it is closed, and rules of others do not find it: no address of it is known",
      ]);
    });
  });

  it("closes a policy of a tier that does not exist before all others, and says why", () => {
    const problem =
      "spec.tier: there is no tier \"platform\"; it is closed, ingress, for the endpoints with app == 'web'";
    const desired = run([set(web), set(allowClients), set(inPlatform)]);
    expect([...desired.problems]).toEqual([["GlobalNetworkPolicy edge", problem]]);
    expect(toWeb(desired)).toEqual([
      "jump BRDL-pi-edge",
      "return",
      "goto no policy of tier ? allows it",
      "clearMark tier default",
      "jump BRDL-pi-default/allow",
      "return",
      "goto no policy allows it",
    ]);
    expect(run([set(web), set(inPlatform), set(platform(1))]).problems.size).toBe(0);
  });

  it("asks tiers in order, each from the beginning, and leaves the rest to the next where the tier passes on", () => {
    const desired = run([set(web), set(allowClients), set(inPlatform), set(platform(2e6, "Pass"))]);
    expect(toWeb(desired)).toEqual([
      "jump BRDL-pi-default/allow",
      "return",
      "goto no policy allows it",
      "clearMark tier platform",
      "jump BRDL-pi-edge",
      "return",
    ]);
  });

  it("lets a policy that it cannot enforce allow nothing, and says why", () => {
    const desired = run([set(web), set(broken)]);
    expect(chainNames(desired)).toContain("BRDL-pi-broken");
    expect([...desired.problems]).toEqual([
      [
        "GlobalNetworkPolicy broken",
        "spec.ingress[0]: protocol NOSUCH is not known; it is closed, ingress, for all endpoints",
      ],
    ]);
  });
  const interfaces: { name: string; interfaceName: string }[] = [
    { name: "another prefix", interfaceName: "eth0" },
    { name: "a wildcard", interfaceName: "cali+" },
    { name: "too long a name", interfaceName: "cali0123456789ab" },
  ];
  for (const { name, interfaceName } of interfaces) {
    it(`gives no chains to an endpoint whose interface has ${name}, and says why`, () => {
      const desired = run([set({ ...web, spec: { ...web.spec, interfaceName } })]);
      expect(desired.endpoints.size).toBe(0);
      expect([...desired.problems.keys()]).toEqual(["WorkloadEndpoint default/web"]);
    });
  }
  it("has one chain for all that have the same policies and profiles, and their addresses and interfaces lead to it", () => {
    const twin = endpointSample("twin", { labels: { app: "web" }, addresses: ["10.0.0.3"] });
    const desired = run([set(web), set(twin), set(allowClients), set(plainNamespace)]);
    expect(desired.endpoints.get("default/web")?.chains).toEqual(desired.endpoints.get("default/twin")?.chains);
    const ends = ["10.0.0.2/32,caliweb", "10.0.0.3/32,calitwin", "fd00::2/128,caliweb"];
    expect(endsOf(desired, "default/web")).toEqual(ends.flatMap((end) => [end, end]));
    const apart = run([set(web), set({ ...twin, metadata: { ...twin.metadata, labels: {} } }), set(allowClients)]);
    expect(apart.endpoints.get("default/twin")?.chains.Ingress).not.toBe(
      apart.endpoints.get("default/web")?.chains.Ingress,
    );
    expect(endsOf(apart, "default/web")).toEqual(["10.0.0.2/32,caliweb", ...ends, "fd00::2/128,caliweb"]); // What they send is decided alike.
  });
  it("changes no table for a pod whose policies another one has", () => {
    const graph = new PolicyGraph({ node: "node1" });
    for (const update of [set(web), set(allowClients), set(plainNamespace)]) graph.receive(update);
    const before = graph.desired();
    graph.coming.expect(endpointSample("twin", { labels: { app: "web" }, addresses: ["10.0.0.3", "fd00::3"] }));
    const { tables, endpoints } = graph.desired();
    expect([...endpoints.keys()]).toEqual(["default/twin", "default/web"]);
    for (const [index, table] of tables.entries()) expect(table).toBe(before.tables[index]);
  });
  describe("keeps the chains of pods that are gone, where it is told to", () => {
    const policies = [set(allowClients), set(plainNamespace), set(client)];
    const twin = endpointSample("twin", { labels: { app: "web" }, addresses: ["10.0.0.3", "fd00::3"] });
    const left = () => {
      const graph = new PolicyGraph({ node: "node1", keepsDeparted: true });
      for (const update of [...policies, set(web)]) graph.receive(update);
      const { tables } = graph.desired();
      graph.receive(gone(web));
      return { graph, tables };
    };

    it("and lets nobody use them but a pod that has come", () => {
      const { graph, tables } = left();
      const desired = graph.desired();
      expect([desired.tables, desired.endpoints.size]).toEqual([tables, 0]);
      const ways = [...desired.sets.values()].filter(({ growth }) => growth === "admits");
      // To its chain and among all ends, of each direction and family.
      expect(ways.map(({ members: of }) => of.size)).toEqual(Array(8).fill(0));
      graph.receive(set(twin));
      const again = graph.desired();
      for (const [index, table] of again.tables.entries()) expect(table).toBe(tables[index]);
      expect(comparable(again)).toEqual(comparable(run([...policies, set(twin)])));
    });
    it("until they were gone for as long as from one look to the next", () => {
      const { graph, tables } = left();
      expect([graph.forgetDeparted(), graph.desired().tables]).toEqual([false, tables]);
      expect(graph.forgetDeparted()).toBe(true);
      expect(comparable(graph.desired())).toEqual(comparable(run(policies)));
      expect(graph.forgetDeparted()).toBe(false);
    });
    it("as they are with what policies have become", () => {
      const { graph } = left();
      graph.receive(set(denyClients));
      graph.receive(set(elsewhere));
      const tables = (of: PolicyGraph) => of.desired().tables;
      const there = new PolicyGraph({ node: "node1" });
      for (const update of [...policies, set(web), set(denyClients), set(elsewhere)]) there.receive(update);
      expect(tables(graph)).toEqual(tables(there));
      graph.receive(gone(denyClients));
      there.receive(gone(denyClients));
      expect(tables(graph)).toEqual(tables(there));
    });
  });
  it("looks for chains in two steps where a node has many, and each end is found in both", () => {
    const pods = Array.from({ length: 40 }, (_, index) =>
      endpointSample(`pod${index}`, { labels: { app: `app${index}` }, addresses: [`10.0.2.${index}`] }),
    );
    const policies = pods.map((_, index) =>
      policySample(`of${index}`, { selector: `app == 'app${index}'`, ingress: [fromClients] }),
    );
    const desired = run([...pods, ...policies].map(set));
    const [filter] = desired.tables;
    const chains = new Map(filter?.content.chains.map(({ name, rules }) => [name, rules]));
    const led = (end: string, from: string): string => {
      const isMet = ({ matches }: { matches: readonly Match[] }): boolean =>
        matches.every((match) => match.kind === "ends" && desired.sets.get(match.set)?.members.has(end));
      const { target } = chains.get(from)?.find(isMet) ?? assert.fail(`${from} has no rule for ${end}`);
      if (target.kind !== "goto") return target.kind;
      return target.chain.startsWith(from) ? led(end, target.chain) : target.chain;
    };
    for (const [id, { addresses, interfaceName, chains: own }] of desired.endpoints) {
      const end = `${addresses.map(formatAddress).join()}/32,${interfaceName}`;
      expect([id, led(end, "BRDL-FROM-PODS"), led(end, "BRDL-TO-PODS")]).toEqual([id, own.Egress, own.Ingress]);
    }
    expect(led("10.0.2.1/32,calipod2", "BRDL-FROM-PODS")).toBe("drop");
    const steps = [...chains].filter(([name]) => name.startsWith("BRDL-TO-PODS")).map(([, rules]) => rules.length);
    expect(Math.max(...steps)).toBeLessThan(20);
  });
  it("gives one interface to one endpoint", () => {
    const twin = endpointSample("twin", { addresses: ["10.0.0.8"] });
    const desired = run([set(web), set({ ...twin, spec: { ...twin.spec, interfaceName: "caliweb" } })]);
    expect([...desired.endpoints.keys()]).toEqual(["default/twin"]);
  });
  it("writes names that are no names so that iptables takes them", () => {
    const odd = policySample('a\nb "c"', { selector: "app == 'web'", ingress: [fromClients] });
    expect(chainNames(run([set(web), set(odd)])).filter((name) => !/^[-A-Za-z0-9./_]{1,28}$/.test(name))).toEqual([]);
  });
  it("hands out the same members as long as nothing changes", () => {
    const graph = new PolicyGraph({ node: "node1" });
    for (const update of [set(web), set(allowClients), set(client)]) graph.receive(update);
    const first = [...graph.desired().sets.values()][0]?.members;
    graph.receive(set(client));
    expect([...graph.desired().sets.values()][0]?.members).toBe(first);
    graph.receive(gone(client));
    expect(first?.size).toBe(1);
    expect([...graph.desired().sets.values()][0]?.members.size).toBe(0);
  });
});
