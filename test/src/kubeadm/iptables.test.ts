/** The other mode of kube-proxy, on the reference network that comes with the cluster: what others are measured against. */
import assert from "node:assert/strict";
import { afterAll, beforeAll, describe, it } from "vitest";
import { field, list, text } from "../fixtures/json.ts";
import { nodeOf } from "../fixtures/kubeadm/cluster.ts";
import { type OwnCluster, startCluster } from "../fixtures/kubeadm/startCluster.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { webManifest, webPods } from "./web.ts";

let cluster: OwnCluster;
beforeAll(async () => {
  cluster = await startCluster({ nodes: 2, proxy: "iptables", cni: "bridge" });
});
afterAll(() => cluster?.[Symbol.asyncDispose]());

describe("a cluster with the reference network", () => {
  it("is Ready when it is there", async () => {
    const nodes = JSON.parse(await cluster.kubectl(["get", "nodes", "-o", "json"]));
    const ready = list(field(nodes, "items")).map((node) =>
      list(field(node, "status", "conditions")).filter((condition) => field(condition, "type") === "Ready"),
    );
    assert.deepEqual(
      ready.flat().map((condition) => text(field(condition, "status"))),
      ["True", "True"],
    );
  });

  it("spreads the connections to a Service over its pods, by rules of iptables", async () => {
    await cluster.kubectl(["apply", "-f", "-"], { input: webManifest });
    const pods = await waitFor(
      async () => {
        const ready = await webPods(cluster);
        return ready.length === 2 && ready;
      },
      { what: "two pods are Ready", deadlineMs: 60_000, intervalMs: 200 },
    );
    const target = `http://${nodeOf(cluster, 2).ipv4}:30080/`;
    const answered = new Set<string>();
    await waitFor(
      async (saw) => {
        answered.add((await cluster.client.exec("curl", ["-s", "-m", "2", target])).trim());
        saw([...answered]);
        return pods.every(({ name }) => answered.has(name));
      },
      { what: "both pods have answered at one NodePort", deadlineMs: 30_000 },
    );
    const rules = await nodeOf(cluster, 2).exec("iptables-save", ["-t", "nat"]);
    assert.match(rules, /-A KUBE-SVC-\w+ .*--mode random/);
  });
});
