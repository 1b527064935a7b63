import assert from "node:assert/strict";
import type { ApiObject } from "@brindle/api";
import { readEndpointSlice, readServiceObject } from "@brindle/api";
import { describe, it } from "vitest";
import { Rig } from "../testing.ts";
import { namespaceManifest, podManifest } from "./sampleCluster.ts";

const endpoint = (pod: string, address: string): string =>
  podManifest(pod, {
    addresses: `${address}/32`,
    app: pod.replace(/[0-9]/, ""),
    more: `ports: [{name: http, protocol: TCP, port: ${pod === "db1" ? 9090 : 8080}}]`,
  });
const cluster = `${endpoint("web", "10.1.0.1")}${endpoint("db0", "10.1.0.2")}${endpoint("db1", "10.1.0.3")}${namespaceManifest()}apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: {name: to-db, namespace: shop}
spec:
  selector: app == 'web'
  types: [Egress]
  egress: [{action: Allow, destination: {services: {name: db}}}]
---
`;
const service = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "db", namespace: "shop" },
  spec: {
    clusterIP: "10.96.0.7",
    selector: { app: "db" },
    ports: [
      { name: "http", port: 80, targetPort: "http" },
      { name: "dns", port: 53, protocol: "UDP" },
    ],
  },
};
const slice = {
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: { name: "db-x", namespace: "shop", labels: { "kubernetes.io/service-name": "db" } },
  addressType: "IPv4",
  endpoints: [{ addresses: ["10.1.0.3"] }],
  ports: [{ name: "http", port: 9090, protocol: "TCP" }],
};
const yaml = (...objects: object[]): string => objects.map((one) => JSON.stringify(one)).join("\n---\n");
const verdicts = (out: string): string[] => out.split("\n").filter((line) => / (ALLOWED|DENIED)$|^behind/.test(line));

describe("a Service", () => {
  const ask = (to: string, port: string) => `policy explain --from shop/web --to ${to} -n shop --port ${port} -f -`;

  const both = [
    "behind Service shop/db:",
    "tcp from 10.1.0.1 to 10.1.0.2 port 8080: ALLOWED",
    "behind Service shop/db:",
    "tcp from 10.1.0.1 to 10.1.0.3 port 9090: ALLOWED",
  ];
  for (const to of ["shop/db", "db", "10.96.0.7"]) {
    it(`asked as ${to} is each of the pods that it selects, by its own port of the name`, async () => {
      const { out, err, exitCode } = await new Rig().run(ask(to, "80/tcp"), cluster + yaml(service));
      assert.deepEqual([verdicts(out), err, exitCode], [both, "", 0]);
    });
  }

  it("is what its EndpointSlices have, where there are some", async () => {
    const { out } = await new Rig().run(ask("db", "80"), cluster + yaml(service, slice));
    assert.deepEqual(verdicts(out), both.slice(2));
    const direct = await new Rig().run(ask("db0", "8080"), cluster + yaml(service, slice));
    assert.deepEqual(verdicts(direct.out), ["tcp from 10.1.0.1 to 10.1.0.2 port 8080: DENIED"]);
    assert.match(direct.out, /destination 10\.1\.0\.2 port 8080 is not behind service shop\/db/);
  });

  it("is told live as it is by manifests", async () => {
    const rig = new Rig();
    await rig.run("apply -f -", cluster);
    const live = ask("db", "80").replace(" -f -", "");
    const unserved = await rig.run(live.replace("--to db", "--to db1"));
    assert.match(
      unserved.err,
      /^NetworkPolicy shop\/to-db is not enforced .*: its rules name Services: there is no Kub/,
    );
    rig.services = {
      services: [readServiceObject(service as unknown as ApiObject)],
      endpointSlices: [readEndpointSlice(slice as unknown as ApiObject) ?? assert.fail("it has a Service")],
    };
    assert.deepEqual(await rig.run(live), await new Rig().run(ask("db", "80"), cluster + yaml(service, slice)));
  });

  const wrong: [string, string, RegExp][] = [
    ["a port that it has not", "8080", /^Service shop\/db has no port 8080: 80\/tcp, 53\/udp\n$/],
    ["a port of another protocol", "53/tcp", /^Service shop\/db has no port 53: /],
    ["ICMP", "icmp", /^Service shop\/db has no port icmp: /],
  ];
  for (const [name, port, err] of wrong) {
    it(`is refused with words: ${name}`, async () => {
      assert.match((await new Rig().run(ask("db", port), cluster + yaml(service))).err, err);
    });
  }

  it("without anything behind it is told", async () => {
    const empty = { ...service, spec: { ...service.spec, selector: { app: "none" } } };
    assert.equal(
      (await new Rig().run(ask("db", "80"), cluster + yaml(empty))).err,
      "nothing is behind Service shop/db\n",
    );
  });

  it("may be asked for in a test, and changes what a diff says", async () => {
    const files = {
      "cluster.yaml": cluster + yaml(service),
      "cases.yaml":
        "cases: [{from: web, to: db, port: 80/tcp, expect: allow}, {from: web, to: db0, port: 22/tcp, expect: deny}]",
      "new.yaml": cluster.slice(cluster.lastIndexOf("apiVersion")).replace("name: db}", "name: db2}"),
    };
    const tested = await new Rig().run("policy test -f cases.yaml --cluster cluster.yaml -n shop", files);
    assert.deepEqual([tested.exitCode, tested.out.split("\n")[2]], [0, "2 passed, 0 failed"]);
    const { out } = await new Rig().run("policy diff -f new.yaml --cluster cluster.yaml -n shop", files);
    assert.match(out, /web-eth0 {3}shop\/node1-k8s-db0-eth0 {3}tcp 8080 /);
    assert.match(out, /web-eth0 {3}shop\/node1-k8s-db1-eth0 {3}tcp 9090 /);
    assert.match(out, /allowed then: 0, that is denied then: 2\n$/);
  });
});
