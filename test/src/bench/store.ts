/** The datastore: a large listing, its memory, many changes, and how long one takes. Beside `etcd3`, a client of etcd. */
import { setTimeout as sleep } from "node:timers/promises";
import { openEtcdStore } from "@brindle/api/shell/etcd";
import { startEtcd } from "../fixtures/etcd.ts";
import type { Instance } from "../fixtures/instance.ts";
import type { Measured, Row } from "./row.ts";
import { commitPuts, writeEndpoints } from "./storeEndpoints.ts";
import { latencyRows } from "./storeLatency.ts";
import { startWatcher, type WatcherMode, type WatcherReport } from "./storeProcess.ts";
import { validationRow } from "./validation.ts";

const count = 100_000;
const ratePerSecond = 10_000;
const changesOfTransaction = 100;
const durationMs = 10_000;
const anchorName = "etcd3";

/** Filled once for all rows, and measured once for all figures of a listing, or of changes. */
let filled: Promise<string> | undefined;
const listings = new Map<WatcherMode, Promise<Listed>>();
const streams = new Map<WatcherMode, Promise<Told>>();

interface Listed {
  readonly listMs: number;
  readonly aboveIdleMiB: number;
}

interface Told {
  readonly perSecond: number;
  /** The watcher's processor time. */
  readonly microsecondsEach: number;
}

const endpoints = `${count.toLocaleString("en")} endpoints`;

export const storeRows: readonly Row[] = [
  listingRow(`store: initial list of ${endpoints}`, "ms", "whole", ({ listMs }) => listMs),
  listingRow(`store: ${endpoints} held whole, above idle`, "MiB", "whole", ({ aboveIdleMiB }) => aboveIdleMiB),
  listingRow(`store: ${endpoints} held trimmed, above idle`, "MiB", "trimmed", ({ aboveIdleMiB }) => aboveIdleMiB),
  {
    name: `store: changes told of ${ratePerSecond.toLocaleString("en")} a second, none lost`,
    unit: "changes/s",
    better: "higher",
    measure: (instance) => compareChanges(instance, ({ perSecond }) => perSecond),
  },
  {
    name: "store: changes told, processor time of one",
    unit: "us",
    better: "lower",
    measure: (instance) => compareChanges(instance, ({ microsecondsEach }) => microsecondsEach),
  },
  ...latencyRows,
  validationRow,
];

function listingRow(name: string, unit: string, mode: WatcherMode, figure: (listed: Listed) => number): Row {
  return {
    name,
    unit,
    better: "lower",
    async measure(instance): Promise<Measured> {
      const anchor = figure(await listing(instance, "etcd3"));
      return { anchor: { name: anchorName, figure: anchor }, ours: figure(await listing(instance, mode)) };
    },
  };
}

function listing(instance: Instance, mode: WatcherMode): Promise<Listed> {
  const known = listings.get(mode) ?? measureListing(instance, mode);
  listings.set(mode, known);
  return known;
}

async function measureListing(instance: Instance, mode: WatcherMode): Promise<Listed> {
  using watcher = startWatcher(await filledEtcd(instance), mode);
  const idle = await watcher.report("idle");
  const { listMs = 0, held, residentMiB = 0 } = await watcher.report("listed");
  if (held !== count) throw new RangeError(`${mode} holds ${held} endpoints of ${count}`);
  return { listMs, aboveIdleMiB: residentMiB - (idle.residentMiB ?? 0) };
}

async function compareChanges(instance: Instance, figure: (told: Told) => number): Promise<Measured> {
  const anchor = figure(await changes(instance, "etcd3"));
  return { anchor: { name: anchorName, figure: anchor }, ours: figure(await changes(instance, "whole")) };
}

function changes(instance: Instance, mode: WatcherMode): Promise<Told> {
  const known = streams.get(mode) ?? measureChanges(instance, mode);
  streams.set(mode, known);
  return known;
}

/** Written as fast as asked and no faster; timed from the first write until the watcher was told of the last. */
async function measureChanges(instance: Instance, mode: WatcherMode): Promise<Told> {
  const endpoint = await filledEtcd(instance);
  const count = (ratePerSecond * durationMs) / 1_000;
  using watcher = startWatcher(endpoint, mode, count);
  await watcher.report("listed");
  const startMs = performance.timeOrigin + performance.now();
  await writeChanges(endpoint, count);
  const { atMs, processorMs = 0 }: WatcherReport = await watcher.report("told");
  return { perSecond: (count / (atMs - startMs)) * 1_000, microsecondsEach: (processorMs / count) * 1_000 };
}

async function writeChanges(endpoint: string, changes: number): Promise<void> {
  const store = openEtcdStore({ endpoints: [endpoint], timeoutMs: 60_000 });
  const intervalMs = (changesOfTransaction / ratePerSecond) * 1_000;
  const startMs = performance.now();
  const commits: Promise<void>[] = [];
  for (let written = 0; written < changes; written += changesOfTransaction) {
    const aheadMs = startMs + commits.length * intervalMs - performance.now();
    if (aheadMs > 0) await sleep(aheadMs);
    commits.push(commitPuts(store, written % count, changesOfTransaction, commits.length));
  }
  await Promise.all(commits);
  await store.close();
}

function filledEtcd(instance: Instance): Promise<string> {
  filled ??= fill(instance);
  return filled;
}

async function fill(instance: Instance): Promise<string> {
  const directory = await instance.createDirectory("etcd");
  const { endpoint } = await startEtcd({ instance, directory }); // Ends with the instance.
  const store = openEtcdStore({ endpoints: [endpoint], timeoutMs: 60_000 });
  await writeEndpoints(store, count);
  await store.close();
  return endpoint;
}
