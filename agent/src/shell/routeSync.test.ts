import assert from "node:assert/strict";
import type { NextHopFact } from "@brindle/bgp";
import {
  describeChange,
  type KernelChange,
  KernelError,
  type Link,
  type Prefix,
  parseAddress,
  parsePrefix,
  type Route,
} from "@brindle/net";
import type { ChangeOutcome } from "@brindle/net/shell";
import { describe, it, vi } from "vitest";
import { RouteSync, type RouteSyncPorts } from "./routeSync.ts";

/** Holds what it is given, and refuses what the test says. Tells nothing of itself. */
class FakeKernel {
  reads = 0;
  refuses: (change: KernelChange) => boolean = () => false;
  readonly applied: KernelChange[] = [];

  readonly port: RouteSyncPorts["kernel"] = {
    routes: async (): Promise<Route[]> => {
      this.reads += 1;
      return [...this.present];
    },
    routeTo: async () => assert.fail("no next hop is asked for"),
    apply: async (changes) => changes.map((change) => this.#outcomeOf(change)),
    watch: () => ({ close: () => {}, [Symbol.dispose]: () => {} }),
    links: async () => this.links,
  };

  links: Link[] = [];
  present: Route[] = [];

  #outcomeOf(change: KernelChange): ChangeOutcome {
    if (this.refuses(change)) {
      return { kind: "failed", error: new KernelError(exists) };
    }
    this.applied.push(change);
    return { kind: "done" };
  }
}

const exists = { code: "EXISTS", object: "add route", errno: 17, name: "EEXIST", text: "already exists" } as const;

interface Started {
  readonly kernel: FakeKernel;
  readonly sync: RouteSync;
  readonly health: (string | null)[];
  readonly facts: (readonly NextHopFact[])[];
}

function started(): Started {
  const kernel = new FakeKernel();
  const health: (string | null)[] = [];
  const facts: (readonly NextHopFact[])[] = [];
  const onNextHops = (told: readonly NextHopFact[]): unknown => facts.push(told);
  const sync = new RouteSync({ kernel: kernel.port, onNextHops, onHealth: (text) => health.push(text) });
  return { kernel, sync, health, facts };
}

function link(name: string, index: number, running: boolean): Link {
  const nothing = { kind: null, mac: null, alias: null, masterIndex: null, peerIndex: null, peerNamespaceId: null };
  return { ...nothing, name, index, running, up: true, loopback: false, mtu: 1500, group: 0, vxlan: null };
}

const block = parsePrefix("10.244.0.0/26") ?? assert.fail();
const other = parsePrefix("10.244.0.64/26") ?? assert.fail();

describe("next hops on a link", () => {
  const hops = ["fe80::1%eth0", "fe80::2%eth1"];

  it("lead there without a question about the way, several of them side by side, for both families (RFC 8950)", async () => {
    const { kernel, sync, health } = started();
    kernel.links = [link("eth0", 7, true), link("eth1", 8, true)];
    const routes = ["10.244.1.0/26", "fd00:244:0:1::/122"].map((prefix) => ({ prefix, nextHops: hops, from: "tor" }));
    sync.bestChanged(routes);
    await vi.waitFor(() => assert.deepEqual(health, [null]));
    assert.deepEqual(kernel.applied.map(describeChange), [
      "addRoute 10.244.1.0/26 via fe80::1 interface 7 via fe80::2 interface 8 metric 2048",
      "addRoute fd00:244:0:1::/122 via fe80::1 interface 7 via fe80::2 interface 8 metric 2048",
    ]);
    await sync.end();
  });

  it("cannot be reached while the link is not there, or has no carrier", async () => {
    const { kernel, sync, facts } = started();
    kernel.links = [link("eth0", 7, false)];
    sync.bestChanged([{ prefix: "10.244.1.0/26", nextHops: hops, from: "tor" }]);
    await vi.waitFor(() => assert.equal(facts.length, 1));
    assert.deepEqual(
      facts[0]?.map(({ address, igpCost }) => [address, igpCost]),
      [
        ["fe80::1%eth0", null],
        ["fe80::2%eth1", null],
      ],
    );
    assert.deepEqual(kernel.applied, []);
    kernel.links = [link("eth0", 7, true)];
    await sync.resync();
    assert.deepEqual(kernel.applied.map(describeChange), [
      "addRoute 10.244.1.0/26 via fe80::1 interface 7 metric 2048",
    ]);
    await sync.end();
  });
});

describe("routes of an earlier run", () => {
  const earlier = (destination: Prefix): Route => ({
    ...{
      destination,
      kind: "unicast",
      protocol: 214,
      metric: 2048,
      table: 254,
      source: null,
      scope: 0,
      preferredSource: null,
    },
    nextHops: [{ gateway: parseAddress("fe80::1") ?? assert.fail(), interfaceIndex: 7 }],
  });

  it("stay until the table is complete, but for those that this run was told of, and that are withdrawn", async () => {
    const { kernel, sync } = started();
    kernel.links = [link("eth0", 7, true)];
    kernel.present = [earlier(block), earlier(other)];
    const hops = ["fe80::1%eth0"];
    sync.bestChanged([{ prefix: "10.244.0.0/26", nextHops: hops, from: "tor" }]);
    await sync.resync();
    assert.deepEqual(kernel.applied, []);
    sync.bestChanged([{ prefix: "10.244.0.0/26", nextHops: [], from: null }]);
    await vi.waitFor(() => assert.equal(kernel.applied.length, 1));
    sync.tableComplete();
    await vi.waitFor(() => assert.equal(kernel.applied.length, 2));
    assert.deepEqual(kernel.applied.map(describeChange), [
      "deleteRoute 10.244.0.0/26 via fe80::1 interface 7 metric 2048 table 254",
      "deleteRoute 10.244.0.64/26 via fe80::1 interface 7 metric 2048 table 254",
    ]);
    await sync.end();
  });
});

describe("routes that follow BGP", () => {
  it("have no problem when a change fails that is not needed any more after a look", async () => {
    const { kernel, sync, health } = started();
    await sync.resync();
    let left = 1;
    kernel.refuses = () => left-- > 0;
    sync.setOwnBlocks([block]);
    await vi.waitFor(() => assert.equal(health.length, 2));
    assert.deepEqual(health, [null, null]);
    assert.equal(kernel.reads, 2);
    await sync.end();
  });

  it("have one when it fails again, and try no more until something changes", async () => {
    const { kernel, sync, health } = started();
    await sync.resync();
    kernel.refuses = ({ op }) => op === "addRoute";
    sync.setOwnBlocks([block]);
    await vi.waitFor(() => assert.equal(health.length, 2));
    assert.match(health.at(-1) ?? "", /10\.244\.0\.0\/26.*another program/);
    assert.equal(kernel.reads, 2);
    kernel.refuses = () => false;
    sync.setOwnBlocks([block, other]);
    await vi.waitFor(() => assert.equal(health.at(-1), null));
    assert.equal(kernel.applied.length, 2);
    await sync.end();
  });
});
