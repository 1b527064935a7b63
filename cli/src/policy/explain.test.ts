import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { Rig } from "../testing.ts";
import { parseService } from "./ends.ts";
import { namespaceManifest, podManifest } from "./sampleCluster.ts";

const manifests = `${podManifest("web", { addresses: "10.1.0.1/32, 'fd00::1/128'" })}${podManifest("db", { addresses: "10.1.0.2/32, 'fd00::2/128'" })}${namespaceManifest()}apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress: [{from: [{ipBlock: {cidr: 10.1.0.1/32}}], ports: [{port: 5432}]}]
`;

describe("policy explain", () => {
  const question = "policy explain --from shop/web --to db -n shop --port";

  it("answers for each family, from manifests and from the datastore alike", async () => {
    const rig = new Rig();
    const offline = await rig.run(`${question} 5432/tcp -f -`, manifests);
    assert.match(offline.out, /^tcp from 10\.1\.0\.1 to 10\.1\.0\.2 port 5432: ALLOWED\n/);
    assert.match(
      offline.out,
      /Allow by rule 0 of NetworkPolicy shop\/knp\.default\.db\n {2}tier default\n.*\n {6}0 Allow tcp from 10\.1\.0\.1\/32 to port 5432: decides\n\ntcp from fd00::1 .*: DENIED\n/,
    );
    await rig.run("apply -f -", manifests);
    assert.deepEqual(await rig.run(`${question} 5432/tcp`), offline);
  });

  it("takes addresses, which may be of nobody, and endpoints by name", async () => {
    const line = "policy explain --from 203.0.113.7 --to shop/node1-k8s-db-eth0 --port icmp -f -";
    const { exitCode, out } = await new Rig().run(line, manifests);
    assert.equal(exitCode, 0);
    assert.match(out, /^icmp type 8 code 0 from 203\.0\.113\.7 to 10\.1\.0\.2: DENIED\n/);
  });

  it("takes a type of ICMP with its code, which asks for the one family that has it", async () => {
    const policy = `${manifests}---
apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: {name: too-big, namespace: shop}
spec:
  order: 1
  types: [Ingress]
  ingress:
    - {action: Allow, protocol: ICMP, icmp: {type: 3, code: 4}}
    - {action: Allow, protocol: ICMPv6, icmp: {type: 2}}
`;
    const asked = async (port: string): Promise<string[]> => {
      const { out } = await new Rig().run(`${question} ${port} -f -`, policy);
      return out.split("\n").filter((line) => /ALLOWED|DENIED/.test(line));
    };
    assert.deepEqual(await asked("icmp/3/4"), ["icmp type 3 code 4 from 10.1.0.1 to 10.1.0.2: ALLOWED"]);
    assert.deepEqual(await asked("icmp/3/1"), ["icmp type 3 code 1 from 10.1.0.1 to 10.1.0.2: DENIED"]);
    assert.deepEqual(await asked("icmpv6/2"), ["icmpv6 type 2 code 0 from fd00::1 to fd00::2: ALLOWED"]);
    assert.deepEqual(await asked("icmpv6"), ["icmpv6 type 128 code 0 from fd00::1 to fd00::2: DENIED"]);
    assert.equal((await asked("icmp")).length, 2);
    const other = await new Rig().run("policy explain --from 203.0.113.7 --to shop/db --port icmpv6/2 -f -", policy);
    assert.match(other.err, /no addresses of one family, as icmpv6 with a type asks for/);
  });

  it("heeds what FelixConfiguration says of pods and their node, and host endpoints that only name addresses", async () => {
    const hosts = `${manifests}---
apiVersion: projectcalico.org/v3
kind: HostEndpoint
metadata: {name: host}
spec: {node: node1, expectedIPs: [10.9.0.1]}
`;
    const felix = `---
apiVersion: projectcalico.org/v3
kind: FelixConfiguration
metadata: {name: default}
spec: {defaultEndpointToHostAction: Accept, failsafeInboundHostPorts: [{protocol: TCP, port: 2222}]}
`;
    const asked = async (from: string, to: string, text: string): Promise<string> =>
      (await new Rig().run(`policy explain --from ${from} --to ${to} --port 2222/tcp -f -`, text)).out;
    assert.match(await asked("shop/web", "10.9.0.1", hosts), /: DENIED\n.*endpointToHostAction is Drop/);
    assert.match(await asked("shop/web", "10.9.0.1", hosts + felix), /: ALLOWED\n/);
    assert.match(await asked("203.0.113.7", "10.9.0.1", hosts), /: DENIED\n(.*\n)*ingress of HostEndpoint host: deny/);
    assert.match(await asked("203.0.113.7", "10.9.0.1", hosts + felix), /HostEndpoint host: allow, its failsafe ports/);
  });

  it("asks policy of a floating address by the pod's own, where the cluster has any", async () => {
    const floated = `apiVersion: projectcalico.org/v3
kind: WorkloadEndpoint
metadata: {name: node1-k8s-api-eth0, namespace: shop}
spec:
  {orchestrator: k8s, node: node1, pod: api, endpoint: eth0, ipNetworks: [10.1.0.3/32],
   profiles: [kns.shop], ipNATs: [{internalIP: 10.1.0.3, externalIP: 192.0.2.9}]}
---
${manifests}`;
    const felix = `---
apiVersion: projectcalico.org/v3
kind: FelixConfiguration
metadata: {name: default}
spec: {floatingIPs: Enabled}
`;
    const pool = `---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: other}
spec: {cidr: 198.51.100.0/24}
`;
    const asked = async (text: string): Promise<string> =>
      (await new Rig().run("policy explain --from shop/web --to 192.0.2.9 --port 80 -f -", text)).out;
    assert.match(
      await asked(floated + felix),
      /^192\.0\.2\.9 floats to the pod shop\/api, by its own address:\ntcp from 10\.1\.0\.1 to 10\.1\.0\.3 port 80: /,
    );
    for (const text of [floated, floated + felix + pool])
      assert.match(await asked(text), /^tcp from 10\.1\.0\.1 to 192\.0\.2\.9 port 80: /);
  });

  const policyAt = "/calico/resources/v3/projectcalico.org/networkpolicies/shop/broken";
  const broken: [string, string, RegExp][] = [
    [
      "what is no JSON, and closes its namespace",
      "{",
      /^NetworkPolicy shop\/broken cannot be read: is no JSON: .*; it is closed, ingress and egress, for all endpoints of namespace shop\n/,
    ],
    [
      "a field that is not enforced, which closes what it selects",
      JSON.stringify({
        apiVersion: "projectcalico.org/v3",
        kind: "NetworkPolicy",
        metadata: { name: "broken", namespace: "shop" },
        spec: { order: 1, selector: "app == 'db'", ingress: [{ action: "Deny", source: { services: { name: "a" } } }] },
      }),
      /^NetworkPolicy shop\/broken is not enforced as it is written: its rules name Services: .*; it is closed, ingress, for the endpoints with app == 'db'/,
    ],
    [
      "a tier that does not exist, which closes before all tiers",
      JSON.stringify({
        apiVersion: "projectcalico.org/v3",
        kind: "NetworkPolicy",
        metadata: { name: "broken", namespace: "shop" },
        spec: { tier: "platform", selector: "app == 'db'", ingress: [{ action: "Deny" }] },
      }),
      /^NetworkPolicy shop\/broken is not enforced as it is written: spec\.tier: there is no tier "platform"; it is closed/,
    ],
  ];
  it.each(broken)("says that a policy is closed, and what it closes: %s", async (_name, text, err) => {
    const rig = new Rig();
    await rig.run("apply -f -", manifests);
    rig.data.writeText(policyAt, text);
    const { exitCode, out, err: said } = await rig.run(`${question} 5432/tcp`);
    assert.match(
      out,
      /^tcp from 10\.1\.0\.1 to 10\.1\.0\.2 port 5432: DENIED\n[\s\S]*Deny by rule 0 of NetworkPolicy shop\/broken/,
    );
    assert.match(said, err);
    assert.equal(exitCode, 0);
  });

  const wrong: [string, RegExp][] = [
    [
      "policy explain --from shop/web --to shop/dbb --port 1 -f -",
      /^there is no .* "shop\/dbb"; did you mean shop\/db\?/,
    ],
    ["policy explain --from fd00::9 --to 10.1.0.2 --port 1 -f -", /have no addresses of one family/],
  ];
  it.each(wrong)("fails for `%s`", async (line, err) => {
    const ended = await new Rig().run(line, manifests);
    assert.match(ended.err, err);
    assert.equal(ended.exitCode, 1);
  });

  const services: [string, object][] = [
    ["5432/tcp", { protocol: 6, port: 5432 }],
    ["5432", { protocol: 6, port: 5432 }],
    ["53/UDP", { protocol: 17, port: 53 }],
    ["icmp", { protocol: 1 }],
    ["icmp/3/4", { protocol: 1, icmp: { type: 3, code: 4 } }],
    ["ICMPv6/135", { protocol: 58, icmp: { type: 135, code: 0 } }],
    ["icmpv6", { protocol: 58 }],
    ["9/UDPLite", { protocol: 136, port: 9 }],
    ["9/136", { protocol: 136, port: 9 }],
    ["3868/sctp", { protocol: 132, port: 3868 }],
    ["protocol/47", { protocol: 47 }],
    ["protocol/1", { protocol: 1 }],
  ];
  it.each(services)("reads the service %s", (text, service) => assert.deepEqual(parseService(text), service));
  const unread: [string, RegExp][] = [
    ...["0/tcp", "65536", "5432/tcp/x", "http", "icmp/tcp", "icmp/256", "icmp/3/256", "icmp/3/4/5", ""].map(
      (text): [string, RegExp] => [text, /^CliError: --port/],
    ),
    ["tcp", /write 5432\/tcp$/],
    ["gre", /like 5432\/tcp, .* or protocol\/47$/],
    ["protocol/6", /write 5432\/tcp$/],
    ["protocol/256", /like 5432\/tcp/],
    ["protocol/47/1", /like 5432\/tcp/],
    ["80/47", /names a port of what has none: write protocol\/47$/],
    ["80/icmp", /names a port of what has none: write icmp$/],
  ];
  it.each(unread)("refuses the service %j", (text, reason) => assert.throws(() => parseService(text), reason));
});
