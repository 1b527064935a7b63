/** What every store must do, whatever it is made of. Each sentence is a test; each kind of store runs them all. */
import assert from "node:assert/strict";
import { isItemOf } from "@brindle/api";
import { describe, it } from "vitest";
import { freshSubjects } from "./freshSubjects.ts";
import { commit, isStoreError, peerKey, peerWrite, Recorder, type Subject } from "./subject.ts";

export function describeStoreContract(name: string, open: () => Promise<Subject>): void {
  const fresh = freshSubjects(open);
  describe(`${name}: reading and writing`, () => describeCommits(fresh));
  describe(`${name}: watching`, () => describeWatches(fresh));
  describe(`${name}: watching through failures`, () => describeFailures(fresh));
}

function describeCommits(fresh: () => Promise<Subject>): void {
  it("reads what was written, under the revision that the write returned", async () => {
    const { store } = await fresh();
    const revision = await commit(store, peerWrite("peer1", { op: "create" }, 64513));
    const item = await store.get(peerKey("peer1"));
    assert.equal(item?.revision, revision);
    assert.equal(item.value.spec.asNumber, 64513);
    assert.equal(await store.get(peerKey("peer2")), null);
  });

  it("refuses to create what exists, and shows what exists", async () => {
    const { store } = await fresh();
    const revision = await commit(store, peerWrite("peer1", { op: "create" }, 64513));
    const result = await store.commit([peerWrite("peer1", { op: "create" }, 64514)]);
    assert.ok(result.kind === "conflict");
    const [current] = result.current;
    assert.ok(current && "revision" in current && isItemOf(current, "BGPPeer"));
    assert.equal(current.revision, revision);
    assert.equal(current.value.spec.asNumber, 64513);
  });

  it("refuses an update from an old revision, and shows the new value", async () => {
    const { store } = await fresh();
    const old = await commit(store, peerWrite("peer1", { op: "create" }));
    const newer = await commit(store, peerWrite("peer1", { op: "update", revision: old }, 64513));
    const result = await store.commit([peerWrite("peer1", { op: "update", revision: old }, 64514)]);
    assert.ok(result.kind === "conflict");
    assert.equal(result.current[0] && "revision" in result.current[0] && result.current[0].revision, newer);
  });

  it("refuses to update or to delete what is gone, and shows that it is", async () => {
    const { store } = await fresh();
    const revision = await commit(store, peerWrite("peer1", { op: "create" }));
    await commit(store, { op: "delete", key: peerKey("peer1"), revision });
    for (const write of [
      peerWrite("peer1", { op: "update", revision }),
      { op: "delete", key: peerKey("peer1"), revision } as const,
    ]) {
      const result = await store.commit([write]);
      assert.deepEqual(result, { kind: "conflict", current: [{ key: peerKey("peer1"), value: null }] });
    }
  });

  it("overwrites whatever is there with put", async () => {
    const { store } = await fresh();
    await commit(store, peerWrite("peer1", { op: "put" }, 64513));
    await commit(store, peerWrite("peer1", { op: "put" }, 64514));
    assert.equal((await store.get(peerKey("peer1")))?.value.spec.asNumber, 64514);
  });

  it("lets one of many writers win each round, and loses no count", async () => {
    const { store, other } = await fresh();
    await commit(store, peerWrite("counter", { op: "create" }, 1));
    const increment = async (client: typeof store) => {
      for (;;) {
        const item = await client.get(peerKey("counter"));
        assert.ok(item);
        const next = (item.value.spec.asNumber ?? 0) + 1;
        const result = await client.commit([peerWrite("counter", { op: "update", revision: item.revision }, next)]);
        if (result.kind === "committed") return;
      }
    };
    await Promise.all(Array.from({ length: 20 }, (_, i) => increment(i % 2 ? store : other)));
    assert.equal((await store.get(peerKey("counter")))?.value.spec.asNumber, 21);
  });

  it("lists one kind, one namespace, one beginning of names", async () => {
    const { store } = await fresh();
    const policy = (namespace: string, name: string) =>
      ({
        op: "create",
        key: { kind: "NetworkPolicy", namespace, name },
        value: {
          apiVersion: "projectcalico.org/v3",
          kind: "NetworkPolicy",
          metadata: { name, namespace },
          spec: {},
        },
      }) as const;
    for (const write of [policy("a", "p1"), policy("a", "q1"), policy("ab", "p2")]) await commit(store, write);
    await commit(store, peerWrite("p", { op: "create" }));
    const namesOf = async (scope: { namespace?: string; namePrefix?: string }) =>
      (await store.list("NetworkPolicy", scope)).items.map(({ key }) => `${key.namespace}/${key.name}`);
    assert.deepEqual(await namesOf({}), ["a/p1", "a/q1", "ab/p2"]);
    assert.deepEqual(await namesOf({ namespace: "a" }), ["a/p1", "a/q1"]);
    assert.deepEqual(await namesOf({ namespace: "a", namePrefix: "p" }), ["a/p1"]);
    assert.deepEqual(await namesOf({ namePrefix: "p" }), ["a/p1", "ab/p2"]);
  });

  it("finds the affinities of one node, whatever nodes are named alike", async () => {
    const { store } = await fresh();
    const names = ["host:node1/10.0.0.0/26", "host:node1/fd00::/122", "host:node10/10.0.1.0/26"];
    for (const name of names) {
      const value = { state: "confirmed", deleted: false } as const;
      await commit(store, { op: "create", key: { kind: "BlockAffinity", name }, value });
    }
    const { items } = await store.list("BlockAffinity", { namePrefix: "host:node1/" });
    assert.deepEqual(items.map(({ key }) => key.name).sort(), names.slice(0, 2));
  });
}

function describeWatches(fresh: () => Promise<Subject>): void {
  it("tells what exists, says that this was all, then tells every change in order", async () => {
    const { store, other } = await fresh();
    let revision = await commit(other, peerWrite("peer1", { op: "create" }, 1));
    const recorder = new Recorder(store, ["BGPPeer", "IPPool"]);
    await recorder.untilLast("inSync IPPool");
    assert.deepEqual(recorder.told, ["changed peer1", "inSync BGPPeer", "inSync IPPool"]);
    const since = recorder.mark();
    for (let asNumber = 2; asNumber <= 50; asNumber++) {
      revision = await commit(other, peerWrite("peer1", { op: "update", revision }, asNumber));
    }
    await commit(other, { op: "delete", key: peerKey("peer1"), revision });
    await recorder.untilLast("deleted peer1");
    assert.equal(since().length, 50);
    const numbers = recorder.events.flatMap((event) =>
      event.type === "changed" && isItemOf(event.item, "BGPPeer") ? [event.item.value.spec.asNumber] : [],
    );
    assert.deepEqual(
      numbers,
      Array.from({ length: 50 }, (_, i) => i + 1),
    );
    await recorder.stop();
  });

  it("tells two watchers the same, and a stopped one nothing more", async () => {
    const { store, other } = await fresh();
    const [first, second] = [new Recorder(store, ["BGPPeer"]), new Recorder(store, ["BGPPeer"])];
    await first.untilLast("inSync BGPPeer");
    await second.untilLast("inSync BGPPeer");
    await commit(other, peerWrite("peer1", { op: "create" }));
    await first.untilLast("changed peer1");
    await second.untilLast("changed peer1");
    await first.stop();
    await commit(other, peerWrite("peer2", { op: "create" }));
    await second.untilLast("changed peer2");
    assert.deepEqual(first.told, ["inSync BGPPeer", "changed peer1"]);
    await second.stop();
  });
}

function describeFailures(fresh: () => Promise<Subject>): void {
  it("says that the datastore is away, and nothing of what it holds", async () => {
    const { store, cut } = await fresh();
    await commit(store, peerWrite("peer1", { op: "create" }));
    const recorder = new Recorder(store, ["BGPPeer"]);
    await recorder.untilLast("inSync BGPPeer");
    await cut();
    await recorder.untilLast("disconnected");
    await assert.rejects(store.get(peerKey("peer1")), (error) => isStoreError(error, "UNAVAILABLE"));
    await assert.rejects(store.list("BGPPeer"), (error) => isStoreError(error, "UNAVAILABLE"));
    await assert.rejects(store.commit([peerWrite("peer2", { op: "create" })]), (error) =>
      isStoreError(error, "UNAVAILABLE"),
    );
    assert.deepEqual(recorder.told, ["changed peer1", "inSync BGPPeer", "disconnected"]);
    await recorder.stop();
  });

  it("tells after a disconnection what differs, and only that", async () => {
    const { store, other, cut, mend } = await fresh();
    for (const name of ["same", "changing", "leaving"]) await commit(other, peerWrite(name, { op: "create" }));
    const recorder = new Recorder(store, ["BGPPeer"]);
    await recorder.untilLast("inSync BGPPeer");
    await cut();
    await recorder.untilLast("disconnected");
    const since = recorder.mark();
    const leaving = await other.get(peerKey("leaving"));
    await commit(other, { op: "delete", key: peerKey("leaving"), revision: leaving?.revision ?? "" });
    await commit(other, peerWrite("changing", { op: "put" }, 64999));
    await commit(other, peerWrite("coming", { op: "create" }));
    await mend();
    await recorder.untilLast("connected");
    assert.deepEqual(since(), ["deleted leaving", "changed changing", "changed coming", "connected"]);
    await commit(other, peerWrite("later", { op: "create" }));
    await recorder.untilLast("changed later");
    await recorder.stop();
  });

  it("lists anew when the history that it missed is compacted", async () => {
    const { store, other, cut, mend, compact } = await fresh();
    for (const name of ["leaving", "same"]) await commit(other, peerWrite(name, { op: "create" }));
    const recorder = new Recorder(store, ["BGPPeer"]);
    await recorder.untilLast("inSync BGPPeer");
    await cut();
    await recorder.untilLast("disconnected");
    const since = recorder.mark();
    const leaving = await other.get(peerKey("leaving"));
    await commit(other, { op: "delete", key: peerKey("leaving"), revision: leaving?.revision ?? "" });
    await commit(other, peerWrite("coming", { op: "create" }));
    await compact();
    await mend();
    await recorder.until("the watch is back", (told) => told.includes("connected"));
    // Whether it says so as trouble, and when, is told by each store's own tests.
    const differences = since().filter((summary) => summary !== "trouble");
    assert.deepEqual(differences, ["deleted leaving", "changed coming", "connected"]);
    await recorder.stop();
  });

  it("loses nothing and deletes nothing when the datastore restarts", async () => {
    const { store, other, restart } = await fresh();
    await commit(other, peerWrite("peer1", { op: "create" }));
    const recorder = new Recorder(store, ["BGPPeer"]);
    await recorder.untilLast("inSync BGPPeer");
    await restart();
    await recorder.until("the watch is back", (told) => told.includes("connected"));
    await commit(store, peerWrite("peer2", { op: "put" }));
    await recorder.untilLast("changed peer2");
    assert.deepEqual(
      recorder.told.filter((summary) => !/connected/.test(summary)),
      ["changed peer1", "inSync BGPPeer", "changed peer2"],
    );
    await recorder.stop();
  });

  it("begins to watch while the datastore is away, and is told all when it is back", async () => {
    const { store, other, cut, mend } = await fresh();
    await commit(other, peerWrite("peer1", { op: "create" }));
    await cut();
    const recorder = new Recorder(store, ["BGPPeer"]);
    await recorder.untilLast("disconnected");
    await mend();
    await recorder.untilLast("connected");
    assert.deepEqual(recorder.told, ["disconnected", "changed peer1", "inSync BGPPeer", "connected"]);
    await recorder.stop();
  });
}
