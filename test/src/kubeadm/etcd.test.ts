/** The way of a user who keeps it all in etcd: kubeadm's own, with TLS and client certificates. Judged by packets. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, it } from "vitest";
import { field, list, text } from "../fixtures/json.ts";
import { nodeOf } from "../fixtures/kubeadm/cluster.ts";
import type { OwnCluster } from "../fixtures/kubeadm/startCluster.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { brindleReady, namespace, requestsOfBrindle, startClusterWithImage } from "./brindle.ts";
import { sameObjects } from "./kustomized.ts";
import {
  addressOf,
  addressWhenReady,
  apply,
  lonePod,
  podOfNode,
  podsOnAllNodes,
  reaches,
  serviceAnswersByName,
  url,
} from "./pods.ts";
import { type WebPod, webManifest } from "./web.ts";

const manifests = fileURLToPath(new URL("../../../manifests", import.meta.url));
const manifest = join(manifests, "brindle-etcd.yaml");
const pki = "/etc/kubernetes/pki";

let cluster: OwnCluster;
let pods: readonly WebPod[];

beforeAll(async () => {
  cluster = await startClusterWithImage({ nodes: 2, audit: true });
});
afterAll(() => cluster?.[Symbol.asyncDispose]());

const podOn = (node: string): WebPod => podOfNode(pods, node);

/** As the page for operators says it, with kubeadm's etcd and a certificate that it believes. */
async function nameEtcd(): Promise<void> {
  const page = await readFile(join(manifests, "../docs/install-etcd.md"), "utf8");
  const commands = [...page.matchAll(/^ {4}kubectl (create \S+ .*)$/gm)].map(([, line = ""]) => line);
  assert.equal(commands.length, 2);
  const { ipv4, outside } = nodeOf(cluster, 1);
  const own: readonly (readonly [RegExp, string])[] = [
    [/(?<=ETCD_ENDPOINTS=)\S+/, `https://${ipv4}:2379`],
    [/(?<=etcd-ca=)\S+/, outside(`${pki}/etcd/ca.crt`)],
    [/(?<=etcd-cert=)\S+/, outside(`${pki}/apiserver-etcd-client.crt`)],
    [/(?<=etcd-key=)\S+/, outside(`${pki}/apiserver-etcd-client.key`)],
  ];
  for (const command of commands) {
    const line = own.reduce((text, [value, ours]) => text.replace(value, ours), command);
    await cluster.kubectl(line.split(" "));
  }
}

function brindlectl(...args: readonly string[]): Promise<string> {
  const agent = ["exec", "-n", namespace, "daemonset/brindle-agent", "-c", "agent", "--"];
  return cluster.kubectl([...agent, "brindlectl", ...args]);
}

async function stored(kind: string, ...args: readonly string[]): Promise<readonly unknown[]> {
  return list(field(JSON.parse(await brindlectl("get", kind, ...args, "-o", "json")), "items"));
}

async function untilReached(expected: boolean): Promise<void> {
  const [from, to] = [podOn("node1"), podOn("node2")];
  await waitFor(async () => (await reaches(cluster, from, url(addressOf(to)))) === expected, {
    what: `${from.name} ${expected ? "reaches" : "does not reach"} ${to.name}`,
    deadlineMs: 20_000,
  });
}

/** Whom pods that are `web` hear. */
async function hear(...from: readonly object[]): Promise<void> {
  await apply(cluster, {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name: "heard", namespace: "default" },
    spec: { podSelector: { matchLabels: { app: "web" } }, policyTypes: ["Ingress"], ingress: [{ from }] },
  });
}

describe("a cluster whose network is kept in etcd", () => {
  it("waits for it, in words, as long as nobody says where etcd is", async () => {
    await cluster.kubectl(["apply", "-f", manifest], { deadlineMs: 60_000 });
    const events = ["get", "events", "-n", namespace, "-o", "jsonpath={.items[*].message}"];
    await waitFor(async () => /"brindle-etcd-secrets" not found/.test(await cluster.kubectl(events)), {
      what: "an Event names the Secret that is missing",
      deadlineMs: 30_000,
    });
  });

  it("is Ready soon after that has been said", async () => {
    const startMs = performance.now();
    await nameEtcd();
    console.log(await brindleReady(cluster, startMs));
  });

  it("got the objects that kustomize makes of the same files, and none of Calico's CRDs", async () => {
    const built = await cluster.kubectl(["kustomize", join(manifests, "etcd")]);
    sameObjects(await readFile(manifest, "utf8"), built);
    assert.equal((await cluster.kubectl(["get", "crds", "-o", "name"])).trim(), "");
  });

  it("has kubeadm's range as its pool, its nodes with their labels, and a pod on each", async () => {
    await cluster.kubectl(["apply", "-f", "-"], { input: webManifest });
    pods = await podsOnAllNodes(cluster);
    for (const pod of pods) assert.match(addressOf(pod), /^10\.244\./);
    const [pool] = await stored("ippools");
    assert.equal(field(pool, "spec", "cidr"), "10.244.0.0/16");
    for (const node of await stored("nodes")) {
      const name = text(field(node, "metadata", "name"));
      assert.equal(field(node, "metadata", "labels", "kubernetes.io/hostname"), name);
    }
  });

  it("carries packets between nodes, and Services answer by name", async () => {
    await untilReached(true);
    await serviceAnswersByName(cluster, pods);
  });

  it("is cut by a NetworkPolicy, and opened by a label of a running pod, and of a namespace", async () => {
    await hear({ podSelector: { matchLabels: { heard: "yes" } } });
    await untilReached(false);
    await cluster.kubectl(["label", "pod", podOn("node1").name, "heard=yes"]);
    await untilReached(true);
    await cluster.kubectl(["label", "pod", podOn("node1").name, "heard-"]);
    await untilReached(false);

    await hear({ namespaceSelector: { matchLabels: { heard: "yes" } } });
    await cluster.kubectl(["label", "namespace", "default", "heard=yes"]);
    await untilReached(true);
    await cluster.kubectl(["label", "namespace", "default", "heard-"]);
    await untilReached(false);
  });

  it("forgets a NetworkPolicy that is deleted, in etcd and in packets", async () => {
    const names = async () =>
      (await stored("networkpolicies", "-n", "default")).map((one) => field(one, "metadata", "name"));
    assert.deepEqual(await names(), ["knp.default.heard"]);
    await cluster.kubectl(["delete", "networkpolicy", "heard"]);
    await untilReached(true);
    assert.deepEqual(await names(), []);
  });

  it("has a pod's endpoint in Calico's form as long as there is the pod", async () => {
    await apply(cluster, lonePod({ name: "passing-by", node: "node2", labels: { app: "passing" } }));
    const address = await addressWhenReady(cluster, "passing-by");
    const ofPod = async () =>
      (await stored("workloadendpoints", "-n", "default")).filter((one) => field(one, "spec", "pod") === "passing-by");
    const [endpoint] = await ofPod();
    assert.equal(field(endpoint, "metadata", "name"), "node2-k8s-passing--by-eth0");
    assert.partialDeepStrictEqual(field(endpoint, "spec"), {
      serviceAccountName: "default",
      profiles: ["kns.default", "ksa.default.default"],
      ipNetworks: [`${address}/32`],
    });
    assert.equal(field(endpoint, "metadata", "labels", "app"), "passing");
    await cluster.kubectl(["delete", "pod", "passing-by"]);
    await waitFor(async () => (await ofPod()).length === 0, { what: "the endpoint is gone" });
  });

  it("answers brindlectl in the agent's pod", async () => {
    assert.match(await brindlectl("status"), /^Agent: .* ready$/m);
  });

  it("has not asked for anything that it may not", async () => {
    const requests = await requestsOfBrindle(cluster);
    assert(requests.length > 0);
    const refused = requests.filter(({ status }) => status === 401 || status === 403);
    assert.deepEqual(refused, []);
  });

  it("leaves pods their network, and etcd what is in it, when it is deleted", async () => {
    await cluster.kubectl(["delete", "-f", manifest, "--timeout=60s"], { deadlineMs: 70_000 });
    await untilReached(true);
    const { ipv4, outside } = nodeOf(cluster, 1);
    const whoWeAre = [
      "--cacert",
      outside(`${pki}/etcd/ca.crt`),
      "--cert",
      outside(`${pki}/apiserver-etcd-client.crt`),
      "--key",
      outside(`${pki}/apiserver-etcd-client.key`),
    ];
    const [key, range_end] = ["/calico/resources/", "/calico/resources0"].map(btoa);
    const range = JSON.stringify({ key, range_end, count_only: true });
    const rangeUrl = `https://${ipv4}:2379/v3/kv/range`;
    const answer = await cluster.client.exec("curl", ["-s", ...whoWeAre, "-d", range, rangeUrl]);
    assert(Number(field(JSON.parse(answer), "count")) > 0, answer);
  });
});
