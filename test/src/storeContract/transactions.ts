/** What a store must do whose transactions are over many keys. The others refuse those, and pass `contract.ts`. */
import assert from "node:assert/strict";
import { operationsMax } from "@brindle/api";
import { describe, it } from "vitest";
import { freshSubjects } from "./freshSubjects.ts";
import { commit, isStoreError, peerKey, peerWrite, type Subject } from "./subject.ts";

export function describeTransactions(name: string, open: () => Promise<Subject>): void {
  const fresh = freshSubjects(open);
  describe(`${name}: transactions`, () => {
    it("does all writes of a transaction or none", async () => {
      const { store } = await fresh();
      await commit(store, peerWrite("taken", { op: "create" }));
      const result = await store.commit([peerWrite("free", { op: "create" }), peerWrite("taken", { op: "create" })]);
      assert.ok(result.kind === "conflict");
      assert.deepEqual(
        result.current.map(({ key, value }) => [key.name, value === null]),
        [
          ["free", true],
          ["taken", false],
        ],
      );
      assert.equal(await store.get(peerKey("free")), null);
    });

    it("lets a transaction depend on keys that it does not write", async () => {
      const { store } = await fresh();
      const revision = await commit(store, peerWrite("peer1", { op: "create" }));
      const present = { op: "expect", key: peerKey("peer1"), revision } as const;
      const absent = { op: "expect", key: peerKey("peer9"), revision: null } as const;
      await commit(store, present, absent, peerWrite("peer2", { op: "create" }));
      await commit(store, peerWrite("peer1", { op: "put" }, 64513));
      const result = await store.commit([present, peerWrite("peer3", { op: "create" })]);
      assert.equal(result.kind, "conflict");
      assert.equal(await store.get(peerKey("peer3")), null);
    });

    it(`takes ${operationsMax} operations, and says why not one more`, async () => {
      const { store } = await fresh();
      const writes = Array.from({ length: operationsMax + 1 }, (_, i) => peerWrite(`n${i}`, { op: "create" }));
      await assert.rejects(
        store.commit(writes),
        (error) => isStoreError(error, "REFUSED") && /129.*128/.test(`${error}`),
      );
      await commit(store, ...writes.slice(1));
      assert.equal((await store.list("BGPPeer")).items.length, operationsMax);
    });

    it("refuses a transaction that names a key twice", async () => {
      const { store } = await fresh();
      const twice = [peerWrite("peer1", { op: "put" }), peerWrite("peer1", { op: "put" })];
      await assert.rejects(store.commit(twice), /BGPPeer\(peer1\) twice/);
    });
  });
}
