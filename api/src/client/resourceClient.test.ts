import assert from "node:assert/strict";
import { describe, it } from "vitest";
import type { IPAMBlock } from "../kinds/ipamBlock.ts";
import { formatProblem } from "../kinds/problem.ts";
import { MemoryData } from "../store/memoryData.ts";
import { MemoryStore } from "../store/memoryStore.ts";
import type { Store, Write } from "../store/store.ts";
import type { Outcome } from "./outcome.ts";
import { ResourceClient } from "./resourceClient.ts";

const nowMs = Date.UTC(2026, 10, 20, 23, 14, 52, 345);

function clientOf(store: Store): ResourceClient {
  let uids = 0;
  return new ResourceClient({ store, nowMs: () => nowMs, newUid: () => `uid-${++uids}` });
}

function setUp(): { client: ResourceClient; store: MemoryStore; data: MemoryData } {
  const data = new MemoryData();
  const store = new MemoryStore({ data });
  return { client: clientOf(store), store, data };
}

function pool(name: string, cidr: string, more: object = {}, metadata: object = {}): object {
  return {
    apiVersion: "projectcalico.org/v3",
    kind: "IPPool",
    metadata: { name, ...metadata },
    spec: { cidr, ...more },
  };
}

const poolA = { kind: "IPPool", name: "a" } as const;

/** One line: what a person would be told. */
function told(outcome: Outcome): string {
  if (outcome.kind === "refused") return `refused: ${outcome.problems.map(formatProblem).join("; ")}`;
  return "text" in outcome ? `${outcome.kind}: ${outcome.text}` : outcome.kind;
}

describe("create", () => {
  it("gives the resource its identity, and says at which revision it stands", async () => {
    const { client, data } = setUp();
    const outcome = await client.create(pool("a", "10.0.0.0/16", {}, { uid: "mine", creationTimestamp: "never" }));
    assert.ok(outcome.kind === "created");
    assert.equal(outcome.resource.metadata.uid, "uid-1");
    assert.equal(outcome.resource.metadata.creationTimestamp, "2026-11-20T23:14:52Z");
    assert.equal(outcome.resource.metadata.resourceVersion, String(data.revision));
    assert.deepEqual(await client.get(poolA), outcome.resource);
    assert.doesNotMatch(data.dump()[0]?.text ?? "", /resourceVersion/);
  });

  it("refuses what exists, and leaves it as it is", async () => {
    const { client, data } = setUp();
    await client.create(pool("a", "10.0.0.0/16"));
    const before = data.dump();
    assert.equal(told(await client.create(pool("a", "10.0.0.0/16"))), "alreadyExists: IPPool(a) already exists");
    assert.deepEqual(data.dump(), before);
  });

  it("refuses what is wrong, and stores nothing", async () => {
    const { client, data } = setUp();
    await client.create(pool("a", "10.0.0.0/16"));
    const before = data.dump();
    assert.match(told(await client.create(pool("b", "10.0.1.0/24"))), /overlaps with 10\.0\.0\.0\/16 of IPPool a/);
    assert.match(told(await client.create(pool("b", "10.1.0.0"))), /^refused: spec\.cidr/);
    assert.deepEqual(data.dump(), before);
  });
});

describe("apply and replace", () => {
  it("create what is new, change what differs, and write nothing where nothing does", async () => {
    const { client, data } = setUp();
    assert.equal(told(await client.apply(pool("a", "10.0.0.0/16"))), "created");
    const { revision } = data;
    assert.equal(told(await client.apply(pool("a", "10.0.0.0/16"))), "unchanged");
    assert.equal(data.revision, revision);
    assert.equal(told(await client.apply(pool("a", "10.0.0.0/16", { disabled: true }))), "updated");
    const resource = await client.get(poolA);
    assert.equal(resource?.spec.disabled, true);
    assert.equal(resource.metadata.uid, "uid-1");
  });

  it("keep what other programs have written of the object: its status", async () => {
    const { client, data } = setUp();
    const node = { apiVersion: "projectcalico.org/v3", kind: "Node", metadata: { name: "n" }, spec: {} };
    await client.apply(node);
    const [entry] = data.dump();
    assert.ok(entry);
    data.writeText(entry.key, entry.text.replace('"status":{}', '"status":{"podCIDRs":["10.0.0.0/24"]}'));
    await client.apply({ ...node, spec: { bgp: { ipv4Address: "192.0.2.1/24" } } });
    assert.match(data.dump()[0]?.text ?? "", /"podCIDRs":\["10\.0\.0\.0\/24"\]/);
  });

  it("leave what a newer Calico stored and no document can name, and tell of what goes with its list", async () => {
    const { client, data } = setUp();
    const key = "/calico/resources/v3/projectcalico.org/bgpconfigurations/default";
    const wrapped = (spec: string): string =>
      `{"kind":"BGPConfiguration","apiVersion":"projectcalico.org/v3","metadata":{"name":"default"},"spec":{${spec}}}`;
    const secret = '"secretKeyRef":{"name":"a","key":"b","version":9223372036854775807}';
    const newer = `"newer":{"zero":0,"none":[]},"nodeMeshPassword":{${secret}},"serviceClusterIPs":[{"cidr":"10.96.0.0/12","as":1}]`;
    data.writeText(key, wrapped(newer));
    const document = {
      apiVersion: "projectcalico.org/v3",
      kind: "BGPConfiguration",
      metadata: { name: "default" },
      spec: {
        listenPort: 1790,
        nodeMeshPassword: { secretKeyRef: { name: "c", key: "d" } },
        serviceClusterIPs: [{ cidr: "10.0.0.0/12" }],
      },
    };
    const outcome = await client.apply(document);
    assert.ok(outcome.kind === "updated");
    const advice = outcome.warnings.filter(({ effect }) => effect === "advice").map(formatProblem);
    assert.deepEqual(advice.sort(), [
      "spec.newer: stays as it is stored, since no field of this version is meant",
      "spec.nodeMeshPassword.secretKeyRef.version: stays as it is stored, since no field of this version is meant",
      "spec.serviceClusterIPs[0].as: was stored, and is gone",
    ]);
    const stored = data.entry(key)?.text ?? "";
    assert.match(stored, /"newer":\{"zero":0,"none":\[\]\}/);
    assert.match(stored, /"secretKeyRef":\{"name":"c","key":"d","version":9223372036854775807\}/);
    assert.doesNotMatch(stored, /"as":1/);
    assert.equal(told(await client.apply(document)), "unchanged");
  });

  it("put a right resource in the place of one that nobody can read, and say so", async () => {
    const { client, data } = setUp();
    data.writeText("/calico/resources/v3/projectcalico.org/ippools/a", '{"kind":"IPPool"');
    const dated = pool("a", "10.0.0.0/16", {}, { resourceVersion: "2" });
    assert.match(told(await client.apply(dated)), /^conflict: IPPool\(a\) cannot be read; /);
    const outcome = await client.apply(pool("a", "10.0.0.0/16"));
    assert.ok(outcome.kind === "updated");
    assert.match(
      outcome.warnings.map(formatProblem).join(),
      /^the document takes the place of what could not be read: /,
    );
    assert.deepEqual(await client.get(poolA), outcome.resource);
    assert.equal(outcome.resource.metadata.uid, "uid-1");
    assert.equal(told(await client.apply(pool("a", "10.0.0.0/16"))), "unchanged");
  });

  it("replace only what exists", async () => {
    const { client } = setUp();
    assert.equal(told(await client.replace(pool("a", "10.0.0.0/16"))), "notFound: IPPool(a) does not exist");
  });

  it("refuse to change what may not change", async () => {
    const { client } = setUp();
    await client.apply(pool("a", "10.0.0.0/16"));
    assert.match(told(await client.apply(pool("a", "10.1.0.0/16"))), /spec\.cidr: "10\.1\.0\.0\/16" cannot change/);
  });

  it("write over exactly the revision that the document names", async () => {
    const { client } = setUp();
    const created = await client.apply(pool("a", "10.0.0.0/16"));
    assert.ok(created.kind === "created");
    const { resourceVersion } = created.resource.metadata;
    const changed = pool("a", "10.0.0.0/16", { disabled: true }, { resourceVersion });
    assert.equal(told(await client.apply(changed)), "updated");
    assert.match(told(await client.apply(changed)), /^conflict: IPPool\(a\) has changed since resourceVersion/);
    assert.match(told(await client.apply(pool("b", "10.1.0.0/16", {}, { resourceVersion }))), /^conflict: .*any more/);
  });

  it("read again when somebody else wrote meanwhile, and give up after some rounds", async () => {
    for (const { rounds, expected } of [
      { rounds: 2, expected: "updated" },
      { rounds: 99, expected: "conflict: IPPool(a) is being changed by others; try again" },
    ]) {
      const { client, data, store } = setUp();
      await client.apply(pool("a", "10.0.0.0/16"));
      let left = rounds;
      const racing: Store = {
        transactions: store.transactions,
        get: (key) => store.get(key),
        list: (kind, scope) => store.list(kind, scope),
        watch: (kinds, listener) => store.watch(kinds, listener),
        close: () => store.close(),
        commit: async (writes: readonly Write[]) => {
          const [entry] = data.dump();
          if (entry && left-- > 0) data.writeText(entry.key, entry.text);
          return store.commit(writes);
        },
      };
      assert.equal(told(await clientOf(racing).apply(pool("a", "10.0.0.0/16", { disabled: true }))), expected);
    }
  });
});

describe("list", () => {
  it("is in the order of the names, and tells what cannot be read", async () => {
    const { client, data } = setUp();
    await client.apply(pool("b", "10.1.0.0/16"));
    await client.apply(pool("a", "10.0.0.0/16"));
    data.writeText("/calico/resources/v3/projectcalico.org/ippools/c", "{");
    const { resources, problems, resourceVersion } = await client.list("IPPool");
    assert.deepEqual(
      resources.map(({ metadata }) => metadata.name),
      ["a", "b"],
    );
    assert.equal(resourceVersion, String(data.revision));
    assert.match(problems.join(), /^IPPool\(c\) cannot be read: is no JSON/);
  });
});

const block: IPAMBlock = {
  cidr: "10.0.0.0/26",
  affinity: "host:n",
  allocations: new Array<null>(64).fill(null),
  unallocated: Array.from({ length: 64 }, (_, i) => i),
  attributes: [],
  sequenceNumber: 1n,
  deleted: false,
};

describe("a pool over blocks of an earlier one", () => {
  it("is refused when its blocks have another size", async () => {
    const { client, store } = setUp();
    await store.commit([{ op: "create", key: { kind: "IPAMBlock", name: block.cidr }, value: block }]);
    const outcome = await client.create(pool("a", "10.0.0.0/16", { blockSize: 27 }));
    assert.match(told(outcome), /^refused: spec\.blockSize: "27" differs from that of block 10\.0\.0\.0\/26/);
    assert.equal(told(await client.create(pool("a", "10.0.0.0/16"))), "created");
  });
});

describe("delete", () => {
  it("deletes what exists, once", async () => {
    const { client } = setUp();
    await client.apply(pool("a", "10.0.0.0/16"));
    assert.equal(told(await client.delete(poolA)), "deleted");
    assert.equal(told(await client.delete(poolA)), "notFound: IPPool(a) does not exist");
  });

  it("refuses a pool whose addresses are in use, and leaves it as it is", async () => {
    const { client, store, data } = setUp();
    await client.apply(pool("a", "10.0.0.0/16"));
    const used = { ...block, allocations: [0, ...block.allocations.slice(1)], attributes: [{ handle_id: "h" }] };
    await store.commit([{ op: "create", key: { kind: "IPAMBlock", name: block.cidr }, value: used }]);
    const before = data.dump();
    const expected =
      /^refused: metadata\.name: "a" 1 addresses of 10\.0\.0\.0\/16 are in use, in 1 blocks; set disabled/;
    assert.match(told(await client.delete(poolA)), expected);
    assert.deepEqual(data.dump(), before);
  });

  it("deletes a pool of which nobody has an address, though one rests since it was given back", async () => {
    const { client, store, data } = setUp();
    await client.apply(pool("a", "10.0.0.0/16"));
    const attributes = [{ releasedAt: "2026-01-01T00:00:00Z" }];
    const rests = { ...block, allocations: [0, ...block.allocations.slice(1)], attributes };
    await store.commit([{ op: "create", key: { kind: "IPAMBlock", name: block.cidr }, value: rests }]);
    assert.equal(told(await client.delete(poolA)), "deleted");
    assert.deepEqual(data.dump(), []);
  });

  it("deletes a pool with the blocks that stand empty in it, more of them than a transaction takes, and no others", async () => {
    const { client, store, data } = setUp();
    await client.apply(pool("a", "10.0.0.0/16"));
    const cidrs = [...Array.from({ length: 150 }, (_, i) => `10.0.${i}.0/26`), "10.1.0.0/26"];
    for (const cidr of cidrs) {
      await store.commit([
        { op: "create", key: { kind: "IPAMBlock", name: cidr }, value: { ...block, cidr } },
        {
          op: "create",
          key: { kind: "BlockAffinity", name: `host:n/${cidr}` },
          value: { state: "confirmed", deleted: false },
        },
      ]);
    }
    assert.equal(told(await client.delete(poolA)), "deleted");
    assert.deepEqual(
      data.dump().map(({ key }) => key.split("/block/")[1]),
      ["10.1.0.0-26", "10.1.0.0-26"],
    );
  });

  for (const { name, key, stored } of [
    { name: "a pool", key: poolA, stored: "/calico/ipam/v2/assignment/ipv4/block/10.0.0.0-26" },
    {
      name: "a node",
      key: { kind: "Node", name: "n" } as const,
      stored: "/calico/resources/v3/projectcalico.org/workloadendpoints/prod/n-k8s-web-eth0",
    },
    {
      name: "a tier",
      key: { kind: "Tier", name: "platform" } as const,
      stored: "/calico/resources/v3/projectcalico.org/globalnetworkpolicies/torn",
    },
  ]) {
    it(`refuses ${name} while something cannot be read that may need it`, async () => {
      const { client, data } = setUp();
      const apiVersion = "projectcalico.org/v3";
      await client.create(pool("a", "10.0.0.0/16"));
      await client.create({ apiVersion, kind: "Node", metadata: { name: "n" }, spec: {} });
      await client.create({ apiVersion, kind: "Tier", metadata: { name: "platform" }, spec: {} });
      const { entries, revision } = data.snapshot();
      data.restore({ entries: [...entries, { key: stored, text: "{", revision: String(revision) }], revision });
      await assert.rejects(client.delete(key), /is no JSON/);
      assert.notEqual(await client.get(key), null);
    });
  }

  it("refuses a node that still has endpoints", async () => {
    const { client } = setUp();
    const apiVersion = "projectcalico.org/v3";
    await client.apply({ apiVersion, kind: "Node", metadata: { name: "n" }, spec: {} });
    await client.apply({
      apiVersion,
      kind: "WorkloadEndpoint",
      metadata: { name: "n-k8s-web-eth0", namespace: "prod" },
      spec: { orchestrator: "k8s", node: "n", pod: "web", endpoint: "eth0" },
    });
    assert.match(told(await client.delete({ kind: "Node", name: "n" })), /still has 1 workload endpoints/);
  });

  it("refuses the profile that is built in", async () => {
    const { client } = setUp();
    const key = { kind: "Profile", name: "projectcalico-default-allow" } as const;
    assert.match(told(await client.delete(key)), /is built in and cannot be deleted/);
  });
});

describe("a tier", () => {
  const tier = (name: string, spec: object = {}) => ({
    apiVersion: "projectcalico.org/v3",
    kind: "Tier",
    metadata: { name },
    spec,
  });
  const policy = (kind: string, name: string, tierName: string) => ({
    apiVersion: "projectcalico.org/v3",
    kind,
    metadata: { name, ...(kind.includes("Global") ? {} : { namespace: "prod" }) },
    spec: { tier: tierName, selector: "all()" },
  });

  const kinds = ["NetworkPolicy", "GlobalNetworkPolicy", "StagedNetworkPolicy", "StagedGlobalNetworkPolicy"];
  it.each(kinds)("must be there before a %s, and stays as long as there is one in it", async (kind) => {
    const { client } = setUp();
    const expected = 'refused: spec.tier: "platform" is no tier that exists: make it first';
    assert.equal(told(await client.apply(policy(kind, "base", "platform"))), expected);
    await client.apply(tier("platform"));
    assert.equal(told(await client.apply(policy(kind, "base", "platform"))), "created");
    const refusal = await client.delete({ kind: "Tier", name: "platform" });
    assert.match(told(refusal), /^refused: .* still has 1 policies, \w+\((prod\/)?base\) among them; delete them/);
  });

  it("goes when it is empty, whatever is in other tiers", async () => {
    const { client } = setUp();
    await client.apply(tier("platform"));
    await client.apply(policy("GlobalNetworkPolicy", "platform.base", "default"));
    assert.equal(told(await client.delete({ kind: "Tier", name: "platform" })), "deleted");
  });

  it("is not deleted where it is built in", async () => {
    const { client } = setUp();
    await client.apply(tier("kube-admin", { order: 1000, defaultAction: "Pass" }));
    const outcome = await client.delete({ kind: "Tier", name: "kube-admin" });
    assert.match(told(outcome), /is built in and cannot be deleted/);
  });

  it("is in the listing where its order puts it", async () => {
    const { client } = setUp();
    for (const [name, order] of Object.entries({ a: 300, b: 20, c: 100 })) await client.apply(tier(name, { order }));
    assert.deepEqual(
      (await client.list("Tier")).resources.map(({ metadata }) => metadata.name),
      ["b", "c", "a"],
    );
  });
});

describe("an IPAMConfiguration", () => {
  const document = (spec: object) => ({
    apiVersion: "projectcalico.org/v3",
    kind: "IPAMConfiguration",
    metadata: { name: "default" },
    spec,
  });
  const cases: { name: string; config: object | null; spec: object; advice: string[] }[] = [
    { name: "says nothing where there is no other", config: null, spec: { strictAffinity: true }, advice: [] },
    {
      name: "says nothing where the other says the same",
      config: { auto_allocate_blocks: true, strict_affinity: false, maxBlocksPerHost: 0, ipCooldownSeconds: 30 },
      spec: {},
      advice: [],
    },
    {
      name: "tells what holds instead",
      config: { strict_affinity: true },
      spec: {},
      advice: [
        "spec: is stored; what `ipam configure` wrote goes first, and says strict_affinity true, auto_allocate_blocks false",
      ],
    },
  ];
  it.each(cases)("$name", async ({ config, spec, advice }) => {
    const { client, data } = setUp();
    if (config) data.writeText("/calico/ipam/v2/config", JSON.stringify(config));
    const outcome = await client.apply(document(spec));
    assert.ok(outcome.kind === "created");
    assert.deepEqual(outcome.warnings.map(formatProblem), advice);
  });
});

describe("a BGPPeer", () => {
  it("needs the filters that it names", async () => {
    const { client } = setUp();
    const apiVersion = "projectcalico.org/v3";
    const spec = { peerIP: "192.0.2.1", asNumber: 64512, filters: ["in", "out"] };
    const peer = { apiVersion, kind: "BGPPeer", metadata: { name: "tor" }, spec };
    await client.apply({ apiVersion, kind: "BGPFilter", metadata: { name: "in" }, spec: {} });
    const expected = 'refused: spec.filters[1]: "out" is no BGPFilter that exists: make it first';
    assert.equal(told(await client.apply(peer)), expected);
    await client.apply({ apiVersion, kind: "BGPFilter", metadata: { name: "out" }, spec: {} });
    assert.equal(told(await client.apply(peer)), "created");
  });
});

describe("a policy of an older Calico", () => {
  const key = "/calico/resources/v3/projectcalico.org/networkpolicies/prod/default.allow-db";
  const stored = (selector: string) =>
    `{"kind":"NetworkPolicy","apiVersion":"projectcalico.org/v3","metadata":{"name":"default.allow-db","namespace":"prod","uid":"theirs"},"spec":{"tier":"default","selector":"${selector}","types":["Ingress"]}}`;
  const document = {
    apiVersion: "projectcalico.org/v3",
    kind: "NetworkPolicy",
    metadata: { name: "allow-db", namespace: "prod" },
    spec: { selector: "app == 'db'" },
  };
  const named = { kind: "NetworkPolicy", namespace: "prod", name: "allow-db" } as const;

  it("is read under the name that its writer gave it", async () => {
    const { client, data } = setUp();
    data.writeText(key, stored("all()"));
    assert.equal((await client.get(named))?.metadata.name, "allow-db");
    assert.deepEqual(
      (await client.list("NetworkPolicy")).resources.map(({ metadata }) => metadata.name),
      ["allow-db"],
    );
  });

  it("is changed and deleted where it stands", async () => {
    const { client, data } = setUp();
    data.writeText(key, stored("all()"));
    assert.equal(told(await client.apply(document)), "updated");
    assert.deepEqual(
      data.dump().map((entry) => entry.key),
      [key],
    );
    assert.match(data.dump()[0]?.text ?? "", /"name":"default\.allow-db".*"uid":"theirs".*"selector":"app == 'db'"/);
    assert.equal(told(await client.delete(named)), "deleted");
    assert.deepEqual(data.dump(), []);
  });

  it("shows nobody the note of its name", async () => {
    const { client } = setUp();
    await client.apply({ ...document, metadata: { ...document.metadata, annotations: { mine: "1" } } });
    assert.deepEqual((await client.get(named))?.metadata.annotations, { mine: "1" });
    await client.apply(document);
    assert.equal((await client.get(named))?.metadata.annotations, undefined);
  });
});
