/** What a store must do that keeps resources as text under Calico's keys: nothing of that text is lost or believed. */
import assert from "node:assert/strict";
import { type IPAMBlock, operationsMax, type Write } from "@brindle/api";
import { describe, it } from "vitest";
import { freshSubjects } from "./freshSubjects.ts";
import { commit, isStoreError, node, nodeKey, nodeWrite, Recorder, type Subject } from "./subject.ts";

export interface TextSubject extends Subject {
  /** What another program writes under a key; `null` deletes. */
  writeText(key: string, text: string | null): Promise<void>;
  readText(key: string): Promise<string | null>;
}

const nodesFolder = "/calico/resources/v3/projectcalico.org/nodes/";

export function describeStoredText(name: string, open: () => Promise<TextSubject>): void {
  const fresh = freshSubjects(open);
  describe(`${name}: what is stored`, () => describeValues(fresh));
  describe(`${name}: watching what others store`, () => describeWatches(fresh));
}

function describeValues(fresh: () => Promise<TextSubject>): void {
  it("keeps 64-bit sequence numbers to the last digit", async () => {
    const { store, readText } = await fresh();
    await commit(store, { op: "create", key: { kind: "IPAMBlock", name: "10.0.0.0/26" }, value: block });
    assert.deepEqual((await store.get({ kind: "IPAMBlock", name: "10.0.0.0/26" }))?.value, block);
    const text = await readText("/calico/ipam/v2/assignment/ipv4/block/10.0.0.0-26");
    assert.match(text ?? "", /"sequenceNumber":1767225600000000001,/);
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

function describeWatches(fresh: () => Promise<TextSubject>): void {
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
