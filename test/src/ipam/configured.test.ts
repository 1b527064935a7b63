/** What an operator configures of addresses, and what Calico's tools write beside it, over a real etcd. */
import { ResourceClient, type Store } from "@brindle/api";
import { openEtcdStore } from "@brindle/api/shell/etcd";
import { Allocator, type AssignResult, readClusterView } from "@brindle/ipam";
import { formatAddress } from "@brindle/net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Etcd, startEtcd } from "../fixtures/etcd.ts";

/** As calicoctl ipam configure leaves it. */
const configKey = "/calico/ipam/v2/config";

let etcd: Etcd;
let store: Store;
beforeAll(async () => {
  etcd = await startEtcd();
});
beforeEach(async () => {
  await etcd.etcdctl("del", "", "--from-key=true");
  store = openEtcdStore({ endpoints: [etcd.endpoint], timeoutMs: 2_000 });
  await apply("IPPool", "pods", { cidr: "10.7.0.0/28", blockSize: 30 });
  return () => store.close();
});
afterAll(() => etcd[Symbol.asyncDispose]());

async function apply(kind: string, name: string, spec: object): Promise<void> {
  const client = new ResourceClient({ store, nowMs: () => 0, newUid: () => `uid-of-${name}` });
  const outcome = await client.apply({ apiVersion: "projectcalico.org/v3", kind, metadata: { name }, spec });
  expect(outcome.kind).toBe("created");
}

function node(name: string): Allocator {
  return new Allocator(
    { node: name },
    { store, now: () => 1_700_000_000_000_000_000n, view: () => readClusterView(store, name) },
  );
}

/** The addresses of so many pods, one after the other; the kind of refusal where there is none. */
async function give(allocator: Allocator, pods: number): Promise<string[]> {
  const given: string[] = [];
  for (let i = 0; i < pods; i++) {
    const handleId = `net.${crypto.randomUUID()}`;
    given.push(textOf(await allocator.assign({ handleId, families: [4], attributes: {} })));
  }
  return given;
}

function textOf(result: AssignResult): string {
  return result.kind === "assigned"
    ? result.addresses.map(({ address }) => formatAddress(address)).join()
    : result.kind;
}

describe("addresses over etcd", () => {
  it("are never given out of a reservation", async () => {
    await apply("IPReservation", "gateways", { reservedCIDRs: ["10.7.0.0/29", "10.7.0.9/31"] });
    const given = await give(node("node1"), 7);
    expect(given.slice(0, 6).sort()).toEqual([10, 11, 12, 13, 14, 15].map((host) => `10.7.0.${host}`));
    expect(given[6]).toBe("poolExhausted");
  });

  const limits: { name: string; write: () => Promise<unknown> }[] = [
    {
      name: "of Calico's own key",
      write: () =>
        etcd.etcdctl("put", configKey, '{"strict_affinity":true,"auto_allocate_blocks":true,"maxBlocksPerHost":1}'),
    },
    {
      name: "of IPAMConfiguration",
      write: () => apply("IPAMConfiguration", "default", { strictAffinity: true, maxBlocksPerHost: 1 }),
    },
  ];
  it.each(limits)("come from as many blocks as the limit $name allows, and from no other node's", async ({ write }) => {
    await write();
    const given = await give(node("node1"), 5);
    expect(new Set(given.slice(0, 4)).size).toBe(4);
    expect(given[4]).toBe("poolExhausted");
    const blocks = await store.list("IPAMBlock");
    expect(blocks.items.map(({ value }) => value.affinity)).toEqual(["host:node1"]);
  });

  it("come from other nodes' blocks alone where no node may take one by itself", async () => {
    const [lent] = await give(node("node2"), 1);
    await etcd.etcdctl("put", configKey, "{}");
    const given = await give(node("node1"), 4);
    expect(given[3]).toBe("poolExhausted");
    expect(new Set([lent, ...given.slice(0, 3)]).size).toBe(4);
    expect((await store.list("IPAMBlock")).items).toHaveLength(1);
  });
});
