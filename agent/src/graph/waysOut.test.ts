import { parseAddress, parsePrefix, type Route } from "@brindle/net";
import { describe, expect, it } from "vitest";
import { WaysOut } from "./waysOut.ts";

const names = ["", "lo", "eth0", "eth1"];

function route(destination: string, interfaces: readonly number[], rest: Partial<Route> = {}): Route {
  const prefix = parsePrefix(destination);
  if (!prefix) throw new TypeError(`${destination} is no prefix`);
  return {
    destination: prefix,
    source: null,
    kind: "unicast",
    table: 254,
    protocol: 3,
    scope: 0,
    metric: 0,
    preferredSource: null,
    nextHops: interfaces.map((interfaceIndex) => ({ interfaceIndex })),
    ...rest,
  };
}

const routes: readonly Route[] = [
  route("0.0.0.0/0", [2, 3]),
  route("0.0.0.0/0", [3], { metric: 100 }),
  route("203.0.113.0/24", [2]),
  route("203.0.113.255/32", [2], { table: 255, kind: "broadcast" }),
  route("10.1.0.0/24", [], { kind: "blackhole" }),
  route("10.2.0.0/24", [3], { table: 100 }),
  route("10.3.0.0/24", [9]),
  route("fe80::/64", [2], { metric: 256 }),
  route("fe80::/64", [3], { metric: 256 }),
  route("2001:db8::/32", [3], { source: parsePrefix("2001:db8:1::/48") }),
];

describe("the ways out of a node", () => {
  const rows: readonly { readonly what: string; readonly to: string; readonly by: readonly string[] }[] = [
    { what: "of several next hops are all of them, by the best metric", to: "198.51.100.9", by: ["eth0", "eth1"] },
    { what: "are those of the longest prefix", to: "203.0.113.2", by: ["eth0"] },
    { what: "lead to none who is for many", to: "203.0.113.255", by: [] },
    { what: "lead to nobody through a blackhole", to: "10.1.0.1", by: [] },
    { what: "are not those of tables that rules choose", to: "10.2.0.1", by: ["eth0", "eth1"] },
    { what: "are not by interfaces that are gone", to: "10.3.0.1", by: [] },
    { what: "to a link-local address may be by each interface", to: "fe80::7", by: ["eth0", "eth1"] },
    { what: "are none where there is no route for each source", to: "2001:db8::1", by: [] },
  ];
  it.each(rows)("$what: $to", ({ to, by }) => {
    for (const order of [routes, routes.toReversed()]) {
      const ways = new WaysOut(order, (index) => names[index]);
      const address = parseAddress(to);
      expect(address && [...ways.towards(address)].sort()).toEqual(by);
    }
  });
});
