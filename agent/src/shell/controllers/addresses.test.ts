import { setTimeout as delay } from "node:timers/promises";
import { type ApiObject, type ApiResource, MemoryStore, type Store } from "@brindle/api";
import type { KubernetesApi, News } from "@brindle/api/shell";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ControllersTally } from "../../metrics/controllersTally.ts";
import { ipamCollection, nodeRemoval } from "./addresses.ts";
import type { Circumstances, Controller, ControllerContext } from "./controller.ts";

const handle = { kind: "IPAMHandle", name: "net.dead" } as const;
const affinity = { kind: "BlockAffinity", name: "host:gone/10.0.0.0/30" } as const;

/** An API server that answers each listing at once, with the nodes that it has. */
class FakeApi {
  nodes: readonly string[] = ["node1"];
  isAway = false;
  listings = 0;

  follow: KubernetesApi["follow"] = (resource: ApiResource, read, onNews) => {
    this.listings++;
    const told = onNews as (news: News<unknown>) => void;
    queueMicrotask(() => {
      if (this.isAway) return told({ type: "away", reason: "the API server is away" });
      for (const name of resource.plural === "nodes" ? this.nodes : []) {
        const object: ApiObject = { metadata: { name }, status: { conditions: [{ type: "Ready", status: "True" }] } };
        told({ type: "changed", item: { id: name, object: read(object) } } as unknown as News<unknown>);
      }
      told({ type: "inSync" });
    });
    return { stop: async () => {} };
  };
}

describe("the controllers of addresses", () => {
  let store: MemoryStore;
  let api: FakeApi;
  let health: (string | null)[];
  let tally: ControllersTally;
  let warnings: unknown[];
  const lines = { write: (line: string) => warnings.push(JSON.parse(line)) };
  let ending: AbortController;
  let ended: Promise<void>;

  beforeEach(async () => {
    store = new MemoryStore();
    api = new FakeApi();
    health = [];
    warnings = [];
    tally = new ControllersTally();
    ending = new AbortController();
    await store.commit([
      { op: "create", key: handle, value: { block: { "10.0.0.0/30": 1 }, deleted: false } },
      { op: "create", key: affinity, value: { state: "confirmed", deleted: false } },
    ]);
  });
  afterEach(async () => {
    ending.abort();
    await ended;
  });

  function run(
    controller: Controller,
    over: Pick<Store, "list"> = store,
    leakGracePeriod = "20ms",
    graceMsMin = 0,
  ): void {
    const configuration = { node: { leakGracePeriod } };
    const context = {
      ...{ name: controller.name, tally, leakGraceMsMin: graceMsMin },
      ...{ api, store: storeOf(over), configuration },
      ...{ datastore: "etcdv3", log: pino({ level: "warn" }, lines), onHealth: (it: string | null) => health.push(it) },
    };
    ended = controller.run(context as unknown as ControllerContext, ending.signal);
  }

  function storeOf({ list }: Pick<Store, "list">): Pick<Store, "list" | "commit" | "transactions"> {
    return { transactions: store.transactions, commit: (writes) => store.commit(writes), list: list.bind(store) };
  }

  const isGone = async (key: typeof handle | typeof affinity): Promise<boolean> => (await store.get(key)) === null;

  it("take nothing for lost before an ADD must be over, whatever is configured, and say so", async () => {
    run(ipamCollection, store, "20ms", 60_000);
    await until(async () => tally.findings().length > 0);
    expect(warnings).toEqual([expect.objectContaining({ wantedMs: 20, graceMs: 60_000 })]);
  });

  it("collect what stays wrong, and what of nodes that are gone is each other's", async () => {
    run(ipamCollection);
    await until(() => isGone(handle));
    ending.abort();
    await ended;
    expect(await isGone(affinity)).toBe(true);
  });

  it("count what is wrong and what they put right", async () => {
    const of = (kind: string) => tally.findings().find(({ labels }) => labels.kind === kind)?.value;
    run(ipamCollection);
    await until(async () => of("orphan_handle") === 1);
    await until(async () => of("orphan_handle") === 0);
    // The handle, and the claim of a block that does not exist.
    expect(tally.repairs.samples()).toEqual([{ labels: { controller: "ipamCollection" }, value: 2 }]);
    expect([of("duplicate"), of("leak")]).toEqual([0, 0]);
  });

  it("look seldom where they are to wait for years, which is more than a timer takes", async () => {
    const warned = vi.spyOn(process, "emitWarning");
    run(ipamCollection, store, "87600h");
    await until(async () => health.length > 0);
    await new Promise(setImmediate);
    expect(warned).not.toHaveBeenCalled();
    warned.mockRestore();
  });

  it("do nothing in a cluster that is said to have no node", async () => {
    api.nodes = [];
    run(ipamCollection);
    await until(async () => api.listings > 3);
    expect(await isGone(handle)).toBe(false);
    expect(health.at(-1)).toBe("nothing is collected: the API server says that the cluster has no node");
  });

  it("do nothing while the API server is away, say so, and go on when it is back", async () => {
    api.isAway = true;
    run(ipamCollection);
    await until(async () => health.length > 2);
    expect(health.at(-1)).toBe("nothing is collected: the API server is away");
    expect(await isGone(handle)).toBe(false);
    api.isAway = false;
    await until(() => isGone(handle));
    expect(health.at(-1)).toBeNull();
  });

  it("do nothing while the datastore is locked", async () => {
    const key = { kind: "ClusterInformation", name: "default" } as const;
    const metadata = { name: "default" };
    const value = { apiVersion: "projectcalico.org/v3", kind: "ClusterInformation", metadata } as const;
    const locked = { ...value, spec: { datastoreReady: false } };
    await store.commit([{ op: "create", key, value: locked }]);
    let looks = 0;
    const counted: Pick<Store, "list"> = {
      list: (kind, scope) => {
        if (kind === "ClusterInformation") looks++;
        return store.list(kind, scope);
      },
    };
    run(ipamCollection, counted);
    await until(async () => looks > 4);
    expect(await isGone(handle)).toBe(false);
    expect(api.listings).toBe(0);
  });

  it("take nothing for a gone node's but what is", async () => {
    const block = {
      ...{ cidr: "10.0.0.0/30", affinity: "host:gone", allocations: [null, null, null, null], attributes: [] },
      ...{ unallocated: [0, 1, 2, 3], sequenceNumber: 1n, deleted: false },
    };
    await store.commit([{ op: "create", key: { kind: "IPAMBlock", name: block.cidr }, value: block }]);
    run(nodeRemoval);
    await until(() => isGone(affinity));
    expect((await store.list("IPAMBlock")).items).toEqual([]);
    expect(await isGone(handle), "a leak of no node").toBe(false);
  });

  const settings: [string, object | undefined, unknown][] = [
    ["what is configured", { leakGracePeriod: "90s" }, { graceMs: 90_000 }],
    ["Calico's default", {}, { graceMs: 900_000 }],
    ["nothing where it is turned off", { leakGracePeriod: "0s" }, null],
    ["nothing where no controller of nodes is to run", undefined, null],
  ];
  it.each(settings)("wait for %s", async (_name, node, expected) => {
    ended = Promise.resolve();
    const configuration = node ? { node } : {};
    expect(
      ipamCollection.settings({ datastore: "etcdv3", configuration, compactionPeriodMs: null } as Circumstances),
    ).toEqual(expected);
  });
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + 10_000;
  while (!(await condition())) {
    if (performance.now() > deadlineMs) throw new Error("it does not come to be");
    await delay(5);
  }
}
