/** How long one write takes, and how long until a watch tells of it: ours and `etcd3` in turn, on one etcd. */
import { etcdKey, type Store } from "@brindle/api";
import { openEtcdStore } from "@brindle/api/shell/etcd";
import { Etcd3 } from "etcd3";
import { startEtcd } from "../fixtures/etcd.ts";
import type { Instance } from "../fixtures/instance.ts";
import type { Row } from "./row.ts";
import { endpoint, endpointKey } from "./storeEndpoints.ts";

const rounds = 1_000;
const warmUpRounds = 100;

interface Sample {
  readonly putMs: number;
  /** From the same moment: the write is in it. */
  readonly toldMs: number;
}

interface Samples {
  readonly anchor: readonly Sample[];
  readonly ours: readonly Sample[];
}

let measured: Promise<Samples> | undefined;

export const latencyRows: readonly Row[] = [
  row("store: write of an endpoint, median", "putMs", 0.5),
  row("store: write of an endpoint, 99th percentile", "putMs", 0.99),
  row("store: write until it is told, median", "toldMs", 0.5),
  row("store: write until it is told, 99th percentile", "toldMs", 0.99),
];

function row(name: string, field: keyof Sample, part: number): Row {
  return {
    name,
    unit: "ms",
    better: "lower",
    async measure(instance) {
      measured ??= measure(instance);
      const { anchor, ours } = await measured;
      const figure = (samples: readonly Sample[]) =>
        quantile(
          samples.map((sample) => sample[field]),
          part,
        );
      return { anchor: { name: "etcd3", figure: figure(anchor) }, ours: figure(ours) };
    },
  };
}

function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length * part)] ?? Number.NaN;
}

async function measure(instance: Instance): Promise<Samples> {
  await using etcd = await startEtcd({ instance });
  await using stack = new AsyncDisposableStack();
  const store = stack.adopt(openEtcdStore({ endpoints: [etcd.endpoint] }), (open) => open.close());
  const client = stack.adopt(new Etcd3({ hosts: etcd.endpoint }), (open) => open.close());
  const heard = new Heard();
  await watchBoth(store, client, heard);
  const samples = { anchor: [] as Sample[], ours: [] as Sample[] };
  for (let round = 0; round < rounds + warmUpRounds; round++) {
    const text = JSON.stringify(endpoint(0, round));
    const anchor = await sample(heard, "etcd3", () =>
      client
        .put(etcdKey(endpointKey(0)))
        .value(text)
        .exec(),
    );
    const value = endpoint(1, round);
    const ours = await sample(heard, "ours", () => store.commit([{ op: "put", key: endpointKey(1), value }]));
    if (round < warmUpRounds) continue;
    samples.anchor.push(anchor);
    samples.ours.push(ours);
  }
  return samples;
}

/** Each tells of its own key: of the other's it would be told at the same moment. */
async function watchBoth(store: Store, client: Etcd3, heard: Heard): Promise<void> {
  const inSync = Promise.withResolvers<void>();
  store.watch(["WorkloadEndpoint"], (event) => {
    if (event.type === "inSync") inSync.resolve();
    if (event.type === "changed" && event.item.key.name === endpointKey(1).name) heard.hear("ours");
  });
  await inSync.promise;
  const watcher = await client
    .watch()
    .key(etcdKey(endpointKey(0)))
    .create();
  watcher.on("put", () => heard.hear("etcd3"));
}

class Heard {
  readonly #waiting = new Map<string, () => void>();

  hear(who: string): void {
    this.#waiting.get(who)?.();
  }

  next(who: string): Promise<void> {
    return new Promise((resolve) => this.#waiting.set(who, resolve));
  }
}

async function sample(heard: Heard, who: string, put: () => Promise<unknown>): Promise<Sample> {
  const startMs = performance.now();
  const told = heard.next(who).then(() => performance.now() - startMs);
  await put();
  return { putMs: performance.now() - startMs, toldMs: await told };
}
