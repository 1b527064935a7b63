import assert from "node:assert/strict";
import { type IPPool, isItemOf, type Key, MemoryStore, validate, type Write } from "@brindle/api";
import { beforeEach, describe, it } from "vitest";
import { Rehearsal } from "./rehearsal.ts";

const key = (name: string): Key<"IPPool"> => ({ kind: "IPPool", name });

function value(name: string): IPPool {
  const spec = { cidr: "10.1.0.0/16" };
  const judged = validate({ apiVersion: "projectcalico.org/v3", kind: "IPPool", metadata: { name }, spec });
  assert.ok(judged.kind === "valid" && judged.resource.kind === "IPPool");
  return judged.resource;
}

describe("Rehearsal", () => {
  let real: MemoryStore;
  let rehearsal: Rehearsal;
  beforeEach(async () => {
    real = new MemoryStore();
    await real.commit([{ op: "create", key: key("real"), value: value("real") }]);
    rehearsal = new Rehearsal(real);
  });

  const create = (name: string): Write => ({ op: "create", key: key(name), value: value(name) });
  const namesIn = async (store: Rehearsal | MemoryStore): Promise<string[]> =>
    (await store.list("IPPool")).items.map((item) => item.key.name).sort();

  it("reads what it was told to write, and the real store never hears of it", async () => {
    const before = real.data.dump();
    assert.equal((await rehearsal.commit([create("new")])).kind, "committed");
    assert.equal((await rehearsal.get(key("new")))?.value.metadata.name, "new");
    assert.deepEqual(await namesIn(rehearsal), ["new", "real"]);
    assert.deepEqual(real.data.dump(), before);
  });

  it("refuses to create what the real store has, and what it wrote itself", async () => {
    const result = await rehearsal.commit([create("real")]);
    assert.ok(result.kind === "conflict");
    const [current] = result.current;
    assert.ok(current && current.value !== null && isItemOf(current, "IPPool"));
    await rehearsal.commit([create("new")]);
    assert.equal((await rehearsal.commit([create("new")])).kind, "conflict");
  });

  it("updates and deletes over the revision that was read, and no other", async () => {
    const read = await rehearsal.get(key("real"));
    assert.ok(read);
    const update: Write = { op: "update", key: key("real"), value: value("real"), revision: read.revision };
    assert.equal((await rehearsal.commit([update])).kind, "committed");
    assert.equal((await rehearsal.commit([update])).kind, "conflict");
    const newer = (await rehearsal.get(key("real")))?.revision ?? "";
    assert.equal((await rehearsal.commit([{ op: "delete", key: key("real"), revision: newer }])).kind, "committed");
    assert.equal(await rehearsal.get(key("real")), null);
    assert.deepEqual(await namesIn(rehearsal), []);
    assert.deepEqual(await namesIn(real), ["real"]);
  });
});
