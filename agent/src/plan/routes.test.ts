import assert from "node:assert/strict";
import { describeChange, type NewRoute, type Prefix, parseAddress, parsePrefix, type Route } from "@brindle/net";
import { describe, it } from "vitest";
import { desiredRoutes, isOwnRoute, planRoutes, type Resolution, type RouteState, routeKey } from "./routes.ts";

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  assert(parsed, text);
  return parsed;
}

function by(gateway: string, interfaceIndex = 2): Resolution {
  const address = parseAddress(gateway);
  assert(address, gateway);
  return { gateway: address, interfaceIndex };
}

const node2 = "172.30.1.12";
const node3 = "172.30.2.11";
const state: RouteState = {
  learned: new Map([
    ["10.244.1.0/26", [node2]],
    ["10.244.2.0/26", [node3]],
  ]),
  resolved: new Map([
    [node2, by(node2)],
    [node3, by("172.30.1.1")],
  ]),
  ownBlocks: [prefix("10.244.0.0/26")],
};

function steps(
  before: RouteState | null,
  after: RouteState,
  options: Parameters<typeof planRoutes>[2] = { mayDelete: true },
): string[] {
  const actual = before ? desiredRoutes(before) : new Map<string, NewRoute>();
  return planRoutes(desiredRoutes(after), actual, options).map(describeChange);
}

describe("the plan for routes", () => {
  it("adds what is missing: on the link where the next hop is, or behind the router that leads to it", () => {
    assert.deepEqual(steps(null, state), [
      "addRoute blackhole 10.244.0.0/26 metric 4096",
      "addRoute 10.244.1.0/26 via 172.30.1.12 interface 2 metric 2048",
      "addRoute 10.244.2.0/26 via 172.30.1.1 interface 2 metric 2048",
    ]);
  });

  it("goes several ways where BGP does, once by each of them", () => {
    const hops = ["192.0.2.1", "192.0.2.2", "192.0.2.3"];
    const ways = new Map([
      ["192.0.2.1", by("172.30.1.1")],
      ["192.0.2.2", by("172.30.2.1", 3)],
      ["192.0.2.3", by("172.30.1.1")],
    ]);
    const several = { ...state, learned: new Map([["10.244.1.0/26", hops]]), resolved: ways, ownBlocks: [] };
    assert.deepEqual(steps(null, several), [
      "addRoute 10.244.1.0/26 via 172.30.1.1 interface 2 via 172.30.2.1 interface 3 metric 2048",
    ]);
    const fewer = { ...several, resolved: new Map([...ways, ["192.0.2.2", null]]) };
    assert.deepEqual(steps(several, fewer), ["replaceRoute 10.244.1.0/26 via 172.30.1.1 interface 2 metric 2048"]);
    assert.deepEqual(steps(several, { ...several, learned: new Map([["10.244.1.0/26", hops.toReversed()]]) }), []);
  });

  it("is empty when nothing changed", () => {
    assert.deepEqual(steps(state, state), []);
  });

  it("replaces a route whose next hop is reached another way", () => {
    const after = { ...state, resolved: new Map([...state.resolved, [node2, by("172.30.1.1")]]) };
    assert.deepEqual(steps(state, after), ["replaceRoute 10.244.1.0/26 via 172.30.1.1 interface 2 metric 2048"]);
  });

  const without: { name: string; after: RouteState }[] = [
    { name: "is no longer learned", after: { ...state, learned: new Map([["10.244.1.0/26", [node2]]]) } },
    {
      name: "has a next hop to which the kernel knows no way",
      after: { ...state, resolved: new Map([...state.resolved, [node3, null]]) },
    },
  ];
  for (const { name, after } of without) {
    it(`deletes a route that ${name}, and keeps it while it may be an earlier run's`, () => {
      assert.deepEqual(steps(state, after), ["deleteRoute 10.244.2.0/26 via 172.30.1.1 interface 2 metric 2048"]);
      assert.deepEqual(steps(state, after, { mayDelete: false }), []);
      assert.deepEqual(steps(state, after, { mayDelete: new Set(["10.244.1.0/26"]) }), []);
      assert.equal(steps(state, after, { mayDelete: new Set(["10.244.2.0/26"]) }).length, 1);
    });
  }

  it("takes a blackhole for the same whatever interface the kernel names in it", () => {
    const desired = desiredRoutes({ ...state, learned: new Map() });
    const [blackhole] = desired.values();
    assert(blackhole);
    const actual = new Map([[routeKey(blackhole), { ...blackhole, nextHops: [{ interfaceIndex: 1 }] }]]);
    assert.deepEqual(planRoutes(desired, actual, { mayDelete: true }), []);
  });
});

describe("a route is this plan's", () => {
  const own: Route = {
    destination: prefix("10.244.1.0/26"),
    source: null,
    kind: "unicast",
    table: 254,
    protocol: 214,
    scope: 0,
    metric: 2048,
    preferredSource: null,
    nextHops: [],
  };
  const cases: { name: string; route: Route; isOwn: boolean }[] = [
    { name: "with our protocol and a metric of ours", route: own, isOwn: true },
    { name: "not with the metric of local pods", route: { ...own, metric: 1024 }, isOwn: false },
    { name: "not with another's protocol", route: { ...own, protocol: 80 }, isOwn: false },
    { name: "not in another table", route: { ...own, table: 100 }, isOwn: false },
  ];
  for (const { name, route, isOwn } of cases) {
    it(name, () => assert.equal(isOwnRoute(route), isOwn));
  }
});
