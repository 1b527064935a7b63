/** The bad days of a cluster, each at a real API server, behind a relay that does what networks do. */
import assert from "node:assert/strict";
import type { Store, WatchEvent } from "@brindle/api";
import { findClusterAccess, openKubernetesStore } from "@brindle/api/shell";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "vitest";
import { type CuttableProxy, startCuttableProxy } from "../fixtures/cuttableProxy.ts";
import { type KubeApi, startKubeApi } from "../fixtures/kube/kubeApi.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { Recorder } from "../storeContract/subject.ts";

/** A kind that every cluster has: the Profile of a namespace. */
const labelled = (name: string) => `changed kns.${name}`;
const deadlineMs = 60_000;

/** What a server can send as events, and what it can only list. */
const servers = [
  { name: "that streams what exists", extraArgs: [] },
  { name: "that lists it in pages", extraArgs: ["--feature-gates=WatchList=false"] },
];

for (const { name, extraArgs } of servers) {
  describe(`a watch of an API server ${name}`, () => {
    let cluster: KubeApi;
    let proxy: CuttableProxy;
    let store: Store;
    let watch: Recorder;

    beforeAll(async () => {
      cluster = await startKubeApi({ audit: true, extraArgs });
      proxy = await startCuttableProxy({ host: "127.0.0.1", port: cluster.port });
    });
    afterAll(async () => {
      await proxy?.[Symbol.asyncDispose]();
      await cluster?.[Symbol.asyncDispose]();
    });
    beforeEach(async () => {
      const kubeconfig = await cluster.writeKubeconfig("relayed", cluster.admin, { port: proxy.port });
      const access = await findClusterAccess({ environment: { KUBECONFIG: kubeconfig } });
      store = openKubernetesStore({
        access,
        pageSize: 2,
        pingIntervalMs: 3_000,
        timeoutMs: 5_000,
        relistIntervalMs: 1_000,
      });
      watch = new Recorder(store, ["Profile"]);
      await watch.until("it is in sync", (told) => told.includes("inSync Profile"), deadlineMs);
    });
    afterEach(() => store.close());

    /** A change that a watch has to tell. */
    async function label(namespace: string): Promise<void> {
      const key = `n${Math.round(performance.now())}`;
      await cluster.kubectl(["label", "namespace", namespace, `${key}=x`]);
    }

    /** What brings the versions of the datastore forward. */
    async function writeOften(times: number): Promise<void> {
      const metadata = { generateName: "filler-", namespace: "default" };
      const items = Array.from({ length: times }, () => ({ apiVersion: "v1", kind: "ConfigMap", metadata }));
      const input = JSON.stringify({ apiVersion: "v1", kind: "List", items });
      await cluster.kubectl(["create", "-f", "-"], { input });
    }

    /** How many were begun. */
    async function listings(): Promise<number> {
      const requests = await cluster.requests();
      return requests.filter(({ uri, userAgent }) => /^brindle/.test(userAgent) && /\?limit=2$/.test(uri)).length;
    }

    it("keeps what it told while the way is cut, and tells afterwards what changed", async () => {
      const since = watch.mark();
      await proxy.cut();
      await watch.untilLast("disconnected");
      await label("default");
      await proxy.mend();
      await watch.untilLast("connected");
      assert.deepEqual(since(), ["disconnected", labelled("default"), "connected"]);
    });

    it("goes on after a reset without reading everything anew", async () => {
      const since = watch.mark();
      proxy.reset();
      await watch.until("it is back", () => since().includes("connected"));
      await label("kube-system");
      await watch.untilLast(labelled("kube-system"));
      assert.deepEqual(since(), ["disconnected", "connected", labelled("kube-system")]);
    });

    it("notices a connection that is silent, though nobody closes it", async () => {
      const since = watch.mark();
      proxy.silence();
      await watch.untilLast("disconnected");
      assert.match(reasonOf(watch.events.at(-1)), /no answer to a ping/);
      await label("kube-public");
      await proxy.mend();
      await watch.until("the change is told", () => since().includes(labelled("kube-public")));
    });

    it("reads everything anew when the server forgot where it was, and deletes only what is gone", async () => {
      await cluster.kubectl(["create", "serviceaccount", "-n", "default", "gone"]);
      await watch.untilLast("changed ksa.default.gone");
      const since = watch.mark();
      await proxy.cut();
      await watch.untilLast("disconnected");
      await cluster.kubectl(["delete", "serviceaccount", "-n", "default", "gone"]);
      await label("default");
      await cluster.kill();
      await cluster.compactNow();
      await cluster.start();
      await proxy.mend();
      await watch.until("it is back", () => since().includes("connected"), deadlineMs);
      const changes = since().filter((told) => /^(changed|deleted)/.test(told));
      assert.deepEqual(changes.sort(), [labelled("default"), "deleted ksa.default.gone"].sort());
      assert.ok(troubles(watch).includes("compacted"));
    });

    it("says that the server is older than what it told, and tells what is there now", async () => {
      await label("default");
      await watch.untilLast(labelled("default"));
      const snapshot = await cluster.snapshot();
      await cluster.kubectl(["create", "serviceaccount", "-n", "default", "newer"]);
      await watch.untilLast("changed ksa.default.newer");
      // A server writes when it starts: what is lost must be more than that, or its versions have caught up.
      await writeOften(100);
      await label("default");
      await watch.untilLast(labelled("default"));
      const since = watch.mark();
      await cluster.restore(snapshot);
      await watch.until("it is told", () => since().includes("deleted ksa.default.newer"), deadlineMs);
      await watch.until("it is back", () => since().includes("connected"), deadlineMs);
      assert.ok(troubles(watch).includes("setBack"));
      await label("default");
      await watch.untilLast(labelled("default"));
    });

    it("finds out that the server was older once, though it has passed what was told before", async () => {
      const snapshot = await cluster.snapshot();
      await cluster.kubectl(["create", "serviceaccount", "-n", "default", "phantom"]);
      await label("default");
      await watch.untilLast(labelled("default"));
      const since = watch.mark();
      await proxy.cut();
      await watch.untilLast("disconnected");
      await cluster.restore(snapshot);
      await cluster.kubectl(["create", "serviceaccount", "-n", "default", "only-now"]);
      await writeOften(50);
      await proxy.mend();
      await watch.until("the phantom is gone", () => since().includes("deleted ksa.default.phantom"), deadlineMs);
      await watch.until("it is told why", () => troubles(watch).includes("setBack"), deadlineMs);
      // It went on where it was, as at a server that is no older.
      assert.ok(since().indexOf("connected") < since().indexOf("trouble"));
      assert.ok(since().includes(labelled("default")));
      assert.ok(since().includes("changed ksa.default.only-now"));
    });

    it("lists beside the stream again and again, and finds nothing where nothing is wrong", async () => {
      const since = watch.mark();
      const before = await listings();
      await waitFor(async () => (await listings()) > before + 4, {
        what: "each resource was listed again",
        deadlineMs,
      });
      await label("default");
      await watch.untilLast(labelled("default"));
      assert.deepEqual(since(), [labelled("default")]);
    });
  });
}

function troubles({ events }: Recorder): string[] {
  return events.flatMap((event) => (event.type === "trouble" ? [event.trouble] : []));
}

function reasonOf(event: WatchEvent | undefined): string {
  return event && "reason" in event ? event.reason : "";
}
