/** What a real etcd forgets, and what it keeps. */
import assert from "node:assert/strict";
import { openEtcdHistory, openEtcdStore } from "@brindle/api/shell/etcd";
import { it } from "vitest";
import { startEtcd } from "../fixtures/etcd.ts";
import { commit, nodeKey, nodeWrite, Recorder } from "./subject.ts";

it("former revisions are forgotten, once or twice, and what is stored stays", async () => {
  await using etcd = await startEtcd();
  await using stack = new AsyncDisposableStack();
  const store = stack.adopt(openEtcdStore({ endpoints: [etcd.endpoint] }), (each) => each.close());
  const history = stack.adopt(openEtcdHistory({ endpoints: [etcd.endpoint] }), (each) => each.close());
  await commit(store, nodeWrite("node1", { op: "create" }));
  const first = await history.revision();
  const recorder = stack.adopt(new Recorder(store, ["Node"]), (each) => each.stop());
  await recorder.untilLast("inSync Node");
  await commit(store, nodeWrite("node2", { op: "create" }));
  const second = await history.revision();
  await history.forgetBefore(second);
  await history.forgetBefore(second);
  await assert.rejects(etcd.etcdctl("get", "--prefix", "/", `--rev=${first}`), /compacted/);
  assert(await store.get(nodeKey("node1")));
  await commit(store, nodeWrite("node3", { op: "create" }));
  await recorder.untilLast("changed node3");
});
