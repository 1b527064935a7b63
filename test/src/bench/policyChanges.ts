/**
 * A node that comes into a cluster with 10,000 policies, and what changes there afterwards: from the datastore to the
 * kernel. Felix's figures are of another machine; the anchors in the same run are what any program takes that has
 * nothing to work out and writes the very same sets and rules with the commands.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { TablesBackend } from "@brindle/net";
import type { Instance } from "../fixtures/instance.ts";
import { createNamespace, type NamespaceView } from "../fixtures/namespace.ts";
import { PolicyCluster, size } from "./policyCluster.ts";
import { marker, pod, policy, type Shape } from "./policyLoad.ts";
import { elapsedMs, median, type Row } from "./row.ts";

/** Felix's, in ms: from its start until all was programmed, and of changes the 99th of a hundred. */
const felixMs: Readonly<
  Record<Shape, Readonly<Record<TablesBackend, { readonly first: number; readonly change: number }>>>
> = {
  tag: { nft: { first: 17_800, change: 4_156 }, legacy: { first: 7_400, change: 2_846 } },
  app: { nft: { first: 2_700, change: 338 }, legacy: { first: 2_200, change: 262 } },
};
const firstShare = 0.4;
const changeShare = 0.1;
const appChangeMsMax = 50;
/** A change of a legacy table is a rewrite of it, whatever changes. */
const rewritesMax = 1.3;

/** Of each kind as many, or as come into this time; of a few the slowest stands for the 99th of a hundred. */
const changes = 100;
const changesMsMax = 30_000;
const changesMin = 10;
/** Each is a change by itself: what comes without an end is another row's, and rests between its runs. */
const betweenChangesMs = 200;
const deadlineMs = 300_000;

type Change = (cluster: PolicyCluster, shape: Shape, index: number) => Promise<number>;

const kinds: Readonly<Record<string, Change>> = {
  "label change of a pod here": (cluster, shape, index) => {
    const more = shape === "app" ? { app: `app-${(index + 7) % 100}` } : { [marker(index)]: "too" };
    return cluster.changeMs(pod(shape, index, size, more));
  },
  "label change elsewhere": (cluster, shape, index) => {
    const more = shape === "app" ? { role: `role-${(index + 7) % 50}` } : { [marker(0)]: "too" };
    return cluster.changeMs(pod(shape, size.local + index, size, more));
  },
  "new pod here": (cluster, shape, index) => cluster.changeMs(pod(shape, size.pods + index, size)),
  "new policy": (cluster, shape, index) => cluster.changeMs(policy(shape, size.policies + index)),
};

interface Figures {
  readonly firstMs: number;
  readonly restoreMs: number;
  /** By kind. */
  readonly changesMs: ReadonlyMap<string, readonly number[]>;
  readonly rewriteMs: number;
  readonly rules: number;
  readonly residentMB: number;
}

async function measure(instance: Instance, shape: Shape, backend: TablesBackend): Promise<Figures> {
  await using cluster = await PolicyCluster.start(instance, shape, backend);
  const { firstMs, namespace } = cluster;
  const restoreMs = await restoredMs(instance, namespace, backend);
  const changesMs = new Map<string, readonly number[]>();
  for (const [kind, change] of Object.entries(kinds)) {
    const times: number[] = [];
    const startMs = performance.now();
    for (let index = 0; index < changes; index++) {
      if (index >= changesMin && performance.now() - startMs > changesMsMax) break;
      times.push(await change(cluster, shape, index));
      await delay(betweenChangesMs);
    }
    changesMs.set(kind, times);
  }
  const residentMB = await cluster.node.residentMB();
  await cluster.node.requireInForce();
  const saved = await namespace.exec(`iptables-${backend}-save`, ["-t", "filter"]);
  const rewrites = [];
  for (let round = 0; round < 3; round++) rewrites.push(await elapsedMs(() => restore(namespace, backend, saved)));
  const rules = saved.split("\n").filter((line) => line.startsWith("-A")).length;
  return { firstMs, restoreMs, changesMs, rewriteMs: median(rewrites), rules, residentMB };
}

/** The same sets and rules by the commands that everybody has, into a namespace with nothing in it. */
async function restoredMs(instance: Instance, from: NamespaceView, backend: TablesBackend): Promise<number> {
  await using target = await createNamespace("brestore", { instance });
  const sets = await from.exec("ipset", ["save"], { deadlineMs });
  const saved = await from.exec(`iptables-${backend}-save`, ["-t", "filter"], { deadlineMs });
  // Awaited here: the namespace goes with the scope.
  return await elapsedMs(async () => {
    await target.exec("ipset", ["restore"], { input: sets, deadlineMs });
    await restore(target, backend, saved);
  });
}

async function restore(namespace: NamespaceView, backend: TablesBackend, saved: string): Promise<void> {
  await namespace.exec(`iptables-${backend}-restore`, [], { input: saved, deadlineMs });
}

const shapes: readonly Shape[] = ["app", "tag"];
const backends: readonly TablesBackend[] = ["nft", "legacy"];

export const policyChangeRows: readonly Row[] = shapes.flatMap((shape) =>
  backends.flatMap((backend) => rowsOf(shape, backend)),
);

/** All of one measurement. */
function rowsOf(shape: Shape, backend: TablesBackend): Row[] {
  let measured: Promise<Figures> | undefined;
  const figures = (instance: Instance): Promise<Figures> => {
    measured ??= measure(instance, shape, backend);
    return measured;
  };
  const felix = felixMs[shape][backend];
  const first: Row = {
    name: `policy: first programming of 10,000 policies, shape ${shape}, ${backend}`,
    unit: "ms",
    better: "lower",
    target: () => felix.first * firstShare,
    async measure(instance) {
      const { firstMs, restoreMs, rules, residentMB } = await figures(instance);
      const notes = [
        `${rules.toLocaleString("en")} rules, ${Math.round(residentMB)} MB resident; Felix, elsewhere: ${felix.first} ms`,
      ];
      return { anchor: { name: "ipset and iptables-restore alone", figure: restoreMs }, ours: firstMs, notes };
    },
  };
  const ofKind = (kind: string): Row => ({
    name: `policy: ${kind} beside 10,000 policies, shape ${shape}, ${backend}, p99`,
    unit: "ms",
    better: "lower",
    target: (rewriteMs) => {
      if (backend === "legacy") return rewritesMax * rewriteMs;
      return shape === "app" ? appChangeMsMax : felix.change * changeShare;
    },
    async measure(instance) {
      const { changesMs, rewriteMs } = await figures(instance);
      const times = changesMs.get(kind) ?? [];
      const p99 = times.toSorted((a, b) => a - b)[Math.ceil(times.length * 0.99) - 1] ?? Number.NaN;
      const notes = [
        `p50 ${median(times).toFixed(1)} ms of ${times.length} changes; Felix, elsewhere: p99 ${felix.change} ms`,
      ];
      return { anchor: { name: "one rewrite of the table", figure: rewriteMs }, ours: p99, notes };
    },
  });
  return [first, ...Object.keys(kinds).map(ofKind)];
}
