/**
 * The plugin from end to end, as a runtime sees it: the executable, the agent's server, the commands, the allocator, a
 * kernel. Only the datastore is in memory, so that it can go away.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Links } from "@brindle/agent/shell";
import { type IPPool, MemoryStore } from "@brindle/api";
import { AllocatedAddresses, CniPlugin, type Ports, type Readiness } from "@brindle/cni";
import { type CniServer, openPendingDels, serveCni } from "@brindle/cni/shell";
import { Allocator, readClusterView } from "@brindle/ipam";
import { afterAll, beforeAll, describe, it } from "vitest";
import { exec, type Outcome, run } from "../fixtures/command.ts";
import { processInstance } from "../fixtures/instance.ts";
import { createNamespace, type Namespace } from "../fixtures/namespace.ts";
import { waitFor } from "../fixtures/waitFor.ts";

const shimDirectory = fileURLToPath(new URL("../../../cni/shim/", import.meta.url));
const config = {
  cniVersion: "1.1.0",
  name: "k8s-pod-network",
  type: "brindle",
  ipam: { type: "brindle-ipam", assign_ipv4: true, assign_ipv6: true },
};

let directory: string;
let node: Namespace;
let store: MemoryStore;
let links: Links;
let server: CniServer;

beforeAll(async () => {
  await exec("sh", [`${shimDirectory}build.sh`]);
  directory = await (await processInstance()).createDirectory("cni");
  node = await createNamespace("node");
  await node.ip("address add 192.0.2.1/32 dev lo");
  links = await Links.open({ mtu: 1450, namespace: node.path });
  store = new MemoryStore();
  for (const [name, cidr] of [
    ["v4", "10.65.0.0/24"],
    ["v6", "fd00:65::/120"],
  ] as const) {
    const metadata = { name };
    const pool: IPPool = { apiVersion: "projectcalico.org/v3", kind: "IPPool", metadata, spec: { cidr } };
    await store.commit([{ op: "create", key: { kind: "IPPool", name }, value: pool }]);
  }
  server = await startAgent();
});

afterAll(async () => {
  await server?.close();
  links?.[Symbol.dispose]();
  await node?.[Symbol.asyncDispose]();
  await (await processInstance()).removeDirectory(directory);
});

async function startAgent(): Promise<CniServer> {
  const view = () => readClusterView(store, "node1");
  const now = () => BigInt(Date.now()) * 1_000_000n;
  const allocator = new Allocator({ node: "node1" }, { store, now, view });
  const ports: Ports = {
    node: "node1",
    pods: { describe: async () => null },
    addresses: new AllocatedAddresses("node1", { allocator, store }),
    links,
    policy: { ready: async () => {} },
    readiness: async (): Promise<Readiness> => ({ kind: "ready" }),
    pending: await openPendingDels(`${directory}/pending`),
  };
  return serveCni(new CniPlugin(ports), { socketPath: `${directory}/cni.sock`, replayEveryMs: 50 });
}

interface Pod extends AsyncDisposable {
  readonly namespace: Namespace;
  cni(command: string): Promise<Outcome>;
}

async function createPod(name: string, containerId: string): Promise<Pod> {
  const namespace = await createNamespace(containerId);
  const env = {
    CNI_CONTAINERID: containerId,
    CNI_NETNS: namespace.path,
    CNI_IFNAME: "eth0",
    CNI_PATH: `${shimDirectory}build`,
    CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=${name};K8S_POD_UID=${containerId}`,
    BRINDLE_CNI_SOCKET: `${directory}/cni.sock`,
    BRINDLE_CNI_PENDING: `${directory}/pending`,
  };
  const cni = (command: string) =>
    run(`${shimDirectory}build/brindle`, [], { env: { ...env, CNI_COMMAND: command }, input: JSON.stringify(config) });
  const dispose = async () => {
    await cni("DEL");
    await namespace[Symbol.asyncDispose]();
  };
  return { namespace, cni, [Symbol.asyncDispose]: dispose };
}

interface Result {
  readonly ips: readonly { readonly address: string; readonly interface: number }[];
}

function resultOf(outcome: Outcome): Result {
  assert.equal(outcome.exitCode, 0, outcome.stdout);
  return JSON.parse(outcome.stdout);
}

function addressOf(result: Result, index: number): string {
  return result.ips[index]?.address.split("/")[0] ?? "";
}

async function addressesHeld(): Promise<number> {
  const { items } = await store.list("IPAMBlock");
  return items.flatMap(({ value }) => value.allocations).filter((slot) => slot !== null).length;
}

async function interfacesOf(namespace: Namespace): Promise<string[]> {
  const list = JSON.parse(await namespace.ip("-j link show")) as { ifname: string }[];
  return list.map(({ ifname }) => ifname);
}

describe("a runtime's requests", () => {
  it("make pods that reach each other in both families, and unmake them without a trace", async () => {
    await using web = await createPod("web", "c1");
    await using client = await createPod("client", "c2");
    const result = resultOf(await web.cni("ADD"));
    resultOf(await client.cni("ADD"));
    await client.namespace.exec("ping", ["-n", "-c", "1", "-W", "1", addressOf(result, 0)]);
    await client.namespace.exec("ping", ["-n", "-c", "1", "-W", "1", addressOf(result, 1)]);

    for (const pod of [web, client, web]) assert.equal((await pod.cni("DEL")).exitCode, 0);
    assert.equal(await addressesHeld(), 0);
    assert.deepEqual((await store.list("WorkloadEndpoint")).items, []);
    assert.deepEqual((await store.list("IPAMHandle")).items, []);
    assert.deepEqual(await interfacesOf(node), ["lo"]);
  });

  it("may come twice: the same ADD has the same answer", async () => {
    await using pod = await createPod("twice", "c3");
    const first = await pod.cni("ADD");
    assert.deepEqual(resultOf(await pod.cni("ADD")), resultOf(first));
    assert.equal(await addressesHeld(), 2);
  });

  it("for many pods at once give each its own addresses", async () => {
    await using pods = new AsyncDisposableStack();
    const made = await Promise.all(Array.from({ length: 16 }, (_, i) => createPod(`many${i}`, `m${i}`)));
    for (const pod of made) pods.use(pod);
    const results = await Promise.all(made.map(async (pod) => resultOf(await pod.cni("ADD"))));
    const addresses = results.flatMap(({ ips }) => ips.map(({ address }) => address));
    assert.equal(new Set(addresses).size, 32);
  });

  it("that fail in the kernel leave no address behind", async () => {
    await using pod = await createPod("taken", "c4");
    await pod.namespace.ip("link add eth0 type bridge");
    const outcome = await pod.cni("ADD");
    assert.equal(JSON.parse(outcome.stdout).code, 101);
    assert.equal(await addressesHeld(), 0);
    assert.deepEqual((await store.list("WorkloadEndpoint")).items, []);
  });
});

describe("without its datastore", () => {
  it("a node refuses ADD with code 11, unwires on DEL, and releases the address later", async () => {
    await using pod = await createPod("orphan", "c5");
    await using late = await createPod("late", "c6");
    resultOf(await pod.cni("ADD"));
    store.disconnect("no etcd answers");
    assert.equal(JSON.parse((await late.cni("ADD")).stdout).code, 11);
    assert.equal((await pod.cni("DEL")).exitCode, 0);
    assert.deepEqual(await interfacesOf(node), ["lo"]);
    store.reconnect();
    await waitFor(async () => (await addressesHeld()) === 0, { what: "the address is released" });
  });
});

describe("without its agent", () => {
  it("a pod keeps its traffic, its DEL is done by the next agent, and a pod of the same name comes first", async () => {
    await using old = await createPod("stateful", "c7");
    await using next = await createPod("stateful", "c8");
    const address = addressOf(resultOf(await old.cni("ADD")), 0);
    await server.close();
    await node.exec("ping", ["-n", "-c", "1", "-W", "1", address]);
    assert.equal((await old.cni("DEL")).exitCode, 0);
    assert.equal(JSON.parse((await next.cni("ADD")).stdout).code, 11);
    server = await startAgent();
    const successor = addressOf(resultOf(await next.cni("ADD")), 0);
    await waitFor(async () => (await addressesHeld()) === 2, { what: "only the successor's addresses are held" });
    await node.exec("ping", ["-n", "-c", "1", "-W", "1", successor]);
  });
});
