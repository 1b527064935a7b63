import assert from "node:assert/strict";
import { afterAll, beforeAll, describe, it } from "vitest";
import { namespaceNamed } from "../fixtures/namespace.ts";
import { isWithin, storedBlocks } from "../lab/blocks.ts";
import type { Pod } from "../lab/runtime.ts";
import { removePodsOfFailedTests } from "./failedTests.ts";
import { established, resource, routesFrom, type Stand, sees, startStand } from "./stand.ts";

/** Four blocks of four addresses: sixteen pods fill it. */
const small = pool("small", "10.244.128.0/28", { blockSize: 30 });

describe("two nodes that give pods addresses", () => {
  let stand: Stand;

  beforeAll(async () => {
    stand = await startStand({
      fabric: { racks: [{ number: 1, routers: ["tor"], nodes: ["node1", "node2"] }] },
      pools: [pool("large", "10.244.0.0/17"), pool("v6", "fd00:244::/48")],
    });
    await Promise.all(["node1", "node2"].map((node) => established(stand, node)));
  });
  afterAll(() => stand[Symbol.asyncDispose]());
  removePodsOfFailedTests(() => stand);

  it("give two pods that come at once different ones, and announce the block and nothing smaller", async () => {
    const pods = await Promise.all(["a", "b"].map((name) => add(stand, name, "node1")));
    assert.equal(new Set(pods.flatMap(({ addresses }) => addresses)).size, 4);
    const blocks = (await storedBlocks(stand.etcd)).map(({ cidr }) => cidr);
    assert.deepEqual(blocks.map((cidr) => cidr.split("/")[1]).sort(), ["122", "26"]);
    await announces(stand, "node1", blocks);

    for (const pod of pods) await stand.runtime.remove(pod);
    const left = await storedBlocks(stand.etcd);
    assert.deepEqual(
      left.flatMap(({ allocated }) => allocated),
      [],
    );
    // Blocks stay with their node when they are empty, as Calico's do.
    assert.deepEqual(
      left.map(({ cidr, node }) => `${cidr} ${node}`),
      blocks.map((cidr) => `${cidr} node1`),
    );
    await announces(stand, "node1", blocks);
  });

  it("make both ends of a pod's pair of interfaces with one queue, or as many as the list says", async () => {
    const { exec } = stand.fabric.machine("node1");
    const queuesOf = (text: string) => text.match(/numtxqueues \d+ numrxqueues \d+/g) ?? [];
    for (const { told, queues } of [
      { told: {}, queues: 1 },
      { told: { num_queues: 3 }, queues: 3 },
    ]) {
      const pod = await stand.runtime.add({ name: `queues-${queues}`, node: "node1", labels: {}, told });
      const [address = ""] = pod.addresses;
      const device = (await exec("ip", ["route", "get", address])).match(/ dev (\S+)/)?.[1] ?? "";
      const ends = [
        await exec("ip", ["-d", "link", "show", device]),
        await inside(pod, "ip", "-d", "link", "show", "eth0"),
      ];
      const expected = `numtxqueues ${queues} numrxqueues ${queues}`;
      assert.deepEqual(ends.flatMap(queuesOf), [expected, expected]);
      await stand.runtime.remove(pod);
    }
  });

  it("fill a small pool together, announce what they borrowed by itself, and say when it is full", async () => {
    await stand.apply(pool("large", "10.244.0.0/17", { disabled: true }), small);
    const pods = await Promise.all(
      // Ten and six: one of them has to borrow.
      Array.from({ length: 16 }, (_, i) => add(stand, `s${i}`, i < 10 ? "node1" : "node2")),
    );
    const v4 = pods.map(({ addresses }) => addresses[0] ?? "");
    assert.equal(new Set(v4).size, 16);
    for (const address of v4) assert(isWithin("10.244.128.0/28", address), address);
    for (const pod of pods) assert.match(await inside(pod, "ip", "-4", "-brief", "address"), wholeAddress(pod));

    const owners = new Map((await storedBlocks(stand.etcd)).map(({ cidr, node }) => [cidr, node]));
    const borrowers = pods.filter((pod) => blockOf(pod, owners)?.[1] !== pod.node);
    assert(borrowers.length > 0, "nobody borrowed");
    for (const node of ["node1", "node2"]) {
      const own = [...owners].filter(([, owner]) => owner === node).map(([cidr]) => cidr);
      const borrowed = borrowers.filter((pod) => pod.node === node).map(({ addresses }) => `${addresses[0]}/32`);
      await announces(stand, node, [...own, ...borrowed]);
    }
    const [borrower] = borrowers;
    const neighbour = pods.find((pod) => pod.node !== borrower?.node);
    assert(borrower && neighbour);
    await inside(neighbour, "ping", "-c1", "-W2", borrower.addresses[0] ?? "");

    await assert.rejects(add(stand, "one-too-many", "node1"), (error: Error) => {
      assert.match(error.message, /"code":\s*11\b/);
      assert.match(error.message, /no IPv4 address is left \(small: 16 of 16 in use\)/);
      return true;
    });

    await stand.runtime.remove(borrower);
    await sees(
      `the router forgets the borrowed address`,
      async () => (await routesFrom(stand, borrower.node)).includes(`${borrower.addresses[0]}/32`),
      false,
    );
    await add(stand, "in-its-place", neighbour.node);
  });
});

function pool(name: string, cidr: string, more: object = {}): object {
  return resource("IPPool", name, { cidr, ipipMode: "Never", vxlanMode: "Never", natOutgoing: false, ...more });
}

function add(stand: Stand, name: string, node: string): Promise<Pod> {
  return stand.runtime.add({ name, node, labels: {} });
}

function inside(pod: Pod, command: string, ...args: readonly string[]): Promise<string> {
  return namespaceNamed(pod.namespace).exec(command, args);
}

function wholeAddress({ addresses }: Pod): RegExp {
  return new RegExp(`\\b${addresses[0]?.replaceAll(".", "\\.")}/32\\b`);
}

function blockOf(pod: Pod, owners: ReadonlyMap<string, string>): [string, string] | undefined {
  return [...owners].find(([cidr]) => isWithin(cidr, pod.addresses[0] ?? ""));
}

/** Exactly these, as the router has them. */
async function announces(stand: Stand, node: string, expected: readonly string[]): Promise<void> {
  const look = async (): Promise<string[]> => (await routesFrom(stand, node)).sort();
  await sees(`what the router has of ${node}`, look, [...expected].sort());
}
