/** The store in a real API server: what it writes, what it reads, what it says no to. */
import assert from "node:assert/strict";
import type { IPAMBlock, IPPool, Key, Store } from "@brindle/api";
import { findClusterAccess, openKubernetesStore } from "@brindle/api/shell";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "vitest";
import { type KubeApi, startKubeApi } from "../fixtures/kube/kubeApi.ts";
import { commit, isStoreError, Recorder } from "../storeContract/subject.ts";
import { applyCrds } from "./crds.ts";

let cluster: KubeApi;
let store: Store;

beforeAll(async () => {
  cluster = await startKubeApi();
  await applyCrds(cluster);
  await cluster.kubectl(["create", "serviceaccount", "default"]);
});
afterAll(() => cluster?.[Symbol.asyncDispose]());
beforeEach(async () => {
  store = await open();
});
afterEach(() => store.close());

async function open(options: { readonly pageSize?: number; readonly apiGroup?: string } = {}): Promise<Store> {
  const access = await findClusterAccess({ environment: { KUBECONFIG: cluster.adminKubeconfig } });
  return openKubernetesStore({ access, ...options });
}

function pool(name: string, spec: Partial<IPPool["spec"]> = {}): IPPool {
  return {
    apiVersion: "projectcalico.org/v3",
    kind: "IPPool",
    metadata: { name },
    spec: { cidr: "10.1.0.0/16", ...spec },
  };
}

function keyOfPool(name: string): Key<"IPPool"> {
  return { kind: "IPPool", name };
}

describe("reading and writing", () => {
  it("reads what was written, as what kubectl sees too", async () => {
    const key = keyOfPool("plain");
    const revision = await commit(store, { op: "create", key, value: pool("plain", { blockSize: 28 }) });
    const item = await store.get(key);
    assert.equal(item?.revision, revision);
    assert.equal(item.value.spec.blockSize, 28);
    assert.equal(await cluster.kubectl(["get", "ippools", "plain", "-o", "jsonpath={.spec.blockSize}"]), "28");
  });

  it("shows what is there when a creation, an old update or an old deletion is refused", async () => {
    const key = keyOfPool("contested");
    const old = await commit(store, { op: "create", key, value: pool("contested") });
    const newer = await commit(store, {
      op: "update",
      key,
      value: pool("contested", { disabled: true }),
      revision: old,
    });
    for (const write of [
      { op: "create", key, value: pool("contested") },
      { op: "update", key, value: pool("contested"), revision: old },
      { op: "delete", key, revision: old },
      { op: "expect", key, revision: old },
    ] as const) {
      const result = await store.commit([write]);
      assert.ok(result.kind === "conflict", write.op);
      const [current] = result.current;
      assert.equal(current && "revision" in current && current.revision, newer, write.op);
    }
    await commit(store, { op: "expect", key, revision: newer });
    await commit(store, { op: "delete", key, revision: newer });
    const gone = { kind: "conflict", current: [{ key, value: null }] };
    assert.deepEqual(await store.commit([{ op: "delete", key, revision: newer }]), gone);
    assert.deepEqual(await store.commit([{ op: "update", key, value: pool("contested"), revision: newer }]), gone);
  });

  it("overwrites with put whatever other writers do meanwhile", async () => {
    const key = keyOfPool("put");
    const writes = Array.from({ length: 8 }, (_, i) => pool("put", { nodeSelector: `rack == "${i}"` }));
    await Promise.all(writes.map((value) => commit(store, { op: "put", key, value })));
    assert.match((await store.get(key))?.value.spec.nodeSelector ?? "", /^rack == "\d"$/);
  });

  it("keeps the last digit of a sequence number, and leaves nothing of a block that is deleted", async () => {
    const key: Key<"IPAMBlock"> = { kind: "IPAMBlock", name: "10.1.0.0/30" };
    await commit(store, { op: "create", key, value: block(1767225600000000001n) });
    const item = await store.get(key);
    assert.equal(item?.value.sequenceNumber, 1767225600000000001n);
    await commit(store, {
      op: "update",
      key,
      value: { ...item.value, sequenceNumber: 1767225600000000003n },
      revision: item.revision,
    });
    const [listed] = (await store.list("IPAMBlock")).items;
    assert.equal(listed?.value.sequenceNumber, 1767225600000000003n);
    await commit(store, { op: "delete", key, revision: listed.revision });
    assert.equal(await store.get(key), null);
    assert.equal(await cluster.kubectl(["get", "ipamblocks", "-o", "name"]), "");
  });

  it("lists in pages what does not fit into one", async () => {
    await using small = await disposable(open({ pageSize: 2 }));
    const names = ["page-a", "page-b", "page-c", "page-d", "page-e"];
    for (const name of names) await commit(store, { op: "put", key: keyOfPool(name), value: pool(name) });
    const { items } = await small.list("IPPool", { namePrefix: "page-" });
    assert.deepEqual(items.map(({ key }) => key.name).sort(), names);
  });

  it("refuses a transaction over two objects, and says why", async () => {
    const writes = ["x", "y"].map((name) => ({ op: "create", key: keyOfPool(name), value: pool(name) }) as const);
    await assert.rejects(
      store.commit(writes),
      (error) => isStoreError(error, "REFUSED") && /one object at a time/.test(`${error}`),
    );
    assert.equal(store.transactions, "single");
    assert.equal(await store.get(keyOfPool("x")), null);
  });
});

describe("watching", () => {
  it("tells what exists, that it was all, and every change", async () => {
    const key = keyOfPool("watched");
    await commit(store, { op: "create", key, value: pool("watched") });
    const watch = new Recorder(store, ["IPPool"]);
    await watch.until("it is in sync", (told) => told.includes("inSync IPPool"));
    assert.ok(watch.told.indexOf("changed watched") < watch.told.indexOf("inSync IPPool"));
    const since = watch.mark();
    await cluster.kubectl(["label", "ippools", "watched", "a=b"]);
    await watch.untilLast("changed watched");
    await cluster.kubectl(["delete", "ippools", "watched"]);
    await watch.untilLast("deleted watched");
    assert.deepEqual(since(), ["changed watched", "deleted watched"]);
    await watch.stop();
  });

  it("sets aside what does not decode, with what can be read of it, and goes on", async () => {
    const watch = new Recorder(store, ["GlobalNetworkPolicy"]);
    await watch.untilLast("inSync GlobalNetworkPolicy");
    const unreadable = {
      apiVersion: "projectcalico.org/v3",
      kind: "GlobalNetworkPolicy",
      metadata: { name: "unreadable" },
    };
    await cluster.kubectl(["create", "-f", "-"], {
      input: JSON.stringify({ ...unreadable, spec: { selector: "has(" } }),
    });
    await watch.untilLast("undecodable unreadable");
    const event = watch.events.at(-1);
    assert.ok(event?.type === "undecodable" && JSON.stringify(event.partial).includes("has("));
    const { undecodable } = await store.list("GlobalNetworkPolicy");
    assert.deepEqual(
      undecodable.map(({ key }) => key.name),
      ["unreadable"],
    );
    await assert.rejects(store.get({ kind: "GlobalNetworkPolicy", name: "unreadable" }), (error) =>
      isStoreError(error, "UNDECODABLE"),
    );
    await cluster.kubectl(["delete", "globalnetworkpolicies", "unreadable"]);
    await watch.untilLast("deleted unreadable");
    await watch.stop();
  });

  it("tells a pod as an endpoint of its node, until it is deleted", async () => {
    for (const node of ["here", "there"])
      await cluster.kubectl(["create", "-f", "-"], { input: JSON.stringify(podOn(node)) });
    const watch = new Recorder(store, ["WorkloadEndpoint"]);
    await watch.untilLast("inSync WorkloadEndpoint");
    assert.deepEqual(watch.told.slice(0, -1).sort(), [
      "changed here-k8s-web--here-eth0",
      "changed there-k8s-web--there-eth0",
    ]);
    await cluster.kubectl(["delete", "pod", "web-here", "--force"]);
    await watch.untilLast("deleted here-k8s-web--here-eth0");
    await watch.stop();
  });

  it("holds a kind that is not installed to be empty, and says so to whoever writes it", async () => {
    await using other = await disposable(open({ apiGroup: "crd.projectcalico.org/v1" }));
    const watch = new Recorder(other, ["IPPool"]);
    await watch.untilLast("inSync IPPool");
    assert.deepEqual(watch.told, ["inSync IPPool"]);
    assert.deepEqual((await other.list("IPPool")).items, []);
    const write = { op: "create", key: keyOfPool("x"), value: pool("x") } as const;
    await assert.rejects(other.commit([write]), /CustomResourceDefinition is not installed/);
    await watch.stop();
  });
});

async function disposable(opening: Promise<Store>): Promise<Store & AsyncDisposable> {
  const opened = await opening;
  return Object.assign(opened, { [Symbol.asyncDispose]: () => opened.close() });
}

function podOn(nodeName: string): object {
  const metadata = { name: `web-${nodeName}`, namespace: "default" };
  const spec = {
    nodeName,
    serviceAccountName: "default",
    automountServiceAccountToken: false,
    containers: [{ name: "web", image: "none" }],
  };
  return { apiVersion: "v1", kind: "Pod", metadata, spec };
}

function block(sequenceNumber: bigint): IPAMBlock {
  return {
    cidr: "10.1.0.0/30",
    affinity: "host:node1",
    allocations: [null, null, null, null],
    unallocated: [0, 1, 2, 3],
    attributes: [],
    sequenceNumber,
    sequenceNumberForAllocation: {},
    deleted: false,
  };
}
