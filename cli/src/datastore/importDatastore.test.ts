import assert from "node:assert/strict";
import {
  type AnyKindOfResource,
  apiVersion,
  type IPAMBlock,
  type Key,
  MemoryStore,
  type Node,
  type Store,
  type Write,
} from "@brindle/api";
import { describe, it } from "vitest";
import { nowMs, Rig } from "../testing.ts";
import { type Archive, clusterInformationOf } from "./archive.ts";
import { writeArchive } from "./importDatastore.ts";

const block: IPAMBlock = {
  cidr: "10.0.0.0/30",
  affinity: "host:node1",
  allocations: [null, null, null, null],
  unallocated: [0, 1, 2, 3],
  attributes: [],
  sequenceNumber: 1n,
  sequenceNumberForAllocation: {},
  deleted: false,
};

function archiveOf(resources: readonly AnyKindOfResource[]): Archive {
  return {
    resources,
    clusterInformation: clusterInformationOf({ datastoreReady: false }),
    ipam: {
      affinities: [
        {
          key: { kind: "BlockAffinity", name: "host:node1/10.0.0.0/30" },
          value: { state: "confirmed", deleted: false },
        },
      ],
      blocks: [{ key: { kind: "IPAMBlock", name: block.cidr }, value: block }],
      handles: [{ key: { kind: "IPAMHandle", name: "net.a" }, value: { block: { [block.cidr]: 1 }, deleted: false } }],
      config: { key: { kind: "IPAMConfig", name: "default" }, value: { strict_affinity: true } },
    },
  };
}

async function write(archive: Archive, store: Store): Promise<unknown> {
  return writeArchive(archive, store, { nowMs: () => nowMs, newUid: () => "uid" });
}

/** In the order in which they are written. */
function recorded(store: Store): { readonly store: Store; readonly kinds: string[] } {
  const kinds: string[] = [];
  const commit = (writes: readonly Write[]) => {
    kinds.push(...writes.map(({ key }) => key.kind));
    return store.commit(writes);
  };
  const recording: Store = {
    transactions: store.transactions,
    get: (key) => store.get(key),
    list: (kind, scope) => store.list(kind, scope),
    watch: (watched, listener) => store.watch(watched, listener),
    close: () => store.close(),
    commit,
  };
  return { store: recording, kinds };
}

describe("an import", () => {
  it("writes no block before the affinity that explains it, and locks before all", async () => {
    const { store, kinds } = recorded(new MemoryStore());
    await write(archiveOf([]), store);
    assert.deepEqual(kinds, [
      "ClusterInformation",
      "BlockAffinity",
      "IPAMBlock",
      "IPAMHandle",
      "IPAMConfig",
      "ClusterInformation",
    ]);
  });

  it("leaves a node of Kubernetes the labels that Kubernetes gave it", async () => {
    const store = new MemoryStore({ transactions: "single" });
    const key: Key<"Node"> = { kind: "Node", name: "node1" };
    const node = (labels: Readonly<Record<string, string>>): Node => ({
      kind: "Node",
      apiVersion,
      metadata: { name: "node1", labels },
      spec: {},
    });
    await store.commit([{ op: "create", key, value: node({ zone: "b" }) }]);
    await write(archiveOf([node({ zone: "a", rack: "7" })]), store);
    assert.deepEqual((await store.get(key))?.value.metadata.labels, { zone: "b", rack: "7" });
  });

  it("takes of the two configurations of address management the one that counts, where there is one object for both", async () => {
    const resource = {
      kind: "IPAMConfiguration",
      apiVersion,
      metadata: { name: "default" },
      spec: { strictAffinity: false, autoAllocateBlocks: true, maxBlocksPerHost: 0 },
    } as const;
    const { store, kinds } = recorded(new MemoryStore({ transactions: "single" }));
    await write(archiveOf([resource]), store);
    assert.equal(kinds.includes("IPAMConfiguration"), false);
    assert.equal(kinds.includes("IPAMConfig"), true);
  });
});

describe("an export", () => {
  it("is refused where an object cannot be read, and says which", async () => {
    const rig = new Rig();
    await rig.run("datastore lock");
    const { entries, revision } = rig.data.snapshot();
    const key = "/calico/resources/v3/projectcalico.org/ippools/torn";
    rig.data.restore({ entries: [...entries, { key, text: "{", revision: String(revision) }], revision });
    const { exitCode, err } = await rig.run("datastore export");
    assert.equal(exitCode, 1);
    assert.match(err, /IPPool\(torn\) cannot be read: .*\nmend or delete these first: nothing was exported/);
  });
});
