import assert from "node:assert/strict";
import { apiVersion, type Labels, MemoryStore, type Node, ResourceClient, type Store } from "@brindle/api";
import { type KernelAddress, type Link, parseCidr, scope } from "@brindle/net";
import { describe, it } from "vitest";
import { makePools, type RegistrarPorts, register } from "./registrar.ts";

const link: Link = {
  index: 2,
  name: "eth0",
  kind: null,
  up: true,
  running: true,
  loopback: false,
  mtu: 1450,
  mac: "02:00:00:00:00:01",
  group: 0,
  alias: null,
  masterIndex: null,
  peerIndex: null,
  peerNamespaceId: null,
  vxlan: null,
};

const address: KernelAddress = {
  interfaceIndex: 2,
  address: parseCidr("172.30.1.11/24") ?? assert.fail(),
  scope: scope.global,
  tentative: false,
  dadFailed: false,
  permanent: true,
  secondary: false,
};

const kernel: RegistrarPorts["kernel"] = {
  links: async () => [link],
  link: async () => link,
  addresses: async () => [address],
};

function node(labels: Labels): Node {
  return { apiVersion, kind: "Node", metadata: { name: "node1", labels }, spec: {} };
}

function clientOf(store: Store): ResourceClient {
  return new ResourceClient({ store, nowMs: () => 0, newUid: () => "00000000-0000-4000-8000-000000000000" });
}

/** A store where somebody else gets ahead of the first write of a Node. */
function racedStore(store: MemoryStore, write: () => Promise<unknown>): Store {
  let isRaced = false;
  return {
    transactions: store.transactions,
    get: (key) => store.get(key),
    list: (kind, within) => store.list(kind, within),
    watch: (kinds, listener) => store.watch(kinds, listener),
    close: () => store.close(),
    commit: async (writes) => {
      if (!isRaced) {
        isRaced = true;
        await write();
      }
      return store.commit(writes);
    },
  };
}

function registerAt(store: Store): Promise<unknown> {
  const options = { node: "node1", asked: {}, defaultPools: null };
  return register(options, { store, kernel, ranges: () => assert.fail("kubeadm is asked") });
}

/** As Kubernetes is one, which has the node of its own accord. */
async function kubernetesStore(): Promise<MemoryStore> {
  const store = new MemoryStore({ transactions: "single" });
  await store.commit([{ op: "create", key: { kind: "Node", name: "node1" }, value: node({}) }]);
  return store;
}

describe("a node's registration", () => {
  const cases: { name: string; before: Labels | null }[] = [
    { name: "of a node that is there", before: { rack: "1" } },
    { name: "of a node that is made at that moment", before: null },
  ];
  for (const { name, before } of cases) {
    it(`keeps labels that somebody sets meanwhile, ${name}`, async () => {
      const store = new MemoryStore();
      const client = clientOf(store);
      if (before) await client.create(node(before));
      await registerAt(racedStore(store, () => client.apply(node({ rack: "2" }))));
      const after = await client.get({ kind: "Node", name: "node1" });
      assert.deepEqual(after?.metadata.labels, { rack: "2" });
      assert.equal(after?.spec.bgp?.ipv4Address, "172.30.1.11/24");
    });
  }

  it("writes nothing the second time, and says what the underlay carries", async () => {
    const store = new MemoryStore();
    await registerAt(store);
    const before = await store.list("Node");
    const registered = await registerAt(store);
    assert.equal((await store.list("Node")).revision, before.revision);
    assert.deepEqual(registered, { addresses: { 4: address.address }, problems: [], mtu: 1450 });
  });
});

describe("a node's registration on Kubernetes", () => {
  const options = { node: "node1", asked: {}, defaultPools: { ipv4Cidr: null } };
  const registered = (store: Store, podSubnets: readonly string[] | null) =>
    register(options, { store, kernel, ranges: async () => ({ podSubnets, serviceCidrs: ["10.96.0.0/12"] }) });
  const ranges = async (store: Store) => (await store.list("IPPool")).items.map(({ value }) => value.spec.cidr).sort();

  it("waits for the node, in words, and makes none", async () => {
    const store = new MemoryStore({ transactions: "single" });
    await assert.rejects(registered(store, []), /Kubernetes has no Node node1 yet: its kubelet makes it/);
    assert.deepEqual((await store.list("Node")).items, []);
  });

  it("makes a pool of each of kubeadm's ranges", async () => {
    const store = await kubernetesStore();
    assert.deepEqual((await registered(store, ["10.244.0.0/16", "fd00:244::/48"])).problems, []);
    assert.deepEqual(await ranges(store), ["10.244.0.0/16", "fd00:244::/48"]);
    const { revision } = store.data;
    await registered(store, ["10.9.0.0/16"]);
    assert.equal(store.data.revision, revision);
  });

  it("makes none where kubeadm has none, and says what to do", async () => {
    const store = await kubernetesStore();
    const { problems } = await registered(store, null);
    assert.deepEqual(
      problems.map(({ code }) => code),
      ["PodCidrMissing"],
    );
    assert.deepEqual(await ranges(store), []);
  });

  it("makes none that overlaps with the node's own network, and says which", async () => {
    const store = await kubernetesStore();
    const { problems } = await registered(store, ["172.30.0.0/16", "fd00:244::/48"]);
    const text = "no default pool is made: 172.30.0.0/16 overlaps with the network 172.30.1.11/24 of eth0";
    assert.deepEqual(problems, [{ code: "PodCidrOverlapsNodes", text }]);
    assert.deepEqual(await ranges(store), ["fd00:244::/48"]);
  });

  it("makes none that overlaps with the range of Services, and says which", async () => {
    const store = await kubernetesStore();
    const { problems } = await registered(store, ["10.100.0.0/16"]);
    const text = "no default pool is made: 10.100.0.0/16 overlaps with the range of Services, 10.96.0.0/12";
    assert.deepEqual(problems, [{ code: "PodCidrOverlapsServices", text }]);
    assert.deepEqual(await ranges(store), []);
  });

  it("makes one later, when kubeadm's notes are mended", async () => {
    const store = await kubernetesStore();
    await registered(store, []);
    const ports = { store, kernel, ranges: async () => ({ podSubnets: ["10.244.0.0/16"], serviceCidrs: [] }) };
    assert.deepEqual(await makePools(options, ports), []);
    assert.deepEqual(await ranges(store), ["10.244.0.0/16"]);
  });
});
