/** On Kubernetes the endpoint is the Pod, which others write all the time and of which we know by a watch. */
import assert from "node:assert/strict";
import { type Key, MemoryStore, type WorkloadEndpoint } from "@brindle/api";
import { Allocator, defaultIpamSettings } from "@brindle/ipam";
import { describe, it } from "vitest";
import { AllocatedAddresses } from "./allocatedAddresses.ts";
import { type Attachment, attachmentOf, handleOf } from "./attachment.ts";
import { workloadEndpoint } from "./workloadEndpoint.ts";

const key: Key<"WorkloadEndpoint"> = { kind: "WorkloadEndpoint", namespace: "prod", name: "node1-k8s-web-eth0" };
const pool = {
  apiVersion: "projectcalico.org/v3",
  kind: "IPPool",
  metadata: { name: "small" },
  spec: { cidr: "10.65.0.0/30", blockSize: 30 },
} as const;

function world() {
  const store = new MemoryStore({ transactions: "single" });
  let nowNs = 1_700_000_000_000_000_000n;
  const view = { pools: [pool], nodeLabels: {}, reserved: [], settings: defaultIpamSettings };
  const agent = () => {
    const allocator = new Allocator({ node: "node1" }, { store, now: () => nowNs++, view: () => view });
    return new AllocatedAddresses("node1", { allocator, store, watched: () => watched });
  };
  let watched: WorkloadEndpoint | null = null;
  const stored = async () => (await store.get(key))?.value ?? null;
  return {
    store,
    agent,
    stored,
    /** The watch comes after. */
    tell: async () => {
      const present = await stored();
      watched = present?.spec.ipNetworks ? present : null;
    },
    blocks: async () => (await store.list("IPAMBlock")).items.flatMap(({ value }) => value.unallocated.length),
    handles: async () => (await store.list("IPAMHandle")).items.map(({ key: { name } }) => name),
  };
}

function attach(containerId: string, interfaceName = "eth0"): Attachment {
  const args = { podNamespace: "prod", podName: "web", podUid: "6b1f" };
  return attachmentOf({ containerId, interfaceName, netns: "/run/netns/x", args }, "pods");
}

function requestOf(attachment: Attachment) {
  return {
    attachment,
    handle: handleOf(attachment),
    ipam: { assignIpv4: true, assignIpv6: false, ipv4Pools: [], ipv6Pools: [] },
    endpoint: (addresses: Parameters<typeof workloadEndpoint>[1]) =>
      workloadEndpoint({ attachment, node: "node1", labels: {} }, addresses),
  };
}

describe("the annotations of a pod", () => {
  it("say which container has which address, of which pod, and are emptied before the address is free", async () => {
    const { agent, stored, tell, blocks, handles } = world();
    const addresses = agent();
    await addresses.assign(requestOf(attach("c1")));
    const endpoint = await stored();
    assert.equal(endpoint?.spec.containerID, "c1");
    assert.equal(endpoint.metadata.annotations?.["brindle.network/pod-uid"], "6b1f");
    await tell();
    await addresses.release(attach("c1"));
    assert.equal((await stored())?.spec.ipNetworks, undefined);
    assert.deepEqual([await blocks(), await handles()], [[4], []]);
  });

  it("are emptied though the watch has not told of them yet", async () => {
    const { agent, stored } = world();
    const addresses = agent();
    await addresses.assign(requestOf(attach("c1")));
    await addresses.release(attach("c1"));
    assert.equal((await stored())?.spec.ipNetworks, undefined);
  });

  for (const told of [true, false]) {
    it(`are the next container's when the first one goes${told ? "" : ", though the watch is late"}`, async () => {
      const { agent, stored, tell, handles } = world();
      const addresses = agent();
      await addresses.assign(requestOf(attach("c1")));
      await tell();
      await addresses.assign(requestOf(attach("c2")));
      if (told) await tell();
      await addresses.release(attach("c1"));
      assert.equal((await stored())?.spec.containerID, "c2");
      assert.equal((await stored())?.spec.ipNetworks?.length, 1);
      assert.deepEqual(await handles(), ["pods.c2"]);
    });
  }

  it("are known to an agent that was started since", async () => {
    const { agent, stored, tell, blocks } = world();
    await agent().assign(requestOf(attach("c1")));
    await tell();
    await agent().release(attach("c1"));
    assert.equal((await stored())?.spec.ipNetworks, undefined);
    assert.deepEqual(await blocks(), [4]);
  });

  it("are not written a second time by a DEL that comes again", async () => {
    const { agent, store, tell } = world();
    const addresses = agent();
    await addresses.assign(requestOf(attach("c1")));
    await tell();
    await addresses.release(attach("c1"));
    await tell();
    const { revision } = store.data;
    await addresses.release(attach("c1"));
    assert.equal(store.data.revision, revision);
  });

  it("of another interface there are none, and it is said so", async () => {
    const { agent, handles } = world();
    await assert.rejects(agent().assign(requestOf(attach("c1", "eth1"))), /eth0 of pods alone/);
    assert.deepEqual(await handles(), []);
  });
});
