import assert from "node:assert/strict";
import { apiVersion, MemoryStore, type Node, type WorkloadEndpoint } from "@brindle/api";
import { type Attachment, type BeyondOwn, endpointKey } from "@brindle/cni";
import { Allocator, loadBalancer, readClusterView } from "@brindle/ipam";
import { type Address, parseAddress } from "@brindle/net";
import { describe, it } from "vitest";
import { ClusterState } from "../graph/clusterState.ts";
import { beyondOwn } from "./beyondSide.ts";

function attachmentOf(pod: string): Attachment {
  return {
    ...{ containerId: `c-${pod}`, interfaceName: "eth0", netns: null, network: "pods", hostInterface: "cali1" },
    workload: { orchestrator: "k8s", namespace: "shop", pod, podUid: null },
    mac: "02:00:00:00:00:01",
  };
}

function address(text: string): Address {
  const parsed = parseAddress(text);
  assert(parsed);
  return parsed;
}

function keyOf(pod: string) {
  return { kind: "WorkloadEndpoint", ...endpointKey(attachmentOf(pod), "node1") } as const;
}

function endpoint(pod: string, ipNetworks: readonly string[], floating?: string): WorkloadEndpoint {
  const { namespace, name } = keyOf(pod);
  const ipNATs =
    floating === undefined ? [] : [{ externalIP: floating, internalIP: ipNetworks[0]?.split("/")[0] ?? "" }];
  const spec = { orchestrator: "k8s", node: "node1", pod, endpoint: "eth0", ipNetworks, ipNATs };
  return { apiVersion, kind: "WorkloadEndpoint", metadata: { namespace, name }, spec };
}

interface World {
  readonly state: ClusterState;
  readonly store: MemoryStore;
  readonly beyond: BeyondOwn;
  readonly pool: (name: string, spec: object) => Promise<void>;
  /** By the allocator, for a tunnel of a node: no endpoint has it. */
  readonly giveToTunnel: (address: string) => Promise<void>;
  readonly giveToService: (address: string) => Promise<void>;
}

function world(): World {
  const [state, store] = [new ClusterState(), new MemoryStore()];
  const pool = async (name: string, spec: object) => {
    const value = { apiVersion, kind: "IPPool", metadata: { name }, spec } as never;
    const key = { kind: "IPPool", name } as const;
    state.receive(key, value);
    await store.commit([{ op: "put", key, value }]);
  };
  const give = async (node: string, request: Omit<Parameters<Allocator["assign"]>[0], "families">) => {
    const view = () => readClusterView(store, node);
    const allocator = new Allocator({ node }, { store, now: () => 1n, view });
    assert.equal((await allocator.assign({ ...request, families: [4] })).kind, "assigned");
    for (const { key, value } of (await store.list("BlockAffinity")).items) state.receive(key, value);
  };
  const giveToTunnel = (text: string) => {
    const attributes = { node: "node2", type: "vxlanTunnelAddress" };
    return give("node2", { handleId: "tunnel", attributes, addresses: [address(text)] });
  };
  const giveToService = (text: string) => {
    const attributes = { service: "web", namespace: "shop", type: "LoadBalancer" };
    return give(loadBalancer, { handleId: "lb-1", attributes, use: "LoadBalancer", addresses: [address(text)] });
  };
  return { state, store, beyond: beyondOwn("node1", { state, store }), pool, giveToTunnel, giveToService };
}

const [web, other] = [attachmentOf("web"), attachmentOf("other")];

async function refusalOf({ beyond }: World, text: string): Promise<string | null> {
  return (await beyond.unmanagedRefusal(address(text), web))?.reason ?? null;
}

describe("an address that no pool is asked to give", () => {
  it("is of no pool that gives addresses, also of one that other nodes alone give of or that cannot be read", async () => {
    const own = world();
    await own.pool("plain", { cidr: "10.1.0.0/24" });
    await own.pool("tunnelled", { cidr: "10.2.0.0/24", ipipMode: "Always" });
    await own.pool("off", { cidr: "10.3.0.0/24", disabled: true });
    own.state.receiveUnreadable({ kind: "IPPool", name: "odd" }, null, {
      spec: { cidr: "10.4.0.0/24", blockSize: "big" },
    });
    await own.pool("known", { cidr: "10.5.0.0/24" });
    own.state.receiveUnreadable({ kind: "IPPool", name: "known" }, null, { spec: "torn" });
    for (const [text, name] of [
      ["10.1.0.9", "plain"],
      ["10.2.0.9", "tunnelled"],
      ["10.4.0.9", "odd"],
      ["10.5.0.9", "known"],
    ] as const)
      assert.equal(await refusalOf(own, text), `is in the IPPool ${name}, which may give it to others: use ipAddrs`);
    for (const free of ["10.3.0.9", "192.0.2.9"]) assert.equal(await refusalOf(own, free), null);
    own.state.receive({ kind: "IPPool", name: "tunnelled" }, null);
    assert.equal(await refusalOf(own, "10.2.0.9"), null);
  });

  it("is no node's, on no interface of it, and no router's", async () => {
    const own = world();
    const spec: Node["spec"] = {
      bgp: { ipv4Address: "172.16.0.2/24", ipv6Address: "2001:db8::2/64", ipv4IPIPTunnelAddr: "10.8.0.1" },
      ...{ ipv4VXLANTunnelAddr: "10.8.0.2", ipv6VXLANTunnelAddr: "fd00:8::2" },
      wireguard: { interfaceIPv4Address: "10.8.0.3", interfaceIPv6Address: "fd00:8::3" },
      addresses: [{ address: "172.17.0.2" }],
      interfaces: [{ name: "eth1", addresses: ["172.18.0.2/24"] }],
    };
    own.state.receive({ kind: "Node", name: "n2" }, { apiVersion, kind: "Node", metadata: { name: "n2" }, spec });
    const peer = { peerIP: "172.16.0.1:1790", asNumber: 65_000 };
    own.state.receive(
      { kind: "BGPPeer", name: "tor" },
      { apiVersion, kind: "BGPPeer", metadata: { name: "tor" }, spec: peer },
    );
    for (const text of ["172.16.0.2", "2001:db8::2", "10.8.0.1", "10.8.0.2", "fd00:8::2", "10.8.0.3", "fd00:8::3"])
      assert.equal(await refusalOf(own, text), "is the address of the node n2");
    for (const text of ["172.17.0.2", "172.18.0.2"])
      assert.equal(await refusalOf(own, text), "is the address of the node n2");
    assert.equal(await refusalOf(own, "172.16.0.1"), "is the address of the BGPPeer tor");
    assert.equal(await refusalOf(own, "172.16.0.3"), null);
  });

  it("is no other endpoint's, also of one that cannot be read any more, until that is gone", async () => {
    const own = world();
    const key = keyOf("other");
    const taken = `is the own address of the WorkloadEndpoint shop/${key.name}`;
    own.state.receive(keyOf("web"), endpoint("web", ["192.0.2.8/32"]));
    own.state.receive(key, endpoint("other", ["192.0.2.9/32"]));
    assert.equal(await refusalOf(own, "192.0.2.8"), null);
    assert.equal(await refusalOf(own, "192.0.2.9"), taken);
    for (const partial of [{ spec: { ipNATs: 7 } }, undefined]) {
      own.state.receiveUnreadable(key, null, partial);
      assert.equal(own.state.get(key), undefined);
      assert.equal(await refusalOf(own, "192.0.2.9"), taken);
    }
    own.state.receiveUnreadable(key, null, { spec: { ipNetworks: ["192.0.2.10/32"] } });
    assert.deepEqual([await refusalOf(own, "192.0.2.9"), await refusalOf(own, "192.0.2.10")], [null, taken]);
    own.state.receive(key, null);
    assert.equal(await refusalOf(own, "192.0.2.10"), null);
  });

  it("is in no block, whatever became of the pool", async () => {
    const own = world();
    await own.pool("p", { cidr: "10.3.0.0/24", blockSize: 29 });
    await own.giveToTunnel("10.3.0.20");
    await own.pool("p", { cidr: "10.3.0.0/24", blockSize: 29, disabled: true });
    const taken = "is the own address of vxlanTunnelAddress";
    assert.deepEqual([await refusalOf(own, "10.3.0.20"), await refusalOf(own, "10.3.0.21")], [taken, null]);
    own.state.receive({ kind: "IPPool", name: "p" }, null);
    assert.equal(await refusalOf(own, "10.3.0.20"), taken);
  });

  it("is no Service's, whatever became of the pool", async () => {
    const own = world();
    const spec = { cidr: "10.3.0.0/24", blockSize: 29, allowedUses: ["LoadBalancer"] };
    await own.pool("p", spec);
    await own.giveToService("10.3.0.20");
    assert.match((await refusalOf(own, "10.3.0.20")) ?? "", /^is in the IPPool p/);
    await own.pool("p", { ...spec, disabled: true });
    const taken = "is the own address of the Service shop/web";
    assert.deepEqual([await refusalOf(own, "10.3.0.20"), await refusalOf(own, "10.3.0.21")], [taken, null]);
    own.state.receive({ kind: "IPPool", name: "p" }, null);
    assert.equal(await refusalOf(own, "10.3.0.20"), taken);
  });
});

describe("a floating address", () => {
  it("is of a pool that gives, floats to nobody, and is nobody's own", async () => {
    const own = world();
    await own.pool("p", { cidr: "10.3.0.0/24", blockSize: 29 });
    await own.pool("off", { cidr: "10.4.0.0/24", disabled: true });
    await own.giveToTunnel("10.3.0.20");
    own.state.receive(keyOf("other"), endpoint("other", ["192.0.2.9/32", "10.3.0.33/32"], "10.3.0.32"));
    const refusal = async (text: string) => (await own.beyond.refusal(address(text), web))?.reason ?? null;
    const { name } = keyOf("other");
    assert.equal(await refusal("10.4.0.9"), "is in no IPPool that is enabled");
    assert.equal(await refusal("10.3.0.20"), "is the own address of vxlanTunnelAddress");
    assert.equal(await refusal("10.3.0.33"), `is the own address of the WorkloadEndpoint shop/${name}`);
    assert.match((await refusal("10.3.0.32")) ?? "", /^floats to the pod shop\/other already$/);
    assert.equal(await refusal("10.3.0.34"), null);
    await own.pool("services", { cidr: "10.5.0.0/24", allowedUses: ["LoadBalancer"] });
    assert.equal(await refusal("10.5.0.9"), "is in the IPPool services, which is for Services");
    own.state.receiveUnreadable(keyOf("other"), null, undefined);
    assert.equal(await refusal("10.3.0.33"), `is the own address of the WorkloadEndpoint shop/${name}`);
  });

  it("floats to no second pod while the first one's endpoint cannot be read, by what is stored of it or was known", async () => {
    const refusal = async (own: World) => (await own.beyond.refusal(address("10.3.0.32"), web))?.reason ?? null;
    const { name } = keyOf("other");
    for (const { known, partial, isHeld } of [
      { known: true, partial: undefined, isHeld: true },
      { known: true, partial: { spec: { ipNetworks: ["10.3.0.33/32"], ipNATs: [7] } }, isHeld: true },
      { known: false, partial: { spec: endpoint("other", ["10.3.0.33/32"], "10.3.0.32").spec }, isHeld: true },
      { known: true, partial: { spec: { ipNetworks: ["10.3.0.33/32"], ipNATs: [] } }, isHeld: false },
      { known: false, partial: undefined, isHeld: false },
    ]) {
      const own = world();
      await own.pool("p", { cidr: "10.3.0.0/24", blockSize: 29 });
      if (known) own.state.receive(keyOf("other"), endpoint("other", ["10.3.0.33/32"], "10.3.0.32"));
      own.state.receiveUnreadable(keyOf("other"), null, partial as never);
      assert.equal(await refusal(own), isHeld ? `floats to the pod shop/${name} already` : null);
      assert.equal(own.beyond.floatsTo(address("10.3.0.32"), web), isHeld ? `shop/${name}` : null);
      own.state.receive(keyOf("other"), null);
      assert.equal(await refusal(own), null);
    }
  });
});

describe("an address that two pods ask for at once", () => {
  const asked = [address("192.0.2.9")];
  const reasonOf = async (hold: ReturnType<BeyondOwn["hold"]>) => (await hold.refusal())?.reason ?? null;
  const ofWeb = `is asked for by the WorkloadEndpoint shop/${keyOf("web").name} as well`;

  it("is the first one's while it is looked at and stored, and the next one's where nothing came of that", async () => {
    const { beyond } = world();
    const first = beyond.hold(asked, web);
    const second = beyond.hold(asked, other);
    assert.deepEqual([await reasonOf(first), await reasonOf(second)], [null, ofWeb]);
    first.storing();
    assert.equal(await reasonOf(second), ofWeb);
    second[Symbol.dispose]();
    assert.equal(await reasonOf(beyond.hold(asked, web)), null);
    first[Symbol.dispose]();
    assert.equal(await reasonOf(beyond.hold([address("192.0.2.10")], other)), null);
  });

  it("stays with what is stored until the watch tells of it, and then is an endpoint's as any other", async () => {
    const { beyond, state, store } = world();
    const first = beyond.hold(asked, web);
    first.storing();
    const value = endpoint("web", ["192.0.2.9/32"]);
    await store.commit([{ op: "put", key: keyOf("web"), value }]);
    first[Symbol.dispose]();
    using second = beyond.hold(asked, other);
    assert.equal(await reasonOf(second), ofWeb);
    state.receive(keyOf("web"), value);
    assert.equal(await reasonOf(second), null);
    assert.match((await beyond.unmanagedRefusal(address("192.0.2.9"), other))?.reason ?? "", /own address/);
  });

  it("is free again where what was stored is gone before the watch told", async () => {
    const { beyond } = world();
    const first = beyond.hold(asked, web);
    first.storing();
    first[Symbol.dispose]();
    assert.equal(await reasonOf(beyond.hold(asked, other)), null);
  });
});
