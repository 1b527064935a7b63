import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { parseJson } from "../json/json.ts";
import type { IPPool } from "../kinds/ipPool.ts";
import type { NetworkPolicy } from "../kinds/networkPolicy.ts";
import { crdSource } from "./crdSource.ts";
import { givenByServer, requestOf, served } from "./sampleServer.ts";
import type { ApiObject } from "./source.ts";

const pool: IPPool = {
  kind: "IPPool",
  apiVersion: "projectcalico.org/v3",
  metadata: {
    name: "pool-a",
    uid: "4e0f8740-7faf-4ffa-92d0-8d2ad7e9b3f8",
    creationTimestamp: "2026-01-01T00:00:00Z",
    labels: { a: "b" },
  },
  spec: { cidr: "10.10.0.0/16", blockSize: 26 },
};
const poolKey = { kind: "IPPool", name: "pool-a" } as const;
const policy: NetworkPolicy = {
  kind: "NetworkPolicy",
  apiVersion: "projectcalico.org/v3",
  metadata: {
    name: "allow-db",
    namespace: "prod",
    annotations: { "projectcalico.org/metadata": '{"name":"allow-db"}' },
  },
  spec: { selector: "app == 'db'", types: ["Ingress"] },
};
const policyKey = { kind: "NetworkPolicy", namespace: "prod", name: "allow-db" } as const;

const pools = crdSource("IPPool", "v3");
const olderPools = crdSource("IPPool", "v1");
const olderPolicies = crdSource("NetworkPolicy", "v1");

describe("a resource in the native CRDs", () => {
  const created = requestOf(pools.write({ op: "create", key: poolKey, value: pool }));
  const stored = served(created);

  it("is sent as it is, but for what only the server gives", () => {
    assert.equal(`${created.method} ${created.path}`, "POST /apis/projectcalico.org/v3/ippools");
    assert.deepEqual(parseJson(created.body), {
      apiVersion: "projectcalico.org/v3",
      kind: "IPPool",
      metadata: { name: "pool-a", labels: { a: "b" } },
      spec: pool.spec,
    });
  });

  it("is read with the server's UID and time, and nothing that the server keeps for itself", () => {
    const { uid, creationTimestamp } = givenByServer;
    const value = { ...pool, metadata: { ...pool.metadata, uid, creationTimestamp } };
    assert.deepEqual(pools.read(stored), { type: "value", key: poolKey, value });
  });

  it("keeps members that we do not know, and owners and finalizers of others, through a read and a write", () => {
    const foreign = { ownerReferences: [{ uid: "x" }], finalizers: ["example.org/keep"] };
    const newer: ApiObject = {
      ...stored,
      metadata: { ...stored.metadata, ...foreign },
      spec: { ...pool.spec, ofTomorrow: { a: 1 } },
    };
    const reading = pools.read(newer);
    assert.ok(reading.type === "value");
    const onlyOurs = { ...reading.value, metadata: { name: "pool-a" } };
    const update = requestOf(pools.write({ op: "update", key: poolKey, value: onlyOurs, revision: "1000" }, newer));
    const { metadata, spec } = served(update);
    assert.deepEqual(spec, newer.spec);
    assert.deepEqual([metadata.ownerReferences, metadata.finalizers], [foreign.ownerReferences, foreign.finalizers]);
  });

  it("is replaced in the version and with the UID that were read, and not otherwise", () => {
    const write = { op: "update", key: poolKey, value: pool } as const;
    const request = requestOf(pools.write({ ...write, revision: "1000" }, stored));
    assert.equal(`${request.method} ${request.path}`, "PUT /apis/projectcalico.org/v3/ippools/pool-a");
    assert.deepEqual(parseJson(request.body), {
      apiVersion: "projectcalico.org/v3",
      kind: "IPPool",
      metadata: { name: "pool-a", labels: { a: "b" }, uid: givenByServer.uid, resourceVersion: "1000" },
      spec: pool.spec,
    });
    assert.deepEqual(pools.write({ ...write, revision: "999" }, stored), { type: "conflict" });
    assert.deepEqual(pools.write({ ...write, revision: "1000" }, null), { type: "conflict" });
  });

  it("is made by put where there is none, and replaced where there is one", () => {
    assert.equal(requestOf(pools.write({ op: "put", key: poolKey, value: pool }, null)).method, "POST");
    assert.equal(requestOf(pools.write({ op: "put", key: poolKey, value: pool }, stored)).method, "PUT");
  });

  it("is deleted in the version that was read, and not otherwise", () => {
    const request = requestOf(pools.write({ op: "delete", key: poolKey, revision: "1000" }, stored));
    assert.equal(`${request.method} ${request.path}`, "DELETE /apis/projectcalico.org/v3/ippools/pool-a");
    const { preconditions } = parseJson(request.body) as { preconditions: unknown };
    assert.deepEqual(preconditions, { uid: givenByServer.uid, resourceVersion: "1000" });
    assert.deepEqual(pools.write({ op: "delete", key: poolKey, revision: "999" }, stored), { type: "conflict" });
  });

  it("has its status written by a request of its own, where it has one", () => {
    const conditions = [
      { type: "Allocatable", status: "True", reason: "Ok", message: "", lastTransitionTime: "2026-01-01T00:00:00Z" },
    ];
    const plan = pools.write({ op: "create", key: poolKey, value: { ...pool, status: { conditions } } as IPPool });
    assert.ok(plan.type === "send" && plan.followUp);
    const request = plan.followUp(stored);
    assert.equal(`${request.method} ${request.path}`, "PUT /apis/projectcalico.org/v3/ippools/pool-a/status");
    const { metadata, status } = served(request);
    assert.deepEqual([metadata.resourceVersion, status], ["1000", { conditions }]);
  });

  it("that does not decode is told with its key, the reason, and what there is of it", () => {
    const broken = { ...stored, spec: { cidr: "10.10.0.0/16", blockSize: "many" } };
    const reading = pools.read(broken);
    assert.ok(reading.type === "undecodable");
    assert.deepEqual(reading.key, poolKey);
    assert.match(reading.reason, /spec\.blockSize/);
    assert.deepEqual((reading.partial as { spec: unknown }).spec, broken.spec);
  });
});

describe("a resource in the older CRDs", () => {
  it("keeps its own time in an annotation, and reads back with it", () => {
    const created = requestOf(olderPools.write({ op: "create", key: poolKey, value: pool }));
    assert.equal(created.path, "/apis/crd.projectcalico.org/v1/ippools");
    const stored = served(created);
    assert.deepEqual(stored.metadata.annotations, {
      "projectcalico.org/metadata": '{"creationTimestamp":"2026-01-01T00:00:00Z"}',
    });
    const reading = olderPools.read(stored);
    assert.ok(reading.type === "value");
    const { uid, ...metadata } = reading.value.metadata;
    assert.deepEqual(
      { ...reading.value, metadata },
      { ...pool, metadata: { name: "pool-a", creationTimestamp: "2026-01-01T00:00:00Z", labels: { a: "b" } } },
    );
    assert.equal(uid, "88888888-4444-43cc-8422-aaaaaaaaaaaa");
  });

  it("without the annotation has the time of the object", () => {
    const reading = olderPools.read({ metadata: { name: "pool-a", ...givenByServer }, spec: pool.spec });
    assert.equal(reading.type === "value" && reading.value.metadata.creationTimestamp, "2026-02-01T00:00:00Z");
  });

  it("is an IPAMConfig, where we say IPAMConfiguration", () => {
    const { group, version, plural, kind } = crdSource("IPAMConfiguration", "v1").resource;
    assert.deepEqual([group, version, plural, kind], ["crd.projectcalico.org", "v1", "ipamconfigs", "IPAMConfig"]);
  });

  it("that is a policy keeps the annotation with its name", () => {
    const stored = served(requestOf(olderPolicies.write({ op: "create", key: policyKey, value: policy }, null)));
    const reading = olderPolicies.read(stored);
    assert.deepEqual(reading.type === "value" && reading.value.metadata.annotations, policy.metadata.annotations);
  });

  it("that is a policy of old is found and written under the name of its tier", () => {
    const old: ApiObject = {
      metadata: { ...givenByServer, name: "default.allow-db", namespace: "prod" },
      spec: policy.spec,
    };
    assert.deepEqual(olderPolicies.locate(policyKey), [
      { namespace: "prod", name: "allow-db" },
      { namespace: "prod", name: "default.allow-db" },
    ]);
    const reading = olderPolicies.read(old);
    assert.deepEqual(reading.type === "value" && [reading.key, reading.value.metadata.name], [policyKey, "allow-db"]);
    const update = requestOf(
      olderPolicies.write({ op: "update", key: policyKey, value: policy, revision: "1000" }, old),
    );
    assert.equal(update.path, "/apis/crd.projectcalico.org/v1/namespaces/prod/networkpolicies/default.allow-db");
    assert.equal(served(update).metadata.name, "default.allow-db");
    assert.deepEqual(olderPolicies.write({ op: "create", key: policyKey, value: policy }, old), { type: "conflict" });
  });
});

describe("a policy with the name of one of Kubernetes' own", () => {
  const policies = crdSource("NetworkPolicy", "v3");
  const key = { ...policyKey, name: "knp.default.web" };

  it("is no key of the CRD's", () => assert.deepEqual(policies.locate(key), []));
  it("is not written", () => {
    const plan = policies.write({ op: "create", key, value: policy });
    assert.match(plan.type === "refused" ? plan.reason : "", /stands for a policy of Kubernetes/);
  });
  it("that somebody else wrote is set aside", () => {
    const reading = policies.read({ metadata: { name: key.name, namespace: "prod" }, spec: policy.spec });
    assert.equal(reading.type, "undecodable");
  });
});
