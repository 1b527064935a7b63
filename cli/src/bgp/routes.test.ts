import assert from "node:assert/strict";
import type { RouteQuery, RouteStatus } from "@brindle/bgp";
import { describe, it } from "vitest";
import { Rig } from "../testing.ts";

const best: RouteStatus = {
  prefix: "10.1.0.0/26",
  best: true,
  from: "node2",
  nextHop: "172.30.1.12",
  asPath: "",
  origin: "igp",
  localPref: 100,
  med: null,
  communities: [],
  largeCommunities: [],
  lostBy: null,
  lostByRule: null,
  refusedBy: null,
  used: true,
};
const other: RouteStatus = {
  ...best,
  best: false,
  used: false,
  from: "tor-a",
  nextHop: "172.30.1.1",
  asPath: "65001 64512",
  localPref: null,
  communities: ["65001:7", "65001:8"],
  lostBy: "asPathLength",
  lostByRule: 3,
};

function rig(routes: readonly RouteStatus[], asked: RouteQuery[] = []): Rig {
  return new Rig({
    "bgp.summary": () => ({ peers: [{ name: "tor-a" }, { name: "node2" }] }),
    "bgp.routes": (query) => {
      asked.push(query);
      return routes;
    },
  });
}

describe("bgp routes", () => {
  const queries: { line: string; query: RouteQuery }[] = [
    { line: "", query: { bestOnly: true, limit: 1000 } },
    { line: "--all --family 6", query: { bestOnly: false, family: 6, limit: 1000 } },
    { line: "10.1.0.7/26", query: { bestOnly: false, prefix: "10.1.0.0/26", limit: 1000 } },
    { line: "FD00:0::/64", query: { bestOnly: false, prefix: "fd00::/64", limit: 1000 } },
    { line: "10.1.0.7", query: { bestOnly: false, covering: "10.1.0.7", limit: 1000 } },
    { line: "FD00:0::7", query: { bestOnly: false, covering: "fd00::7", limit: 1000 } },
    { line: "--peer tor-a --limit 5", query: { bestOnly: true, peer: "tor-a", limit: 5 } },
    { line: "--peer local", query: { bestOnly: true, peer: "local", limit: 1000 } },
    { line: "--advertised-to node2", query: { bestOnly: true, advertisedTo: "node2", limit: 1000 } },
  ];
  it.each(queries)("asks for what `$line` says", async ({ line, query }) => {
    const asked: RouteQuery[] = [];
    assert.equal((await rig([], asked).run(`bgp routes ${line}`)).out, "no such routes\n");
    assert.deepEqual(asked, [query]);
  });

  it("says of each route whether it is the best, or by which rule it lost", async () => {
    assert.equal(
      (await rig([best, other]).run("bgp routes 10.1.0.0/26")).out,
      [
        "PREFIX        NEXT HOP      FROM    AS PATH       LOCAL PREF   MED   DECISION",
        "10.1.0.0/26   172.30.1.12   node2   -             100          -     best",
        "10.1.0.0/26   172.30.1.1    tor-a   65001 64512   -            -     lost by AS path length (rule 3)",
        "",
      ].join("\n"),
    );
    assert.match((await rig([other]).run("bgp routes --all -o wide")).out, /igp +65001:7 65001:8\n$/);
  });

  it("says which other routes are used, too", async () => {
    const beside = { ...other, used: true, lostBy: "bgpId", lostByRule: 8 };
    const { out } = await rig([best, beside]).run("bgp route 10.1.0.0/26");
    assert.match(out, /used beside the best; lost by BGP identifier \(rule 8\)\n$/);
  });

  it("names the prefix that it found for an address", async () => {
    const { out } = await rig([best, other]).run("bgp route 10.1.0.7");
    assert.match(out, /^of the prefixes that hold 10\.1\.0\.7, 10\.1\.0\.0\/26 is the most specific\nPREFIX /);
    assert.equal((await rig([]).run("bgp route 10.1.0.7")).out, "no such routes\n");
  });

  it("tells when there may be more than was asked for", async () => {
    assert.match((await rig([best, other]).run("bgp routes --limit 2")).err, /^these are the first 2 routes/);
    assert.equal((await rig([best, other]).run("bgp routes --limit 3")).err, "");
  });

  it("fails for a peer that does not exist, rather than show no routes", async () => {
    const { exitCode, err } = await rig([]).run("bgp routes --peer tor-b");
    assert.deepEqual([exitCode, err], [1, 'there is no peer "tor-b"; did you mean tor-a?\n']);
  });
});
