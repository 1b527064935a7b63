import assert from "node:assert/strict";
import { type IPAMBlock, type IPReservation, MemoryStore } from "@brindle/api";
import { beforeEach, describe, it } from "vitest";
import { pool, Rig } from "../testing.ts";

const block: IPAMBlock = {
  cidr: "10.1.0.0/30",
  affinity: "host:node1",
  allocations: [0, null, null, null],
  unallocated: [1, 2, 3],
  attributes: [{ handle_id: "k8s-pod-network.c1", secondary: { namespace: "shop", pod: "web", node: "node1" } }],
  sequenceNumber: 1790000000000000003n,
  sequenceNumberForAllocation: { 0: 1790000000000000001n },
  deleted: false,
};

describe("ipam check", () => {
  let rig: Rig;
  let store: MemoryStore;
  beforeEach(async () => {
    rig = new Rig();
    store = new MemoryStore({ data: rig.data });
    // The block below is one of its size: a block of another would be taken back once it is empty.
    await rig.run("apply -f -", pool("pods", "10.1.0.0/24").replace("spec: {", "spec: {blockSize: 30, "));
    await rig.run(
      "apply -f -",
      "apiVersion: projectcalico.org/v3\nkind: Node\nmetadata: {name: node1}\nspec: {bgp: {ipv4Address: 192.0.2.1}}\n",
    );
    await store.commit([
      { op: "create", key: { kind: "IPAMBlock", name: block.cidr }, value: block },
      {
        op: "create",
        key: { kind: "BlockAffinity", name: `host:node1/${block.cidr}` },
        value: { state: "confirmed", deleted: false },
      },
      {
        op: "create",
        key: { kind: "IPAMHandle", name: "k8s-pod-network.c1" },
        value: { block: { [block.cidr]: 1 }, deleted: false },
      },
    ]);
  });

  const endpoint = () =>
    store.commit([
      {
        op: "create",
        key: { kind: "WorkloadEndpoint", namespace: "shop", name: "node1-k8s-web-eth0" },
        value: {
          apiVersion: "projectcalico.org/v3",
          kind: "WorkloadEndpoint",
          metadata: { namespace: "shop", name: "node1-k8s-web-eth0" },
          spec: {
            ...{ orchestrator: "k8s", node: "node1", pod: "web", endpoint: "eth0", containerID: "c1" },
            ipNetworks: ["10.1.0.0/32"],
          },
        },
      },
    ]);

  it("exits with 0 where all fits together, and shows whose each address is", async () => {
    await endpoint();
    const { exitCode, out } = await rig.run("ipam check --show-all-ips");
    assert.equal(
      out,
      [
        "1 addresses in use in 1 blocks of 1 pools; 1 handles, 1 claims, 1 endpoints, 1 nodes",
        "IP         BLOCK         NODE    OWNER      HANDLE",
        "10.1.0.0   10.1.0.0/30   node1   shop/web   k8s-pod-network.c1",
        "0 problems found",
        "",
      ].join("\n"),
    );
    assert.equal(exitCode, 0);
  });

  it("names a reservation that cannot be read, of which agents may not know what it keeps", async () => {
    await endpoint();
    const metadata = { name: "gateways" };
    const value: IPReservation = {
      ...{ apiVersion: "projectcalico.org/v3", kind: "IPReservation", metadata, spec: { reservedCIDRs: [] } },
    };
    await store.commit([{ op: "create", key: { kind: "IPReservation", name: "gateways" }, value }]);
    assert.equal((await rig.run("ipam check")).exitCode, 0);
    const { entries, revision } = rig.data.snapshot();
    const torn = entries.map((each) => (each.key.endsWith("/ipreservations/gateways") ? { ...each, text: "{" } : each));
    rig.data.restore({ entries: torn, revision });
    const { exitCode, out } = await rig.run("ipam check");
    assert.match(out, /\nunreadable +by a person +IPReservation\(gateways\) cannot be read: /);
    assert.equal(exitCode, 1);
  });

  it("names the endpoint that has an address where there are no pods", async () => {
    await endpoint();
    const [attribute] = block.attributes;
    const attributes = [{ ...attribute, secondary: { node: "node1" } }];
    const key = { kind: "IPAMBlock", name: block.cidr } as const;
    await store.commit([{ op: "put", key, value: { ...block, attributes } }]);
    const { out } = await rig.run("ipam check --show-all-ips");
    assert.match(out, /\n10\.1\.0\.0 .* node1 +WorkloadEndpoint shop\/node1-k8s-web-eth0 +k8s-pod-network\.c1\n/);
  });

  it("tells what is wrong and who can repair it, and exits with 1", async () => {
    const { exitCode, out } = await rig.run("ipam check");
    assert.match(
      out,
      /\nleak +by --fix +10\.1\.0\.0 on node1: the pod shop\/web is gone \(k8s-pod-network\.c1\)\n1 problem/,
    );
    assert.equal(exitCode, 1);
  });

  it("takes back what shows only after a repair, as the block that it emptied", async () => {
    // A pool that is in use goes only once it is disabled.
    await rig.run(
      "apply -f -",
      pool("pods", "10.1.0.0/24").replace("spec: {", "spec: {disabled: true, blockSize: 30, "),
    );
    await rig.run("delete ippool pods");
    await rig.run("apply -f -", pool("pods", "10.1.0.0/24"));
    const { out, exitCode } = await rig.run("ipam check --fix --grace 1s");
    assert.match(
      out,
      /\nrepaired: 10\.1\.0\.0 on node1: .*\nrepaired: 10\.1\.0\.0\/30 is an empty block.*\n0 problems left\n$/,
    );
    assert.equal(exitCode, 0);
    assert.equal(await store.get({ kind: "IPAMBlock", name: block.cidr }), null);
  });

  it("says what it would do, and does it only when it is told to", async () => {
    const { out, err } = await rig.run("ipam check --fix --dry-run");
    assert.match(err, /^looking again in 90 s: /);
    assert.match(out, /\nwould repair: 10\.1\.0\.0 on node1: /);
    assert.ok(await store.get({ kind: "IPAMHandle", name: "k8s-pod-network.c1" }));

    const fixed = await rig.run("ipam check --fix --grace 1s");
    assert.match(fixed.out, /\nrepaired: 10\.1\.0\.0 on node1: .*\n0 problems left\n$/);
    assert.equal(fixed.exitCode, 0);
    assert.equal(await store.get({ kind: "IPAMHandle", name: "k8s-pod-network.c1" }), null);
    assert.match((await rig.run("ipam check")).out, /^0 addresses in use .*\n0 problems found\n$/);
  });

  it("leaves what is well again when it looks the second time", async () => {
    rig.whileAsleep = endpoint;
    const { out, exitCode } = await rig.run("ipam check --fix");
    assert.match(out, /\n0 problems left\n$/);
    assert.doesNotMatch(out, /repaired/);
    assert.equal(exitCode, 0);
    assert.ok(await store.get({ kind: "IPAMHandle", name: "k8s-pod-network.c1" }));
  });

  it("answers in JSON", async () => {
    const { out } = await rig.run("ipam check -o json");
    const report = JSON.parse(out);
    assert.equal(report.problems[0].kind, "leak");
    assert.equal(report.counts.addressesInUse, 1);
  });

  const mistakes: [string, RegExp][] = [
    ["ipam check --dry-run", /--dry-run says what --fix would do: give both/],
    ["ipam check --fix --grace soon", /It is no time up to 60m, as 90s\./],
    ["ipam check -o wide", /Allowed choices are table, yaml, json/],
  ];
  it.each(mistakes)("refuses %s in words", async (line, words) => {
    const { exitCode, err } = await rig.run(line);
    assert.match(err, words);
    assert.equal(exitCode, 2);
  });
});
