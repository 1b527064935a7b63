/** The port over the real allocator and a datastore in memory. */
import assert from "node:assert/strict";
import { type IPPool, MemoryStore, type Store } from "@brindle/api";
import { Allocator, readClusterView } from "@brindle/ipam";
import { formatAddress, parseAddress, parsePrefix } from "@brindle/net";
import { describe, it } from "vitest";
import { AllocatedAddresses, type AllocatedAddressesPorts } from "./allocatedAddresses.ts";
import { type Attachment, attachmentOf, handleOf } from "./attachment.ts";
import type { Assign } from "./config.ts";
import { CniError } from "./error.ts";
import type { RangesByFamily } from "./hostLocal.ts";
import type { AddressRequest, AssignOutcome } from "./ports.ts";
import { workloadEndpoint } from "./workloadEndpoint.ts";

const pool: IPPool = {
  apiVersion: "projectcalico.org/v3",
  kind: "IPPool",
  metadata: { name: "small" },
  spec: { cidr: "10.65.0.0/30", blockSize: 30 },
};
const endpointKey = { kind: "WorkloadEndpoint", namespace: "prod", name: "node1-k8s-web-eth0" } as const;

async function world(more: Partial<AllocatedAddressesPorts> = {}) {
  const store = new MemoryStore();
  await store.commit([{ op: "create", key: { kind: "IPPool", name: "small" }, value: pool }]);
  let ns = 1_700_000_000_000_000_000n;
  const view = () => readClusterView(store, "node1");
  const allocator = new Allocator({ node: "node1" }, { store, now: () => ns++, view });
  return { store, addresses: new AllocatedAddresses("node1", { allocator, store, ...more }) };
}

function attach(containerId: string, podName: string | null = "web"): Attachment {
  const args = podName === null ? {} : { podNamespace: "prod", podName };
  return attachmentOf({ containerId, interfaceName: "eth0", netns: "/run/netns/x", args }, "pods");
}

function requestOf(attachment: Attachment, pools: readonly string[] = []): AddressRequest {
  return {
    attachment,
    handle: handleOf(attachment),
    ipam: { assignIpv4: true, assignIpv6: false, ipv4Pools: pools, ipv6Pools: [] },
    endpoint: (addresses) => workloadEndpoint({ attachment, node: "node1", labels: {} }, addresses),
  };
}

function withFamilies(request: AddressRequest, assignIpv4: Assign, assignIpv6: Assign): AddressRequest {
  return { ...request, ipam: { ...request.ipam, assignIpv4, assignIpv6 } };
}

function textOf(outcome: AssignOutcome): string {
  assert(outcome.kind === "assigned", outcome.kind);
  return outcome.addresses.map(formatAddress).join(" ");
}

async function isFree(store: Store): Promise<boolean> {
  const blocks = await store.list("IPAMBlock");
  return blocks.items.every(({ value }) => value.unallocated.length === 4);
}

describe("pools of a node", () => {
  const ipam = (assignIpv4: Assign, assignIpv6: Assign, pools: readonly string[] = []) => ({
    ...{ assignIpv4, assignIpv6 },
    ...{ ipv4Pools: pools, ipv6Pools: [] },
  });
  const changed = async (spec: Partial<IPPool["spec"]>) => {
    const { store, addresses } = await world();
    const key = { kind: "IPPool", name: "small" } as const;
    await store.commit([{ op: "put", key, value: { ...pool, spec: { ...pool.spec, ...spec } } }]);
    return addresses;
  };

  it("are lacking where there are none of a family that is asked for", async () => {
    const { addresses } = await world();
    assert.equal(await addresses.lacking(ipam(true, false)), null);
    assert.equal(await addresses.lacking(ipam("auto", "auto")), null);
    assert.equal(await addresses.lacking(ipam(true, true)), "no IPPool gives IPv6 addresses to pods of this node");
    assert.equal(
      await addresses.lacking(ipam(true, false, ["gone"])),
      "no IPPool gives IPv4 addresses to pods of this node (gone: there is no such pool)",
    );
  });

  it("are lacking where they are stored and not acted on, and it is said why", async () => {
    const reason = "spec.vxlanMode is not acted on";
    const { addresses } = await world({ withheldPools: () => ["tunnelled", "east"].map((pool) => ({ pool, reason })) });
    const says =
      /^no IPPool gives IPv6 addresses to pods of this node \(tunnelled: spec\.vxlanMode is not acted on; east: /;
    assert.match((await addresses.lacking(ipam(true, true))) ?? "", says);
    const outcome = await addresses.assign(requestOf(attach("c1"), ["east"]));
    assert(outcome.kind === "refused");
    assert.match(outcome.reason, /east: spec\.vxlanMode/);
    // Who names a pool is told of that one.
    assert.doesNotMatch(outcome.reason, /there is no such pool|tunnelled/);
    const byRange = await addresses.assign(requestOf(attach("c2"), ["10.9.0.0/24"]));
    assert.match(byRange.kind === "refused" ? byRange.reason : "", /tunnelled: .*east: /);
  });

  it("are lacking of both families where there are none at all", async () => {
    const addresses = await changed({ disabled: true });
    assert.equal(
      await addresses.lacking(ipam("auto", "auto")),
      "no IPPool gives IPv4 addresses to pods of this node (small: it is disabled); no IPPool gives IPv6 addresses to pods of this node",
    );
  });

  it("are there where some pod may have them: of a namespace, or that asks", async () => {
    const some = await changed({ namespaceSelector: "team == 'a'", assignmentMode: "Manual" });
    assert.equal(await some.lacking(ipam(true, false)), null);
    const others = await changed({ nodeSelector: "rack == 'b'" });
    assert.match((await others.lacking(ipam(true, false))) ?? "", /its nodeSelector \(rack == 'b'\) does not match/);
  });
});

describe("addresses of the node's podCIDR", () => {
  const own = parsePrefix("10.65.0.0/30") ?? assert.fail();
  const other = parsePrefix("10.66.0.0/30") ?? assert.fail();
  const ranges = (of: RangesByFamily) => ({ ...requestOf(attach("c1")).ipam, ranges: of });
  const given = async (more: Partial<AllocatedAddressesPorts>, ipam = requestOf(attach("c1")).ipam) => {
    const { addresses } = await world(more);
    const outcome = await addresses.assign({ ...requestOf(attach("c1")), ipam });
    return outcome.kind === "assigned" ? textOf(outcome) : outcome.reason;
  };
  const outside =
    "no IPPool gives IPv4 addresses to this pod (small: it has nothing of 10.66.0.0/30, which is this node's)";

  it("are given where the agent is told to, and where the list says so", async () => {
    for (const more of [{ usesPodCidrs: true }, { usesPodCidrs: false }]) {
      const ipam = more.usesPodCidrs ? undefined : ranges({ 4: "podCidr" });
      assert.match(await given({ ...more, podCidrs: () => [own] }, ipam), /^10\.65\.0\./);
      assert.equal(await given({ ...more, podCidrs: () => [other] }, ipam), outside);
    }
  });

  it("are not heeded where nobody says so, nor where the list has ranges of its own", async () => {
    assert.match(await given({ podCidrs: () => [other] }), /^10\.65\.0\./);
    assert.match(await given({ usesPodCidrs: true, podCidrs: () => [other] }, ranges({ 4: [own] })), /^10\.65\.0\./);
    assert.equal(await given({ podCidrs: () => [own] }, ranges({ 4: [other] })), outside);
  });

  it("are lacking until Kubernetes has given the node a range", async () => {
    const { addresses } = await world({ usesPodCidrs: true });
    assert.equal(
      await addresses.lacking(requestOf(attach("c1")).ipam),
      "no IPPool gives IPv4 addresses to pods of this node (small: this node has no IPv4 range of its own (podCIDR))",
    );
  });
});

describe("an attachment's addresses", () => {
  it("are the same when it is asked twice, and what others added to the endpoint stays", async () => {
    const { store, addresses } = await world();
    const first = textOf(await addresses.assign(requestOf(attach("c1"))));
    const endpoint = await store.get(endpointKey);
    assert(endpoint);
    const labels = { ...endpoint.value.metadata.labels, app: "web" };
    const value = { ...endpoint.value, metadata: { ...endpoint.value.metadata, labels } };
    await store.commit([{ op: "update", key: endpointKey, value, revision: endpoint.revision }]);

    const second = await addresses.assign(requestOf(attach("c1")));
    assert.equal(textOf(second), first);
    assert.equal(second.kind === "assigned" && second.isNew, false);
    assert.equal((await store.get(endpointKey))?.value.metadata.labels?.app, "web");
  });

  it("go with the endpoint, and going twice does nothing", async () => {
    const { store, addresses } = await world();
    await addresses.assign(requestOf(attach("c1")));
    await addresses.release(attach("c1"));
    await addresses.release(attach("c1"));
    assert.equal(await store.get(endpointKey), null);
    assert(await isFree(store));
  });

  it("of a dead container go, and the endpoint of its successor stays", async () => {
    const { store, addresses } = await world();
    await addresses.assign(requestOf(attach("c1")));
    const successor = textOf(await addresses.assign(requestOf(attach("c2"))));
    await addresses.release(attach("c1"));
    const endpoint = await store.get(endpointKey);
    assert.equal(endpoint?.value.spec.containerID, "c2");
    assert.deepEqual(endpoint?.value.spec.ipNetworks, [`${successor}/32`]);
    assert.equal(await store.get({ kind: "IPAMHandle", name: "pods.c1" }), null);
    assert(await store.get({ kind: "IPAMHandle", name: "pods.c2" }));
  });

  it("outside Kubernetes come with their network's profile", async () => {
    const { store, addresses } = await world();
    await addresses.assign(requestOf(attach("c1", null)));
    await addresses.assign(requestOf(attach("c2", null)));
    const profile = await store.get({ kind: "Profile", name: "pods" });
    assert.deepEqual(profile?.value.spec.labelsToApply, { pods: "" });
  });

  it("run out, in words that name the pool", async () => {
    const { addresses } = await world();
    for (let i = 0; i < 4; i++) textOf(await addresses.assign(requestOf(attach(`c${i}`, `pod${i}`))));
    const outcome = await addresses.assign(requestOf(attach("c9", "pod9")));
    assert.deepEqual(outcome, { kind: "exhausted", reason: "no IPv4 address is left (small: 4 of 4 in use)" });
  });

  it("run out for this node, in words that say what keeps it from the rest", async () => {
    const { store, addresses } = await world();
    const spec = { cidr: "10.65.0.0/29", blockSize: 30 };
    await store.commit([
      { op: "put", key: { kind: "IPPool", name: "small" }, value: { ...pool, spec: { ...pool.spec, ...spec } } },
      {
        op: "create",
        key: { kind: "IPReservation", name: "gateway" },
        value: {
          apiVersion: "projectcalico.org/v3",
          kind: "IPReservation",
          metadata: { name: "gateway" },
          spec: { reservedCIDRs: ["10.65.0.0/32", "10.65.0.4/32"] },
        },
      },
      {
        op: "create",
        key: { kind: "IPAMConfig", name: "default" },
        value: { strict_affinity: true, auto_allocate_blocks: true, maxBlocksPerHost: 1 },
      },
    ]);
    for (let i = 0; i < 3; i++) textOf(await addresses.assign(requestOf(attach(`c${i}`, `pod${i}`))));
    const outcome = await addresses.assign(requestOf(attach("c9", "pod9")));
    const limits =
      "this node has 1 block of IPv4, as many as it may have; strictAffinity keeps it from the blocks of other nodes";
    const reason = `no IPv4 address is left (small: 3 of 8 in use, 2 reserved; ${limits})`;
    assert.deepEqual(outcome, { kind: "exhausted", reason });
  });

  it("out of a pool that does not exist are refused", async () => {
    const { store, addresses } = await world();
    const outcome = await addresses.assign(requestOf(attach("c1"), ["absent"]));
    assert.equal(outcome.kind, "refused");
    assert.match(outcome.kind === "refused" ? outcome.reason : "", /absent/);
    assert.equal(await store.get(endpointKey), null);
  });

  it("are of the families that have a pool, where that is asked", async () => {
    const { addresses } = await world();
    const request = withFamilies(requestOf(attach("c1")), "auto", "auto");
    assert.match(textOf(await addresses.assign(request)), /^10\.65\.0\.\d$/);
  });

  it("are refused where a family that must be has no pool, or none has", async () => {
    const { addresses } = await world();
    const strict = await addresses.assign(withFamilies(requestOf(attach("c1")), "auto", true));
    assert.deepEqual(strict, { kind: "refused", reason: "no IPPool gives IPv6 addresses to this pod" });
    const none = await addresses.assign(withFamilies(requestOf(attach("c2"), ["absent"]), "auto", "auto"));
    assert.equal(none.kind, "refused");
  });

  it("are refused where no pool of a family is that which is named, also where another family has one", async () => {
    const { addresses } = await world();
    const { ipam, ...request } = withFamilies(requestOf(attach("c1")), "auto", "auto");
    const named = { ...ipam, ipv6Pools: ["absent"] };
    const outcome = await addresses.assign({ ...request, ipam: named });
    assert.match(outcome.kind === "refused" ? outcome.reason : "", /^no IPPool gives IPv6 addresses to this pod/);
    assert.match((await addresses.lacking(named)) ?? "", /^no IPPool gives IPv6 addresses to pods of this node/);
    assert.match(textOf(await addresses.assign({ ...request, ipam })), /^10\.65\.0\.\d$/);
  });

  it("in a block that is damaged are not released, and it is said which and why", async () => {
    const { store, addresses } = await world();
    await addresses.assign(requestOf(attach("c1")));
    const block = await store.get({ kind: "IPAMBlock", name: "10.65.0.0/30" });
    assert(block);
    const value = { ...block.value, unallocated: [0, 1, 2, 3] };
    await store.commit([{ op: "update", key: block.key, value, revision: block.revision }]);
    await assert.rejects(addresses.release(attach("c1")), (error) => {
      assert(error instanceof CniError);
      assert.equal(error.failure.code, "INTERNAL");
      assert.match(error.failure.message, /10\.65\.0\.0\/30 .*damaged/);
      return Boolean(error.failure.details);
    });
  });
});

describe("addresses that no pool gives", () => {
  const asked = parseAddress("192.0.2.9") ?? assert.fail();

  for (const transactions of ["many", "single"] as const) {
    it(`are the endpoint's alone, on a store with transactions of ${transactions}`, async () => {
      const store = new MemoryStore({ transactions });
      const view = () => readClusterView(store, "node1");
      const allocator = new Allocator({ node: "node1" }, { store, now: () => 1n, view });
      const addresses = new AllocatedAddresses("node1", { allocator, store });
      const attachment = attach("c1");
      const request = { ...requestOf(attachment), unmanaged: [asked] };
      const first = await addresses.assign(request);
      assert.deepEqual(first, { kind: "assigned", addresses: [asked], isNew: true });
      assert.deepEqual((await store.get(endpointKey))?.value.spec.ipNetworks, ["192.0.2.9/32"]);
      assert.deepEqual(await addresses.assign(request), { ...first, isNew: false });
      for (const kind of ["IPAMBlock", "IPAMHandle", "BlockAffinity"] as const)
        assert.deepEqual((await store.list(kind)).items, []);
      await addresses.release(attachment);
      assert.deepEqual((await store.get(endpointKey))?.value.spec.ipNetworks ?? [], []);
    });
  }
});
