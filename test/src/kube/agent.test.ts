/** Agents on Kubernetes as the datastore: what an operator does by kubectl, and what packets then do. */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, it } from "vitest";
import { removePodsOfFailedTests } from "../agent/failedTests.ts";
import { field, list, text } from "../fixtures/json.ts";
import type { AuditedRequest } from "../fixtures/kube/audit.ts";
import { namespaceNamed } from "../fixtures/namespace.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import type { Pod } from "../lab/runtime.ts";
import { connectCommand, startServer } from "../lab/tour/pods.ts";
import { startTraffic } from "../lab/traffic/traffic.ts";
import { agentUser, type NodeStand, nodeObject, ready, startNodeStand } from "./nodeStand.ts";

let stand: NodeStand;
let web: Pod;
let caller: Pod;
/** Among the requests. A server that was started again refuses everybody until it has read its own roles. */
let outage = { from: 0, to: 0 };
beforeAll(async () => {
  stand = await startNodeStand();
});
afterAll(() => stand?.[Symbol.asyncDispose]());
removePodsOfFailedTests(
  () => stand,
  ({ api }, { name }) => api.kubectl(["delete", "pod", name, "--force"]),
);

/** At which of its addresses the caller is greeted by the server. */
async function greeted(): Promise<readonly string[]> {
  const place = namespaceNamed(caller.namespace);
  const greetings = await Promise.all(
    web.addresses.map(async (address) => {
      const { stdout } = await place.run("bash", ["--norc", "-c", connectCommand(address)]);
      return stdout.startsWith("hello from") ? [address] : [];
    }),
  );
  return greetings.flat();
}

async function sees(what: string, look: () => Promise<unknown>, expected: unknown): Promise<void> {
  await waitFor(
    async (saw) => {
      const seen = JSON.stringify(await look());
      saw(seen);
      return seen === JSON.stringify(expected);
    },
    { what: `${what}, expected ${JSON.stringify(expected)}` },
  );
}

async function read(...args: readonly string[]): Promise<unknown> {
  return JSON.parse(await stand.api.kubectl(["get", ...args, "-o", "json"]));
}

async function handles(): Promise<string[]> {
  return list(field(await read("ipamhandles"), "items")).map((handle) => text(field(handle, "spec", "handleID")));
}

/** An agent looks now and then whether its cluster is as it should be, whatever pods come and go. */
function looksAtCluster({ uri }: AuditedRequest): boolean {
  return /\/(selfsubjectrulesreviews|customresourcedefinitions|servicecidrs)\b/.test(uri);
}

/** `patch pods` */
function inWords({ verb, uri }: AuditedRequest): string {
  const resources = ["ipamhandles", "ipamblocks", "blockaffinities", "pods"];
  return `${verb} ${resources.find((resource) => uri.includes(`/${resource}`)) ?? uri}`;
}

const blocked = {
  apiVersion: "networking.k8s.io/v1",
  kind: "NetworkPolicy",
  metadata: { name: "web", namespace: "default" },
  spec: { podSelector: { matchLabels: { app: "web" } }, policyTypes: ["Ingress"] },
};

describe("an agent on Kubernetes", () => {
  it("waits for its node, says so, and makes none", async () => {
    stand.launch("node1");
    const waitsForNode = async (): Promise<boolean> => {
      const { health } = await stand.status("node1");
      return /^Kubernetes has no Node node1 yet/.test(health.find(({ part }) => part === "store")?.reason ?? "");
    };
    await waitFor(() => waitsForNode().catch(() => false), {
      what: "the agent waits for its node",
      deadlineMs: 30_000,
    });
    assert.deepEqual(list(field(await read("nodes"), "items")), []);
  });

  it("annotates the node, and makes the pools that kubeadm was given", async () => {
    const networking = "networking:\n  podSubnet: 10.244.0.0/16,fd00:244::/48\n";
    const metadata = { name: "kubeadm-config", namespace: "kube-system" };
    await stand.apply(
      { apiVersion: "v1", kind: "ConfigMap", metadata, data: { ClusterConfiguration: networking } },
      nodeObject("node1"),
      nodeObject("node2"),
    );
    stand.launch("node2");
    await Promise.all(["node1", "node2"].map((node) => ready(stand, node)));
    const pools = list(field(await read("ippools"), "items")).map((pool) => text(field(pool, "spec", "cidr")));
    assert.deepEqual(pools.sort(), ["10.244.0.0/16", "fd00:244::/48"]);
    const annotations = field(await read("node", "node1"), "metadata", "annotations");
    assert.equal(field(annotations, "projectcalico.org/IPv4Address"), "172.30.1.11/24");
    assert.equal(field(annotations, "projectcalico.org/IPv6Address"), "fd00:30:1::11/64");
  });

  it("gives pods of two nodes addresses, notes them, and they reach each other", async () => {
    web = await stand.addPod("web", "node1", { app: "web" });
    caller = await stand.addPod("caller", "node2", { app: "caller" });
    await startServer(web);
    const annotations = field(await read("pod", "web"), "metadata", "annotations");
    const noted = text(field(annotations, "cni.projectcalico.org/podIPs")).replaceAll(/\/\d+/g, "");
    assert.deepEqual(noted.split(","), web.addresses);
    assert.equal(field(annotations, "cni.projectcalico.org/containerID"), web.containerId);
    await sees("where the caller is greeted", greeted, web.addresses);
  });

  it("asks the API server no more than it must for a pod", async () => {
    /** The server notes a request after it has answered it: all of them, and then time for one more. */
    const asks = async (work: () => Promise<unknown>, expected: readonly string[]): Promise<void> => {
      const before = (await stand.api.requests()).length;
      await work();
      const asked = async () =>
        (await stand.requests(before)).filter((request) => !looksAtCluster(request)).map(inWords);
      await waitFor(async () => (await asked()).length >= expected.length, { what: `the agent asks ${expected}` });
      await read("nodes");
      assert.deepEqual(await asked(), expected);
    };
    let pod: Pod | undefined;
    await asks(async () => {
      pod = await stand.addPod("counted", "node1");
    }, ["create ipamhandles", "update ipamblocks", "update ipamblocks", "patch pods"]);
    assert(pod);
    const counted = pod;
    const removing = ["patch pods", "update ipamblocks", "update ipamblocks", "delete ipamhandles"];
    await asks(() => stand.removePod(counted), removing);
    await asks(() => stand.runtime.unwire(counted), []);
  });

  it("enforces a NetworkPolicy from kubectl, and opens when it goes", async () => {
    await stand.apply(blocked);
    await sees("where the caller is greeted", greeted, []);
    const from = [{ podSelector: { matchLabels: { app: "caller" } } }];
    await stand.apply({ ...blocked, spec: { ...blocked.spec, ingress: [{ from }] } });
    await sees("where the caller is greeted", greeted, web.addresses);
    await stand.apply(blocked);
    await sees("where the caller is greeted", greeted, []);
    await stand.api.kubectl(["delete", "networkpolicy", "web"]);
    await sees("where the caller is greeted", greeted, web.addresses);
  });

  it("lets a pod speak with what is behind a Service and nobody else, as its EndpointSlices come and go", async () => {
    const policy = {
      apiVersion: "projectcalico.org/v3",
      kind: "NetworkPolicy",
      metadata: { name: "to-web", namespace: "default" },
      spec: {
        selector: "app == 'caller'",
        types: ["Egress"],
        egress: [{ action: "Allow", destination: { services: { name: "web" } } }],
      },
    };
    const [v4 = "", v6 = ""] = web.addresses;
    const slice = (name: string, addressType: string, address: string, port: number) => ({
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name, namespace: "default", labels: { "kubernetes.io/service-name": "web" } },
      ...{ addressType, endpoints: [{ addresses: [address] }], ports: [{ name: "http", protocol: "TCP", port }] },
    });
    await stand.apply(policy);
    await sees("where the caller is greeted", greeted, []);
    await stand.apply(slice("web-4", "IPv4", v4, 8080), slice("web-6", "IPv6", v6, 8081));
    await sees("where the caller is greeted", greeted, [v4]);
    await stand.apply(slice("web-6", "IPv6", v6, 8080));
    await sees("where the caller is greeted", greeted, web.addresses);
    await stand.api.kubectl(["delete", "endpointslice", "web-4"]);
    await sees("where the caller is greeted", greeted, [v6]);
    await stand.api.kubectl(["delete", "networkpolicies.projectcalico.org", "to-web"]);
    await sees("where the caller is greeted", greeted, web.addresses);
    await stand.api.kubectl(["delete", "endpointslice", "web-6"]);
  });

  it("watches the other node by BFD where a FabricPeer from kubectl says so, and is in the mesh again without it", async () => {
    const nodes = {
      apiVersion: "brindle.network/v1alpha1",
      kind: "FabricPeer",
      metadata: { name: "nodes" },
      spec: { peerSelector: "all()", holdTime: "30s", bfd: { transmitInterval: "100ms", receiveInterval: "100ms" } },
    };
    const sessions = async (node: string): Promise<string[]> => {
      const peers = list(await stand.call(node, "bgp.peers"));
      const up = peers.filter((peer) => field(peer, "phase") === "established");
      return up.map((peer) => `${text(field(peer, "name"))} ${String(field(peer, "bfd", "state") ?? "-")}`);
    };
    await stand.apply(nodes);
    await sees("the sessions of node1", () => sessions("node1"), ["fabric/nodes/node2 up"]);
    await sees("the sessions of node2", () => sessions("node2"), ["fabric/nodes/node1 up"]);
    await stand.api.kubectl(["delete", "fabricpeer", "nodes"]);
    await sees("the sessions of node1", () => sessions("node1"), ["mesh/node2 -"]);
    await sees("where the caller is greeted", greeted, web.addresses);
  });

  it("frees a pod's addresses with it, and keeps those of the next pod of its name", async () => {
    const first = await stand.addPod("passing", "node1");
    assert.equal((await handles()).length, 3);
    await stand.removePod(first);
    assert.equal((await handles()).length, 2);
    const second = await stand.addPod("passing", "node1");
    assert.equal((await handles()).filter((handle) => handle.endsWith(second.containerId)).length, 1);
    await stand.removePod(second);
    // Kubernetes may have forgotten the pod before its sandbox ends.
    const gone = await stand.addPod("gone", "node2");
    await stand.api.kubectl(["delete", "pod", "gone", "--force"]);
    await stand.runtime.remove(gone);
    assert.equal((await handles()).length, 2);
  });

  it("wires a pod's next sandbox while the kubelet still tells the address of the one before", async () => {
    const first = await stand.addPod("again", "node1");
    const status = { podIP: first.addresses[0], podIPs: first.addresses.map((ip) => ({ ip })) };
    const path = "/api/v1/namespaces/default/pods/again/status";
    const type = "application/merge-patch+json";
    assert.equal((await stand.api.request("PATCH", path, { body: { status }, contentType: type })).status, 200);
    await stand.runtime.remove(first);
    const { uid = "" } = first;
    const second = await stand.runtime.add({ name: "again", node: "node1", labels: {}, uid });
    assert.notDeepEqual(second.addresses, first.addresses);
    for (const address of caller.addresses) {
      await namespaceNamed(second.namespace).exec("ping", ["-c1", "-W2", address]);
    }
    await stand.removePod(second);
  });

  it("started again writes nothing, to the API server and to the kernel", async () => {
    const before = (await stand.api.requests()).length;
    const first = stand.agent("node1");
    first.kill("SIGKILL");
    await first.exited;
    stand.launch("node1");
    await ready(stand, "node1");
    await sees("where the caller is greeted", greeted, web.addresses);
    // What it may do it asks by a creation that stores nothing.
    const asks = ({ verb, uri }: AuditedRequest) => ["get", "list"].includes(verb) || uri.includes("selfsubjectrules");
    const writes = (await stand.requests(before)).filter((request) => !asks(request));
    assert.deepEqual(writes, []);
    const counters = await stand.call("node1", "counters");
    const counts = [
      field(counters, "routes", "writes"),
      field(counters, "podRoutes", "writes"),
      field(counters, "policy", "tableWrites"),
      field(counters, "policy", "setWrites"),
    ];
    assert.deepEqual(counts, [0, 0, 0, 0]);
    await stand.removePod(await stand.addPod("after", "node1"));
  });

  it("registers its node again that was deleted and made anew, and says meanwhile that there is none", async () => {
    await stand.api.kubectl(["delete", "node", "node2"]);
    const said = async () => (await stand.status("node2")).health.find(({ part }) => part === "store")?.reason ?? "";
    await sees("it says so", async () => /^Kubernetes has no Node node2 yet/.test(await said()), true);
    await stand.apply(nodeObject("node2"));
    await ready(stand, "node2");
    const addresses = async () => field(await read("node", "node2"), "metadata", "annotations");
    await sees("its address", async () => field(await addresses(), "projectcalico.org/IPv4Address"), "172.30.1.12/24");
    await sees("at which the caller is greeted", greeted, web.addresses);
  });

  it("keeps traffic and policy while the API server is away, has new pods wait, and goes on by itself", async () => {
    await stand.apply({ ...blocked, spec: { ...blocked.spec, podSelector: { matchLabels: { app: "caller" } } } });
    const back = namespaceNamed(web.namespace);
    const isClosed = async () => (await back.run("ping", ["-c1", "-W1", caller.addresses[0] ?? ""])).exitCode !== 0;
    await sees("the caller is closed", isClosed, true);
    const early = await stand.addPod("early", "node2");
    await using traffic = await startTraffic({
      from: namespaceNamed(caller.namespace),
      to: namespaceNamed(web.namespace),
      addresses: web.addresses,
      packetsPerSecond: 100,
    });
    const from = (await stand.api.requests()).length;
    await stand.api.kill();
    const awayAt = performance.now();
    await assert.rejects(
      stand.runtime.add({ name: "late", node: "node1", labels: {}, uid: "0f3b7c5e-0000-4000-8000-000000000000" }),
      /"code":\s*11\b/,
    );
    await stand.runtime.remove(early);
    assert.equal(await isClosed(), true);
    await delay(Math.max(0, 10_000 - (performance.now() - awayAt)));
    assert.equal(await isClosed(), true);
    const { lost, sent } = await traffic.finish();
    assert(sent > 500, `${sent} packets`);
    assert.equal(lost, 0);

    await stand.api.start();
    await Promise.all(["node1", "node2"].map((node) => ready(stand, node)));
    outage = { from, to: (await stand.api.requests()).length };
    await sees("how many addresses are held", async () => (await handles()).length, 2);
    await stand.api.kubectl(["delete", "networkpolicy", "web"]);
    await sees("the caller is closed", isClosed, false);
    await stand.removePod(await stand.addPod("later", "node1"));
  });

  it("was never refused: the manifest's rights are enough", async () => {
    const all = await stand.api.requests();
    const beside = [...all.slice(0, outage.from), ...all.slice(outage.to)];
    const refused = beside.filter(({ user, status }) => user === agentUser && (status === 401 || status === 403));
    assert.deepEqual(refused, []);
    assert(beside.length > 100);
  });
});
