/** The way of a user: a cluster without a network, the image, one `kubectl apply`. All is judged by packets. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { run, startDaemon } from "../fixtures/command.ts";
import { parseSessions } from "../fixtures/routers/bird.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { startTraffic } from "../lab/traffic/traffic.ts";
import {
  type BrindleCluster,
  kustomization,
  manifest,
  namespace,
  requestsOfBrindle,
  startBrindleCluster,
} from "./brindle.ts";
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
  serviceAnswersByName,
  torPeer,
  url,
} from "./pods.ts";
import { type WebPod, webManifest } from "./web.ts";

let cluster: BrindleCluster;
let pods: readonly WebPod[];

beforeAll(async () => {
  cluster = await startBrindleCluster({ nodes: 3, audit: true });
  console.log(cluster.applied);
});
afterAll(() => cluster?.[Symbol.asyncDispose]());

const podOn = (node: string): WebPod => podOfNode(pods, node);

/** Policies come into force soon after they are applied. */
async function untilReached(from: WebPod, to: WebPod, expected: boolean): Promise<void> {
  await waitFor(async () => (await reaches(cluster, from, url(addressOf(to)))) === expected, {
    what: `${from.name} ${expected ? "reaches" : "does not reach"} ${to.name}`,
    deadlineMs: 20_000,
  });
}

async function clientReaches(address: string): Promise<boolean> {
  return (await cluster.client.run("curl", ["-s", "-m", "1", url(address)])).exitCode === 0;
}

describe("a cluster to which the manifest was applied", () => {
  it("has all its nodes Ready within 30 s", () => {
    const { nodesReadyMs } = cluster.applied;
    assert(nodesReadyMs < 30_000, `${nodesReadyMs} ms`);
  });

  it("got the objects that kustomize makes of the same files", async () => {
    const objectsOf = (text: string) =>
      new Map(
        parseAllDocuments(text)
          .map((document) => document.toJS())
          .filter((object) => object !== null)
          .map((object) => [`${object.kind} ${object.metadata.namespace}/${object.metadata.name}`, object] as const)
          .sort(([a], [b]) => (a < b ? -1 : 1)),
      );
    const built = await cluster.kubectl(["kustomize", kustomization]);
    assert.deepEqual(objectsOf(await readFile(manifest, "utf8")), objectsOf(built));
  });

  it("has a pod of its own range on every node, and CoreDNS runs", async () => {
    await cluster.kubectl(["apply", "-f", "-"], { input: webManifest });
    pods = await podsOnAllNodes(cluster);
    for (const pod of pods) assert.match(addressOf(pod), /^10\.244\./);
    await cluster.kubectl(["rollout", "status", "deployment/coredns", "-n", "kube-system", "--timeout=60s"], {
      deadlineMs: 70_000,
    });
  });

  it("carries packets between pods of a node and of all nodes", async () => {
    await apply(cluster, lonePod({ name: "neighbour", node: "node1" }));
    const neighbour = await addressWhenReady(cluster, "neighbour");
    for (const { node } of pods) {
      const target = podOn(node);
      assert.equal(await fetchFromPod(cluster, podOn("node1"), url(addressOf(target))), `${target.name}\n`);
    }
    assert.equal(await fetchFromPod(cluster, podOn("node1"), url(neighbour)), "neighbour\n");
    await cluster.kubectl(["delete", "pod", "neighbour"]);
  });

  it("answers at a Service by name, and at the NodePort of every node", async () => {
    const names = pods.map(({ name }) => `${name}\n`);
    await serviceAnswersByName(cluster, pods);
    for (const { ipv4 } of cluster.nodes) {
      assert(names.includes(await cluster.client.exec("curl", ["-s", "-m", "2", url(ipv4, 30080)])));
    }
  });

  it("answers kubectl exec, logs and port-forward", async () => {
    const { name } = podOn("node2");
    assert.equal(await cluster.kubectl(["exec", name, "--", "hostname"]), `${name}\n`);
    await cluster.kubectl(["exec", name, "--", "sh", "-c", "echo said by hand >/proc/1/fd/1"]);
    assert.equal(await cluster.kubectl(["logs", name]), "said by hand\n");
    const forward = [`--kubeconfig=${cluster.kubeconfig}`, "port-forward", name, ":80"];
    await using daemon = startDaemon(cluster.kubectlPath, forward);
    const port = await waitFor(() => /127\.0\.0\.1:(\d+) -> 80/.exec(daemon.output())?.[1], {
      what: "kubectl forwards a port",
    });
    const { stdout } = await run("curl", ["-s", "-m", "5", `http://127.0.0.1:${port}/`]);
    assert.equal(stdout, `${name}\n`);
  });

  it("is cut and opened by a NetworkPolicy", async () => {
    const [from, to] = [podOn("node1"), podOn("node2")];
    await apply(cluster, {
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: { name: "closed", namespace: "default" },
      spec: { podSelector: { matchLabels: { app: "web" } }, policyTypes: ["Ingress"], ingress: [] },
    });
    await untilReached(from, to, false);
    await cluster.kubectl(["delete", "networkpolicy", "closed"]);
    await untilReached(from, to, true);
  });

  it("is cut and opened by a GlobalNetworkPolicy of Calico's, and says that it acts on it", async () => {
    const [from, to] = [podOn("node1"), podOn("node3")];
    await apply(cluster, {
      apiVersion: "projectcalico.org/v3",
      kind: "GlobalNetworkPolicy",
      metadata: { name: "no-web" },
      spec: { selector: "app == 'web'", types: ["Egress"], egress: [{ action: "Deny", protocol: "TCP" }] },
    });
    await untilReached(from, to, false);
    await cluster.kubectl(["wait", "--for=condition=Accepted", "globalnetworkpolicy/no-web", "--timeout=10s"]);
    await cluster.kubectl(["delete", "globalnetworkpolicy", "no-web"]);
    await untilReached(from, to, true);
  });

  it("peers with its router by a BGPPeer, and the client reaches a pod as long as there is one", async () => {
    await apply(cluster, torPeer);
    await waitFor(
      async (saw) => {
        const sessions = parseSessions(await cluster.tor.birdc("show protocols all"));
        saw(sessions);
        return sessions.length === 3 && sessions.every(({ established, received }) => established && received > 0);
      },
      { what: "the router has routes of every node", deadlineMs: 20_000 },
    );
    await apply(cluster, lonePod({ name: "seen", node: "node2" }));
    const address = await addressWhenReady(cluster, "seen");
    assert.equal(await cluster.client.exec("curl", ["-s", "-m", "2", url(address)]), "seen\n");
    await cluster.kubectl(["delete", "pod", "seen"]);
    assert.equal(await clientReaches(address), false);
    assert.equal(await clientReaches(addressOf(podOn("node2"))), true);
  });

  it("loses no packet and no node its readiness, while its agents are replaced one by one", async () => {
    const [from, to] = [podOn("node1"), podOn("node2")];
    await using traffic = await startTraffic({
      from: await networkOf(cluster, from),
      to: await networkOf(cluster, to),
      addresses: [addressOf(to)],
    });
    const readySince = await readinessOfNodes();
    const startMs = performance.now();
    await cluster.kubectl(["rollout", "restart", "daemonset/brindle-agent", "-n", namespace]);
    await cluster.kubectl(["rollout", "status", "daemonset/brindle-agent", "-n", namespace, "--timeout=120s"], {
      deadlineMs: 130_000,
    });
    const rolloutMs = Math.round(performance.now() - startMs);
    const { sent, lost, longestGapMs } = await traffic.finish();
    console.log({ rolloutMs, sent, lost, longestGapMs });
    assert.equal(lost, 0);
    assert.equal(await readinessOfNodes(), readySince);
  });

  it("answers brindlectl in the agent's pod", async () => {
    const agent = ["exec", "-n", namespace, "daemonset/brindle-agent", "-c", "agent", "--"];
    const status = await cluster.kubectl([...agent, "brindlectl", "status"]);
    assert.match(status, /^Agent: .* ready$/m);
  });

  it("has not asked for anything that it may not", async () => {
    const requests = await requestsOfBrindle(cluster);
    assert(requests.length > 0);
    const refused = requests.filter(({ status }) => status === 401 || status === 403);
    assert.deepEqual(refused, []);
  });
});

/** Whether each node is Ready, and since when. */
function readinessOfNodes(): Promise<string> {
  const condition = '{.status.conditions[?(@.type=="Ready")]';
  const line = `{.metadata.name} ${condition}.status} ${condition}.lastTransitionTime}`;
  return cluster.kubectl(["get", "nodes", "-o", `jsonpath={range .items[*]}${line}{"\\n"}{end}`]);
}
