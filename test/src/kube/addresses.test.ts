/**
 * `brindle controllers` gives back what nodes and pods that are gone held, with exactly the rights of the manifests, at a real
 * API server, and with either datastore. Nodes and pods are objects alone: nobody runs them.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import {
  apiVersion,
  type HostEndpoint,
  type IPPool,
  type Node,
  type Store,
  type WorkloadEndpoint,
  workloadEndpointName,
} from "@brindle/api";
import { findClusterAccess, openKubernetesStore } from "@brindle/api/shell";
import { openEtcdStore } from "@brindle/api/shell/etcd";
import { Allocator, Collector, defaultIpamSettings, describeFinding } from "@brindle/ipam";
import { formatAddress } from "@brindle/net";
import { afterAll, afterEach, beforeAll, describe, it } from "vitest";
import { type Daemon, startDaemon } from "../fixtures/command.ts";
import { processInstance } from "../fixtures/instance.ts";
import { field, text } from "../fixtures/json.ts";
import { type KubeApi, startKubeApi } from "../fixtures/kube/kubeApi.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { applyCrds } from "./crds.ts";

const program = fileURLToPath(new URL("../../../agent/src/main.ts", import.meta.url));
const manifests = fileURLToPath(new URL("../../../manifests/", import.meta.url));
const user = "brindle-controllers";
const namespace = "brindle-system";
const deadlineMs = 60_000;
const pool: IPPool = {
  apiVersion: "projectcalico.org/v3",
  kind: "IPPool",
  metadata: { name: "pods" },
  spec: { cidr: "10.77.0.0/24", blockSize: 28 },
};

const datastores = [
  { datastore: "kubernetes", rights: "rbac/controllers.yaml" },
  { datastore: "etcdv3", rights: "etcd/controllers-rights.yaml" },
] as const;

describe.each(datastores)("with $datastore as the datastore, brindle controllers", ({ datastore, rights }) => {
  let cluster: KubeApi;
  let store: Store;
  let kubeconfig: string;
  let replica: Daemon | null = null;

  beforeAll(async () => {
    cluster = await startKubeApi({ controllers: true, audit: true });
    if (datastore === "kubernetes") await applyCrds(cluster);
    await cluster.kubectl(["create", "namespace", namespace]);
    await cluster.kubectl(["apply", "-f", `${manifests}${rights}`]);
    await cluster.kubectl(["create", "clusterrolebinding", user, `--clusterrole=${user}`, `--user=${user}`]);
    await cluster.kubectl(["create", "rolebinding", user, "-n", namespace, `--role=${user}`, `--user=${user}`]);
    kubeconfig = await cluster.writeKubeconfig(`addresses-${datastore}`, cluster.issueCertificate(user, []));
    store =
      datastore === "etcdv3"
        ? openEtcdStore({ endpoints: [cluster.etcd.endpoint] })
        : openKubernetesStore({
            access: await findClusterAccess({ environment: {}, kubeconfig: cluster.adminKubeconfig }),
          });
    await store.commit([{ op: "create", key: { kind: "IPPool", name: "pods" }, value: pool }]);
    const configuration = { controllers: { node: { leakGracePeriod: "3s" }, loadBalancer: {} } };
    await store.commit([
      {
        op: "create",
        key: { kind: "KubeControllersConfiguration", name: "default" },
        value: { apiVersion, kind: "KubeControllersConfiguration", metadata: { name: "default" }, spec: configuration },
      },
    ]);
    for (const name of ["node1", "node2"]) await nodeComes(name);
  }, 180_000);
  afterEach(async () => {
    const ended = replica;
    replica = null;
    await ended?.stop({ graceMs: 20_000 });
    if (ended) await (await processInstance()).forgetProcess(ended.pid);
  });
  afterAll(async () => {
    await store?.close();
    await cluster?.[Symbol.asyncDispose]();
  });

  async function start(): Promise<void> {
    const instance = await processInstance();
    const where = datastore === "etcdv3" ? [`--etcd=${cluster.etcd.endpoint}`] : ["--datastore=kubernetes"];
    const whose = [`--kubeconfig=${kubeconfig}`, `--lease-namespace=${namespace}`, ...where];
    const args = ["controllers", "--leak-grace-min=1", ...whose];
    replica = startDaemon(process.execPath, ["--conditions=brindle-source", program, ...args]);
    await instance.registerProcess(replica.pid);
  }

  async function nodeComes(name: string): Promise<void> {
    const node = { apiVersion: "v1", kind: "Node", metadata: { name } };
    await cluster.kubectl(["create", "-f", "-"], { input: JSON.stringify(node) });
    await isReady(name);
    if (datastore !== "etcdv3" || (await store.get({ kind: "Node", name }))) return;
    const spec = { orchRefs: [{ nodeName: name, orchestrator: "k8s" }] };
    const value: Node = { apiVersion, kind: "Node", metadata: { name }, spec };
    await store.commit([{ op: "create", key: { kind: "Node", name }, value }]);
  }

  async function isReady(name: string): Promise<void> {
    const conditions = [{ type: "Ready", status: "True", reason: "Test", lastHeartbeatTime: new Date().toISOString() }];
    const patch = JSON.stringify({ status: { conditions } });
    await cluster.kubectl(["patch", "node", name, "--subresource=status", "-p", patch]);
  }

  /** As Kubernetes alone knows it; its UID. */
  async function podIsMade(pod: string, node: string): Promise<string> {
    const spec = { nodeName: node, containers: [{ name: "c", image: "none" }], terminationGracePeriodSeconds: 0 };
    const manifest = { apiVersion: "v1", kind: "Pod", metadata: { name: pod, namespace: "default" }, spec };
    const made: unknown = JSON.parse(
      await cluster.kubectl(["create", "-f", "-", "-o", "json"], { input: JSON.stringify(manifest) }),
    );
    return text(field(made, "metadata", "uid"));
  }

  /** As the runtime and the agent of its node do. */
  async function podComes(pod: string, node: string): Promise<string> {
    const uid = await podIsMade(pod, node);
    const view = { pools: [pool], nodeLabels: {}, reserved: [], settings: defaultIpamSettings };
    const now = () => BigInt(Date.now()) * 1_000_000n;
    const allocator = new Allocator({ node }, { store, now, view: () => view });
    const result = await allocator.assign({
      handleId: `k8s-pod-network.c-${pod}`,
      attributes: { namespace: "default", pod },
      families: [4],
      extraWrites: (held) => [endpointWrite({ pod, node, uid, addresses: held.map((h) => formatAddress(h.address)) })],
    });
    assert(result.kind === "assigned", result.kind);
    return result.addresses.map(({ address }) => formatAddress(address)).join();
  }

  async function stored(): Promise<string> {
    const kinds = ["IPAMBlock", "BlockAffinity", "IPAMHandle", "WorkloadEndpoint", "Node"] as const;
    const lists = await Promise.all(kinds.map((kind) => store.list<(typeof kinds)[number]>(kind)));
    return lists
      .flatMap(({ items }) => items.map(({ key, value }) => `${key.kind} ${key.name} ${shown(value)}`))
      .join("\n");
  }

  async function findings(): Promise<string[]> {
    const ports = { store, kubernetes: async () => null, nowMs: () => 0, now: () => BigInt(Date.now()) * 1_000_000n };
    const pass = await new Collector(ports).pass({ isMeant: () => true, graceMs: () => 0, dryRun: true });
    return pass.findings.map(describeFinding);
  }

  it("takes back what a pod held that is gone without a deletion, and nobody else's", async () => {
    await podComes("lost", "node1");
    await podComes("stays", "node1");
    await start();
    await cluster.kubectl(["delete", "pod", "lost", "--force", "--grace-period=0"]);
    await waitFor(async () => (await store.get({ kind: "IPAMHandle", name: "k8s-pod-network.c-lost" })) === null, {
      what: "its handle is gone",
      deadlineMs,
    });
    await isReady("node1");
    assert.deepEqual(await findings(), []);
    assert(await store.get({ kind: "IPAMHandle", name: "k8s-pod-network.c-stays" }));
  });

  it("takes back all of a node that Kubernetes has no more, and nothing of another's", async () => {
    await podComes("a", "node2");
    await podComes("b", "node2");
    await start();
    await cluster.kubectl(["delete", "node", "node2"]);
    await cluster.kubectl(["delete", "pod", "a", "b", "--force", "--grace-period=0"]);
    await waitFor(
      async (saw) => {
        const present = await stored();
        saw(present);
        return !present.includes("node2");
      },
      { what: "nothing of node2 is left", deadlineMs },
    );
    assert.match(await stored(), /IPAMHandle k8s-pod-network\.c-stays/);
    assert.deepEqual(await findings(), []);
  });

  it("keeps everything of a node that is back under its name in time", async () => {
    await nodeComes("node2");
    const address = await podComes("kept", "node2");
    await start();
    await waitFor(() => /controller begins/.test(replica?.output() ?? ""), { what: "it leads", deadlineMs });
    await cluster.kubectl(["delete", "node", "node2"]);
    await nodeComes("node2");
    // Another one's removal shows that it has looked again since.
    await podComes("witness", "node1");
    await cluster.kubectl(["delete", "pod", "witness", "--force", "--grace-period=0"]);
    await waitFor(async () => (await store.get({ kind: "IPAMHandle", name: "k8s-pod-network.c-witness" })) === null, {
      what: "it collects",
      deadlineMs,
    });
    const present = await stored();
    assert.match(present, /BlockAffinity host:node2\//);
    assert(present.includes(`${address}/32`));
  });

  it("keeps the address of a pod whose StatefulSet asks for it, until the set is gone", async () => {
    const labels = { app: "db" };
    const annotations = { "brindle.network/sticky-addresses": "true" };
    const template = { metadata: { labels, annotations }, spec: { containers: [{ name: "c", image: "none" }] } };
    const spec = { replicas: 1, serviceName: "db", selector: { matchLabels: labels }, template };
    const set = { apiVersion: "apps/v1", kind: "StatefulSet", metadata: { name: "db", namespace: "default" }, spec };
    await start();
    await cluster.kubectl(["create", "-f", "-"], { input: JSON.stringify(set) });
    const patch = JSON.stringify({ status: { podIP: "10.77.0.200", podIPs: [{ ip: "10.77.0.200" }] } });
    await waitFor(
      () =>
        cluster.kubectl(["patch", "pod", "db-0", "--subresource=status", "-p", patch]).then(
          () => true,
          () => false,
        ),
      { what: "the set has its pod", deadlineMs },
    );
    const kept = async (): Promise<string> =>
      (await store.list("IPReservation")).items.map(({ value }) => value.spec.reservedCIDRs?.join()).join();
    await waitFor(async () => (await kept()) === "10.77.0.200/32", { what: "it is reserved", deadlineMs });
    await cluster.kubectl(["delete", "pod", "db-0", "--force", "--grace-period=0"]);
    assert.equal(await kept(), "10.77.0.200/32");
    await cluster.kubectl(["delete", "statefulset", "db"]);
    await waitFor(async () => (await kept()) === "", { what: "it is free with its set", deadlineMs });
  });

  it("gives a Service of type LoadBalancer an address of a pool for them, and takes it back with the Service", async () => {
    const past = { pod: "past", node: "node1", uid: await podIsMade("past", "node1"), addresses: ["10.78.0.201"] };
    const write = endpointWrite(past);
    await store.commit([write]);
    const spec = { cidr: "10.78.0.0/24", blockSize: 28, allowedUses: ["LoadBalancer"] } as const;
    const value: IPPool = { ...pool, metadata: { name: "services" }, spec };
    await store.commit([{ op: "create", key: { kind: "IPPool", name: "services" }, value }]);
    const service = (name: string, annotations: object) => ({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace: "default", annotations },
      spec: { type: "LoadBalancer", ports: [{ port: 80 }] },
    });
    const asked = { "projectcalico.org/loadBalancerIPs": '["10.78.0.200"]' };
    const inVain = { "projectcalico.org/loadBalancerIPs": '["10.78.0.201"]' };
    for (const one of [service("waits", inVain), service("asks", asked), service("web", {})])
      await cluster.kubectl(["create", "-f", "-"], { input: JSON.stringify(one) });
    await start();
    const ingress = ["-o", "jsonpath={.status.loadBalancer.ingress[*].ip}"];
    const told = (name: string) => cluster.kubectl(["get", "service", name, ...ingress]);
    await waitFor(async () => (await told("asks")) === "10.78.0.200", {
      what: "the one that it asked for",
      deadlineMs,
    });
    await waitFor(async () => (await told("web")).startsWith("10.78.0."), { what: "an address", deadlineMs });
    const blocks = (await store.list("IPAMBlock")).items.filter(({ key }) => key.name.startsWith("10.78."));
    assert(blocks.every(({ value: { affinity } }) => affinity === "virtual:load-balancer"));
    // All are decided in the order of their coming; an endpoint has what the first one asks for.
    assert.equal(await told("waits"), "");
    await cluster.kubectl(["delete", "pod", "past", "--force", "--grace-period=0"]);
    const left = datastore === "etcdv3" ? await store.get(write.key) : null;
    if (left) await store.commit([{ op: "delete", key: write.key, revision: left.revision }]);
    await waitFor(async () => (await told("waits")) === "10.78.0.201", {
      what: "what nobody has any more",
      deadlineMs,
    });
    await cluster.kubectl(["delete", "service", "web", "asks", "waits"]);
    const handles = async () => (await store.list("IPAMHandle")).items.filter(({ key }) => key.name.startsWith("lb-"));
    await waitFor(async () => (await handles()).length === 0, { what: "nothing of them is left", deadlineMs });
  });

  it("gives nodes host endpoints where it is configured to, follows the nodes' labels, and takes them back", async () => {
    const key = { kind: "KubeControllersConfiguration", name: "default" } as const;
    const configure = async (autoCreate: "Enabled" | "Disabled"): Promise<void> => {
      const item = await store.get(key);
      assert(item);
      const controllers = { ...item.value.spec.controllers, node: { hostEndpoint: { autoCreate } } };
      const value = { ...item.value, spec: { ...item.value.spec, controllers } };
      await store.commit([{ op: "update", key, value, revision: item.revision }]);
    };
    const mine: HostEndpoint = {
      apiVersion,
      kind: "HostEndpoint",
      metadata: { name: "mine" },
      spec: { node: "elsewhere", interfaceName: "eth0" },
    };
    await store.commit([{ op: "create", key: { kind: "HostEndpoint", name: "mine" }, value: mine }]);
    const nodes = (await store.list("Node")).items.map(({ key: { name } }) => name);
    assert(nodes.length > 0);
    await configure("Enabled");
    await start();
    const names = async () => (await store.list("HostEndpoint")).items.map(({ key: { name } }) => name).sort();
    const expected = [...nodes.map((name) => `${name}-auto-hep`), "mine"].sort().join();
    await waitFor(async () => (await names()).join() === expected, { what: "each node has one", deadlineMs });
    const [first = ""] = nodes;
    const ofFirst = async () => (await store.get({ kind: "HostEndpoint", name: `${first}-auto-hep` }))?.value;
    assert.partialDeepStrictEqual((await ofFirst())?.spec, {
      node: first,
      interfaceName: "*",
      profiles: ["projectcalico-default-allow"],
    });
    await cluster.kubectl(["label", "node", first, "role=edge"]);
    await waitFor(async () => (await ofFirst())?.metadata.labels?.role === "edge", { what: "its label", deadlineMs });
    await configure("Disabled");
    await waitFor(async () => (await names()).join() === "mine", { what: "they are gone", deadlineMs });
  });

  it("asks for nothing that it may not", async () => {
    const requests = (await cluster.requests()).filter((request) => request.user === user);
    assert(requests.length > 0);
    assert.deepEqual(
      requests.filter(({ status }) => status === 401 || status === 403),
      [],
    );
  });
});

function endpointWrite(of: {
  readonly pod: string;
  readonly node: string;
  readonly uid: string;
  readonly addresses: readonly string[];
}) {
  const { pod, node, uid, addresses } = of;
  const name = workloadEndpointName({ node, orchestrator: "k8s", pod, endpoint: "eth0" });
  const value: WorkloadEndpoint = {
    apiVersion,
    kind: "WorkloadEndpoint",
    metadata: { namespace: "default", name, annotations: { "brindle.network/pod-uid": uid } },
    spec: {
      ...{ orchestrator: "k8s", node, pod, endpoint: "eth0", containerID: `c-${pod}` },
      ipNetworks: addresses.map((address) => `${address}/32`),
    },
  };
  return { op: "put" as const, key: { kind: "WorkloadEndpoint" as const, namespace: "default", name }, value };
}

function shown(value: unknown): string {
  return JSON.stringify(value, (_name, part) => (typeof part === "bigint" ? String(part) : part));
}
