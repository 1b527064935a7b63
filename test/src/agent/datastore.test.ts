import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { afterAll, beforeAll, describe, it } from "vitest";
import { waitFor } from "../fixtures/waitFor.ts";
import { storedBlocks } from "../lab/blocks.ts";
import { removePodsOfFailedTests } from "./failedTests.ts";
import { established, reaches, ready, type Stand, sees, startStand } from "./stand.ts";

/** The executable's patience is a minute; who waits for a pod is to know much sooner. ADD and the DEL after it. */
const answerMsMax = { refused: 10_000, unheard: 30_000 };

describe("an agent whose datastore is away", () => {
  let stand: Stand;

  beforeAll(async () => {
    stand = await startStand({ startsAgents: false });
    await stand.etcd.stop();
    stand.launch("node1");
  });
  afterAll(() => stand[Symbol.asyncDispose]());
  removePodsOfFailedTests(() => stand);

  it("at its start: waits, says for what, refuses pods at once, and joins when it comes", async () => {
    const status = await waitFor(
      async (saw) => {
        const now = await stand.status("node1");
        saw(now);
        return now.store.state === "disconnected" && now.store.reason !== "not connected yet" && now;
      },
      { what: "the agent says why it has no datastore" },
    );
    assert(status.store.state === "disconnected");
    assert.match(status.store.reason, /172\.28\.0\.1/);
    await refusesPods(stand, "early");

    await stand.etcd.start();
    await ready(stand, "node1");
    await established(stand, "node1");
    const pod = await stand.runtime.add({ name: "first", node: "node1", labels: {} });
    assert.equal(pod.addresses.length, 2);
  });

  it("later: keeps pods and sessions, refuses new pods, keeps deletions, and does them when it comes back", async () => {
    const kept = await stand.runtime.add({ name: "kept", node: "node1", labels: {} });
    const gone = await stand.runtime.add({ name: "gone", node: "node1", labels: {} });
    {
      await stand.etcd.kill();
      await using undo = new AsyncDisposableStack();
      undo.defer(() => stand.etcd.start());
      await refusesPods(stand, "late");
      await stand.runtime.remove(gone);
      assert((await pendingDels(stand)).includes(gone.containerId));
      assert.equal((await stand.fabric.router("tor").sessions())[0]?.established, true);
      for (const address of kept.addresses) await routerReaches(stand, address);
    }
    await sees("deletions that are kept", () => pendingDels(stand), []);
    const inUse = (await storedBlocks(stand.etcd)).flatMap(({ allocated }) => allocated);
    assert.deepEqual(
      inUse.filter((address) => gone.addresses.includes(address)),
      [],
    );
    assert.deepEqual(inUse.filter((address) => kept.addresses.includes(address)).length, 2);
    await ready(stand, "node1");
    await stand.runtime.add({ name: "later", node: "node1", labels: {} });
    assert.equal(stand.agent("node1").running, true);
  });

  it("behind a network that swallows packets: refuses new pods in good time, and goes on when it answers", async () => {
    const office = stand.fabric.machine("mgmt");
    const swallow = ["INPUT", "-p", "tcp", "--dport", "2379", "-j", "DROP"];
    await office.exec("iptables", ["-A", ...swallow]);
    await refusesPods(stand, "unheard", answerMsMax.unheard).finally(() => office.exec("iptables", ["-D", ...swallow]));
    await sees("deletions that are kept", () => pendingDels(stand), []);
    await waitFor(() => stand.runtime.add({ name: "heard", node: "node1", labels: {} }), {
      what: "a pod is wired again",
      deadlineMs: 60_000,
    });
  });

  it("without ClusterInformation: says so, gives no address, and is mended by the start of any agent", async () => {
    const mistakes = async (): Promise<string[]> => (await stand.status("node1")).mistakes.map(({ code }) => code);
    await sees("what is wrong before", mistakes, []);
    await stand.remove("ClusterInformation", "default");
    await sees("what is wrong", mistakes, ["ClusterInformationMissing"]);
    await refusesPods(stand, "torn");
    const first = stand.agent("node1");
    first.kill("SIGTERM");
    await first.exited;
    stand.launch("node1");
    await ready(stand, "node1");
    await sees("what is wrong afterwards", mistakes, []);
    await stand.runtime.add({ name: "mended", node: "node1", labels: {} });
  });

  it("is not blamed for an address that the node does not have", async () => {
    const first = stand.agent("node1");
    first.kill("SIGTERM");
    await first.exited;
    stand.launch("node1", ["--ip", "192.0.2.1"]);
    const reason = async (): Promise<string | null | undefined> =>
      (await stand.status("node1")).health.find(({ part }) => part === "bgp")?.reason;
    await sees("why there is no BGP", reason, "192.0.2.1: no interface has this address");
    assert.equal((await stand.status("node1")).store.state, "connected");
  });
});

/** As the runtime is told: try again later. */
async function refusesPods(stand: Stand, name: string, msMax = answerMsMax.refused): Promise<void> {
  const startMs = performance.now();
  await assert.rejects(stand.runtime.add({ name, node: "node1", labels: {} }), /"code":\s*11\b/);
  const elapsedMs = performance.now() - startMs;
  assert(elapsedMs < msMax, `answered after ${elapsedMs} ms`);
}

async function pendingDels(stand: Stand): Promise<string[]> {
  const files = await readdir(stand.fabric.machine("node1").outside("/var/lib/brindle/cni-pending"));
  return files.map((file) => file.split("@")[0] ?? "");
}

function routerReaches(stand: Stand, address: string): Promise<void> {
  return reaches(stand.fabric.machine("tor"), address);
}
