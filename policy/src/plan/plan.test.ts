import type { Rule } from "@brindle/api";
import { formatSetElement, type SavedRule, type SetChange } from "@brindle/net";
import { describe, expect, it } from "vitest";
import type { Policy } from "../cluster.ts";
import type { Desired } from "../graph/desired.ts";
import { nothingDesired } from "../graph/nothingDesired.ts";
import { PolicyGraph, type PolicyResource } from "../graph/policyGraph.ts";
import { endpointSample, namespaceProfileSample, policySample } from "../sampleCluster.ts";
import type { Actual, ActualSet } from "./actual.ts";
import { afterPlan } from "./afterPlan.ts";
import { isEmptyPlan, type Plan, plan } from "./plan.ts";
import { bucketsFor, setElementsMax } from "./sets.ts";

const nothing: Actual = { tables: [], sets: new Map() };
const selector = "app == 'web'";
const fromA: Rule = { action: "Allow", source: { selector: "role == 'a'" } };
const denyB: Rule = { action: "Deny", source: { selector: "role == 'b'" } };

/** A node with the pod `web`, and pods elsewhere of the given roles: the name of each is its address's last number. */
function state(policies: readonly Policy[], roles: Readonly<Record<string, string>>): Desired {
  return stateOf([endpointSample("web", { labels: { app: "web" }, addresses: ["10.0.0.1"] }), ...policies], roles);
}

function stateOf(resources: readonly PolicyResource[], roles: Readonly<Record<string, string>>): Desired {
  const graph = new PolicyGraph({ node: "node1" });
  const others = Object.entries(roles).map(([last, role]) =>
    endpointSample(`pod${last}`, { labels: { role }, addresses: [`10.0.0.${last}`], node: "node2" }),
  );
  for (const value of [...resources, ...others, namespaceProfileSample("default")]) {
    graph.receive({ key: { kind: value.kind, ...value.metadata }, value });
  }
  return graph.desired();
}

/** A node with the pods of the given applications, beside those of `roles` elsewhere. */
function node(
  apps: Readonly<Record<string, string>>,
  { policies = [], roles = {} }: { policies?: readonly Policy[]; roles?: Readonly<Record<string, string>> } = {},
): Desired {
  const pods = Object.entries(apps).map(([last, app]) =>
    endpointSample(`web${last}`, { labels: { app }, addresses: [`10.0.0.${last}`] }),
  );
  return stateOf([...pods, ...policies], roles);
}

const policy = (...ingress: Rule[]): Policy => policySample("p", { selector, ingress });
const policies: readonly Policy[] = [policy(fromA), policySample("q", { selector: "app == 'db'", ingress: [fromA] })];
/** The sets of the dispatch, of what comes to pods alone, and all of IPv4. */
const dispatch = /^brdl4[ft]_/;
const toPods = /^brdl4t_/;
const all = /^brdl4/;

/** The rules of others in FORWARD, and what comes behind our hook then. */
const ends: readonly { name: string; rules: readonly string[]; order: readonly string[] }[] = [
  { name: "behind those of others", rules: ["-s 192.0.2.1 -j DROP"], order: ["DROP", "BRDL-FORWARD-END"] },
  {
    name: "before one that rejects all that is left",
    rules: ["-j KUBE-FORWARD", "-j REJECT --reject-with icmp-host-prohibited"],
    order: ["KUBE-FORWARD", "BRDL-FORWARD-END", "REJECT"],
  },
  {
    name: "before one that drops all that is left, with a comment",
    rules: ["-m comment --comment end -j DROP"],
    order: ["BRDL-FORWARD-END", "DROP"],
  },
  {
    name: "behind a denial that others come after",
    rules: ["-j DROP", "-j X"],
    order: ["DROP", "X", "BRDL-FORWARD-END"],
  },
];

function applied(desired: Desired, actual: Actual = nothing): Actual {
  return afterPlan(actual, plan(desired, actual), desired, new Set());
}

/** `+a2` for an addition of 10.0.0.2 to an IPv4 set of policies of generation a. The sets of IPv6 are empty here. */
function words(changes: readonly SetChange[], sets = /^brdl4_/): string[] {
  return changes.flatMap((change) => {
    const name = change.op === "create" ? change.set.name : change.name;
    if (!sets.test(name)) return [];
    if (change.op === "create") return [`create ${name.slice(-1)}`];
    const sign = { add: "+", delete: "-" } as const;
    if (!("elements" in change)) return [`${change.op} ${change.name.slice(-1)}`];
    return change.elements.map(
      (element) => `${sign[change.op]}${change.name.slice(-1)}${element.address.value & 255n}`,
    );
  });
}

function chainsOf({ commits }: Plan): string[] {
  return commits
    .filter(({ family }) => family === 4)
    .flatMap(({ transaction }) => (transaction.chains ?? []).map(({ name }) => name));
}

function editsOf({ commits }: Plan): string[] {
  return commits
    .filter(({ family, transaction }) => family === 4 && transaction.table === "filter")
    .flatMap(({ transaction }) => (transaction.hooks ?? []).map(({ op, chain }) => `${op} ${chain}`));
}

describe("a plan", () => {
  it("is empty where everything is as it should be", () => {
    const desired = state([policy(fromA)], { 2: "a" });
    expect(isEmptyPlan(plan(desired, applied(desired)))).toBe(true);
  });
  it("makes sets before the rules that refer to them", () => {
    const toDo = plan(state([policy(fromA)], { 2: "a" }), nothing);
    expect([words(toDo.before), words(toDo.after)]).toEqual([["create a", "+a2"], []]);
    expect(chainsOf(toDo)).toContain("BRDL-pi-default/p");
  });
  it("adds a pod to the dispatch and takes it out again without a commit, where another one has its policies", () => {
    const one = applied(node({ 1: "" }));
    const two = node({ 1: "", 2: "" });
    const more = plan(two, one);
    expect([more.commits, words(more.before, dispatch), words(more.after, dispatch)]).toEqual([[], [], ["+a2", "+a2"]]);
    const both = applied(two, one);
    expect(isEmptyPlan(plan(node({ 1: "", 2: "" }), both))).toBe(true);
    const less = plan(node({ 1: "" }), both);
    expect([less.commits, words(less.before, dispatch), words(less.after, dispatch)]).toEqual([[], ["-a2", "-a2"], []]);
  });
  it("lets a pod come to its chain after all else has changed, and takes it out before", () => {
    const few = node({ 7: "web" }, { policies, roles: { 1: "a" } });
    const many = node({ 7: "web", 8: "web" }, { policies, roles: { 2: "a" } });
    const more = plan(many, applied(few));
    expect([more.commits, words(more.before, all), words(more.after, all)]).toEqual([
      [],
      ["+a2", "-a1"],
      ["+a8", "+a8", "+a8", "+a8"],
    ]);
    const less = plan(few, applied(many));
    expect([less.commits, words(less.before, all), words(less.after, all)]).toEqual([
      [],
      ["-a8", "-a8", "-a8", "-a8", "+a1", "-a2"],
      [],
    ]);
  });
  it("adds one rule for a list of policies that is new: its pod comes with the commit, others after it", () => {
    const before = applied(node({ 7: "web", 8: "" }, { policies }));
    const toDo = plan(node({ 7: "web", 8: "", 9: "db", 10: "web" }, { policies }), before);
    expect(editsOf(toDo)).toEqual(["insert BRDL-TO-PODS"]);
    expect(chainsOf(toDo).map((name) => name.slice(0, 8))).toEqual(["BRDL-pi-", "BRDL-to-"]);
    expect([words(toDo.before, toPods), words(toDo.after, toPods)]).toEqual([["create a", "+a9"], ["+a10"]]);
  });
  it("moves a pod from one chain to another by one commit, and not from set to set", () => {
    const before = applied(node({ 7: "web", 8: "db", 9: "db" }, { policies }));
    const after = node({ 7: "web", 8: "db", 9: "web" }, { policies });
    const toDo = plan(after, before);
    expect(words(toDo.before, dispatch).toSorted()).toEqual(["+b7", "+b8", "+b9", "create b", "create b"]);
    expect(words(toDo.after, dispatch)).toEqual(["destroy a", "destroy a"]);
    expect(chainsOf(toDo)).toEqual(["BRDL-TO-PODS"]);
    expect(isEmptyPlan(plan(after, afterPlan(before, toDo, after, new Set())))).toBe(true);
  });
  it("so too where nobody else has, or had, the one chain or the other", () => {
    const [one, both] = [node({ 7: "web", 8: "web" }, { policies }), node({ 7: "web", 8: "db" }, { policies })];
    const joined = plan(one, applied(both));
    expect(words(joined.before, toPods)).toEqual(["create b", "+b7", "+b8"]);
    expect(words(joined.after, toPods)).toEqual(["destroy a", "destroy a"]);
    const parted = plan(both, applied(one));
    expect(words(parted.before, toPods).toSorted()).toEqual(["+a8", "+b7", "create a", "create b"]);
    expect(words(parted.after, toPods)).toEqual(["destroy a"]);
  });
  it("changes no set in place, too, where a pod's list of policies is new: its old rules would meet what is for the new ones", () => {
    const more = policySample("r", { selector, ingress: [denyB] });
    const before = node({ 7: "web" }, { policies, roles: { 1: "a" } });
    const toDo = plan(node({ 7: "web" }, { policies: [...policies, more], roles: { 2: "a" } }), applied(before));
    expect(words(toDo.before, /^brdl4_/).toSorted()).toEqual(["+b2", "create a", "create b"]);
    expect(words(toDo.after, /^brdl4_/)).toEqual(["destroy a"]);
  });
  describe("where a pod goes to other rules and is in other sets at once", () => {
    const toWeb = policySample("to-web", { selector, ingress: [fromA] });
    const toA = policySample("to-a", { selector: "role == 'a'", ingress: [fromA] });
    const pods = (role: string, ...more: readonly PolicyResource[]): Desired =>
      stateOf(
        [
          endpointSample("web", { labels: { app: "web" }, addresses: ["10.0.0.1"] }),
          endpointSample("moves", { labels: { role }, addresses: ["10.0.0.9"] }),
          ...[toWeb, toA, ...more],
        ],
        { 2: "a" },
      );
    const rulesOf = (toDo: Plan): string[] => [...words(toDo.before), ...words(toDo.after)].toSorted();
    const anew = ["+b2", "+b9", "create b", "destroy a"];

    it("changes the sets in place where as a destination it goes, and as a source it is looked for", () => {
      const toDo = plan(pods("a"), applied(pods("b")));
      expect(rulesOf(toDo)).toEqual(["+a9"]);
      expect(chainsOf(toDo).filter((name) => name.startsWith("BRDL-pi-default/to-web"))).toEqual([]);
      const back = plan(pods("b"), applied(pods("a")));
      expect(rulesOf(back)).toEqual(["-a9"]);
    });
    it("whatever that does to the groups by which others come to their chains", () => {
      const names = Array.from({ length: 16 }, (_, index) => `more${index}`);
      const others = names.map((name, index) =>
        endpointSample(name, { labels: { app: name }, addresses: [`10.0.1.${index}`] }),
      );
      const apart = names.map((name) => policySample(name, { selector: `app == '${name}'`, ingress: [fromA] }));
      for (const count of names.keys()) {
        const more = [...others.slice(0, count + 1), ...apart];
        const toDo = plan(pods("a", ...more), applied(pods("b", ...more)));
        expect(rulesOf(toDo)).toEqual(["+a9"]);
      }
    });
    it("makes them anew where it goes as a source, too", () => {
      const fromRole = policySample("from-a", {
        selector: "role == 'a'",
        types: ["Egress"],
        egress: [{ action: "Allow" }],
      });
      const toDo = plan(pods("a", fromRole), applied(pods("b", fromRole)));
      expect(rulesOf(toDo)).toEqual(anew);
    });
    it("makes them anew where as a destination it is looked for, too", () => {
      const byDestination = policySample("far", {
        selector,
        types: ["Egress"],
        egress: [{ action: "Allow", destination: { selector: "role == 'a'" } }],
      });
      const toDo = plan(pods("a", byDestination), applied(pods("b", byDestination)));
      expect(rulesOf(toDo)).toEqual(anew);
    });
    it("makes them anew where somebody else is in other sets, too", () => {
      const other = (role: string): PolicyResource =>
        endpointSample("other", { labels: { role }, addresses: ["10.0.0.3"], node: "node2" });
      const toDo = plan(pods("a", other("a")), applied(pods("b", other("b"))));
      expect(rulesOf(toDo)).toEqual(["+b2", "+b3", "+b9", "create b", "destroy a"]);
    });
  });
  it("mends an end that somebody has taken out of one set without touching others", () => {
    const desired = node({ 7: "web", 8: "web" });
    const actual = applied(desired);
    const robbed = ([name, set]: [string, ActualSet]): [string, ActualSet] => {
      const left = [...set.members.values()].filter((element) => !formatSetElement(element).startsWith("10.0.0.8/"));
      const members = new Map(left.map((element) => [formatSetElement(element), element]));
      return toPods.test(name) ? [name, { ...set, members }] : [name, set];
    };
    const toDo = plan(desired, { ...actual, sets: new Map([...actual.sets].map(robbed)) });
    expect([toDo.before, toDo.commits, words(toDo.after, all)]).toEqual([[], [], ["+a8"]]);
  });
  it("fills a dispatch anew that somebody else has changed", () => {
    const desired = state([], {});
    const before = applied(desired);
    const spoiled = (rules: (rules: readonly SavedRule[]) => readonly SavedRule[]): Actual => ({
      ...before,
      tables: before.tables.map((table) => ({
        ...table,
        chains: new Map(
          [...table.chains].map(([name, chain]) =>
            name === "BRDL-TO-PODS" ? [name, { ...chain, rules: rules(chain.rules) }] : [name, chain],
          ),
        ),
      })),
    });
    const foreign: SavedRule = { arguments: ["-j", "ACCEPT"], counters: null };
    for (const change of [
      (rules: readonly SavedRule[]) => [foreign, ...rules],
      (rules: readonly SavedRule[]) => rules.slice(0, -1),
      (rules: readonly SavedRule[]) => [...rules.slice(0, 1), ...rules],
      (rules: readonly SavedRule[]) => [...rules].reverse(),
    ]) {
      expect(chainsOf(plan(desired, spoiled(change)))).toContain("BRDL-TO-PODS");
    }
  });
  it("changes sets in place while no rule changes, and no table", () => {
    const before = applied(state([policy(fromA)], { 2: "a", 3: "a" }));
    const toDo = plan(state([policy(fromA)], { 3: "a", 4: "a" }), before);
    expect([words(toDo.before), toDo.commits, toDo.after]).toEqual([["+a4", "-a2"], [], []]);
  });
  describe("where rules of both ends look for who changes", () => {
    const roleA = { selector: "role == 'a'" };
    const bothWays = [
      policySample("in", { selector, types: ["Ingress"], ingress: [{ action: "Allow", source: roleA }] }),
      policySample("out", {
        selector,
        types: ["Egress"],
        egress: [{ action: "Allow", destination: { selector: "role == 'b'" } }],
      }),
    ];
    const local = (roles: readonly string[]): Desired =>
      stateOf(
        [
          ...bothWays,
          ...roles.map((role, index) =>
            endpointSample(`web${index}`, { labels: { app: "web", role }, addresses: [`10.0.0.${10 + index}`] }),
          ),
        ],
        {},
      );

    it("changes sets in place for pods elsewhere, however many", () => {
      const toDo = plan(
        state(bothWays, { 2: "b", 3: "a", 4: "b" }),
        applied(state(bothWays, { 2: "a", 3: "b", 4: "a" })),
      );
      expect([words(toDo.before).toSorted(), toDo.commits]).toEqual([["+a2", "+a3", "+a4", "-a2", "-a3", "-a4"], []]);
    });
    it("and for one pod here whom all rules look for as the far end, either way", () => {
      const allowed = ["a", "b"].map((role) => ({ selector: `role == '${role}'` }));
      const eitherWay = policySample("p", {
        selector,
        types: ["Ingress", "Egress"],
        ingress: allowed.map((source): Rule => ({ action: "Allow", source })),
        egress: allowed.map((destination): Rule => ({ action: "Allow", destination })),
      });
      const labelled = (role: string): Desired =>
        stateOf([eitherWay, endpointSample("web", { labels: { app: "web", role }, addresses: ["10.0.0.10"] })], {});
      const toDo = plan(labelled("b"), applied(labelled("a")));
      expect([words(toDo.before), toDo.commits]).toEqual([["+a10", "-a10"], []]);
    });
    it("and for one pod here, but not for two that send each other something", () => {
      const one = plan(local(["b", "a"]), applied(local(["a", "a"])));
      expect([words(one.before), one.commits]).toEqual([["+a10", "-a10"], []]);
      const two = plan(local(["b", "b", "a"]), applied(local(["a", "a", "a"])));
      expect(words(two.before).toSorted()).toEqual(["+b10", "+b11", "+b12", "create b", "create b"]);
    });
  });
  it("tightens before it loosens", () => {
    const rules = policy(denyB, fromA);
    const toDo = plan(state([rules], { 2: "b", 3: "a" }), applied(state([rules], { 2: "a", 3: "b" })));
    // 2 is denied before it leaves the allowed; 3 is allowed before it leaves the denied.
    expect(words(toDo.before)).toEqual(["+a2", "+a3", "-a2", "-a3"]);
    expect(toDo.before.every(({ waits }) => waits)).toBe(true);
  });
  it("makes sets anew that change together with the rules of someone", () => {
    const before = applied(state([policy(fromA)], { 2: "a" }));
    const toDo = plan(state([policy(fromA, { action: "Deny" })], { 2: "a", 3: "a" }), before);
    expect([words(toDo.before), words(toDo.after)]).toEqual([["create b", "+b2", "+b3"], ["destroy a"]]);
  });
  it("leaves sets alone that do not change, whatever the rules do", () => {
    const before = applied(state([policy(fromA)], { 2: "a" }));
    const toDo = plan(state([policy(fromA, { action: "Deny" })], { 2: "a" }), before);
    expect([words(toDo.before), words(toDo.after), chainsOf(toDo)]).toEqual([[], [], ["BRDL-pi-default/p"]]);
  });
  it("changes no set in place beside one that is made anew: rules would meet its loss before they move", () => {
    const rules = policy(denyB, { action: "Pass", source: { selector: "role == 'a'" } });
    const before = applied(state([rules], { 2: "a", 3: "b" }));
    const toDo = plan(state([rules], { 3: "a", 4: "b" }), before);
    expect(words(toDo.before)).toEqual(["create b", "+b4", "create b", "+b3"]);
    expect(words(toDo.after)).toEqual(["destroy a", "destroy a"]);
  });

  it("makes a set anew whose growth may do either", () => {
    const both = policy(fromA, { ...fromA, action: "Deny" });
    const toDo = plan(state([both], { 2: "a", 3: "a" }), applied(state([both], { 2: "a" })));
    expect([words(toDo.before), words(toDo.after)]).toEqual([["create b", "+b2", "+b3"], ["destroy a"]]);
  });
  it("trusts nothing that is in a set which no rule refers to", () => {
    const desired = state([policy(fromA)], { 2: "a" });
    const sets = new Map([...applied(desired).sets].map(([name, set]): [string, ActualSet] => [name, set]));
    expect(words(plan(desired, { tables: [], sets }).before)).toEqual(["flush a", "+a2"]);
  });
  it("makes a set anew that would be full in place, and one that was left and is too small", () => {
    const desired = state([policy(fromA)], { 2: "a" });
    const more = state([policy(fromA)], { 2: "a", 3: "a" });
    const withRoomFor = (maxElements: number, sets: Actual["sets"]): Actual["sets"] =>
      new Map([...sets].map(([name, set]): [string, ActualSet] => [name, { ...set, maxElements }]));
    const actual = applied(desired);
    const room = (maxElements: number): Actual => ({ ...actual, sets: withRoomFor(maxElements, actual.sets) });
    const inPlace = plan(more, room(2));
    expect([words(inPlace.before), words(inPlace.after)]).toEqual([["+a3"], []]);
    const anew = plan(more, room(1));
    expect([words(anew.before), words(anew.after)]).toEqual([["create b", "+b2", "+b3"], ["destroy a"]]);
    const left = plan(more, { tables: [], sets: withRoomFor(1, actual.sets) });
    expect(words(left.before)).toEqual(["destroy a", "create a", "+a2", "+a3"]);
  });
  it("gives a set room for twice its members", () => {
    expect([0, 1, 500_000, 524_289, 3_000_000].map(setElementsMax)).toEqual([
      ...[1_048_576, 1_048_576, 1_048_576, 2_097_152, 8_388_608],
    ]);
    const created = [...applied(state([policy(fromA)], { 2: "a" })).sets.values()];
    expect(created.every(({ maxElements }) => maxElements === setElementsMax(1))).toBe(true);
  });
  it("gives a set as many buckets as it fills, of ends fewer to begin with, and says nothing where the kernel gives as many", () => {
    const usual = [0, 1, 2_048, 2_049, 20_000].map((members) => bucketsFor("hash:net", members));
    expect(usual).toEqual([{}, {}, {}, { hashSize: 2_048 }, { hashSize: 16_384 }]);
    const ofEnds = [0, 1, 128, 250, 2_000, 2_049].map((members) => bucketsFor("hash:net,iface", members));
    expect(ofEnds.map(({ hashSize }) => hashSize)).toEqual([64, 64, 64, 128, undefined, 2_048]);
    const created = plan(state([policy(fromA)], { 2: "a" }), nothing).before.flatMap((change) =>
      change.op === "create" ? change.set : [],
    );
    expect(created.length).toBeGreaterThan(2);
    for (const { type, hashSize } of created) expect(hashSize).toBe(type === "hash:net,iface" ? 64 : undefined);
  });
  it("makes a set of another type anew", () => {
    const desired = state([policy(fromA)], { 2: "a" });
    const actual = applied(desired);
    const sets = new Map(
      [...actual.sets].map(([name, set]): [string, ActualSet] => [name, { ...set, type: "hash:ip" }]),
    );
    const toDo = plan(desired, { ...actual, sets });
    expect([words(toDo.before), words(toDo.after)]).toEqual([["create b", "+b2"], ["destroy a"]]);
  });
  it.each(ends)("puts what accepts last $name", ({ rules, order }) => {
    const desired = state([], {});
    const filter = applied(desired).tables.find(({ family, table }) => family === 4 && table === "filter");
    const chain = filter?.chains.get("FORWARD");
    if (!filter || !chain) throw new Error("the filter has a chain FORWARD");
    const saved = rules.map((text): SavedRule => ({ arguments: text.split(" "), counters: null }));
    const withRules = (before: readonly SavedRule[]): Actual => ({
      tables: [{ ...filter, chains: new Map([...filter.chains, ["FORWARD", { ...chain, rules: before }]]) }],
      sets: new Map(),
    });
    const [ours, end] = chain.rules;
    if (!ours || !end) throw new Error("there are two hooks");
    for (const before of [saved, [ours, ...saved, end]]) {
      const after = applied(desired, withRules(before)).tables.find(
        ({ family, table }) => family === 4 && table === "filter",
      );
      const targets = after?.chains.get("FORWARD")?.rules.map(({ arguments: words }) => words[words.indexOf("-j") + 1]);
      expect(targets).toEqual(["BRDL-FORWARD", ...order]);
    }
  });
  it("takes away all that is ours when nothing is desired", () => {
    const toDo = plan(nothingDesired, applied(state([policy(fromA)], { 2: "a" })));
    expect(words(toDo.after)).toEqual(["destroy a"]);
    const [filter] = toDo.commits;
    expect(filter?.transaction.hooks?.map(({ op, chain }) => `${op} ${chain}`)).toEqual([
      "delete FORWARD",
      "delete FORWARD",
      "delete INPUT",
      "delete OUTPUT",
    ]);
    expect(isEmptyPlan(plan(nothingDesired, applied(nothingDesired, applied(state([], {})))))).toBe(true);
  });
  it("does not touch what others have", () => {
    const foreign = { name: "FORWARD", policy: "DROP", rules: [{ arguments: ["-j", "OTHERS"], counters: null }] };
    const others = { name: "OTHERS", policy: null, rules: [] };
    const chains = new Map([foreign, others].map((chain) => [chain.name, chain]));
    const actual: Actual = { tables: [{ family: 4, table: "filter", chains }], sets: new Map() };
    const after = applied(nothingDesired, applied(state([], {}), actual));
    expect(after.tables.find(({ family, table }) => family === 4 && table === "filter")?.chains.get("FORWARD")).toEqual(
      foreign,
    );
    expect(after.tables.find(({ family, table }) => family === 4 && table === "filter")?.chains.get("OTHERS")).toEqual(
      others,
    );
  });
});
