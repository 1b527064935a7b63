/**
 * Everything is given back: by drained nodes, nodes that are gone, pods of nodes that were down, and at last by the whole
 * of Brindle. Judged by packets, by what nodes have, and by what `brindlectl ipam check` says of all addresses.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, it } from "vitest";
import { brindlectl } from "../cli/brindlectl.ts";
import { field, list, text } from "../fixtures/json.ts";
import { nodeOf } from "../fixtures/kubeadm/cluster.ts";
import type { OwnCluster } from "../fixtures/kubeadm/startCluster.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { applyBrindle, manifest, requestsOfBrindle, startClusterWithImage } from "./brindle.ts";
import { addressOf, addressWhenReady, apply, lonePod, podOfNode, podsOnAllNodes, reaches, url } from "./pods.ts";
import { type WebPod, webManifest, webPods } from "./web.ts";

const cleanupManifest = fileURLToPath(new URL("../../../manifests/cleanup.yaml", import.meta.url));

let cluster: OwnCluster;
let pods: readonly WebPod[];
let before: ReadonlyMap<string, string>;

beforeAll(async () => {
  cluster = await startClusterWithImage({ nodes: 2, dualStack: true, audit: true });
  before = await nodesAsTheyAre();
  await applyBrindle(cluster);
  await cluster.kubectl(["apply", "-f", "-"], { input: webManifest });
  pods = await podsOnAllNodes(cluster);
}, 300_000);
afterAll(() => cluster?.[Symbol.asyncDispose]());

interface AddressInUse {
  readonly address: string;
  readonly node: string;
  readonly owner: string;
}

interface Checked {
  readonly problems: readonly string[];
  readonly addresses: readonly AddressInUse[];
}

async function ipamCheck(): Promise<Checked> {
  const flags = ["--datastore=kubernetes", `--kubeconfig=${cluster.kubeconfig}`, "--timeout=30s"];
  const { stdout, stderr, signal } = await brindlectl([...flags, "ipam", "check", "--show-all-ips", "-o", "json"]);
  assert.notEqual(stdout, "", stderr || `brindlectl said nothing before it was ended by ${signal ?? "itself"}`);
  const report: unknown = JSON.parse(stdout);
  return {
    problems: list(field(report, "problems")).map((problem) => text(field(problem, "what"))),
    addresses: list(field(report, "addresses")) as readonly AddressInUse[],
  };
}

/** An ADD that is under way looks wrong for a moment. */
async function untilClean(what: string, isMeant: (checked: Checked) => boolean, deadlineMs = 60_000): Promise<Checked> {
  return waitFor(
    async (saw) => {
      const checked = await ipamCheck();
      saw(checked);
      return checked.problems.length === 0 && isMeant(checked) && checked;
    },
    { what, deadlineMs, intervalMs: 1_000 },
  );
}

async function names(kinds: string): Promise<string> {
  return cluster.kubectl(["get", kinds, "-o", "name"]);
}

async function restartKubelet(node: number): Promise<void> {
  await nodeOf(cluster, node).restartKubelet();
  await waitFor(async () => cluster.kubectl(["wait", "--for=condition=Ready", `node/node${node}`, "--timeout=5s"]), {
    what: `node${node} is Ready`,
    deadlineMs: 60_000,
  });
}

/** What of a network a node has, without what Kubernetes' own programs write, and without numbers of cables. */
async function nodesAsTheyAre(): Promise<ReadonlyMap<string, string>> {
  const script = `
    ip -brief link | awk '{ sub(/@.*/, "", $1); print $1, $2 }'
    ip -4 route show; ip -6 route show
    for form in iptables-nft iptables-legacy ip6tables-nft ip6tables-legacy; do
      $form-save 2>/dev/null | grep -E '^-A|^:.* -' | grep -v KUBE-
    done
    ipset save
    find /run/brindle /var/lib/brindle /etc/cni /opt/cni/bin 2>/dev/null | sort
    sysctl net.ipv4.ip_forward net.ipv6.conf.all.forwarding`;
  const seen = await Promise.all(
    cluster.nodes.map(async ({ name, exec }) => [name, await exec("sh", ["-c", script])] as const),
  );
  return new Map(seen);
}

describe("addresses of a node", () => {
  it("are given back by kubectl drain, but for those of DaemonSets", async () => {
    await apply(cluster, lonePod({ name: "drained", node: "node2" }));
    await addressWhenReady(cluster, "drained");
    const drain = ["drain", "node2", "--ignore-daemonsets", "--force", "--delete-emptydir-data", "--timeout=60s"];
    await cluster.kubectl(drain, { deadlineMs: 70_000 });
    const { addresses } = await untilClean("only the DaemonSet's pod of node2 has addresses", ({ addresses }) =>
      addresses.filter(({ node }) => node === "node2").every(({ owner }) => owner.startsWith("default/web-")),
    );
    assert.equal(addresses.filter(({ node }) => node === "node2").length, 2, "one of each family");
  });

  it("go with it, its blocks and claims too, once Kubernetes has it no more", async () => {
    await apply(cluster, {
      apiVersion: "projectcalico.org/v3",
      kind: "KubeControllersConfiguration",
      metadata: { name: "default" },
      spec: { controllers: { node: { leakGracePeriod: "20s" } } },
    });
    const { addresses: inUse } = await untilClean("all is well", () => true);
    const others = inUse.filter(({ node, owner }) => node === "node1" && owner.startsWith("default/web-"));
    assert.equal(others.length, 2, "one of each family");
    await cluster.kubectl(["delete", "node", "node2", "--ignore-not-found"]);
    await untilClean(
      "nothing is left of node2",
      ({ addresses }) => addresses.every(({ node }) => node !== "node2"),
      150_000,
    );
    await waitFor(
      async () => !(await cluster.kubectl(["get", "ipamblocks,blockaffinities", "-o", "json"])).includes("node2"),
      {
        what: "node2 has no block and no claim",
        deadlineMs: 60_000,
      },
    );
    const { addresses: left } = await untilClean("all is well without it", () => true);
    for (const { address, owner } of others)
      assert(
        left.some((one) => one.address === address && one.owner === owner),
        `${owner} keeps ${address}`,
      );
    assert.equal((await names("ipamblocks")).trim().split("\n").length, 2, "those of node1");
  }, 400_000);

  it("are there again for a node that comes back under its name", async () => {
    await restartKubelet(2);
    pods = await podsOnAllNodes(cluster);
    assert(await reaches(cluster, podOfNode(pods, "node1"), url(addressOf(podOfNode(pods, "node2")))));
    await untilClean("all is well", ({ addresses }) => addresses.some(({ node }) => node === "node2"));
    await cluster.kubectl(["delete", "kubecontrollersconfiguration", "default"]);
  });

  it("stay its own while it is down, whatever is deleted by force, and are given back when it returns", async () => {
    await apply(cluster, lonePod({ name: "held", node: "node2" }));
    const address = await addressWhenReady(cluster, "held");
    await nodeOf(cluster, 2).stop();
    await cluster.kubectl(["wait", "--for=condition=Ready=Unknown", "node/node2", "--timeout=120s"], {
      deadlineMs: 130_000,
    });
    await cluster.kubectl(["delete", "pod", "held", "--force", "--grace-period=0"]);
    const { addresses } = await untilClean("nothing is wrong with a node that is away", () => true);
    assert(addresses.some((one) => one.address === address && one.owner === "default/held"));

    await nodeOf(cluster, 2).start();
    await untilClean(
      "the address is free",
      ({ addresses: now }) => !now.some(({ owner }) => owner === "default/held"),
      120_000,
    );
    pods = await podsOnAllNodes(cluster);
  }, 400_000);

  it("have been given back by nobody who asked for what it may not", async () => {
    const requests = await requestsOfBrindle(cluster);
    const refused = requests.filter(({ status }) => status === 401 || status === 403);
    assert.deepEqual(
      refused.map((request) => JSON.stringify(request)),
      [],
    );
  });
});

describe("kubectl delete -f brindle.yaml", () => {
  it("leaves pods the network that they have, and lets them be deleted", async () => {
    await apply(cluster, lonePod({ name: "gone", node: "node2" }));
    await addressWhenReady(cluster, "gone");
    await cluster.kubectl(["delete", "-f", manifest, "--timeout=120s"], { deadlineMs: 130_000 });
    for (const address of podOfNode(pods, "node2").addresses)
      assert(await reaches(cluster, podOfNode(pods, "node1"), url(address)), `${address} is reached`);
    await cluster.kubectl(["delete", "pod", "gone", "--timeout=30s"], { deadlineMs: 40_000 });
  });

  it("is undone by kubectl apply -f: no address of a pod that ran on is given again", async () => {
    await applyBrindle(cluster);
    const present = (await webPods(cluster)).map(({ name }) => name).toSorted();
    assert.deepEqual(present, pods.map(({ name }) => name).toSorted(), "they are the same pods");
    const { addresses } = await untilClean("all addresses in use are in blocks", (checked) =>
      pods.every((pod) => pod.addresses.every((address) => checked.addresses.some((one) => one.address === address))),
    );
    assert(!addresses.some(({ owner }) => owner === "default/gone"));

    const fresh = ["node1", "node2"].flatMap((node) =>
      [1, 2, 3].map((i) => lonePod({ name: `fresh-${node}-${i}`, node })),
    );
    await apply(cluster, ...fresh);
    for (const pod of fresh) await addressWhenReady(cluster, text(field(pod, "metadata", "name")));
    const all = (await untilClean("all is well", () => true)).addresses.map(({ address }) => address);
    assert.equal(new Set(all).size, all.length);
    assert(await reaches(cluster, podOfNode(pods, "node1"), url(addressOf(podOfNode(pods, "node2")))));
  });
});

describe("brindle cleanup", () => {
  it("takes nothing away, on any node, where it is applied while Brindle is installed", async () => {
    await cluster.kubectl(["apply", "-f", cleanupManifest]);
    const told = ["get", "pods", "-n", "brindle-cleanup", "-o", "jsonpath={..terminated.message}"];
    const refusal = /DaemonSet brindle-system\/brindle-agent exists/g;
    await waitFor(async () => ((await cluster.kubectl(told)).match(refusal)?.length ?? 0) >= cluster.nodes.length, {
      what: "every node's cleanup is refused",
      deadlineMs: 60_000,
    });
    await cluster.kubectl(["delete", "-f", cleanupManifest, "--timeout=60s"], { deadlineMs: 70_000 });
    assert(await reaches(cluster, podOfNode(pods, "node1"), url(addressOf(podOfNode(pods, "node2")))));
  });

  it("leaves nodes as they were before Brindle, by a manifest of its own", async () => {
    await cluster.kubectl(["delete", "-f", manifest, "--timeout=120s"], { deadlineMs: 130_000 });
    await cluster.kubectl(["apply", "-f", cleanupManifest]);
    const done = ["rollout", "status", "daemonset/brindle-cleanup", "-n", "brindle-cleanup", "--timeout=60s"];
    await cluster.kubectl(done, { deadlineMs: 70_000 });
    const logs = ["logs", "-n", "brindle-cleanup", "-l", "app.kubernetes.io/component=cleanup", "-c", "done"];
    const nothing = "nothing of Brindle is on this node\n";
    await waitFor(async () => (await cluster.kubectl(logs)) === nothing.repeat(cluster.nodes.length), {
      what: "every node is told to have nothing",
    });
    await cluster.kubectl(["delete", "-f", cleanupManifest, "--timeout=60s"], { deadlineMs: 70_000 });
    const after = await nodesAsTheyAre();
    for (const { name } of cluster.nodes) assert.equal(after.get(name), before.get(name), name);
  });

  it("is no hindrance to another start", async () => {
    await applyBrindle(cluster);
    await cluster.kubectl(["delete", "pod", "--all", "--force", "--grace-period=0"]);
    pods = await podsOnAllNodes(cluster);
    assert(await reaches(cluster, podOfNode(pods, "node1"), url(addressOf(podOfNode(pods, "node2")))));
    await untilClean("all is well", () => true);
  });
});
