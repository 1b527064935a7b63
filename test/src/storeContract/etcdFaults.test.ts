/** Bad days of etcd, each with the real one: what a watch tells of them, and that nothing is lost by them. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { Store, WatchEvent } from "@brindle/api";
import { openEtcdStore } from "@brindle/api/shell/etcd";
import { afterEach, beforeEach, describe, it } from "vitest";
import { startCuttableProxy } from "../fixtures/cuttableProxy.ts";
import { type Etcd, startEtcd } from "../fixtures/etcd.ts";
import { startEtcdCluster } from "../fixtures/etcdCluster.ts";
import { processInstance } from "../fixtures/instance.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { startWatchProxy } from "../fixtures/watchProxy.ts";
import { commit, node, nodeKey, nodeWrite, Recorder } from "./subject.ts";

let stack: AsyncDisposableStack;
beforeEach(() => {
  stack = new AsyncDisposableStack();
});
afterEach(() => stack[Symbol.asyncDispose]());

function open(options: Parameters<typeof openEtcdStore>[0]): Store {
  return stack.adopt(openEtcdStore({ timeoutMs: 2_000, ...options }), (store) => store.close());
}

async function recordNodes(store: Store): Promise<Recorder> {
  const recorder = stack.adopt(new Recorder(store, ["Node"]), (each) => each.stop());
  await recorder.untilLast("inSync Node");
  return recorder;
}

function troubles(recorder: Recorder): string[] {
  return recorder.events.flatMap((event) => (event.type === "trouble" ? [event.trouble] : []));
}

/** Etcd's own count of what it holds. */
async function namesIn(etcd: Etcd): Promise<string[]> {
  const keys = await etcd.etcdctl("get", "--prefix", "--keys-only", "/calico/resources/v3/projectcalico.org/nodes/");
  return keys.split("\n").flatMap((key) => (key ? [key.split("/").at(-1) ?? ""] : []));
}

/** Whoever is told the events in order holds these names in the end. */
function namesTold(events: readonly WatchEvent[]): string[] {
  const names = new Set<string>();
  for (const event of events) {
    if (event.type === "changed") names.add(event.item.key.name);
    if (event.type === "deleted") names.delete(event.key.name);
  }
  return [...names].sort();
}

describe("a watch of etcd", () => {
  it("that is too slow for the history lists anew, says so, and tells what is there", async () => {
    const etcd = stack.use(await startEtcd());
    const proxy = stack.use(await startCuttableProxy({ host: "127.0.0.1", port: Number(new URL(etcd.endpoint).port) }));
    const recorder = await recordNodes(open({ endpoints: [`http://127.0.0.1:${proxy.port}`], timeoutMs: 60_000 }));
    const other = open({ endpoints: [etcd.endpoint] });
    proxy.silence();
    // More than fits into what lies between: etcd keeps 1,024 answers for a stream, and sends 64 KiB unasked.
    const writer = async (name: string) => {
      for (let i = 0; i < 100; i++) {
        const annotations = { padding: "x".repeat(3_000), count: String(i) };
        await commit(other, { op: "put", key: nodeKey(name), value: node(name, { annotations }) });
      }
    };
    await Promise.all(Array.from({ length: 25 }, (_, i) => writer(`node${i}`)));
    const leaving = await other.get(nodeKey("node7"));
    await commit(other, { op: "delete", key: nodeKey("node7"), revision: leaving?.revision ?? "" });
    await etcd.compact();
    await proxy.mend();
    await recorder.until("the watch has noticed", () => troubles(recorder).includes("compacted"));
    const names = await namesIn(etcd);
    await waitFor(() => assert.deepEqual(namesTold(recorder.events), names.toSorted()) === undefined, {
      what: "all is told",
      deadlineMs: 60_000,
    });
    assert.equal(names.length, 24);
    assert.ok(!recorder.told.includes("disconnected"));
  });

  it("finds what no event told, counts it, and tells it", async () => {
    const etcd = stack.use(await startEtcd());
    const proxy = stack.use(await startWatchProxy(etcd.endpoint));
    const recorder = await recordNodes(open({ endpoints: [proxy.endpoint], relistIntervalMs: 300 }));
    const other = open({ endpoints: [etcd.endpoint] });
    proxy.keep("nodes/lost");
    await commit(other, nodeWrite("lost", { op: "create" }));
    await commit(other, nodeWrite("told", { op: "create" }));
    await recorder.until("the other one is told", (told) => told.includes("changed told"));
    await recorder.untilLast("changed lost");
    assert.ok(proxy.kept >= 1);
    const [missed] = recorder.events.filter((event) => event.type === "trouble");
    assert.ok(missed?.type === "trouble" && missed.trouble === "missed");
    assert.match(missed.reason, /^1 change was never told, .*nodes\/lost$/);
  });

  it("does not take what is merely late for missed", async () => {
    const etcd = stack.use(await startEtcd());
    const recorder = await recordNodes(open({ endpoints: [etcd.endpoint], relistIntervalMs: 20 }));
    const other = open({ endpoints: [etcd.endpoint] });
    for (let i = 0; i < 150; i++) await commit(other, nodeWrite(`node${i % 10}`, { op: "put" }, i + 1));
    await recorder.untilLast("changed node9");
    assert.equal(recorder.events.length, 151);
  });

  it("notices that an older snapshot was restored, and tells what is there now", async () => {
    const etcd = stack.use(await startEtcd());
    const directory = await (await processInstance()).createDirectory("snapshot");
    const store = open({ endpoints: [etcd.endpoint] });
    await commit(store, nodeWrite("kept", { op: "create" }, 1), nodeWrite("changed", { op: "create" }, 1));
    await etcd.saveSnapshot(join(directory, "db"));
    const recorder = await recordNodes(store);
    await commit(store, nodeWrite("changed", { op: "put" }, 2), nodeWrite("lost", { op: "create" }));
    await recorder.until("the last is told", (told) => told.includes("changed lost"));
    const since = recorder.mark();
    await etcd.restoreSnapshot(join(directory, "db"));
    await recorder.untilLast("connected");
    assert.deepEqual(troubles(recorder), ["setBack"]);
    assert.deepEqual(
      since().filter((told) => !told.endsWith("connected")),
      ["trouble", "deleted lost", "changed changed", "changed kept"],
    );
    await commit(store, nodeWrite("later", { op: "create" }));
    await recorder.untilLast("changed later");
  });

  it("carries an object of 5 MiB there and back, and a transaction larger than a message", async () => {
    const etcd = stack.use(await startEtcd({ extraArgs: ["--max-request-bytes=33554432"] }));
    const store = open({ endpoints: [etcd.endpoint], timeoutMs: 10_000 });
    const recorder = await recordNodes(store);
    const annotations = { padding: "x".repeat(5 * 1024 * 1024) };
    const names = ["large1", "large2", "large3"];
    const writes = names.map((name) => {
      return { op: "create", key: nodeKey(name), value: node(name, { annotations }) } as const;
    });
    await commit(store, ...writes);
    await recorder.untilLast("changed large3");
    assert.deepEqual(namesTold(recorder.events), names);
    assert.deepEqual((await store.get(nodeKey("large2")))?.value.metadata.annotations, annotations);
    assert.equal((await store.list("Node")).items.length, 3);
  });

  it("goes on when the clock is set, and so do calls", async () => {
    const etcd = stack.use(await startEtcd());
    const store = open({ endpoints: [etcd.endpoint], probeIntervalMs: 50 });
    const recorder = await recordNodes(store);
    const realNow = Date.now;
    stack.defer(() => {
      Date.now = realNow;
    });
    for (const jumpMs of [86_400_000, -86_400_000]) {
      const underWay = commit(store, nodeWrite("node1", { op: "put" }, 1));
      Date.now = () => realNow() + jumpMs;
      await underWay;
      await commit(store, nodeWrite("node1", { op: "put" }, 2));
      await recorder.until("both are told", (told) => told.filter((each) => each === "changed node1").length % 2 === 0);
    }
    assert.equal(recorder.told.length, 5);
  });
});

describe("a watch of three members", () => {
  it("tells everything though the leader is lost, and the member that it hears", async () => {
    const { members } = stack.use(await startEtcdCluster());
    const store = open({ endpoints: members.map(({ endpoint }) => endpoint) });
    const recorder = await recordNodes(store);
    const [heard, ...others] = members;
    assert.ok(heard);
    const other = open({ endpoints: others.map(({ endpoint }) => endpoint) });
    await commit(other, nodeWrite("before", { op: "create" }));
    await recorder.untilLast("changed before");
    await heard
      .etcdctl("move-leader", await memberId(heard), `--endpoints=${members.map((each) => each.endpoint)}`)
      .catch(
        () => {}, // It is the leader already.
      );
    assert.ok(await isLeader(heard));
    await heard.kill();
    await waitFor(() => commit(other, nodeWrite("after", { op: "put" })), {
      what: "the others have elected a leader",
      deadlineMs: 60_000,
    });
    await recorder.until("what came after is told", (told) => told.includes("changed after"));
    assert.ok(!recorder.told.some((told) => told.startsWith("deleted")));
    assert.deepEqual(troubles(recorder), []);
  });

  it("leaves a member that has lost the others, whatever it still believes", async () => {
    const { members } = stack.use(await startEtcdCluster());
    const [alone, ...others] = members;
    assert.ok(alone);
    const store = open({ endpoints: members.map(({ endpoint }) => endpoint), timeoutMs: 1_000, probeIntervalMs: 200 });
    const recorder = await recordNodes(store);
    for (const member of others) member.pause();
    await recorder.untilLast("disconnected");
    alone.pause();
    for (const member of others) member.resume();
    const other = open({ endpoints: others.map(({ endpoint }) => endpoint) });
    await waitFor(() => commit(other, nodeWrite("after", { op: "put" })), {
      what: "the others have a leader",
      deadlineMs: 60_000,
    });
    await recorder.until("what the others hold is told", (told) => told.includes("changed after"));
    alone.resume(); // It may ask for an election first.
    await waitFor(() => commit(other, nodeWrite("later", { op: "put" })), {
      what: "all of them have a leader",
      deadlineMs: 60_000,
    });
    await recorder.until("what came later is told", (told) => told.includes("changed later"));
    assert.deepEqual(troubles(recorder), []);
  });
});

async function statusOf(etcd: Etcd): Promise<{ member: bigint; leader: bigint }> {
  const text = await etcd.etcdctl("endpoint", "status", "--write-out=fields");
  const field = (name: string) => BigInt(new RegExp(`"${name}" : (\\d+)`).exec(text)?.[1] ?? "0");
  return { member: field("MemberID"), leader: field("Leader") };
}

async function memberId(etcd: Etcd): Promise<string> {
  return (await statusOf(etcd)).member.toString(16);
}

async function isLeader(etcd: Etcd): Promise<boolean> {
  const { member, leader } = await statusOf(etcd);
  return member === leader;
}
