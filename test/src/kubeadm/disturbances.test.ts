/** Two families, the newer mode of kube-proxy, and what happens to a cluster in its life: pods keep their network. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { afterAll, beforeAll, describe, it } from "vitest";
import { nodeOf } from "../fixtures/kubeadm/cluster.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { type BrindleCluster, startBrindleCluster } from "./brindle.ts";
import { packetsDuring, type Way } from "./packets.ts";
import { clientOf, fetchFrom } from "./places.ts";
import {
  addressOf,
  addressWhenReady,
  apply,
  fetchFromPod,
  lonePod,
  networkOf,
  podOfNode,
  podsOnAllNodes,
  reaches,
  routerHasRoutes,
  serviceAnswersByName,
  torPeer,
  url,
} from "./pods.ts";
import { describeServices } from "./services.ts";
import { type WebPod, webManifest } from "./web.ts";

let cluster: BrindleCluster;
let pods: readonly WebPod[];
const podOn = (node: string): WebPod => podOfNode(pods, node);

beforeAll(async () => {
  cluster = await startBrindleCluster({ nodes: 2, dualStack: true, proxy: "nftables" });
  await cluster.kubectl(["apply", "-f", "-"], { input: webManifest });
  pods = await podsOnAllNodes(cluster);
  await apply(cluster, torPeer);
});
afterAll(() => cluster?.[Symbol.asyncDispose]());

/** From the pod of the first node to that of the second. */
async function lostDuring(task: Way["task"], work: () => Promise<void>): Promise<number> {
  const { lost } = await packetsDuring(cluster, { from: podOn("node1"), to: podOn("node2"), task }, work);
  return lost;
}

describe("a cluster of both families", () => {
  it("gives each pod an address of each, and carries packets between nodes in both", async () => {
    const target = podOn("node2");
    assert.equal(target.addresses.length, 2);
    for (const address of target.addresses) {
      assert.equal(await fetchFromPod(cluster, podOn("node1"), url(address)), `${target.name}\n`);
    }
  });

  it("shows its pods to the router and the client in both", async () => {
    await routerHasRoutes(cluster);
    for (const pod of pods) {
      for (const address of pod.addresses) assert.equal(await fetchFrom(clientOf(cluster), url(address)), pod.name);
    }
  });

  it("answers at a Service by name", () => serviceAnswersByName(cluster, pods));
});

describe("on it, with kube-proxy in the mode nftables,", () => describeServices(() => ({ cluster, pods })));

/** One that the kubelet of the second node has from its disk: nobody else can start one without an API server. */
async function startStaticPod(name: string): Promise<void> {
  const node = nodeOf(cluster, 2);
  await node.exec("mkdir", ["-p", dirname(staticPodFile(name))]);
  await writeFile(node.outside(staticPodFile(name)), JSON.stringify(lonePod({ name, node: node.name })));
}

function staticPodFile(name: string): string {
  return `/etc/kubernetes/manifests/${name}.json`;
}

/** The kubelet has a folder for the logs of a pod that it tries to start, and in that one for each container that began. */
async function startedContainers(name: string): Promise<string[]> {
  const folders = `/var/log/pods/default_${name}-node2_*`;
  return (await nodeOf(cluster, 2).exec("sh", ["-c", `ls -d ${folders} >&2 && ls ${folders}`]))
    .split("\n")
    .filter(Boolean);
}

describe("the network of pods", () => {
  it("loses nothing while kubelet and containerd are restarted", async ({ task }) => {
    const lost = await lostDuring(task, async () => {
      await nodeOf(cluster, 2).restartContainerd();
      await nodeOf(cluster, 2).restartKubelet();
      await apply(cluster, lonePod({ name: "later", node: "node2" }));
      await addressWhenReady(cluster, "later");
    });
    assert.equal(lost, 0);
    await cluster.kubectl(["delete", "pod", "later"]);
  });

  it("stays as it is for 30 s without an API server, policies in force, while new pods wait, and follows it again by itself", async ({
    task,
  }) => {
    const control = nodeOf(cluster, 1);
    await apply(cluster, lonePod({ name: "closed", node: "node2" }));
    const closed = await addressWhenReady(cluster, "closed");
    await cluster.kubectl(["label", "pod", "closed", "app=closed"]);
    await apply(cluster, {
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: { name: "closed", namespace: "default" },
      spec: { podSelector: { matchLabels: { app: "closed" } }, policyTypes: ["Ingress"], ingress: [] },
    });
    await waitFor(async () => !(await reaches(cluster, podOn("node1"), url(closed))), {
      what: "the policy is in force",
    });
    const server = "/etc/kubernetes/manifests/kube-apiserver.yaml";
    const fromPod = await networkOf(cluster, podOn("node1"));
    const answers = async (address: string): Promise<boolean> => {
      await using curl = fromPod.spawn("curl", ["-s", "-m", "2", url(address)]);
      return (await curl.exited).exitCode === 0;
    };

    const lost = await lostDuring(task, async () => {
      await control.exec("mv", [server, "/root/kube-apiserver.yaml"]);
      await waitFor(async () => (await cluster.kubectl(["version"]).catch(() => "away")) === "away", {
        what: "the API server is away",
        deadlineMs: 30_000,
      });
      const awaySince = performance.now();
      await startStaticPod("waits");
      await waitFor(() => answers(addressOf(podOn("node2"))), { what: "a pod of the other node answers" });
      assert.equal(await answers(closed), false);
      await waitFor(() => performance.now() - awaySince >= 30_000, { what: "it is away for 30 s", deadlineMs: 40_000 });
      assert.equal(await answers(closed), false);
      assert.deepEqual(await startedContainers("waits"), []);
      await control.exec("mv", ["/root/kube-apiserver.yaml", server]);
      await waitFor(async () => cluster.kubectl(["delete", "networkpolicy", "closed"]), {
        what: "the API server is back",
        deadlineMs: 60_000,
      });
      await waitFor(() => answers(closed), { what: "agents follow it again", deadlineMs: 30_000 });
    });
    const waited = await waitFor(() => addressWhenReady(cluster, "waits-node2"), {
      what: "the pod that waited runs",
      deadlineMs: 90_000,
    });
    assert.equal(await fetchFrom(clientOf(cluster), url(waited)), "waits-node2");
    await nodeOf(cluster, 2).exec("rm", [staticPodFile("waits")]);
    assert.equal(lost, 0);
    await apply(cluster, lonePod({ name: "after", node: "node2" }));
    await addressWhenReady(cluster, "after");
    await cluster.kubectl(["delete", "pod", "after", "closed"]);
  }, 400_000);

  it("is back with a node whose power was cut, its pods and its routes at the router with it", async () => {
    const node = nodeOf(cluster, 2);
    const { name } = podOn("node2");
    await node.stop();
    await node.start();
    const restarts = ["get", "pod", name, "-o", "jsonpath={.status.containerStatuses[0].restartCount}"];
    await waitFor(async () => (await cluster.kubectl(restarts)) === "1", {
      what: "its pod runs again",
      deadlineMs: 60_000,
      intervalMs: 200,
    });
    pods = await podsOnAllNodes(cluster);
    await routerHasRoutes(cluster);
    for (const address of podOn("node2").addresses) {
      await waitFor(async () => (await fetchFromPod(cluster, podOn("node1"), url(address))) === `${name}\n`, {
        what: `${address} answers a pod of another node`,
      });
      await waitFor(async () => (await fetchFrom(clientOf(cluster), url(address))) === name, {
        what: `${address} answers the client outside`,
      });
    }
  });
});
