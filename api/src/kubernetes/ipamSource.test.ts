import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { parseJson } from "../json/json.ts";
import type { BlockAffinity } from "../kinds/blockAffinity.ts";
import type { IPAMBlock } from "../kinds/ipamBlock.ts";
import type { IPAMHandle } from "../kinds/ipamHandle.ts";
import type { Key } from "../store/store.ts";
import { ipamConfigSource } from "./ipamConfigSource.ts";
import { ipamObjectName } from "./ipamNames.ts";
import { ipamSource } from "./ipamSource.ts";
import { givenByServer, requestOf, served } from "./sampleServer.ts";
import type { ApiObject, Flavour } from "./source.ts";

const block: IPAMBlock = {
  cidr: "10.10.0.64/30",
  affinity: "host:node1",
  affinity_claim_time: "2026-01-01T00:00:00Z",
  allocations: [null, 0, null, null],
  unallocated: [2, 3, 0],
  attributes: [{ handle_id: "k8s-pod-network.c0ffee", secondary: { pod: "web-0" } }],
  sequenceNumber: 1767225600000000001n,
  sequenceNumberForAllocation: { "1": 1767225600000000003n },
  deleted: false,
};
const blockKey = { kind: "IPAMBlock", name: "10.10.0.64/30" } as const;
const affinity: BlockAffinity = { state: "confirmed", deleted: false };
const affinityKey = { kind: "BlockAffinity", name: "host:node1/10.10.0.64/30" } as const;
const handle: IPAMHandle = { block: { "10.10.0.64/30": 1 }, deleted: false };
const handleKey: Key<"IPAMHandle"> = { kind: "IPAMHandle", name: "k8s-pod-network.c0ffee" };

const blocks = ipamSource("IPAMBlock", "v3");
const handles = ipamSource("IPAMHandle", "v3");

describe("the objects of address management", () => {
  const flavours: readonly Flavour[] = ["v3", "v1"];
  for (const flavour of flavours) {
    it(`read back as they were, to the last digit, in the form ${flavour}`, () => {
      const ofBlocks = ipamSource("IPAMBlock", flavour);
      const ofAffinities = ipamSource("BlockAffinity", flavour);
      const ofHandles = ipamSource("IPAMHandle", flavour);
      assert.deepEqual(
        ofBlocks.read(served(requestOf(ofBlocks.write({ op: "create", key: blockKey, value: block })))),
        {
          type: "value",
          key: blockKey,
          value: block,
        },
      );
      assert.deepEqual(
        ofAffinities.read(served(requestOf(ofAffinities.write({ op: "create", key: affinityKey, value: affinity })))),
        { type: "value", key: affinityKey, value: affinity },
      );
      assert.deepEqual(
        ofHandles.read(served(requestOf(ofHandles.write({ op: "create", key: handleKey, value: handle })))),
        {
          type: "value",
          key: handleKey,
          value: handle,
        },
      );
    });
  }

  it("keep members of a newer Calico", () => {
    const value = { ...block, ofTomorrow: { a: 1 } };
    const reading = blocks.read(served(requestOf(blocks.write({ op: "create", key: blockKey, value }))));
    assert.deepEqual(reading.type === "value" && reading.value, value);
  });

  it("have the flag of deletion as text in the older affinity alone", () => {
    const create = { op: "create", key: affinityKey, value: affinity } as const;
    const deletedIn = (flavour: Flavour) =>
      (served(requestOf(ipamSource("BlockAffinity", flavour).write(create))).spec as { deleted: unknown }).deleted;
    assert.deepEqual([deletedIn("v3"), deletedIn("v1")], [false, "false"]);
  });

  it("take an empty text for a flag that is not set", () => {
    const spec = { state: "", node: "node1", cidr: "10.10.0.64/30", deleted: "" };
    const reading = ipamSource("BlockAffinity", "v1").read({ metadata: { name: "node1-10-10-0-64-30" }, spec });
    assert.deepEqual(reading, { type: "value", key: affinityKey, value: affinity });
  });

  it("are replaced in the version that was read, without asking for them before", () => {
    const request = requestOf(blocks.write({ op: "update", key: blockKey, value: block, revision: "7" }));
    assert.equal(`${request.method} ${request.path}`, "PUT /apis/projectcalico.org/v3/ipamblocks/10-10-0-64-30");
    assert.deepEqual((parseJson(request.body) as unknown as ApiObject).metadata, {
      name: "10-10-0-64-30",
      resourceVersion: "7",
      managedFields: [{}],
    });
  });

  it("are set aside where the network is none", () => {
    const reading = blocks.read({
      metadata: { name: "x" },
      spec: { cidr: "10.10.0.65/30", allocations: [], sequenceNumber: 1 },
    });
    assert.match(reading.type === "undecodable" ? reading.reason : "", /spec\.cidr: "10\.10\.0\.65\/30" is no network/);
  });
});

describe("a deletion", () => {
  const plan = handles.write({ op: "delete", key: handleKey, revision: "7" });
  const stored = served(requestOf(handles.write({ op: "create", key: handleKey, value: handle })));
  /** What Calico has deleted, and not removed yet. */
  const leftover: ApiObject = { ...stored, spec: { ...(stored.spec as object), deleted: true } };

  it("removes the object in the version that was read, by one request", () => {
    assert.ok(plan.type === "send" && !plan.followUp);
    const { method, path, body } = plan.request;
    assert.equal(`${method} ${path}`, "DELETE /apis/projectcalico.org/v3/ipamhandles/k8s-pod-network.c0ffee");
    const { preconditions } = parseJson(body) as { preconditions: unknown };
    assert.deepEqual(preconditions, { resourceVersion: "7" });
  });

  it("of Calico's that ended half way has happened for every reader, in both forms", () => {
    assert.deepEqual(handles.read(leftover), { type: "absent" });
    const create = { op: "create", key: affinityKey, value: affinity } as const;
    const older = ipamSource("BlockAffinity", "v1");
    const marked = served(requestOf(older.write(create)));
    assert.deepEqual(older.read({ ...marked, spec: { ...(marked.spec as object), deleted: "true" } }), {
      type: "absent",
    });
  });

  it("that ended half way is brought to its end by whoever creates under the name", () => {
    for (const op of ["create", "put"] as const) {
      const again = handles.write({ op, key: handleKey, value: handle }, leftover);
      assert.ok(again.type === "send" && again.followUp);
      assert.deepEqual(
        [again.request.method, again.followUp(leftover).method, again.decidedBy],
        ["DELETE", "POST", "followUp"],
      );
    }
  });
});

describe("names of objects", () => {
  const rows = [
    { name: "of a block are its network with dashes", kind: "IPAMBlock", key: "10.0.0.0/26", object: "10-0-0-0-26" },
    {
      name: "of a block of IPv6 keep a dash for each colon",
      kind: "IPAMBlock",
      key: "fd00::40/122",
      object: "fd00--40-122",
    },
    {
      name: "of an affinity begin with the node",
      kind: "BlockAffinity",
      key: "host:n1/10.0.0.0/26",
      object: "n1-10-0-0-0-26",
    },
    {
      name: "of a handle are in lower case",
      kind: "IPAMHandle",
      key: "k8s-pod-network.C0FFEE",
      object: "k8s-pod-network.c0ffee",
    },
    {
      name: "of a handle have a dash for what no name may have",
      kind: "IPAMHandle",
      key: "net_a.c0ffee",
      object: "net-a.c0ffee",
    },
  ] as const;
  for (const { name, kind, key, object } of rows) it(name, () => assert.equal(ipamObjectName(kind, key), object));

  it("of long nodes are shortened, and have a hash that tells them apart", () => {
    const long = "n".repeat(250);
    const [one, two] = ["a", "b"].map((end) => ipamObjectName("BlockAffinity", `host:${long}${end}/10.0.0.0/26`));
    assert.equal(one?.length, 252);
    assert.match(one ?? "", /^n{228}-10-0-0-0-26-[0-9a-f]{11}$/);
    assert.notEqual(one, two);
  });

  it("of blocks are one to one", () => {
    const networks = [
      "10.0.0.0/26",
      "1.0.0.0/26",
      "10.0.0.0/2",
      "fd00::/122",
      "fd00:0:0:1::/122",
      "fd::/122",
      "a:b:c:d:e:f:1:0/112",
    ];
    assert.equal(new Set(networks.map((cidr) => ipamObjectName("IPAMBlock", cidr))).size, networks.length);
  });

  const collisions = [
    { name: "handles in upper and in lower case", kind: "IPAMHandle", keys: ["net.ABC", "net.abc"] },
    { name: "handles with signs that no name has", kind: "IPAMHandle", keys: ["net_a", "net-a"] },
    {
      name: "nodes whose names end as an address begins",
      kind: "BlockAffinity",
      keys: ["host:h/1:2::/122", "host:h-1/2::/122"],
    },
    {
      name: "a node with the name of what is none",
      kind: "BlockAffinity",
      keys: ["host:load-balancer/10.0.0.0/26", "virtual:load-balancer/10.0.0.0/26"],
    },
  ] as const;
  for (const { name, kind, keys } of collisions) {
    it(`collide for ${name}, and the second is refused and named`, () => {
      const [first, second] = keys;
      assert.equal(ipamObjectName(kind, first), ipamObjectName(kind, second));
      const source = ipamSource<"IPAMHandle" | "BlockAffinity">(kind, "v3");
      const value = kind === "IPAMHandle" ? handle : affinity;
      const taken = served(requestOf(source.write({ op: "create", key: { kind, name: first }, value })));
      for (const op of ["create", "put"] as const) {
        const plan = source.write({ op, key: { kind, name: second }, value }, taken);
        assert.equal(
          plan.type === "refused" ? plan.reason : plan.type,
          `${kind}(${second}) would have the same name as ${kind}(${first})`,
        );
      }
      const reading = source.read(taken);
      assert.equal(reading.type !== "absent" && reading.key.name, first);
    });
  }
});

describe("affinities of a node", () => {
  const affinities = ipamSource("BlockAffinity", "v3");
  const stored = served(requestOf(affinities.write({ op: "create", key: affinityKey, value: affinity })));

  it("have the labels by which they are listed", () => {
    const { labelSelector } = affinities.narrow({ namePrefix: "host:node1/" });
    const labels = Object.entries(stored.metadata.labels as object).map(([name, value]) => `${name}=${value}`);
    assert.deepEqual(
      labels.filter((label) => labelSelector?.split(",").includes(label)),
      labelSelector?.split(","),
    );
    assert.match(
      labelSelector ?? "",
      /^projectcalico\.org\/hostname-hash=[A-Z2-7]{52},projectcalico\.org\/affinity-type=host$/,
    );
  });

  it("are all listed where the prefix names no whole node", () => {
    assert.deepEqual(affinities.narrow({ namePrefix: "host:node1" }), {});
    assert.deepEqual(affinities.narrow({}), {});
  });

  it("are all listed from the older CRDs, where many have no labels", () => {
    assert.deepEqual(ipamSource("BlockAffinity", "v1").narrow({ namePrefix: "host:node1/" }), {});
  });
});

describe("IPAMConfig", () => {
  const key = { kind: "IPAMConfig", name: "default" } as const;
  const configs = ipamConfigSource("v3");
  const value = { strict_affinity: true, maxBlocksPerHost: 4 } as const;

  it("is the resource IPAMConfiguration, whose flags are all there", () => {
    const created = requestOf(configs.write({ op: "create", key, value }, null));
    assert.equal(created.path, "/apis/projectcalico.org/v3/ipamconfigurations");
    assert.deepEqual(served(created).spec, { strictAffinity: true, autoAllocateBlocks: false, maxBlocksPerHost: 4 });
    assert.deepEqual(configs.read(served(created)), { type: "value", key, value });
  });

  it("leaves what the resource has beside it", () => {
    const current: ApiObject = {
      metadata: { name: "default", labels: { a: "b" }, ...givenByServer },
      spec: { strictAffinity: false, autoAllocateBlocks: true, ofTomorrow: 1 },
    };
    const { metadata, spec } = served(
      requestOf(configs.write({ op: "update", key, value, revision: "1000" }, current)),
    );
    assert.deepEqual(metadata.labels, { a: "b" });
    assert.deepEqual(spec, { strictAffinity: true, autoAllocateBlocks: false, ofTomorrow: 1, maxBlocksPerHost: 4 });
  });

  it("is no other configuration", () => {
    assert.deepEqual(configs.read({ metadata: { name: "other" }, spec: {} }), { type: "absent" });
    assert.deepEqual(configs.locate({ kind: "IPAMConfig", name: "other" }), []);
  });
});
