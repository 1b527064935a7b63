import assert from "node:assert/strict";
import {
  etcdKey,
  formatJson,
  type Key,
  type Kind,
  MemoryData,
  MemoryStore,
  parseEtcdKey,
  parseJson,
  storedKinds,
} from "@brindle/api";
import { describe, it } from "vitest";
import { recordedKeys, samples } from "./recordings.ts";

const recorded = recordedKeys();
const stored = [...samples, ...(recorded ?? [])];

describe("what Calico stored", () => {
  for (const { key, text } of stored) {
    it(`${key} survives our JSON to the byte`, () => assert.equal(formatJson(parseJson(text)), text));
  }

  const known = stored.flatMap(({ key, text }) => {
    const ours = storedKinds.map((kind) => parseEtcdKey<Kind>(kind, key)).find((parsed) => parsed !== null);
    return ours ? [{ key, text, ours }] : [];
  });

  it("is found under its key, all of it", () => {
    const keys = new Set(known.map(({ key }) => key));
    assert.deepEqual(
      stored.filter(({ key }) => !keys.has(key)),
      [],
    );
  });

  for (const { key, text, ours } of known) {
    it(`${key} is found by its name, read, and written back to the byte`, async () => {
      assert.equal(etcdKey(ours), key);
      const data = new MemoryData();
      data.writeText(key, text);
      const store = new MemoryStore({ data });
      const item = await store.get(ours as Key<"Node">); // The kinds differ; the calls are the same.
      assert.ok(item);
      await store.commit([{ op: "update", key: item.key, value: item.value, revision: item.revision }]);
      assert.equal(data.entry(key)?.text, text);
    });
  }
});
