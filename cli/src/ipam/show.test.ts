import assert from "node:assert/strict";
import { apiVersion, type IPAMBlock, MemoryStore, type WorkloadEndpoint } from "@brindle/api";
import { beforeEach, describe, it } from "vitest";
import { pool, Rig } from "../testing.ts";

/** Four addresses of a node: one of its own pod's, one of a pod elsewhere. */
function block(cidr: string): IPAMBlock {
  const owner = (pod: string, node: string) => ({
    handle_id: `k8s-pod-network.${pod}`,
    secondary: { namespace: "shop", pod, node },
  });
  return {
    cidr,
    affinity: "host:node1",
    allocations: [0, 1, null, null],
    unallocated: [2, 3],
    attributes: [owner("web", "node1"), owner("db", "node2")],
    sequenceNumber: 1790000000000000003n,
    sequenceNumberForAllocation: { 0: 1790000000000000001n, 1: 1790000000000000002n },
    deleted: false,
  };
}

describe("ipam show", () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = new Rig();
    await rig.run("apply -f -", pool("pods", "10.1.0.0/24"));
    const store = new MemoryStore({ data: rig.data });
    const name = "10.1.0.0/30";
    await store.commit([{ op: "create", key: { kind: "IPAMBlock", name }, value: block(name) }]);
  });

  it("counts by pool, and by block on demand", async () => {
    assert.equal(
      (await rig.run("ipam show --show-blocks")).out,
      [
        "GROUPING   CIDR          IPS TOTAL   IPS IN USE   IPS RESERVED   IPS FREE    NODE",
        "IP Pool    10.1.0.0/24   256         2 (1%)       0 (0%)         254 (99%)",
        "Block      10.1.0.0/30   4           2 (50%)      0 (0%)         2 (50%)     node1",
        "",
      ].join("\n"),
    );
    assert.equal((await rig.run("ipam show")).out.split("\n").length, 3);
  });

  it("counts what is reserved and not in use", async () => {
    const reservation = { reservedCIDRs: ["10.1.0.0/31", "10.1.0.128/30"] };
    const manifest = { apiVersion: "projectcalico.org/v3", kind: "IPReservation", metadata: { name: "r" } };
    await rig.run("apply -f -", JSON.stringify({ ...manifest, spec: reservation }));
    assert.match(
      (await rig.run("ipam show")).out,
      /\nIP Pool +10\.1\.0\.0\/24 +256 +2 \(1%\) +4 \(2%\) +250 \(98%\)\n$/,
    );
  });

  it("shows blocks in no pool without being asked, and what is unsound", async () => {
    const store = new MemoryStore({ data: rig.data });
    const name = "10.9.0.0/30";
    const unsound = { ...block(name), unallocated: [1, 2, 3] };
    await store.commit([{ op: "create", key: { kind: "IPAMBlock", name }, value: unsound }]);
    const { out } = await rig.run("ipam show");
    assert.match(out, /\nBlock in no pool +10\.9\.0\.0\/30 /);
    assert.match(out, /\nblock 10\.9\.0\.0\/30 is unsound: .+\n$/);
  });

  it("tells who borrows addresses", async () => {
    const { out } = await rig.run("ipam show --show-borrowed");
    assert.match(out, /^IP .*\n10\.1\.0\.1 +node2 +10\.1\.0\.0\/30 +node1 +pod shop\/db\n$/);
  });

  const addresses: [string, RegExp][] = [
    ["10.1.0.0", /^10\.1\.0\.0 is in use by pod shop\/web, in block 10\.1\.0\.0\/30 of node1\n {2}handle: k8s-pod-net/],
    ["10.1.0.2", /^10\.1\.0\.2 is free, in block 10\.1\.0\.0\/30 of node1\n$/],
    ["10.1.0.9", /^10\.1\.0\.9 is in no block: nobody has it\n$/],
  ];
  it.each(addresses)("tells of the address %s whose it is", async (address, out) => {
    assert.match((await rig.run(`ipam show --ip ${address}`)).out, out);
  });

  it("tells to which pods an address is to float, which nobody has as their own", async () => {
    const store = new MemoryStore({ data: rig.data });
    const spec = {
      ...{ orchestrator: "k8s", node: "node1", pod: "web", endpoint: "eth0", ipNetworks: ["10.1.0.0/32"] },
      ipNATs: [{ internalIP: "10.1.0.0", externalIP: "10.1.0.9" }],
    };
    const metadata = { namespace: "shop", name: "node1-k8s-web-eth0" };
    const value: WorkloadEndpoint = { apiVersion, kind: "WorkloadEndpoint", metadata, spec };
    await store.commit([{ op: "create", key: { kind: "WorkloadEndpoint", ...metadata }, value }]);
    const { out } = await rig.run("ipam show --ip 10.1.0.9");
    assert.match(
      out,
      /nobody has it\n10\.1\.0\.9 is asked for as floating by the pod shop\/web \(10\.1\.0\.0\) on node1\n$/,
    );
  });

  it("tells who has an address that no block gave, and which pools give none", async () => {
    const store = new MemoryStore({ data: rig.data });
    const spec = {
      ...{ orchestrator: "k8s", node: "node1", pod: "web", endpoint: "eth0" },
      ipNetworks: ["192.0.2.9/32"],
    };
    const metadata = { namespace: "shop", name: "node1-k8s-web-eth0" };
    const value: WorkloadEndpoint = { apiVersion, kind: "WorkloadEndpoint", metadata, spec };
    await store.commit([{ op: "create", key: { kind: "WorkloadEndpoint", ...metadata }, value }]);
    assert.equal(
      (await rig.run("ipam show --ip 192.0.2.9")).out,
      "192.0.2.9 is in no block: the pod shop/web on node1 has it all the same\n",
    );
    const tunnelled = {
      apiVersion,
      kind: "IPPool",
      metadata: { name: "far" },
      spec: { cidr: "10.9.0.0/24", ipipMode: "Always" },
    };
    await rig.run("apply -f -", JSON.stringify(tunnelled));
    assert.match(
      (await rig.run("ipam show")).err,
      /no pod gets an address of the IPPool far: spec\.ipipMode: "Always"/,
    );
  });
});
