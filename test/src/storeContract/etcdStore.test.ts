import assert from "node:assert/strict";
import { type EtcdStoreOptions, openEtcdStore } from "@brindle/api/shell/etcd";
import { afterAll, beforeAll, describe, it } from "vitest";
import { type CuttableProxy, startCuttableProxy } from "../fixtures/cuttableProxy.ts";
import { type Etcd, startEtcd } from "../fixtures/etcd.ts";
import { describeStoreContract } from "./contract.ts";
import { describeStoredText, type TextSubject } from "./storedText.ts";
import { commit, isStoreError, nodeKey, nodeWrite, Recorder } from "./subject.ts";
import { describeTransactions } from "./transactions.ts";

let etcd: Etcd;
beforeAll(async () => {
  etcd = await startEtcd();
});
afterAll(async () => etcd[Symbol.asyncDispose]());

for (const describeStore of [describeStoreContract, describeTransactions, describeStoredText]) {
  describeStore("etcd", openSubject);
}

interface EtcdSubject extends TextSubject {
  readonly proxy: CuttableProxy;
}

/** The store under test reaches etcd through a proxy of its own; etcd is shared, and emptied before each test. */
async function openSubject(options: Partial<EtcdStoreOptions> = {}): Promise<EtcdSubject> {
  await etcd.etcdctl("del", "--prefix", "/calico");
  const proxy = await startCuttableProxy({ host: "127.0.0.1", port: Number(new URL(etcd.endpoint).port) });
  const store = openEtcdStore({ endpoints: [`http://127.0.0.1:${proxy.port}`], timeoutMs: 2_000, ...options });
  const other = openEtcdStore({ endpoints: [etcd.endpoint] });
  return {
    store,
    other,
    proxy,
    writeText: async (key, text) => {
      await (text === null ? etcd.etcdctl("del", key) : etcd.etcdctl("put", "--", key, text));
    },
    readText: async (key) => (await etcd.etcdctl("get", "--print-value-only", key)).trimEnd() || null,
    cut: proxy.cut,
    mend: proxy.mend,
    restart: async () => {
      await etcd.stop();
      await etcd.start();
    },
    compact: etcd.compact,
    [Symbol.asyncDispose]: async () => {
      await store.close();
      await other.close();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

describe("etcd: what only a network can do", () => {
  it("ends a call at its deadline when etcd is silent", async () => {
    await using subject = await openSubject({ timeoutMs: 300 });
    await subject.store.get(nodeKey("node1"));
    subject.proxy.silence();
    const startMs = performance.now();
    await assert.rejects(subject.store.get(nodeKey("node1")), (error) => isStoreError(error, "UNAVAILABLE"));
    assert.ok(performance.now() - startMs < 20_000); // Of itself it would be never.
  });

  it("notices by its probe that a stream has fallen silent, and recovers", async () => {
    await using subject = await openSubject({ timeoutMs: 300, probeIntervalMs: 200 });
    const recorder = new Recorder(subject.store, ["Node"]);
    await recorder.untilLast("inSync Node");
    subject.proxy.silence();
    await recorder.untilLast("disconnected");
    await commit(subject.other, nodeWrite("node1", { op: "create" }));
    await subject.proxy.cut();
    await subject.proxy.mend();
    await recorder.untilLast("connected");
    assert.deepEqual(recorder.told, ["inSync Node", "disconnected", "changed node1", "connected"]);
    await recorder.stop();
  });

  it("lists anew from time to time without telling anything twice", async () => {
    await using subject = await openSubject({ relistIntervalMs: 50 });
    const recorder = new Recorder(subject.store, ["Node"]);
    await recorder.untilLast("inSync Node");
    for (let i = 1; i <= 40; i++) await commit(subject.other, nodeWrite(`node${i}`, { op: "create" }));
    // In any order: a listing tells by name what a stream would have told by time.
    await recorder.until("all forty are told", (told) => new Set(told).size === 41);
    assert.equal(recorder.events.length, 41);
    await recorder.stop();
  });

  it("goes on with the next endpoint when one is dead", async () => {
    await using dead = await startCuttableProxy({ host: "127.0.0.1", port: 1 });
    const endpoints = [`http://127.0.0.1:${dead.port}`, etcd.endpoint];
    await dead.cut();
    const store = openEtcdStore({ endpoints, timeoutMs: 2_000 });
    await commit(store, nodeWrite("node1", { op: "put" }));
    assert.ok(await store.get(nodeKey("node1")));
    await store.close();
  });

  it("names neither user nor password when it is refused", async () => {
    await using secured = await startEtcd();
    for (const command of ["user add root:secret-of-root", "user grant-role root root", "auth enable"]) {
      await secured.etcdctl(...command.split(" "));
    }
    const user = { name: "root", password: "secret-of-root" };
    const good = openEtcdStore({ endpoints: [secured.endpoint], user });
    await commit(good, nodeWrite("node1", { op: "put" }));
    await good.close();
    const attempts = [{ user: { name: "root", password: "wrong-secret" } }, {}];
    for (const attempt of attempts) {
      const store = openEtcdStore({ endpoints: [secured.endpoint], timeoutMs: 2_000, ...attempt });
      await assert.rejects(store.get(nodeKey("node1")), (error) => {
        assert.ok(error instanceof Error);
        assert.doesNotMatch(`${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`, /secret/);
        return isStoreError(error, "UNAUTHORIZED");
      });
      await store.close();
    }
    const inAddress = () => openEtcdStore({ endpoints: ["http://root:secret@127.0.0.1:1"] });
    assert.throws(inAddress, (error) => isStoreError(error, "MISCONFIGURED") && !`${error}`.includes("secret"));
  });
});
