import assert from "node:assert/strict";
import { type IPAMBlock, MemoryStore } from "@brindle/api";
import { keptReservation } from "@brindle/ipam";
import { parseAddress } from "@brindle/net";
import { beforeEach, describe, it, vi } from "vitest";
import { pool, Rig } from "../testing.ts";
import { endpoint, owner } from "./testing.ts";

const cidr = "10.1.0.0/30";
const block: IPAMBlock = {
  cidr,
  affinity: "host:node1",
  allocations: [0, 1, null, null],
  unallocated: [2, 3],
  attributes: [owner("web"), owner("gone")],
  sequenceNumber: 1790000000000000003n,
  sequenceNumberForAllocation: { 0: 1790000000000000001n, 1: 1790000000000000002n },
  deleted: false,
};

let rig: Rig;
let store: MemoryStore;

beforeEach(async () => {
  rig = new Rig();
  await rig.run("apply -f -", pool("pods", "10.1.0.0/24"));
  store = new MemoryStore({ data: rig.data });
  await store.commit([
    { op: "create", key: { kind: "IPAMBlock", name: cidr }, value: block },
    ...(["web", "gone"] as const).map((pod) => ({
      op: "create" as const,
      key: { kind: "IPAMHandle" as const, name: `k8s-pod-network.${pod}` },
      value: { block: { [cidr]: 1 }, deleted: false },
    })),
    {
      op: "create",
      key: { kind: "WorkloadEndpoint", namespace: "shop", name: endpoint.metadata.name },
      value: endpoint,
    },
  ]);
});

describe("ipam release", () => {
  it("frees an address of a pod that is gone, with its handle", async () => {
    assert.deepEqual(await rig.run("ipam release --ip 10.1.0.1"), {
      exitCode: 0,
      out: "Successfully released IP address 10.1.0.1\n",
      err: "",
    });
    assert.equal(await store.get({ kind: "IPAMHandle", name: "k8s-pod-network.gone" }), null);
    const left = await store.get({ kind: "IPAMBlock", name: cidr });
    assert.deepEqual(left?.value.allocations, [0, null, null, null]);
  });

  it("refuses one that an endpoint has, unless forced", async () => {
    const { exitCode, err } = await rig.run("ipam release --ip 10.1.0.0");
    assert.equal(exitCode, 1);
    assert.match(err, /10\.1\.0\.0 is the address of shop\/node1-k8s-web-eth0: another pod would get it, too/);
    assert.equal((await rig.run("ipam release --ip 10.1.0.0 --force")).exitCode, 0);
  });

  it("refuses one that an endpoint has that cannot be read", async () => {
    const key = `/calico/resources/v3/projectcalico.org/workloadendpoints/shop/${endpoint.metadata.name}`;
    const torn = JSON.stringify({ ...endpoint, spec: { ...endpoint.spec, node: 7 } });
    const { entries, revision } = rig.data.snapshot();
    rig.data.restore({ entries: entries.map((each) => (each.key === key ? { ...each, text: torn } : each)), revision });
    const { exitCode, err } = await rig.run("ipam release --ip 10.1.0.0");
    assert.match(err, /10\.1\.0\.0 is the address of shop\/node1-k8s-web-eth0/);
    assert.equal(exitCode, 1);
  });

  const torn = (text: string) => {
    const key = `/calico/resources/v3/projectcalico.org/workloadendpoints/shop/${endpoint.metadata.name}`;
    const { entries, revision } = rig.data.snapshot();
    rig.data.restore({ entries: entries.map((each) => (each.key === key ? { ...each, text } : each)), revision });
  };
  const unread = [
    "{",
    JSON.stringify({ ...endpoint, spec: 7 }),
    JSON.stringify({ ...endpoint, spec: { ...endpoint.spec, ipNetworks: ["10.1.0.9/32", 7] } }),
  ];
  it.each(unread)("refuses any while the addresses of an endpoint cannot be read, unless forced: %s", async (text) => {
    torn(text);
    const { exitCode, err } = await rig.run("ipam release --ip 10.1.0.0");
    assert.match(err, /the addresses of shop\/node1-k8s-web-eth0 cannot be read: 10\.1\.0\.0 may be one of them/);
    assert.equal(exitCode, 1);
    const left = await store.get({ kind: "IPAMBlock", name: cidr });
    assert.deepEqual(left?.value.allocations, block.allocations);
    assert.equal((await rig.run("ipam release --ip 10.1.0.0 --force")).exitCode, 0);
  });

  it("frees one that an endpoint has not that does not decode, and whose addresses can be read", async () => {
    torn(JSON.stringify({ ...endpoint, spec: { ...endpoint.spec, node: 7 } }));
    assert.equal((await rig.run("ipam release --ip 10.1.0.1")).exitCode, 0);
  });

  it("says of one that nobody has that it is not assigned", async () => {
    assert.equal((await rig.run("ipam release --ip 10.1.0.3")).out, "10.1.0.3 is not assigned\n");
    assert.match((await rig.run("ipam release --ip x")).err, /--ip x is no IP address/);
  });
});

describe("ipam configure", () => {
  it("writes what address management reads, in Calico's words, and what was there stays", async () => {
    assert.equal(
      (await rig.run("ipam configure --strictaffinity=true")).out,
      "Successfully set StrictAffinity to: true\n",
    );
    const { out } = await rig.run("ipam configure --max-blocks-per-host=4 --ip-cooldown-seconds=30");
    assert.equal(out, "Successfully set MaxBlocksPerHost to: 4\nSuccessfully set IPCooldownSeconds to: 30\n");
    const key = { kind: "IPAMConfig", name: "default" } as const;
    assert.deepEqual((await store.get(key))?.value, {
      ...{ auto_allocate_blocks: true, strict_affinity: true },
      ...{ maxBlocksPerHost: 4, ipCooldownSeconds: 30 },
    });
  });

  it("is shown by ipam show", async () => {
    const rows = async () => (await rig.run("ipam show --show-configuration")).out.split("\n").slice(1, -1);
    const shown = async () => (await rows()).map((row) => row.split(/ +/).slice(0, 2).join(" "));
    const unset = ["StrictAffinity false", "AutoAllocateBlocks true", "MaxBlocksPerHost 0", "IPCooldownSeconds 0"];
    assert.deepEqual(await shown(), unset);
    await rig.run("ipam configure --strictaffinity=true --max-blocks-per-host=4 --ip-cooldown-seconds=30");
    const set = ["StrictAffinity true", "AutoAllocateBlocks true", "MaxBlocksPerHost 4", "IPCooldownSeconds 30"];
    assert.deepEqual(await shown(), set);
  });

  it("keeps the resource beside it the same", async () => {
    const resource = { apiVersion: "projectcalico.org/v3", kind: "IPAMConfiguration", metadata: { name: "default" } };
    await rig.run("apply -f -", JSON.stringify({ ...resource, spec: {} }));
    await rig.run("ipam configure --strictaffinity=true");
    const stored = await store.get({ kind: "IPAMConfiguration", name: "default" });
    assert.equal(stored?.value.spec.strictAffinity, true);
  });

  const refused: [line: string, err: RegExp][] = [
    ["ipam configure", /nothing to set/],
    ["ipam configure --max-blocks-per-host=4", /needs --strictaffinity=true/],
    ["ipam configure --strictaffinity=maybe", /Say true or false/],
    ["ipam configure --ip-cooldown-seconds=5000", /from 0 to 1200/],
  ];
  it.each(refused)("refuses: %s", async (line, err) => {
    const ended = await rig.run(line);
    assert.notEqual(ended.exitCode, 0);
    assert.match(ended.err, err);
    assert.equal(await store.get({ kind: "IPAMConfig", name: "default" }), null);
  });
});

describe("ipam split", () => {
  const poolNames = async () =>
    (await store.list("IPPool")).items.map(({ value }) => `${value.metadata.name} ${value.spec.cidr}`).toSorted();

  for (const transactions of ["many", "single"] as const)
    it(`makes parts of a pool with transactions of ${transactions}, and touches no block`, async () => {
      const single = new Rig({}, { transactions, data: rig.data });
      const { exitCode, out } = await single.run("ipam split 4 --name pods");
      assert.equal(exitCode, 0);
      assert.match(out, /^IPPool pods is split into 4\nsplit-pods-0 10\.1\.0\.0\/26\n/);
      assert.deepEqual(await poolNames(), [
        "split-pods-0 10.1.0.0/26",
        "split-pods-1 10.1.0.64/26",
        "split-pods-2 10.1.0.128/26",
        "split-pods-3 10.1.0.192/26",
      ]);
      const open = (await store.list("IPPool")).items.filter(({ value }) => !value.spec.disabled);
      assert.equal(open.length, 4);
      assert.deepEqual((await store.get({ kind: "IPAMBlock", name: cidr }))?.value, block);
    });

  it("goes on where one was interrupted that writes object by object", async () => {
    const single = new Rig({}, { transactions: "single", data: rig.data });
    const { key, value } = (await store.list("IPPool")).items[0] ?? assert.fail();
    const annotations = { "brindle.network/closed-by-split": "true" };
    const closed = { ...value, metadata: { ...value.metadata, annotations }, spec: { ...value.spec, disabled: true } };
    const part = { ...value, metadata: { name: "split-pods-0" }, spec: { ...value.spec, cidr: "10.1.0.0/25" } };
    await store.commit([
      { op: "put", key, value: closed },
      { op: "put", key: { kind: "IPPool", name: "split-pods-0" }, value: part },
    ]);
    assert.equal((await single.run("ipam split 2 --name pods")).exitCode, 0);
    assert.deepEqual(await poolNames(), ["split-pods-0 10.1.0.0/25", "split-pods-1 10.1.0.128/25"]);
    const [, made] = (await store.list("IPPool")).items;
    assert.deepEqual([made?.value.spec.disabled, made?.value.metadata.annotations], [false, undefined]);
  });

  for (const transactions of ["many", "single"] as const)
    it(`leaves parts disabled of a pool that somebody disabled after a split was interrupted, with transactions of ${transactions}`, async () => {
      const { key, value } = (await store.list("IPPool")).items[0] ?? assert.fail();
      const annotations = { "brindle.network/closed-by-split": "true", team: "blue" };
      const closed = {
        ...value,
        metadata: { ...value.metadata, annotations },
        spec: { ...value.spec, disabled: true },
      };
      await store.commit([{ op: "put", key, value: closed }]);
      const { err } = await new Rig({}, { transactions, data: rig.data }).run("ipam split 2 --name pods");
      assert.equal(/a split that was interrupted, or somebody since, disabled it/.test(err), transactions === "single");
      const made = (await store.list("IPPool")).items.map(({ value: { spec, metadata } }) => [
        spec.disabled,
        metadata.annotations,
      ]);
      assert.deepEqual(made, Array(2).fill([true, { team: "blue" }]));
    });

  for (const transactions of ["many", "single"] as const)
    it(`leaves parts of a disabled pool disabled, with transactions of ${transactions}`, async () => {
      const { key, value } = (await store.list("IPPool")).items[0] ?? assert.fail();
      await store.commit([{ op: "put", key, value: { ...value, spec: { ...value.spec, disabled: true } } }]);
      await new Rig({}, { transactions, data: rig.data }).run("ipam split 2 --name pods");
      const disabled = (await store.list("IPPool")).items.map(({ value: { spec } }) => spec.disabled);
      assert.deepEqual(disabled, [true, true]);
    });

  for (const transactions of ["many", "single"] as const)
    it(`changes nothing where another pool has a part's name, with transactions of ${transactions}`, async () => {
      await rig.run("apply -f -", pool("split-pods-1", "10.9.0.0/24"));
      const before = JSON.stringify(rig.data.dump());
      const { exitCode, err } = await new Rig({}, { transactions, data: rig.data }).run("ipam split 2 --name pods");
      assert.equal(exitCode, 1);
      assert.match(err, /a pool of that name is there already/);
      assert.equal(JSON.stringify(rig.data.dump()), before);
    });

  const refused: [line: string, err: RegExp][] = [
    ["ipam split 3 --name pods", /2, 4, 8 and so on/],
    ["ipam split 2", /say which pool/],
    ["ipam split 2 --name none", /there is no IPPool none/],
    ["ipam split 8 --cidr 10.1.0.0/24", /would be a \/27, smaller than one of its blocks of \/26/],
  ];
  it.each(refused)("refuses: %s", async (line, err) => {
    const ended = await rig.run(line);
    assert.notEqual(ended.exitCode, 0);
    assert.match(ended.err, err);
    assert.deepEqual(await poolNames(), ["pods 10.1.0.0/24"]);
  });
});

describe("ipam migrate", () => {
  beforeEach(async () => {
    await rig.run("apply -f -", pool("new", "10.2.0.0/24"));
    const addresses = [parseAddress("10.1.0.9")].filter((address) => address !== null);
    const value = keptReservation({ namespace: "shop", pod: "db-0" }, { set: "db", addresses });
    await store.commit([{ op: "create", key: { kind: "IPReservation", name: value.metadata.name }, value }]);
  });

  it("says what it would do, and does nothing", async () => {
    const before = JSON.stringify(rig.data.dump());
    const { exitCode, out } = await rig.run("ipam migrate pods --to new --dry-run");
    assert.equal(exitCode, 1);
    assert.match(out, /IPPool pods would be disabled[\s\S]+IPReservation sticky-\w+ would be deleted/);
    assert.match(out, /10\.1\.0\.0 +node1 +shop\/web\n10\.1\.0\.1 +node1 +shop\/gone\n2 addresses of pods are in use/);
    assert.equal(JSON.stringify(rig.data.dump()), before);
  });

  it("names the endpoint that has an address where there are no pods, and the Service", async () => {
    const { metadata, spec } = endpoint;
    const name = "node1-libcni-c1-eth0";
    const value = { ...endpoint, metadata: { ...metadata, name }, spec: { ...spec, ipNetworks: ["10.1.0.2/32"] } };
    await store.commit([{ op: "create", key: { kind: "WorkloadEndpoint", namespace: "shop", name }, value }]);
    const container = { handle_id: "podman.c1", secondary: { node: "node1" } };
    const service = { handle_id: "lb-1", secondary: { namespace: "shop", service: "front", type: "LoadBalancer" } };
    const nobodys = { handle_id: "podman.c2", secondary: { node: "node1" } };
    const attributes = [owner("web"), service, container, nobodys];
    const full = { ...block, allocations: [0, 1, 2, 3], unallocated: [], attributes };
    await store.commit([{ op: "put", key: { kind: "IPAMBlock", name: cidr }, value: full }]);
    const { out } = await rig.run("ipam migrate pods --to new --dry-run");
    const rows = out.split("\n").filter((line) => line.startsWith("10."));
    const expected = [
      "10.1.0.0 node1 shop/web",
      "10.1.0.1 Service shop/front",
      "10.1.0.2 node1 WorkloadEndpoint shop/node1-libcni-c1-eth0",
      "10.1.0.3 node1",
    ];
    assert.deepEqual(
      rows.map((row) => row.trim().replaceAll(/ +/g, " ")),
      expected,
    );
    assert.match((await rig.run("ipam show --ip 10.1.0.1")).out, /^10\.1\.0\.1 is in use by Service shop\/front, in /);
  });

  it("closes the pool, lets go what is kept, and removes it when nobody is left", async () => {
    assert.equal((await rig.run("ipam migrate pods --to new --delete")).exitCode, 1);
    const closed = await store.get({ kind: "IPPool", name: "pods" });
    assert.equal(closed?.value.spec.disabled, true);
    assert.equal((await store.list("IPReservation")).items.length, 0);
    for (const ip of ["10.1.0.0", "10.1.0.1"]) await rig.run(`ipam release --force --ip ${ip}`);
    assert.match((await rig.run("ipam migrate pods --to new")).out, /^no address of pods is in use\n/);
    assert.equal((await rig.run("ipam migrate pods --to new --delete")).exitCode, 0);
    assert.equal(await store.get({ kind: "IPPool", name: "pods" }), null);
    assert.deepEqual((await store.list("IPAMBlock")).items, []);
  });

  it("deletes no pool of which somebody gives an address meanwhile", async () => {
    const empty = { ...block, allocations: [null, null, null, null], unallocated: [0, 1, 2, 3], attributes: [] };
    const key = { kind: "IPAMBlock", name: cidr } as const;
    await store.commit([{ op: "put", key, value: empty }]);
    const { commit } = MemoryStore.prototype;
    // As an agent does that has not heard that the pool is closed.
    const gives = vi.spyOn(MemoryStore.prototype, "commit").mockImplementation(async function (this: MemoryStore, all) {
      if (all.some(({ op, key: { name } }) => op === "delete" && name === "pods"))
        await commit.call(this, [{ op: "put", key, value: block }]);
      return commit.call(this, all);
    });
    const { exitCode, err } = await rig.run("ipam migrate pods --to new --delete");
    gives.mockRestore();
    assert.match(err, /IPPool pods: 2 addresses of 10\.1\.0\.0\/24 are in use/);
    assert.equal(exitCode, 1);
    assert(await store.get({ kind: "IPPool", name: "pods" }));
    assert(await store.get(key));
  });

  it("lets go what is kept of the pool alone: the pod's other address stays its own", async () => {
    const addresses = ["10.1.0.9", "fd00::9"].flatMap((text) => parseAddress(text) ?? []);
    const value = keptReservation({ namespace: "shop", pod: "db-0" }, { set: "db", addresses });
    const key = { kind: "IPReservation", name: value.metadata.name } as const;
    await store.commit([{ op: "put", key, value }]);
    const { out } = await rig.run("ipam migrate pods --to new");
    assert.match(out, /IPReservation sticky-\w+ is left with fd00::9\/128 alone: the next pod/);
    assert.deepEqual((await store.get(key))?.value, { ...value, spec: { reservedCIDRs: ["fd00::9/128"] } });
  });

  it("takes no address for one in use that rests since it was given back", async () => {
    const attributes = [{ releasedAt: "2026-01-01T00:00:00Z" }];
    const rests = { ...block, attributes, allocations: [0, null, null, null], unallocated: [1, 2, 3] };
    await store.commit([{ op: "put", key: { kind: "IPAMBlock", name: cidr }, value: rests }]);
    assert.match((await rig.run("ipam migrate pods --to new")).out, /no address of pods is in use\n/);
  });

  it("warns where the other pool is for other pods", async () => {
    const other = `${pool("new", "10.2.0.0/24").replace("cidr:", "namespaceSelector: team == 'blue', cidr:")}`;
    await rig.run("apply -f -", other);
    assert.match((await rig.run("ipam migrate pods --to new --dry-run")).err, /namespaceSelector of new is "team/);
  });

  const refused: [line: string, err: RegExp][] = [
    ["ipam migrate pods --to none", /there is no IPPool none/],
    ["ipam migrate pods --to pods", /does not migrate to itself/],
    ["ipam migrate pods --to six", /has no addresses of IPv4/],
    ["ipam migrate pods --to closed", /gives no addresses: it is disabled/],
    ["ipam migrate pods --to tunnelled", /tunnelled gives no addresses: spec\.vxlanMode: "Always" is stored/],
  ];
  it.each(refused)("refuses: %s", async (line, err) => {
    await rig.run("apply -f -", pool("six", "fd00::/112"));
    await rig.run("apply -f -", pool("closed", "10.3.0.0/24").replace("cidr:", "disabled: true, cidr:"));
    await rig.run("apply -f -", pool("tunnelled", "10.4.0.0/24").replace("cidr:", "vxlanMode: Always, cidr:"));
    assert.match((await rig.run(line)).err, err);
    const untouched = await store.get({ kind: "IPPool", name: "pods" });
    assert.equal(untouched?.value.spec.disabled ?? false, false);
  });
});
