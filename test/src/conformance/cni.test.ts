/**
 * The plugin from end to end, as a runtime sees it: the executable, the agent's server, the commands, the allocator, a
 * kernel. Only the datastore is in memory, so that it can go away.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Links } from "@brindle/agent/shell";
import { type IPPool, MemoryStore } from "@brindle/api";
import { AllocatedAddresses, attachmentOf, CniPlugin, type Ports, type Readiness, StoredRecords } from "@brindle/cni";
import { type CniServer, openPendingDels, serveCni } from "@brindle/cni/shell";
import { Allocator, readClusterView } from "@brindle/ipam";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "vitest";
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
    records: new StoredRecords("node1", store),
    policy: { expect: () => ({ [Symbol.dispose]: () => {} }), ready: async () => {}, check: async () => [] },
    readiness: async (): Promise<Readiness> => ({ kind: "ready" }),
    pending: await openPendingDels(`${directory}/pending`),
  };
  return serveCni(new CniPlugin(ports), { socketPath: `${directory}/cni.sock`, replayEveryMs: 50 });
}

const otherKind = "/proc/self/ns/mnt";

interface Pod extends AsyncDisposable {
  readonly namespace: Namespace;
  readonly containerId: string;
  readonly hostInterface: string;
  cni(command: string, more?: object, variables?: Readonly<Record<string, string>>): Promise<Outcome>;
}

interface PodOptions {
  readonly interfaceName?: string;
  /** Of a container whose namespace another attachment made. */
  readonly namespace?: Namespace;
}

async function createPod(name: string, containerId: string, options: PodOptions = {}): Promise<Pod> {
  const { interfaceName = "eth0" } = options;
  const namespace = options.namespace ?? (await createNamespace(containerId));
  const args = { podNamespace: "default", podName: name };
  const { hostInterface } = attachmentOf({ containerId, interfaceName, netns: null, args }, config.name);
  const env = {
    CNI_CONTAINERID: containerId,
    CNI_NETNS: namespace.path,
    CNI_IFNAME: interfaceName,
    CNI_PATH: `${shimDirectory}build`,
    CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=${name};K8S_POD_UID=${containerId}`,
    BRINDLE_CNI_SOCKET: `${directory}/cni.sock`,
    BRINDLE_CNI_PENDING: `${directory}/pending`,
  };
  const cni: Pod["cni"] = (command, more = {}, variables = {}) =>
    run(`${shimDirectory}build/brindle`, [], {
      env: { ...env, CNI_COMMAND: command, ...variables },
      input: JSON.stringify({ ...config, ...more }),
    });
  const dispose = async () => {
    await cni("DEL");
    if (!options.namespace) await namespace[Symbol.asyncDispose]();
  };
  return { namespace, containerId, hostInterface, cni, [Symbol.asyncDispose]: dispose };
}

interface Result {
  readonly interfaces: readonly { readonly sandbox?: string }[];
  readonly ips: readonly { readonly address: string; readonly interface: number }[];
  readonly routes: readonly { readonly dst: string }[];
}

function resultOf(outcome: Outcome): Result {
  assert.equal(outcome.exitCode, 0, outcome.stdout);
  return JSON.parse(outcome.stdout);
}

/** The same result of a container whose namespace is elsewhere. */
function resultAt(result: Result, sandbox: string): object {
  const interfaces = result.interfaces.map((one) => (one.sandbox === undefined ? one : { ...one, sandbox }));
  return { ...result, interfaces };
}

function addressOf(result: Result, index: number): string {
  return result.ips[index]?.address.split("/")[0] ?? "";
}

async function addressesHeld(): Promise<number> {
  const { items } = await store.list("IPAMBlock");
  return items.flatMap(({ value }) => value.allocations).filter((slot) => slot !== null).length;
}

/** As `ipam release` does it, whoever has the addresses. */
async function releaseHandle(handleId: string): Promise<void> {
  const view = () => readClusterView(store, "node1");
  const now = () => BigInt(Date.now()) * 1_000_000n;
  const outcome = await new Allocator({ node: "node1" }, { store, now, view }).release(handleId);
  assert.equal(outcome.kind, "released");
}

async function interfacesOf(namespace: Namespace): Promise<string[]> {
  const list = JSON.parse(await namespace.ip("-j link show")) as { ifname: string }[];
  return list.map(({ ifname }) => ifname);
}

/** Until it is disposed. */
function storeIsAway(): Disposable {
  store.disconnect("no etcd answers");
  return { [Symbol.dispose]: () => store.reconnect() };
}

/** A DEL is answered once the link is down, before the kernel has taken it. */
function onlyNodesEnds(...names: readonly string[]): Promise<unknown> {
  const expected = ["lo", ...names].sort().join();
  const isSo = async () => (await interfacesOf(node)).sort().join() === expected;
  return waitFor(isSo, { what: `the node has the interfaces ${expected}` });
}

/** All at once, and whatever happens they go. */
async function createPods(count: number, name: string, pods: AsyncDisposableStack): Promise<Pod[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, i) => pods.use(await createPod(`${name}${i}`, `${name}${i}`))),
  );
}

describe("a runtime's requests", () => {
  it("make pods that reach each other in both families, and unmake them without a trace", async () => {
    await using web = await createPod("web", "c1");
    await using client = await createPod("client", "c2");
    const result = resultOf(await web.cni("ADD"));
    resultOf(await client.cni("ADD"));
    await client.namespace.exec("ping", ["-n", "-c", "1", "-W", "10", addressOf(result, 0)]);
    await client.namespace.exec("ping", ["-n", "-c", "1", "-W", "10", addressOf(result, 1)]);

    for (const pod of [web, client, web]) assert.equal((await pod.cni("DEL")).exitCode, 0);
    assert.equal(await addressesHeld(), 0);
    assert.deepEqual((await store.list("WorkloadEndpoint")).items, []);
    assert.deepEqual((await store.list("IPAMHandle")).items, []);
    await onlyNodesEnds();
  });

  it("may come twice: the same ADD has the same answer", async () => {
    await using pod = await createPod("twice", "c3");
    const first = await pod.cni("ADD");
    assert.deepEqual(resultOf(await pod.cni("ADD")), resultOf(first));
    assert.equal(await addressesHeld(), 2);
  });

  it("for many pods at once give each its own addresses", async () => {
    await using pods = new AsyncDisposableStack();
    const made = await createPods(16, "many", pods);
    const results = await Promise.all(made.map(async (pod) => resultOf(await pod.cni("ADD"))));
    const addresses = results.flatMap(({ ips }) => ips.map(({ address }) => address));
    assert.equal(new Set(addresses).size, 32);
  });

  it("into what is a namespace of another kind are refused as into none", async () => {
    await using pod = await createPod("kind", "k1");
    const { code, msg } = JSON.parse((await pod.cni("ADD", {}, { CNI_NETNS: otherKind })).stdout);
    assert.deepEqual([code, msg], [8, `${otherKind} is no network namespace`]);
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

describe("a second interface of a container", () => {
  it("has names and addresses of its own, leaves the default route, and answers what comes to it", async () => {
    await using pod = await createPod("two", "two");
    await using second = await createPod("two", "two", { interfaceName: "net1", namespace: pod.namespace });
    await using client = await createPod("client", "client");
    const [first, promised] = [resultOf(await pod.cni("ADD")), resultOf(await second.cni("ADD"))];
    resultOf(await client.cni("ADD"));
    assert.notEqual(second.hostInterface, pod.hostInterface);
    assert.deepEqual(promised.routes, []);
    assert.match(await pod.namespace.ip("-4 route show default"), /^default via 169\.254\.1\.1 dev eth0 \n$/);
    assert.match(await pod.namespace.ip("-6 route show default"), /^default via \S+ dev eth0 [^\n]*\n$/);
    for (const result of [first, promised])
      for (const index of [0, 1])
        await client.namespace.exec("ping", ["-n", "-c", "1", "-W", "10", addressOf(result, index)]);
    assert.equal((await pod.cni("CHECK", { prevResult: first })).exitCode, 0);
    assert.equal((await second.cni("CHECK", { prevResult: promised })).exitCode, 0);

    await pod.namespace.ip(`rule delete from ${addressOf(promised, 0)}`);
    assert.match(
      (await second.cni("CHECK", { prevResult: promised })).stdout,
      /lacks a rule for what comes from 10\.65/,
    );
    assert.deepEqual(resultOf(await second.cni("ADD")), promised);
    assert.equal((await second.cni("CHECK", { prevResult: promised })).exitCode, 0);

    assert.equal((await second.cni("DEL")).exitCode, 0);
    assert.equal((await pod.cni("CHECK", { prevResult: first })).exitCode, 0);
    const again = resultOf(await second.cni("ADD"));
    const rules = (await pod.namespace.ip("-4 rule show")).split("\n").filter((line) => line.includes("from 10.65"));
    assert.equal(rules.length, 1, `${rules} and ${addressOf(again, 0)}`);
  });
});

describe("CHECK", () => {
  async function checked(
    pod: Pod,
    prevResult: unknown,
  ): Promise<{ readonly code?: number; readonly details?: string }> {
    const { exitCode, stdout } = await pod.cni("CHECK", { prevResult });
    return exitCode === 0 ? {} : JSON.parse(stdout);
  }

  const harms: { name: string; harm: (pod: Pod) => Promise<unknown>; says: RegExp }[] = [
    {
      name: "an address is gone",
      harm: ({ namespace }) => namespace.ip("address flush dev eth0 scope global"),
      says: /the container lacks 10\.65\.0\.\d+ on eth0; the container lacks fd00:65::\w+ on eth0/,
    },
    {
      name: "a default route is gone",
      harm: ({ namespace }) => namespace.ip("route del default"),
      says: /the container lacks the route 0\.0\.0\.0\/0 via 169\.254\.1\.1 by eth0/,
    },
    {
      name: "the default route leads elsewhere",
      harm: ({ namespace }) => namespace.ip("-6 route replace default dev lo metric 1024"),
      says: /the container lacks the route ::\/0 via fe80::ecee:eeff:feee:eeee by eth0/,
    },
    {
      name: "the gateway is forgotten",
      harm: ({ namespace }) => namespace.ip("neigh del 169.254.1.1 dev eth0"),
      says: /does not know 169\.254\.1\.1 at ee:ee:ee:ee:ee:ee for good/,
    },
    {
      name: "the interface is down",
      harm: ({ namespace }) => namespace.ip("link set eth0 down"),
      says: /eth0 is down in the container/,
    },
    {
      name: "the interface is gone",
      harm: ({ namespace }) => namespace.ip("link del eth0"),
      says: /the container has no interface eth0/,
    },
    {
      name: "its hardware address is another",
      harm: ({ namespace }) => namespace.ip("link set eth0 address 02:00:00:00:00:99"),
      says: /eth0 has the hardware address 02:00:00:00:00:99, not/,
    },
    {
      name: "its MTU is another",
      harm: ({ namespace }) => namespace.ip("link set eth0 mtu 1300"),
      says: /eth0 has the MTU 1300, not 1450/,
    },
    {
      name: "the node has no route to it",
      harm: ({ hostInterface }) => node.ip(`-4 route flush dev ${hostInterface}`),
      says: /the node lacks the route 10\.65\.0\.\d+\/32 by cali/,
    },
    {
      name: "the node's end is down",
      harm: ({ hostInterface }) => node.ip(`link set ${hostInterface} down`),
      says: /cali\w+ is down on the node/,
    },
    {
      name: "the node's end is marked as another's",
      harm: ({ hostInterface }) => node.ip(`link set ${hostInterface} alias somebody`),
      says: /is not marked as this container's \(its alias is "somebody"\)/,
    },
    {
      name: "a setting of the node's end is another",
      harm: ({ hostInterface }) => node.sysctl({ [`net.ipv4.conf.${hostInterface}.rp_filter`]: 0 }),
      says: /the node has the setting net\.ipv4\.conf\.cali\w+\.rp_filter 0, not 1/,
    },
    {
      name: "IPv6 is off in the container",
      harm: ({ namespace }) => namespace.sysctl({ "net.ipv6.conf.eth0.disable_ipv6": 1 }),
      says: /the container has the setting net\.ipv6\.conf\.eth0\.disable_ipv6 1, not 0/,
    },
  ];
  for (const [index, { name, harm, says }] of harms.entries()) {
    it(`says nothing of a whole pod, and all that differs once ${name}`, async () => {
      await using pod = await createPod(`harmed${index}`, `h${index}`);
      const promised = resultOf(await pod.cni("ADD"));
      assert.deepEqual(await checked(pod, promised), {});
      await harm(pod);
      const { code, details } = await checked(pod, promised);
      assert.equal(code, 102);
      assert.match(details ?? "", says);
      // What an alias says is all that tells whose interface it is: a DEL would leave a stranger's.
      if (name.includes("marked")) await node.ip(`link del ${pod.hostInterface}`);
    });
  }

  it("tells that an address was released under a pod", async () => {
    await using pod = await createPod("robbed", "r1");
    const promised = resultOf(await pod.cni("ADD"));
    await releaseHandle(`${config.name}.r1`);
    const { code, details } = await checked(pod, promised);
    assert.equal(code, 102);
    assert.match(
      details ?? "",
      /10\.65\.0\.\d+ is not held by this container in the datastore \(handle k8s-pod-network\.r1\)/,
    );
  });

  it("answers 8 where the namespace is gone, and 11 without the datastore", async () => {
    await using pod = await createPod("gone", "g1");
    const promised = resultOf(await pod.cni("ADD"));
    {
      using _away = storeIsAway();
      assert.equal((await checked(pod, promised)).code, 11);
    }
    for (const netns of ["/run/netns/there-is-none", otherKind]) {
      const outcome = await pod.cni("CHECK", { prevResult: resultAt(promised, netns) }, { CNI_NETNS: netns });
      assert.equal(JSON.parse(outcome.stdout).code, 8);
    }
  });
});

describe("GC", () => {
  it("frees interfaces and addresses of what is not in its list, and lets the others be", async () => {
    await using kept = await createPod("kept", "gc1");
    await using gone = await createPod("gone", "gc2");
    const promised = resultOf(await kept.cni("ADD"));
    resultOf(await gone.cni("ADD"));
    const valid = [{ containerID: kept.containerId, ifname: "eth0" }];
    const outcome = await kept.cni("GC", { "cni.dev/valid-attachments": valid });
    assert.deepEqual({ exitCode: outcome.exitCode, stdout: outcome.stdout }, { exitCode: 0, stdout: "" });
    await onlyNodesEnds(kept.hostInterface);
    assert.deepEqual((await interfacesOf(kept.namespace)).sort(), ["eth0", "lo"]);
    assert.equal(await addressesHeld(), 2);
    assert.equal((await kept.cni("CHECK", { prevResult: promised })).exitCode, 0);
  });

  it("frees what lost its interface, as after a reboot, and what lost its address", async () => {
    await using rebooted = await createPod("rebooted", "gc3");
    await using robbed = await createPod("robbed", "gc4");
    resultOf(await rebooted.cni("ADD"));
    resultOf(await robbed.cni("ADD"));
    await node.ip(`link del ${rebooted.hostInterface}`);
    await releaseHandle(`${config.name}.gc4`);
    assert.equal((await robbed.cni("GC", { "cni.dev/valid-attachments": [] })).exitCode, 0);
    await onlyNodesEnds();
    assert.equal(await addressesHeld(), 0);
  });
});

describe("a runtime gone wild", () => {
  it("adds the same container eight times at once, and it has one interface, one answer", async () => {
    await using pod = await createPod("crowd", "crowd");
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => pod.cni("ADD")));
    assert.equal(new Set(outcomes.map(({ stdout }) => stdout)).size, 1);
    assert.equal(await addressesHeld(), 2);
    assert.equal((await pod.cni("CHECK", { prevResult: resultOf(outcomes[0] as Outcome) })).exitCode, 0);
  });

  it("deletes pods while it adds them, and nothing is left", async () => {
    await using sandboxes = new AsyncDisposableStack();
    const pods = await createPods(8, "hasty", sandboxes);
    await Promise.all(
      pods.map(async (pod) => {
        const adding = pod.cni("ADD");
        const deleting = pod.cni("DEL");
        await adding; // Whichever came first.
        assert.equal((await deleting).exitCode, 0);
        assert.equal((await pod.cni("DEL")).exitCode, 0);
      }),
    );
    assert.equal(await addressesHeld(), 0);
    await onlyNodesEnds(); // While the sandboxes stand, whose end would take the node's with it.
  });

  it("takes the namespace away while it adds the pod, and nothing is left", async () => {
    await using undo = new AsyncDisposableStack();
    const pods = await Promise.all(Array.from({ length: 4 }, (_, i) => createPod(`fading${i}`, `fading${i}`)));
    for (const pod of pods) undo.defer(async () => void (await pod.cni("DEL")));
    await Promise.all(pods.map((pod) => Promise.all([pod.cni("ADD"), pod.namespace[Symbol.asyncDispose]()])));
    for (const pod of pods) assert.equal((await pod.cni("DEL")).exitCode, 0);
    await onlyNodesEnds();
    assert.equal(await addressesHeld(), 0);
  });
});

describe("pools", () => {
  const tiny: IPPool = {
    apiVersion: "projectcalico.org/v3",
    kind: "IPPool",
    metadata: { name: "tiny" },
    spec: { cidr: "10.77.0.0/30", blockSize: 30 },
  };
  const key = { kind: "IPPool", name: "tiny" } as const;
  const fromTiny = { ipam: { type: "brindle-ipam", ipv4_pools: ["tiny"] } };

  beforeEach(() => store.commit([{ op: "create", key, value: tiny }]));
  afterEach(async () => {
    const left = await store.get(key);
    if (left) await store.commit([{ op: "delete", key, revision: left.revision }]);
  });

  it("that are full are named, with how full they are, and the next pod gets what is given back", async () => {
    await using pods = new AsyncDisposableStack();
    const made: Pod[] = [];
    for (let i = 0; i < 5; i++) made.push(pods.use(await createPod(`full${i}`, `full${i}`)));
    const [first, ...rest] = made;
    assert(first);
    for (const pod of [first, ...rest.slice(0, 3)]) resultOf(await pod.cni("ADD", fromTiny));
    const last = rest.at(-1) as Pod;
    const refused = JSON.parse((await last.cni("ADD", fromTiny)).stdout);
    assert.equal(refused.code, 11);
    assert.match(refused.msg, /no IPv4 address is left \(tiny: 4 of 4 in use\)/);
    assert.equal((await first.cni("DEL")).exitCode, 0);
    resultOf(await last.cni("ADD", fromTiny));
  });

  it("that are deleted under their pods leave them be, and take their addresses back", async () => {
    await using pod = await createPod("orphaned", "orphaned");
    await using next = await createPod("next", "next");
    const promised = resultOf(await pod.cni("ADD", fromTiny));
    const found = await store.get(key);
    assert(found);
    await store.commit([{ op: "delete", key, revision: found.revision }]);
    assert.equal((await pod.cni("CHECK", { ...fromTiny, prevResult: promised })).exitCode, 0);
    const refused = JSON.parse((await next.cni("ADD", fromTiny)).stdout);
    assert.equal(refused.code, 7);
    assert.match(refused.msg, /no IPPool gives IPv4 addresses to this pod/);
    assert.equal((await pod.cni("DEL", fromTiny)).exitCode, 0);
    assert.equal(await addressesHeld(), 0);
  });
});

describe("without its datastore", () => {
  it("a node refuses ADD with code 11, unwires on DEL, and releases the address later", async () => {
    await using pod = await createPod("orphan", "c5");
    await using late = await createPod("late", "c6");
    resultOf(await pod.cni("ADD"));
    {
      using _away = storeIsAway();
      assert.equal(JSON.parse((await late.cni("ADD")).stdout).code, 11);
      assert.equal((await pod.cni("DEL")).exitCode, 0);
      await onlyNodesEnds();
    }
    await waitFor(async () => (await addressesHeld()) === 0, { what: "the address is released" });
  });
});

describe("without its agent", () => {
  it("a pod keeps its traffic, its DEL is done by the next agent, and a pod of the same name comes first", async () => {
    await using old = await createPod("stateful", "c7");
    await using next = await createPod("stateful", "c8");
    const address = addressOf(resultOf(await old.cni("ADD")), 0);
    await server.close();
    await using undo = new AsyncDisposableStack();
    let hasAgent = false;
    undo.defer(async () => {
      if (!hasAgent) server = await startAgent();
    });
    await node.exec("ping", ["-n", "-c", "1", "-W", "10", address]);
    assert.equal((await old.cni("DEL")).exitCode, 0);
    assert.equal(JSON.parse((await next.cni("ADD")).stdout).code, 11);
    server = await startAgent();
    hasAgent = true;
    const successor = addressOf(resultOf(await next.cni("ADD")), 0);
    await waitFor(async () => (await addressesHeld()) === 2, { what: "only the successor's addresses are held" });
    await node.exec("ping", ["-n", "-c", "1", "-W", "10", successor]);
  });
});
