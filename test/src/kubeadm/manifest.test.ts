/** The way of a user: a cluster without a network, the image, one `kubectl apply`. All is judged by packets. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, it } from "vitest";
import { brindlectl } from "../cli/brindlectl.ts";
import { run, startDaemon } from "../fixtures/command.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import {
  type BrindleCluster,
  kustomization,
  manifest,
  namespace,
  requestsOfBrindle,
  startBrindleCluster,
} from "./brindle.ts";
import { describeKinds } from "./kinds.ts";
import { sameObjects } from "./kustomized.ts";
import { packetsDuring } from "./packets.ts";
import { clientOf, fetchFrom } from "./places.ts";
import {
  addressWhenReady,
  apply,
  lonePod,
  missedByRouter,
  networkOf,
  podOfNode,
  podsOnAllNodes,
  routerHasRoutes,
  serviceAnswersByName,
  torPeer,
  url,
} from "./pods.ts";
import { describePolicies } from "./policies.ts";
import { describeRecipes } from "./recipes.ts";
import { describeServices } from "./services.ts";
import { podOf, type WebPod, webManifest } from "./web.ts";

let cluster: BrindleCluster;
let pods: readonly WebPod[];

beforeAll(async () => {
  cluster = await startBrindleCluster({ nodes: 3, dualStack: true, audit: true });
  await cluster.kubectl(["apply", "-f", "-"], { input: webManifest });
  pods = await podsOnAllNodes(cluster);
  await apply(cluster, torPeer);
});
afterAll(() => cluster?.[Symbol.asyncDispose]());

const podOn = (node: string): WebPod => podOfNode(pods, node);

describe("a cluster to which the manifest was applied", () => {
  it("has all its nodes Ready within 30 s", () => {
    const { nodesReadyMs } = cluster.applied;
    assert(nodesReadyMs < 30_000, `${nodesReadyMs} ms`);
  });

  it("got the objects that kustomize makes of the same files", async () => {
    const built = await cluster.kubectl(["kustomize", kustomization]);
    sameObjects(await readFile(manifest, "utf8"), built);
  });

  it("has pods of each family's range on every node", () => {
    for (const pod of pods) assert.match(pod.addresses.join(" "), /^10\.244\.\S+ fd00:10:244:\S+$/);
  });

  it("runs CoreDNS, which resolves names of Services", async () => {
    await cluster.kubectl(["rollout", "status", "deployment/coredns", "-n", "kube-system", "--timeout=60s"], {
      deadlineMs: 70_000,
    });
    await serviceAnswersByName(cluster, pods);
  });

  it("carries packets between pods of a node and of all nodes, in both families", async () => {
    await apply(cluster, lonePod({ name: "neighbour", node: "node1" }));
    await addressWhenReady(cluster, "neighbour");
    const neighbour = JSON.parse(await cluster.kubectl(["get", "pod", "neighbour", "-o", "json"]));
    const from = await networkOf(cluster, podOn("node1"));
    const targets = [...pods, podOf(neighbour)];
    for (const { name, addresses } of targets) {
      assert.equal(addresses.length, 2);
      for (const address of addresses) assert.equal(await fetchFrom(from, url(address)), name);
    }
    await cluster.kubectl(["delete", "pod", "neighbour"]);
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

  it("peers with its router by a BGPPeer, and the client reaches a pod as long as there is one", async () => {
    await routerHasRoutes(cluster);
    const client = clientOf(cluster);
    await apply(cluster, lonePod({ name: "seen", node: "node2" }));
    await addressWhenReady(cluster, "seen");
    const { addresses } = podOf(JSON.parse(await cluster.kubectl(["get", "pod", "seen", "-o", "json"])));
    for (const address of addresses) assert.equal(await fetchFrom(client, url(address)), "seen");
    await cluster.kubectl(["delete", "pod", "seen"]);
    for (const address of addresses) assert.equal(await fetchFrom(client, url(address)), undefined);
    for (const { name, addresses: others } of pods) {
      for (const address of others) assert.equal(await fetchFrom(client, url(address)), name);
    }
  });

  it("loses no packet, no route at its router and no node its readiness, while its agents are replaced one by one", async ({
    task,
  }) => {
    const [from, to] = [podOn("node1"), podOn("node2")];
    const readySince = await readinessOfNodes();
    let missed: readonly string[] = [];
    const { lost } = await packetsDuring(cluster, { from, to, task }, async () => {
      missed = await missedByRouter(cluster, agentsReplaced);
    });
    assert.equal(lost, 0);
    assert.deepEqual(missed, []);
    assert.equal(await readinessOfNodes(), readySince);
  });

  it("loses no packet while all its agents are replaced at once", async ({ task }) => {
    const [from, to] = [podOn("node1"), podOn("node2")];
    const { lost } = await packetsDuring(cluster, { from, to, task }, async () => {
      const agents = ["-n", namespace, "-l", "app.kubernetes.io/component=agent"];
      const former = (await cluster.kubectl(["get", "pods", ...agents, "-o", "name"])).trim().split("\n");
      await cluster.kubectl(["delete", "pods", ...agents, "--wait=false"]);
      await cluster.kubectl(["wait", "--for=delete", ...former, "-n", namespace, "--timeout=60s"], {
        deadlineMs: 70_000,
      });
      await agentsAreThere();
      await routerHasRoutes(cluster);
    });
    assert.equal(lost, 0);
  });

  it("answers brindlectl in the agent's pod of every node", async () => {
    for (const { name } of cluster.nodes) {
      const ofNode = ["-l", "app.kubernetes.io/component=agent", "--field-selector", `spec.nodeName=${name}`];
      const pod = (await cluster.kubectl(["get", "pods", "-n", namespace, ...ofNode, "-o", "name"])).trim();
      const status = await cluster.kubectl(["exec", "-n", namespace, pod, "-c", "agent", "--", "brindlectl", "status"]);
      assert.match(status, new RegExp(`^Node: +${name}$`, "m"));
      assert.match(status, /^Agent: .* ready$/m);
    }
  });

  it("answers brindlectl in its pods, without settings, at what is in the datastore", async () => {
    const ask = (workload: string, ...args: readonly string[]): Promise<string> =>
      cluster.kubectl(["exec", "-n", namespace, workload, "--", "brindlectl", ...args]);
    assert.match(await ask("daemonset/brindle-agent", "get", "ippools"), /^default-ipv4-ippool +10\.244\.0\.0\/16 /m);
    assert.match(await ask("deployment/brindle-controllers", "ipam", "check"), /^0 problems found$/m);
    const explain = (to: string): Promise<string> => {
      const ends = ["--from", podOn("node1").name, "--to", to, "--port", "80"];
      return ask("daemonset/brindle-agent", "policy", "explain", ...ends);
    };
    assert.match(await explain(podOn("node2").name), /^tcp from 10\.244\.\S+ to 10\.244\.\S+ port 80: ALLOWED$/m);
    assert.match(await explain("web"), /^behind Service default\/web:$/m);
  });

  it("answers brindlectl from outside, by a kubeconfig, at what is in the datastore", async () => {
    const ask = async (...args: readonly string[]): Promise<string> => {
      const { exitCode, stdout, stderr } = await brindlectl(["--kubeconfig", cluster.kubeconfig, ...args]);
      assert.equal(exitCode, 0, stderr);
      return stdout;
    };
    const nodes = await ask("get", "nodes", "-o", "wide");
    for (const { name, ipv4, ipv6 } of cluster.nodes) {
      assert.match(nodes, new RegExp(`^${name} +\\(64512\\) +${ipv4}/24 +${ipv6}/64$`, "m"));
    }
    const endpoints = await ask("get", "workloadendpoints", "-o", "wide");
    for (const { name, addresses } of pods) {
      const row = endpoints.split("\n").find((line) => line.includes(name)) ?? "";
      for (const address of addresses) assert(row.includes(address), endpoints);
    }
    const blocks = await ask("ipam", "show", "--show-blocks");
    for (const { name } of cluster.nodes) assert.match(blocks, new RegExp(`^Block .* ${name}$`, "m"));
  });
});

describe("on it, with kube-proxy in the mode iptables,", () => describeServices(() => ({ cluster, pods })));
describe("on it,", () => {
  describePolicies(() => ({ cluster, pods }));
  describeRecipes(() => cluster);
  describeKinds(() => cluster);
});

describe("what the manifest started", () => {
  it("has not asked for anything that it may not", async () => {
    const requests = await requestsOfBrindle(cluster);
    assert(requests.length > 0);
    const refused = requests.filter(({ status }) => status === 401 || status === 403);
    assert.deepEqual(refused, []);
  });
});

async function agentsReplaced(): Promise<void> {
  await cluster.kubectl(["rollout", "restart", "daemonset/brindle-agent", "-n", namespace]);
  await agentsAreThere();
}

async function agentsAreThere(): Promise<void> {
  await cluster.kubectl(["rollout", "status", "daemonset/brindle-agent", "-n", namespace, "--timeout=120s"], {
    deadlineMs: 130_000,
  });
}

/** Whether each node is Ready, and since when. */
function readinessOfNodes(): Promise<string> {
  const condition = '{.status.conditions[?(@.type=="Ready")]';
  const line = `{.metadata.name} ${condition}.status} ${condition}.lastTransitionTime}`;
  return cluster.kubectl(["get", "nodes", "-o", `jsonpath={range .items[*]}${line}{"\\n"}{end}`]);
}
