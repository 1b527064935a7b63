/** What every store must do, whatever it is made of. Each sentence is a test; each kind of store runs them all. */
import assert from "node:assert/strict";
import { type IPAMBlock, isItemOf, operationsMax, type Write } from "@brindle/api";
import { afterEach, describe, it } from "vitest";
import { commit, isStoreError, node, nodeKey, nodeWrite, Recorder, type Subject } from "./subject.ts";

const nodesFolder = "/calico/resources/v3/projectcalico.org/nodes/";

export function describeStoreContract(name: string, open: () => Promise<Subject>): void {
  let subject: Subject | undefined;
  async function fresh(): Promise<Subject> {
    subject = await open();
    return subject;
  }
  afterEach(async () => {
    await subject?.[Symbol.asyncDispose]();
    subject = undefined;
  });

  describe(`${name}: reading and writing`, () => describeCommits(fresh));
  describe(`${name}: what is stored`, () => describeValues(fresh));
  describe(`${name}: watching`, () => describeWatches(fresh));
  describe(`${name}: watching through failures`, () => describeFailures(fresh));
}

function describeCommits(fresh: () => Promise<Subject>): void {
  it("reads what was written, under the revision that the write returned", async () => {
    const { store } = await fresh();
    const revision = await commit(store, nodeWrite("node1", { op: "create" }, 64513));
    const item = await store.get(nodeKey("node1"));
    assert.equal(item?.revision, revision);
    assert.equal(item.value.spec.bgp?.asNumber, 64513);
    assert.equal(await store.get(nodeKey("node2")), null);
  });

  it("refuses to create what exists, and shows what exists", async () => {
    const { store } = await fresh();
    const revision = await commit(store, nodeWrite("node1", { op: "create" }, 64513));
    const result = await store.commit([nodeWrite("node1", { op: "create" }, 64514)]);
    assert.ok(result.kind === "conflict");
    const [current] = result.current;
    assert.ok(current && "revision" in current && isItemOf(current, "Node"));
    assert.equal(current.revision, revision);
    assert.equal(current.value.spec.bgp?.asNumber, 64513);
  });

  it("refuses an update from an old revision, and shows the new value", async () => {
    const { store } = await fresh();
    const old = await commit(store, nodeWrite("node1", { op: "create" }));
    const newer = await commit(store, nodeWrite("node1", { op: "update", revision: old }, 64513));
    const result = await store.commit([nodeWrite("node1", { op: "update", revision: old }, 64514)]);
    assert.ok(result.kind === "conflict");
    assert.equal(result.current[0] && "revision" in result.current[0] && result.current[0].revision, newer);
  });

  it("refuses to update or to delete what is gone, and shows that it is", async () => {
    const { store } = await fresh();
    const revision = await commit(store, nodeWrite("node1", { op: "create" }));
    await commit(store, { op: "delete", key: nodeKey("node1"), revision });
    for (const write of [
      nodeWrite("node1", { op: "update", revision }),
      { op: "delete", key: nodeKey("node1"), revision } as const,
    ]) {
      const result = await store.commit([write]);
      assert.deepEqual(result, { kind: "conflict", current: [{ key: nodeKey("node1"), value: null }] });
    }
  });

  it("does all writes of a transaction or none", async () => {
    const { store } = await fresh();
    await commit(store, nodeWrite("taken", { op: "create" }));
    const result = await store.commit([nodeWrite("free", { op: "create" }), nodeWrite("taken", { op: "create" })]);
    assert.ok(result.kind === "conflict");
    assert.deepEqual(
      result.current.map(({ key, value }) => [key.name, value === null]),
      [
        ["free", true],
        ["taken", false],
      ],
    );
    assert.equal(await store.get(nodeKey("free")), null);
  });

  it("lets a transaction depend on keys that it does not write", async () => {
    const { store } = await fresh();
    const revision = await commit(store, nodeWrite("node1", { op: "create" }));
    const present = { op: "expect", key: nodeKey("node1"), revision } as const;
    const absent = { op: "expect", key: nodeKey("node9"), revision: null } as const;
    await commit(store, present, absent, nodeWrite("node2", { op: "create" }));
    await commit(store, nodeWrite("node1", { op: "put" }, 64513));
    const result = await store.commit([present, nodeWrite("node3", { op: "create" })]);
    assert.equal(result.kind, "conflict");
    assert.equal(await store.get(nodeKey("node3")), null);
  });

  it("overwrites whatever is there with put", async () => {
    const { store } = await fresh();
    await commit(store, nodeWrite("node1", { op: "put" }, 64513));
    await commit(store, nodeWrite("node1", { op: "put" }, 64514));
    assert.equal((await store.get(nodeKey("node1")))?.value.spec.bgp?.asNumber, 64514);
  });

  it("lets one of many writers win each round, and loses no count", async () => {
    const { store, other } = await fresh();
    await commit(store, nodeWrite("counter", { op: "create" }, 1));
    const increment = async (client: typeof store) => {
      for (;;) {
        const item = await client.get(nodeKey("counter"));
        assert.ok(item);
        const next = (item.value.spec.bgp?.asNumber ?? 0) + 1;
        const result = await client.commit([nodeWrite("counter", { op: "update", revision: item.revision }, next)]);
        if (result.kind === "committed") return;
      }
    };
    await Promise.all(Array.from({ length: 20 }, (_, i) => increment(i % 2 ? store : other)));
    assert.equal((await store.get(nodeKey("counter")))?.value.spec.bgp?.asNumber, 21);
  });

  it(`takes ${operationsMax} operations, and says why not one more`, async () => {
    const { store } = await fresh();
    const writes = Array.from({ length: operationsMax + 1 }, (_, i) => nodeWrite(`n${i}`, { op: "create" }));
    await assert.rejects(
      store.commit(writes),
      (error) => isStoreError(error, "REFUSED") && /129.*128/.test(`${error}`),
    );
    await commit(store, ...writes.slice(1));
    assert.equal((await store.list("Node")).items.length, operationsMax);
  });

  it("refuses a transaction that names a key twice", async () => {
    const { store } = await fresh();
    const twice = [nodeWrite("node1", { op: "put" }), nodeWrite("node1", { op: "put" })];
    await assert.rejects(store.commit(twice), /Node\(node1\) twice/);
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
    await commit(store, policy("a", "p1"), policy("a", "q1"), policy("ab", "p2"), nodeWrite("p", { op: "create" }));
    const namesOf = async (scope: { namespace?: string; namePrefix?: string }) =>
      (await store.list("NetworkPolicy", scope)).items.map(({ key }) => `${key.namespace}/${key.name}`);
    assert.deepEqual(await namesOf({}), ["a/p1", "a/q1", "ab/p2"]);
    assert.deepEqual(await namesOf({ namespace: "a" }), ["a/p1", "a/q1"]);
    assert.deepEqual(await namesOf({ namespace: "a", namePrefix: "p" }), ["a/p1"]);
    assert.deepEqual(await namesOf({ namePrefix: "p" }), ["a/p1", "ab/p2"]);
  });
}

const block: IPAMBlock = {
  cidr: "10.0.0.0/26",
  affinity: "host:node1",
  allocations: [0, null],
  unallocated: [1],
  attributes: [{ handle_id: "k8s-pod-network.c0ffee", secondary: { pod: "web-0" } }],
  sequenceNumber: 1767225600000000001n,
  sequenceNumberForAllocation: { "0": 1767225600000000001n },
  deleted: false,
};

function describeValues(fresh: () => Promise<Subject>): void {
  it("keeps 64-bit sequence numbers to the last digit", async () => {
    const { store, readText } = await fresh();
    await commit(store, { op: "create", key: { kind: "IPAMBlock", name: "10.0.0.0/26" }, value: block });
    assert.deepEqual((await store.get({ kind: "IPAMBlock", name: "10.0.0.0/26" }))?.value, block);
    const text = await readText("/calico/ipam/v2/assignment/ipv4/block/10.0.0.0-26");
    assert.match(text ?? "", /"sequenceNumber":1767225600000000001,/);
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

  it("keeps fields that it does not know through a read and a write, and never stores a resourceVersion", async () => {
    const { store, writeText, readText } = await fresh();
    const key = `${nodesFolder}node1`;
    await writeText(
      key,
      '{"kind":"Node","apiVersion":"projectcalico.org/v3","metadata":{"name":"node1","novel":{"a":1}},"spec":{"new":[9007199254740993]}}',
    );
    const item = await store.get(nodeKey("node1"));
    assert.ok(item);
    const metadata = { ...item.value.metadata, resourceVersion: "5" };
    await commit(store, { op: "update", key: item.key, revision: item.revision, value: { ...item.value, metadata } });
    const text = (await readText(key)) ?? "";
    assert.ok(text.includes('"new":[9007199254740993]') && text.includes('"novel":{"a":1}'), text);
    assert.ok(!text.includes("resourceVersion"));
  });

  it("says which value does not decode, and lists the others", async () => {
    const { store, writeText } = await fresh();
    await commit(store, nodeWrite("good", { op: "create" }));
    await writeText(`${nodesFolder}bad`, '{"kind":"Node","apiVersion":"projectcalico.org/v3","spec":{}}');
    const { items, undecodable } = await store.list("Node");
    assert.deepEqual(
      items.map(({ key }) => key.name),
      ["good"],
    );
    const partial = { kind: "Node", apiVersion: "projectcalico.org/v3", spec: {} };
    assert.deepEqual(undecodable, [{ key: nodeKey("bad"), reason: "metadata: is missing", partial }]);
    await assert.rejects(store.get(nodeKey("bad")), (error) => isStoreError(error, "UNDECODABLE"));
  });

  it("tells of the built-in profile, and does not let it be written", async () => {
    const { store, readText } = await fresh();
    const key = { kind: "Profile", name: "projectcalico-default-allow" } as const;
    const item = await store.get(key);
    assert.deepEqual(item?.value.spec.ingress, [{ action: "Allow" }]);
    assert.deepEqual(
      (await store.list("Profile")).items.map(({ key }) => key.name),
      [key.name],
    );
    const write = { op: "put", key, value: item.value } as const;
    await assert.rejects(store.commit([write]), (error) => isStoreError(error, "REFUSED"));
    assert.equal(await readText("/calico/resources/v3/projectcalico.org/profiles/projectcalico-default-allow"), null);
  });

  it("carries 5,000 resources of 5 KiB, pages of more than 4 MiB, in a listing and a watch", async () => {
    const { store, other } = await fresh();
    const names = Array.from({ length: 5_000 }, (_, i) => `node${i}`);
    for (let i = 0; i < names.length; i += operationsMax) {
      const writes = names.slice(i, i + operationsMax).map((name): Write => {
        const value = node(name, { annotations: { padding: "x".repeat(5_000) } });
        return { op: "create", key: nodeKey(name), value };
      });
      await commit(other, ...writes);
    }
    assert.equal((await store.list("Node")).items.length, names.length);
    const recorder = new Recorder(store, ["Node"]);
    await recorder.untilLast("inSync Node");
    assert.equal(recorder.events.length, names.length + 1);
    await recorder.stop();
  });
}

function describeWatches(fresh: () => Promise<Subject>): void {
  it("tells what exists, says that this was all, then tells every change in order", async () => {
    const { store, other } = await fresh();
    let revision = await commit(other, nodeWrite("node1", { op: "create" }, 1));
    const recorder = new Recorder(store, ["Node", "IPPool"]);
    await recorder.untilLast("inSync IPPool");
    assert.deepEqual(recorder.told, ["changed node1", "inSync Node", "inSync IPPool"]);
    const since = recorder.mark();
    for (let asNumber = 2; asNumber <= 50; asNumber++) {
      revision = await commit(other, nodeWrite("node1", { op: "update", revision }, asNumber));
    }
    await commit(other, { op: "delete", key: nodeKey("node1"), revision });
    await recorder.untilLast("deleted node1");
    assert.equal(since().length, 50);
    const numbers = recorder.events.flatMap((event) =>
      event.type === "changed" && isItemOf(event.item, "Node") ? [event.item.value.spec.bgp?.asNumber] : [],
    );
    assert.deepEqual(
      numbers,
      Array.from({ length: 50 }, (_, i) => i + 1),
    );
    await recorder.stop();
  });

  it("tells two watchers the same, and a stopped one nothing more", async () => {
    const { store, other } = await fresh();
    const [first, second] = [new Recorder(store, ["Node"]), new Recorder(store, ["Node"])];
    await first.untilLast("inSync Node");
    await second.untilLast("inSync Node");
    await commit(other, nodeWrite("node1", { op: "create" }));
    await first.untilLast("changed node1");
    await second.untilLast("changed node1");
    await first.stop();
    await commit(other, nodeWrite("node2", { op: "create" }));
    await second.untilLast("changed node2");
    assert.deepEqual(first.told, ["inSync Node", "changed node1"]);
    await second.stop();
  });

  it("tells that a value does not decode, and the value once it does", async () => {
    const { store, writeText, other } = await fresh();
    const recorder = new Recorder(store, ["Node"]);
    await recorder.untilLast("inSync Node");
    await writeText(`${nodesFolder}node1`, "{");
    await recorder.untilLast("undecodable node1");
    await commit(other, nodeWrite("node1", { op: "put" }));
    await recorder.untilLast("changed node1");
    await writeText(`${nodesFolder}node1`, "[]");
    await recorder.untilLast("undecodable node1");
    const parts = recorder.events.flatMap((event) => (event.type === "undecodable" ? [event.partial] : []));
    assert.deepEqual(parts, [undefined, []]);
    await writeText(`${nodesFolder}node1`, null);
    await recorder.untilLast("deleted node1");
    await recorder.stop();
  });

  it("leaves out the keys of other programs", async () => {
    const { store, writeText, other } = await fresh();
    const recorder = new Recorder(store, ["Node"]);
    await recorder.untilLast("inSync Node");
    await writeText(`${nodesFolder}a/b`, "{}");
    await writeText("/calico/resources/v3/projectcalico.org/nodesets/x", "{}");
    await commit(other, nodeWrite("node1", { op: "put" }));
    await recorder.untilLast("changed node1");
    assert.deepEqual(recorder.told, ["inSync Node", "changed node1"]);
    await recorder.stop();
  });
}

function describeFailures(fresh: () => Promise<Subject>): void {
  it("says that the datastore is away, and nothing of what it holds", async () => {
    const { store, cut } = await fresh();
    await commit(store, nodeWrite("node1", { op: "create" }));
    const recorder = new Recorder(store, ["Node"]);
    await recorder.untilLast("inSync Node");
    await cut();
    await recorder.untilLast("disconnected");
    await assert.rejects(store.get(nodeKey("node1")), (error) => isStoreError(error, "UNAVAILABLE"));
    await assert.rejects(store.list("Node"), (error) => isStoreError(error, "UNAVAILABLE"));
    await assert.rejects(store.commit([nodeWrite("node2", { op: "create" })]), (error) =>
      isStoreError(error, "UNAVAILABLE"),
    );
    assert.deepEqual(recorder.told, ["changed node1", "inSync Node", "disconnected"]);
    await recorder.stop();
  });

  it("tells after a disconnection what differs, and only that", async () => {
    const { store, other, cut, mend } = await fresh();
    await commit(other, ...["same", "changing", "leaving"].map((name) => nodeWrite(name, { op: "create" })));
    const recorder = new Recorder(store, ["Node"]);
    await recorder.untilLast("inSync Node");
    await cut();
    await recorder.untilLast("disconnected");
    const since = recorder.mark();
    const leaving = await other.get(nodeKey("leaving"));
    await commit(other, { op: "delete", key: nodeKey("leaving"), revision: leaving?.revision ?? "" });
    await commit(other, nodeWrite("changing", { op: "put" }, 64999), nodeWrite("coming", { op: "create" }));
    await mend();
    await recorder.untilLast("connected");
    assert.deepEqual(since(), ["deleted leaving", "changed changing", "changed coming", "connected"]);
    await commit(other, nodeWrite("later", { op: "create" }));
    await recorder.untilLast("changed later");
    await recorder.stop();
  });

  it("lists anew when the history that it missed is compacted", async () => {
    const { store, other, cut, mend, compact } = await fresh();
    await commit(other, nodeWrite("leaving", { op: "create" }), nodeWrite("same", { op: "create" }));
    const recorder = new Recorder(store, ["Node"]);
    await recorder.untilLast("inSync Node");
    await cut();
    await recorder.untilLast("disconnected");
    const since = recorder.mark();
    const leaving = await other.get(nodeKey("leaving"));
    await commit(other, { op: "delete", key: nodeKey("leaving"), revision: leaving?.revision ?? "" });
    await commit(other, nodeWrite("coming", { op: "create" }));
    await compact();
    await mend();
    await recorder.untilLast("connected");
    assert.deepEqual(since(), ["deleted leaving", "changed coming", "connected"]);
    await recorder.stop();
  });

  it("loses nothing and deletes nothing when the datastore restarts", async () => {
    const { store, other, restart } = await fresh();
    await commit(other, nodeWrite("node1", { op: "create" }));
    const recorder = new Recorder(store, ["Node"]);
    await recorder.untilLast("inSync Node");
    await restart();
    await recorder.until("the watch is back", (told) => told.includes("connected"));
    await commit(store, nodeWrite("node2", { op: "put" }));
    await recorder.untilLast("changed node2");
    assert.deepEqual(
      recorder.told.filter((summary) => !/connected/.test(summary)),
      ["changed node1", "inSync Node", "changed node2"],
    );
    await recorder.stop();
  });

  it("begins to watch while the datastore is away, and is told all when it is back", async () => {
    const { store, other, cut, mend } = await fresh();
    await commit(other, nodeWrite("node1", { op: "create" }));
    await cut();
    const recorder = new Recorder(store, ["Node"]);
    await recorder.untilLast("disconnected");
    await mend();
    await recorder.untilLast("connected");
    assert.deepEqual(recorder.told, ["disconnected", "changed node1", "inSync Node", "connected"]);
    await recorder.stop();
  });
}
