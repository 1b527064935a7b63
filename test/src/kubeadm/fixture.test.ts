/** The fixture itself: a cluster that lacks a network and nothing else, and that leaves nothing behind. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, it } from "vitest";
import { startDaemon } from "../fixtures/command.ts";
import { field, list, text } from "../fixtures/json.ts";
import { installBridgeNetwork } from "../fixtures/kubeadm/bridgeNetwork.ts";
import { nodeOf, openCluster } from "../fixtures/kubeadm/cluster.ts";
import { type OwnCluster, startCluster } from "../fixtures/kubeadm/startCluster.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { fetchFromPod, podsOnAllNodes, serviceAnswersByName, url } from "./pods.ts";
import { machineSettings, tracesOf } from "./traces.ts";
import { type WebPod, webManifest } from "./web.ts";

const id = `kubeadm${process.pid}`;
const settingsBefore = await machineSettings();
let cluster: OwnCluster;
let pods: readonly WebPod[];

beforeAll(async () => {
  cluster = await startCluster({ id, nodes: 2, dualStack: true, proxy: "nftables", audit: true });
});
afterAll(() => cluster?.[Symbol.asyncDispose]());

interface ReadyCondition {
  readonly node: string;
  readonly status: string;
  readonly message: string;
}

async function readyConditions(): Promise<ReadyCondition[]> {
  const nodes = JSON.parse(await cluster.kubectl(["get", "nodes", "-o", "json"]));
  return list(field(nodes, "items")).map((node) => {
    const ready = list(field(node, "status", "conditions")).find((condition) => field(condition, "type") === "Ready");
    const name = text(field(node, "metadata", "name"));
    return { node: name, status: text(field(ready, "status")), message: text(field(ready, "message")) };
  });
}

function podOn(node: string): WebPod {
  const found = pods.find((pod) => pod.node === node);
  assert(found, `a pod on ${node}`);
  return found;
}

describe("a cluster of kubeadm's", () => {
  it("has its nodes registered, and they lack a network and nothing else", async () => {
    const conditions = await readyConditions();
    assert.deepEqual(
      conditions.map(({ node }) => node),
      ["node1", "node2"],
    );
    for (const { status, message } of conditions) {
      assert.equal(status, "False");
      assert.match(message, /NetworkPluginNotReady.*cni plugin not initialized/);
    }
    assert.equal(await nodeOf(cluster, 1).exec("ls", ["/etc/cni/net.d"]), "");
  });

  it("has a range of pods' addresses of each family for every node", async () => {
    const nodes = JSON.parse(await cluster.kubectl(["get", "nodes", "-o", "json"]));
    for (const node of list(field(nodes, "items"))) {
      const podCidrs = list(field(node, "spec", "podCIDRs")).map(text);
      assert.match(podCidrs[0] ?? "", /^10\.244\.\d+\.0\/24$/);
      assert.match(podCidrs[1] ?? "", /^fd00:10:244:.*\/64$/);
    }
  });

  it("has a record of what was asked of its API server, by whom", async () => {
    await cluster.kubectl(["get", "configmaps", "--namespace=kube-public"]);
    const asked = (await cluster.requests()).filter(({ userAgent }) => userAgent.startsWith("kubectl/"));
    assert.equal(asked.at(-1)?.uri, "/api/v1/namespaces/kube-public/configmaps?limit=500");
    assert.equal(asked.at(-1)?.user, "kubernetes-admin");
  });

  it("has a router that waits for sessions of its nodes", async () => {
    const protocols = await cluster.tor.birdc("show protocols");
    for (const { name } of cluster.nodes) assert.match(protocols, new RegExp(`^${name} +BGP +--- +start`, "m"));
  });

  it("is Ready with a network, and runs pods", async () => {
    await installBridgeNetwork(cluster);
    await waitFor(
      async (saw) => {
        const conditions = await readyConditions();
        saw(conditions);
        return conditions.every(({ status }) => status === "True");
      },
      { what: "every node is Ready", deadlineMs: 60_000, intervalMs: 200 },
    );
    await cluster.kubectl(["apply", "-f", "-"], { input: webManifest });
    pods = await podsOnAllNodes(cluster);
    assert.equal(await cluster.kubectl(["exec", podOn("node1").name, "--", "hostname"]), `${podOn("node1").name}\n`);
  });

  it("carries packets between pods of two nodes, in both families", async () => {
    for (const address of podOn("node2").addresses) {
      assert.equal(await fetchFromPod(cluster, podOn("node1"), url(address)), `${podOn("node2").name}\n`);
    }
    assert.equal(podOn("node2").addresses.length, 2);
  });

  it("answers at a Service by name, and at the NodePort of every node for the client outside", async () => {
    const names = pods.map(({ name }) => `${name}\n`);
    await serviceAnswersByName(cluster, pods);
    for (const { name, ipv4 } of cluster.nodes) {
      const fetch = () => cluster.client.exec("curl", ["-s", "-m", "2", url(ipv4, 30080)]);
      await waitFor(async () => names.includes(await fetch()), { what: `kube-proxy of ${name} knows the Service` });
    }
  });

  it("gets a node back whose power was cut, pods and network with it, by the hand of another process", async () => {
    const again = await openCluster(id);
    const node = nodeOf(again, 2);
    await assert.rejects(node.start(), /node2 can boot\nexpected: powered off\nsaw: it runs/);
    const podBefore = podOn("node2");
    await node.stop();
    assert.equal(nodeOf(cluster, 2).running, false);
    await assert.rejects(node.exec("true"), /node2 runs\nexpected: process 1\nsaw: powered off/);
    await node.start();
    const startsOver = ["get", "pod", podBefore.name, "-o", "jsonpath={.status.containerStatuses[0].restartCount}"];
    await waitFor(async () => (await again.kubectl(startsOver)) === "1", {
      what: "its pod runs again",
      deadlineMs: 60_000,
      intervalMs: 200,
    });
    pods = await podsOnAllNodes(cluster);
    for (const address of podOn("node1").addresses) {
      await waitFor(
        async () => (await fetchFromPod(cluster, podOn("node2"), url(address))) === `${podOn("node1").name}\n`,
        {
          what: `${address} answers the pod that is back`,
        },
      );
    }
  });

  it("keeps its pods while kubelet and containerd are restarted", async () => {
    const node = nodeOf(cluster, 1);
    const pidOf = async (name: string) => (await node.exec("cat", [`/run/${name}.pid`])).trim();
    const before = { kubelet: await pidOf("kubelet"), containerd: await pidOf("containerd") };
    await node.restartContainerd();
    await node.restartKubelet();
    await waitFor(async () => (await pidOf("kubelet")) !== before.kubelet, { what: "another kubelet runs" });
    assert.notEqual(await pidOf("containerd"), before.containerd);
    const name = podOn("node1").name;
    await waitFor(async () => (await cluster.kubectl(["exec", name, "--", "hostname"])) === `${name}\n`, {
      what: "the kubelet reaches the container that ran before",
      deadlineMs: 30_000,
    });
  });

  it("leaves nothing when it is taken down", async () => {
    assert.notDeepEqual(await tracesOf(id), []);
    await cluster[Symbol.asyncDispose]();
    assert.deepEqual(await tracesOf(id), []);
    assert.deepEqual(await machineSettings(), settingsBefore);
  });

  it("leaves nothing behind a process that was killed while it made it", async () => {
    const victimId = `victim${process.pid}`;
    const program = fileURLToPath(new URL("victim.ts", import.meta.url));
    const victim = startDaemon(process.execPath, ["--conditions=brindle-source", program, victimId]);
    await waitFor(
      () => {
        victim.assertRunning();
        return victim.output().includes("booted");
      },
      { what: "the victim has a node", deadlineMs: 60_000 },
    );
    victim.kill("SIGKILL");
    await waitFor(
      async (saw) => {
        const traces = await tracesOf(victimId);
        saw(traces);
        return traces.length === 0;
      },
      { what: "nothing is left", deadlineMs: 20_000, intervalMs: 200 },
    );
    assert.deepEqual(await machineSettings(), settingsBefore);
  });
});
