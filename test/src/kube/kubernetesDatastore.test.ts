/** Kubernetes as the datastore that the environment names, as `brindlectl` and the agent open it. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Store, Write } from "@brindle/api";
import {
  type Environment,
  findClusterAccess,
  openDatastore,
  openKubernetesStore,
  readDatastoreSettings,
} from "@brindle/api/shell";
import { afterAll, beforeAll, describe, it } from "vitest";
import { type KubeApi, startKubeApi } from "../fixtures/kube/kubeApi.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { commit, isStoreError, peerKey, peerWrite, Recorder } from "../storeContract/subject.ts";
import { applyCrds } from "./crds.ts";

const deadlineMs = 90_000;
let cluster: KubeApi;

beforeAll(async () => {
  cluster = await startKubeApi();
}, 180_000);
afterAll(() => cluster?.[Symbol.asyncDispose]());

async function open(environment: Environment, configPath?: string): Promise<Store & AsyncDisposable> {
  const configFile = configPath === undefined ? {} : { configFile: { path: configPath, isNamed: true } };
  const store = await openDatastore(readDatastoreSettings({ environment, ...configFile }));
  return Object.assign(store, { [Symbol.asyncDispose]: () => store.close() });
}

describe("a datastore of the type kubernetes", () => {
  it("takes up a kind whose CRD comes while it is watched, and writes it", async () => {
    await using store = await open({ DATASTORE_TYPE: "kubernetes", KUBECONFIG: cluster.adminKubeconfig });
    const watch = new Recorder(store, ["BGPPeer"]);
    await watch.untilLast("inSync BGPPeer");
    await assert.rejects(
      commit(store, peerWrite("early", { op: "create" })),
      /CustomResourceDefinition is not installed/,
    );
    await applyCrds(cluster);
    const revision = await commit(store, peerWrite("tor", { op: "create" }, 64513));
    assert.equal((await store.get(peerKey("tor")))?.revision, revision);
    await watch.until("it is told", (told) => told.includes("changed tor"), deadlineMs);
    assert.deepEqual(watch.told, ["inSync BGPPeer", "changed tor"]);
    await watch.stop();
  });

  it("is named by calicoctl's file as well", async () => {
    const path = join(cluster.directory, "calicoctl.cfg");
    const config = {
      apiVersion: "projectcalico.org/v3",
      kind: "CalicoAPIConfig",
      metadata: {},
      spec: { datastoreType: "kubernetes", kubeconfig: cluster.adminKubeconfig },
    };
    await writeFile(path, JSON.stringify(config));
    await using store = await open({}, path);
    assert.equal((await store.get(peerKey("tor")))?.value.spec.asNumber, 64513);
  });

  it("uses the group that CALICO_API_GROUP says, whatever the cluster has, and refuses what is none", async () => {
    const environment = { DATASTORE_TYPE: "kubernetes", KUBECONFIG: cluster.adminKubeconfig };
    await using native = await open({ ...environment, CALICO_API_GROUP: "projectcalico.org/v3" });
    assert.equal((await native.list("BGPPeer")).items.length, 1);
    await using older = await open({ ...environment, CALICO_API_GROUP: "crd.projectcalico.org/v1" });
    assert.deepEqual((await older.list("BGPPeer")).items, []);
    const write: Write = peerWrite("x", { op: "create" });
    await assert.rejects(older.commit([write]), /bgppeers\.crd\.projectcalico\.org.*is not installed/);
    await using wrong = await open({ ...environment, CALICO_API_GROUP: "projectcalico.org" });
    await assert.rejects(wrong.list("BGPPeer"), (error) => isStoreError(error, "MISCONFIGURED"));
  });

  it("says what is missing where no cluster is named", async () => {
    const settings = readDatastoreSettings({ environment: { DATASTORE_TYPE: "kubernetes", HOME: cluster.directory } });
    await assert.rejects(openDatastore(settings), (error) => isStoreError(error, "MISCONFIGURED"));
  });
});

describe("news of Kubernetes", () => {
  it("have an age that grows only while nothing is heard", async () => {
    const access = await findClusterAccess({ environment: { KUBECONFIG: cluster.adminKubeconfig } });
    // A server sends no bookmarks of what did not change since it started: listings prove what they would.
    const store = openKubernetesStore({ access, relistIntervalMs: 1_000 });
    const watch = store.watch(["BGPPeer", "Profile"], () => {});
    const stalenessMs = () => watch.stalenessMs() ?? Number.POSITIVE_INFINITY;
    assert.equal(watch.stalenessMs(), null);
    await waitFor(() => watch.stalenessMs() !== null, { what: "it was heard" });
    const startMs = performance.now();
    await cluster.stop();
    await waitFor(() => stalenessMs() > 3_000, { what: "it is old" });
    assert.ok(performance.now() - startMs > 2_000);
    await cluster.start();
    const backMs = performance.now();
    const isHeard = () => stalenessMs() < performance.now() - backMs;
    await waitFor(isHeard, { what: "each resource is heard of again", deadlineMs });
    await store.close();
  });

  it("go on through an orderly restart of the server: what it did meanwhile is told, and nothing is deleted", async () => {
    await using store = await open({ DATASTORE_TYPE: "kubernetes", KUBECONFIG: cluster.adminKubeconfig });
    const watch = new Recorder(store, ["BGPPeer"]);
    await watch.untilLast("inSync BGPPeer");
    const since = watch.mark();
    await cluster.restart();
    await commit(store, peerWrite("tor", { op: "put" }, 64514));
    await watch.until("it is told", () => since().includes("changed tor"), deadlineMs);
    // A server that starts has forgotten where older watches were, and says so.
    assert.deepEqual(
      since().filter((told) => /^(changed|deleted)/.test(told)),
      ["changed tor"],
    );
    await watch.stop();
  });
});
