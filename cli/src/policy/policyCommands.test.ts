import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { Rig } from "../testing.ts";
import { namespaceManifest, podManifest } from "./sampleCluster.ts";

const endpoint = (pod: string, addresses: string): string =>
  podManifest(pod, { addresses, profiles: ["ksa.shop.gone"] });

const manifests = `${endpoint("web", "10.1.0.1/32, 'fd00::1/128'")}${endpoint("db", "10.1.0.2/32, 'fd00::2/128'")}${namespaceManifest()}apiVersion: projectcalico.org/v3
kind: Tier
metadata: {name: platform}
spec: {order: 10, defaultAction: Pass}
---
apiVersion: projectcalico.org/v3
kind: Tier
metadata: {name: idle}
spec: {order: 20}
---
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: no-office}
spec:
  tier: platform
  order: 5
  selector: app == 'db'
  types: [Ingress]
  ingress: [{action: Deny, source: {selector: place == 'office', namespaceSelector: global()}}]
---
apiVersion: projectcalico.org/v3
kind: GlobalNetworkSet
metadata: {name: office, labels: {place: office}}
spec: {nets: [203.0.113.0/24]}
---
apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  selector: app == 'db'
  types: [Ingress]
  ingress:
    - {action: Allow, protocol: TCP, source: {selector: app == 'web'}, destination: {ports: [5432]}}
    - {action: Allow, source: {selector: app == 'wbe'}}
---
apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: {name: cache, namespace: shop}
spec: {selector: app == 'cache', ingress: [{action: Allow}]}
`;

describe("policy effective", () => {
  it("shows tiers, policies, rules and what comes behind, from manifests and from the datastore alike", async () => {
    const rig = new Rig();
    const offline = await rig.run("policy effective db -n shop -f -", manifests);
    assert.equal(offline.err, "");
    assert.deepEqual(offline.out.split("\n"), [
      "shop/node1-k8s-db-eth0 on node1: 10.1.0.2, fd00::2",
      "ingress: policies decide",
      "  tier platform",
      "    GlobalNetworkPolicy no-office, order 5",
      "      0 Deny from endpoints with place == 'office' and namespaces with global()",
      "    what none of them decides is passed on",
      "  NetworkPolicy shop/db",
      "    0 Allow tcp from endpoints with app == 'web' to port 5432",
      "    1 Allow from endpoints with app == 'wbe'",
      "  what none of them decides is denied",
      "egress: no policy, its profiles decide",
      "  Profile kns.shop",
      "    0 Allow everything",
      "  Profile ksa.shop.gone, which does not exist",
      "",
    ]);
    await rig.run("apply -f -", manifests);
    assert.deepEqual(await rig.run("policy effective shop/db"), offline);
  });

  it("gives a program all of it", async () => {
    const { out } = await new Rig().run("policy effective shop/db -o json -f -", manifests);
    const { ingress, egress } = JSON.parse(out);
    assert.deepEqual(
      ingress.tiers.map(
        ({ name, defaultAction, policies }: { name: string; defaultAction: string; policies: object[] }) => [
          name,
          defaultAction,
          policies.length,
        ],
      ),
      [
        ["platform", "Pass", 1],
        ["default", "Deny", 1],
      ],
    );
    assert.deepEqual(egress.tiers, []);
    assert.deepEqual(egress.profiles, [
      { name: "kns.shop", rules: [{ action: "Allow" }] },
      { name: "ksa.shop.gone", rules: null },
    ]);
  });

  it("fails for a pod that does not exist", async () => {
    const { exitCode, err } = await new Rig().run("policy effective shop/dbb -f -", manifests);
    assert.match(err, /there is no pod or workload endpoint "shop\/dbb"; did you mean shop\/db\?/);
    assert.equal(exitCode, 1);
  });
});

describe("policy test", () => {
  const line = "policy test -f cases.yaml --cluster cluster.yaml";
  const run = (cases: string) => new Rig().run(line, { "cases.yaml": cases, "cluster.yaml": manifests });

  it("tells which cases hold, explains those that fail, and ends with 1 then", async () => {
    const { exitCode, out, err } = await run(`cases:
  - {name: the web servers reach the database, from: shop/web, to: shop/db, port: 5432, expect: allow}
  - {from: 203.0.113.9, to: shop/db, port: 5432/tcp, expect: deny}
  - {from: shop/web, to: shop/db, port: 22/tcp, expect: allow}
  - {from: shop/web, to: shop/nobody, expect: deny}
`);
    assert.equal(err, "");
    assert.match(
      out,
      /^ok {4}the web servers reach the database\nok {4}203\.0\.113\.9 to shop\/db port 5432\/tcp\nFAIL {2}shop\/web to shop\/db port 22\/tcp\n {6}tcp from 10\.1\.0\.1 to 10\.1\.0\.2 port 22: DENIED\n/,
    );
    assert.match(out, /FAIL {2}shop\/web to shop\/nobody port 80\/tcp\n {6}there is no pod .*\n2 passed, 2 failed\n$/);
    assert.equal(exitCode, 1);
  });

  it("ends with 0 where all hold, against the datastore too", async () => {
    const rig = new Rig();
    await rig.run("apply -f -", manifests);
    const cases = "cases: [{from: shop/web, to: shop/db, port: icmp, expect: deny}]";
    const { exitCode, out } = await rig.run("policy test -f -", cases);
    assert.deepEqual([exitCode, out], [0, "ok    shop/web to shop/db port icmp\n1 passed, 0 failed\n"]);
  });

  const caseWith = (fields: string): string =>
    `cases:\n- {from: a, ${fields.includes("to:") ? "" : "to: b, "}${fields}}`;
  const wrong: [string, string, RegExp][] = [
    ["no YAML", "cases:\n- [", /^cases\.yaml, document 1, line \d, column \d: /],
    ["nothing", "", /^there is no case in cases\.yaml$/],
    ["no list", "cases: 7", /^cases\.yaml, document 1, line 1: this is no file of cases: it has no list called cases$/],
    ["no cases", "cases: []", /^cases\.yaml, document 1, line 1: cases: the list is empty$/],
    [
      "another field",
      "case: 1\ncases: [7]",
      /line 1: case: a file of cases has only cases\n.*line 2: cases\[0\]: a case has/,
    ],
    [
      "a verdict that is none",
      caseWith("expect: maybe"),
      /line 2: cases\[0\]\.expect: "maybe" is neither allow nor deny$/,
    ],
    ["no verdict", caseWith("port: 1"), /line 2: cases\[0\]\.expect: is missing: write allow or deny$/],
    [
      "a field that is none",
      caseWith("expect: deny, ports: 1"),
      /cases\[0\]\.ports: is no field of a case; did you mean port\?$/,
    ],
    ["an end that is none", caseWith("expect: deny, to: 7"), /line 2: cases\[0\]\.to: 7 names nobody$/],
    [
      "no end",
      "cases:\n- {from: a, expect: deny}",
      /line 2: cases\[0\]\.to: is missing: name a pod, an address or a Service$/,
    ],
    [
      "a port that is none",
      caseWith("expect: deny, port: 0"),
      /line 2: cases\[0\]\.port: 0 is no port from 1 to 65535/,
    ],
    [
      "a protocol that is none",
      caseWith("expect: deny, port: 53/dup"),
      /cases\[0\]\.port: "53\/dup" is no port with its/,
    ],
    [
      "a port in words that mean something where texts are replaced",
      caseWith("expect: deny, port: $&/tcp"),
      /cases\[0\]\.port: "\$&\/tcp" is no port with its/,
    ],
    ["a name that is none", caseWith("expect: deny, name: [a]"), /line 2: cases\[0\]\.name: \["a"\] is no text$/],
  ];
  it.each(wrong)("refuses a file with %s", async (_name, cases, expected) => {
    const { exitCode, out, err } = await run(cases);
    assert.match(err.trimEnd(), expected);
    assert.deepEqual([exitCode, out], [1, ""]);
  });

  it("refuses a cluster that cannot be read, by file and line", async () => {
    const cases = "cases: [{from: shop/web, to: shop/db, expect: deny}]";
    const broken = manifests.replace("ports: [5432]", "ports: [99999]");
    const { exitCode, out, err } = await new Rig().run(line, { "cases.yaml": cases, "cluster.yaml": broken });
    assert.match(err, /^cluster\.yaml, document 8, line \d+: spec\.ingress\[0\]\.destination\.ports\[0\]: /);
    assert.deepEqual([exitCode, out], [1, ""]);
  });
});

describe("policy unused", () => {
  it("names policies that select nobody, rules that find nobody, and empty tiers", async () => {
    const { exitCode, out } = await new Rig().run("policy unused -f -", manifests);
    assert.deepEqual(out.split("\n"), [
      "WHAT                              WHY",
      "NetworkPolicy shop/db ingress 1   finds neither a pod, a host endpoint nor a network set: Allow from endpoints with app == 'wbe'",
      "NetworkPolicy shop/cache          selects no pod",
      "Tier idle                         has no policy",
      "",
    ]);
    assert.equal(exitCode, 0);
  });

  it("knows host endpoints, and policies that are for them alone", async () => {
    const host = `---
apiVersion: projectcalico.org/v3
kind: HostEndpoint
metadata: {name: uplink, labels: {role: uplink}}
spec: {node: node1, interfaceName: eth0}
---
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: early}
spec: {selector: role == 'uplink', doNotTrack: true, applyOnForward: true, ingress: [{action: Deny, source: {selector: role == 'uplink'}}]}
---
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: pods-alone}
spec: {selector: app == 'web', preDNAT: true, applyOnForward: true, types: [Ingress], ingress: [{action: Deny}]}
`;
    const { out } = await new Rig().run("policy unused -f -", `${endpoint("web", "10.1.0.1/32")}${host}`);
    assert.deepEqual(out.split("\n").slice(1, -1), ["GlobalNetworkPolicy pods-alone   selects no host endpoint"]);
  });

  it("says so where there is none", async () => {
    const { out } = await new Rig().run("policy unused -f -", endpoint("web", "10.1.0.1/32"));
    assert.equal(out, "every policy selects a pod, and every selector of a rule finds something\n");
    assert.equal((await new Rig().run("policy unused -o json -f -", endpoint("web", "10.1.0.1/32"))).out, "[]\n");
  });
});

describe("policy diff", () => {
  const narrow = `apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  selector: app == 'db'
  types: [Ingress]
  ingress:
    - {action: Allow, protocol: TCP, source: {selector: app == 'web', nets: [10.0.0.0/8]}, destination: {ports: [5432]}}
    - {action: Allow, protocol: TCP, source: {selector: app == 'web'}, destination: {ports: ["8000:8080"]}}
    - {action: Allow, protocol: UDP, source: {selector: app == 'web'}}
`;
  const line = "policy diff -f new.yaml --cluster cluster.yaml";
  const files = { "new.yaml": narrow, "cluster.yaml": manifests };

  it("names pods, traffic and verdicts, from manifests and from the datastore alike", async () => {
    const rig = new Rig();
    const offline = await rig.run(line, files);
    assert.equal(offline.err, "");
    assert.deepEqual(offline.out.split("\n"), [
      "FROM                      TO                       TRAFFIC          FAMILY       NOW       THEN",
      "shop/node1-k8s-web-eth0   shop/node1-k8s-db-eth0   tcp 8000-8080    IPv4, IPv6   denied    allowed",
      // Port 4789 is VXLAN, which no pod may send whatever policy says.
      "shop/node1-k8s-web-eth0   shop/node1-k8s-db-eth0   udp 1-4788       IPv4, IPv6   denied    allowed",
      "shop/node1-k8s-web-eth0   shop/node1-k8s-db-eth0   udp 4790-65535   IPv4, IPv6   denied    allowed",
      "shop/node1-k8s-web-eth0   shop/node1-k8s-db-eth0   tcp 5432         IPv6         allowed   denied",
      "pairs of pods with traffic that is allowed then: 1, that is denied then: 1",
      "",
    ]);
    await rig.run("apply -f -", manifests);
    assert.deepEqual(await rig.run("policy diff -f -", narrow), offline);
    assert.equal((await rig.run("policy diff -f -", manifests)).out.split("\n")[0], nothing);
  });
  const nothing = "pairs of pods with traffic that is allowed then: 0, that is denied then: 0";

  it("tells what a deletion would do, and no more rows than asked for", async () => {
    const { out } = await new Rig().run(`${line} --delete --limit 1`, files);
    assert.match(out, /db-eth0 {3}icmp {6,}IPv4, IPv6 {3}denied {3}allowed\n\.\.\. and \d+ more rows/);
  });

  it("tells what a new host endpoint closes, of a node that nothing else tells of", async () => {
    const host = `apiVersion: projectcalico.org/v3
kind: HostEndpoint
metadata: {name: host, labels: {role: host}}
spec: {node: node9, expectedIPs: [10.9.0.1]}
---
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: host}
spec: {selector: role == 'host', ingress: [{action: Allow, protocol: TCP, destination: {ports: [80]}}]}
`;
    const { out, err } = await new Rig().run(`${line} --limit 100`, { ...files, "new.yaml": host });
    assert.equal(err, "");
    const toHost = out.split("\n").filter((row) => /web-eth0 +Node node9 +tcp /.test(row));
    const ranges = toHost.map((row) => /tcp ([0-9-]+) +IPv4 +allowed +denied/.exec(row)?.[1]);
    // The failsafe ports stay open, and port 80.
    const closed = ["1-21", "23-79", "81-178", "180-2378", "2381-5472", "5474-6442", "6444-6665", "6668-65535"];
    assert.deepEqual(ranges, closed);
    assert.match(out, /Node node9 +\S+web-eth0 +tcp 1-178 +IPv4 +allowed +denied/);
    assert.match(out, /pairs of pods and nodes with traffic that is allowed then: 0, that is denied then: \d+/);
  });

  it("gives a program all rows", async () => {
    const rows = JSON.parse((await new Rig().run(`${line} -o json --limit 1`, files)).out);
    assert.equal(rows.length, 4);
    assert.deepEqual(rows[3], {
      from: "shop/node1-k8s-web-eth0",
      to: "shop/node1-k8s-db-eth0",
      traffic: "tcp 5432",
      families: [6],
      after: "deny",
    });
  });

  it("says what would be closed afterwards", async () => {
    const broken = narrow.replace("spec:\n", "spec:\n  tier: nowhere\n");
    const { err } = await new Rig().run(line, { ...files, "new.yaml": broken });
    assert.match(err, /^afterwards: NetworkPolicy shop\/db is not enforced as it is written: .*"nowhere"/);
  });
});
