import assert from "node:assert/strict";
import type { DeniedFlowLine, PolicyHit } from "@brindle/api";
import { describe, it } from "vitest";
import { Rig } from "../testing.ts";

const lines: readonly DeniedFlowLine[] = [
  {
    flow: {
      atMs: Date.UTC(2026, 10, 20, 12, 0, 0, 7),
      source: { address: "10.1.0.1", port: 40000, pod: "shop/web" },
      destination: { address: "10.1.0.2", port: 5432, pod: "shop/db\u001b[31m" },
      protocol: "tcp",
      direction: "ingress",
      deniedBy: "NetworkPolicy shop/db, ingress rule 2",
      rule: { kind: "NetworkPolicy", namespace: "shop", name: "db", index: 2 },
    },
  },
  { missed: 12 },
  {
    flow: {
      atMs: Date.UTC(2026, 10, 20, 12),
      source: { address: "fd00::9", port: 1 },
      destination: { address: "fd00::1" },
      protocol: "icmpv6",
      icmp: { type: 128, code: 0 },
      direction: null,
      deniedBy: "a policy that has changed since",
    },
  },
  {
    flow: {
      atMs: Date.UTC(2026, 10, 20, 12),
      source: { address: "10.1.0.1", port: 1, pod: "shop/web" },
      destination: { address: "10.1.0.2", port: 5432, pod: "shop/db" },
      protocol: "tcp",
      direction: "ingress",
      deniedBy: "no policy allows it",
      staged: {
        verdict: "allow",
        direction: "ingress",
        by: "StagedNetworkPolicy shop/db, ingress rule 0",
        policies: ["StagedNetworkPolicy shop/db"],
      },
    },
  },
  {
    flow: {
      atMs: Date.UTC(2026, 10, 20, 12),
      source: { address: "203.0.113.7", port: 1 },
      destination: { address: "203.0.113.1", port: 22 },
      protocol: "tcp",
      direction: "ingress",
      hostEndpoint: "uplink",
      deniedBy: "GlobalNetworkPolicy nodes, ingress rule 1",
      rule: { kind: "GlobalNetworkPolicy", name: "nodes", index: 1 },
      staged: {
        verdict: "deny",
        direction: "egress",
        hostEndpoint: "uplink",
        by: "StagedGlobalNetworkPolicy quiet",
        policies: ["StagedGlobalNetworkPolicy quiet"],
      },
    },
  },
  {
    wouldDeny: {
      atMs: Date.UTC(2026, 10, 20, 12),
      source: { address: "10.1.0.1", port: 1, pod: "shop/web" },
      destination: { address: "10.1.0.9", port: 53 },
      protocol: "udp",
      staged: {
        verdict: "deny",
        direction: "egress",
        by: "StagedGlobalNetworkPolicy quiet: no policy allows it",
        policies: ["StagedGlobalNetworkPolicy quiet"],
      },
    },
  },
];
const rig = (): Rig => new Rig({ "flows.denied": () => lines });

describe("flows --denied", () => {
  it("tells each with its rule, and how many are not told", async () => {
    const { exitCode, out } = await rig().run("flows --denied -f");
    assert.deepEqual(out.split("\n"), [
      "12:00:00.007 tcp from shop/web (10.1.0.1:40000) to shop/db [31m (10.1.0.2:5432): denied, ingress of the destination, NetworkPolicy shop/db, ingress rule 2",
      "... and 12 more",
      "12:00:00.000 icmpv6 type 128 code 0 from [fd00::9]:1 to fd00::1: denied, a policy that has changed since",
      "12:00:00.000 tcp from shop/web (10.1.0.1:1) to shop/db (10.1.0.2:5432): denied, ingress of the destination, no policy allows it; would allow, ingress of the destination, StagedNetworkPolicy shop/db, ingress rule 0",
      "12:00:00.000 tcp from 203.0.113.7:1 to 203.0.113.1:22: denied, ingress of HostEndpoint uplink, GlobalNetworkPolicy nodes, ingress rule 1; would deny, egress of HostEndpoint uplink, StagedGlobalNetworkPolicy quiet",
      "12:00:00.000 udp from shop/web (10.1.0.1:1) to 10.1.0.9:53: allowed; would deny, egress of the source, StagedGlobalNetworkPolicy quiet: no policy allows it",
      "",
    ]);
    assert.equal(exitCode, 0);
  });

  it("ends after so many, and gives a program a line each", async () => {
    const { out } = await rig().run("flows --denied --count 1 -o json");
    assert.deepEqual(JSON.parse(out), lines[0]);
  });

  const wrong: [string, RegExp][] = [
    ["flows -f", /write --denied/],
    ["flows --denied", /write -f to follow them/],
    ["flows --denied --count 0", /a number of flows, 1 or more/],
  ];
  it.each(wrong)("refuses %s", async (line, expected) => {
    const { exitCode, err } = await rig().run(line);
    assert.match(err, expected);
    assert.equal(exitCode, 2);
  });
});

const hits: readonly PolicyHit[] = [
  {
    kind: "NetworkPolicy",
    namespace: "shop",
    name: "db",
    direction: "ingress",
    rule: 1,
    action: "deny",
    text: "Deny everything",
    counts: "flows",
    hits: 0,
  },
  {
    kind: "NetworkPolicy",
    namespace: "shop",
    name: "db",
    direction: "ingress",
    rule: 0,
    action: "allow",
    text: "Allow tcp",
    counts: "flows",
    hits: 7,
  },
  {
    kind: "Endpoint",
    namespace: "shop",
    name: "web",
    direction: "egress",
    rule: null,
    action: "deny",
    text: "no policy allows it",
    counts: "flows",
    hits: 9,
  },
  {
    kind: "GlobalNetworkPolicy",
    name: "flood",
    direction: "ingress",
    rule: 0,
    action: "deny",
    text: "Deny udp",
    counts: "packets",
    hits: 8,
  },
];

describe("policy hits", () => {
  it("shows the most first, and of one policy all rules", async () => {
    const asked: object[] = [];
    const agent = {
      "policy.hits": (params: object) => {
        asked.push(params);
        return hits;
      },
    };
    const { out } = await new Rig(agent).run("policy hits");
    assert.deepEqual(out.split("\n"), [
      "HITS        WHO                         RULE        ACTION   SAYS",
      "9           Endpoint shop/web           egress      deny     no policy allows it",
      "8 packets   GlobalNetworkPolicy flood   ingress 0   deny     Deny udp",
      "7           NetworkPolicy shop/db       ingress 0   allow    Allow tcp",
      "0           NetworkPolicy shop/db       ingress 1   deny     Deny everything",
      "",
    ]);
    const one = JSON.parse((await new Rig(agent).run("policy hits shop/db -o json")).out);
    assert.deepEqual(one, [hits[1], hits[0]]);
    assert.deepEqual(asked, [{ all: false }, { all: true }]);
  });

  it("says so where nothing was hit, or nothing is called so", async () => {
    assert.match((await new Rig({ "policy.hits": () => [] }).run("policy hits")).out, /has decided on a flow/);
    assert.match(
      (await new Rig({ "policy.hits": () => hits }).run("policy hits shop/dbb")).out,
      /"shop\/dbb" is counted.*host endpoints/,
    );
  });
});
