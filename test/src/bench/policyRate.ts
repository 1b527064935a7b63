/** A cluster in which much changes all the time, for a minute: whether a node keeps up, and what that takes of a core. */
import { setTimeout as delay } from "node:timers/promises";
import type { Rule } from "@brindle/api";
import type { PolicyResource } from "@brindle/policy";
import type { Instance } from "../fixtures/instance.ts";
import { PolicyCluster, size } from "./policyCluster.ts";
import { pod, policy } from "./policyLoad.ts";
import type { Row } from "./row.ts";

const changesPerSecond = 1_000;
const seconds = 60;
const tickMs = 10;
/** Of so many changes one is here: of a pod's labels or of a policy, in turn. */
const localOneOf = 10;
const coreShareMax = 50;
/** What is later than this has gathered somewhere. */
const lagMsMax = 1_000;
/** The lag is looked at so often. */
const samplesPerSecond = 4;

interface Figures {
  readonly coreShare: number;
  readonly lagsMs: readonly number[];
  readonly writtenPerSecond: number;
}

/** When each change was written, to know how old what is not yet in force is. */
class Lag {
  readonly #cluster: PolicyCluster;
  readonly #writes: { readonly upTo: number; readonly atMs: number }[] = [];
  #next = 0;

  constructor(cluster: PolicyCluster) {
    this.#cluster = cluster;
  }

  wrote(upTo: number): void {
    this.#writes.push({ upTo, atMs: performance.now() });
  }

  nowMs(): number {
    while ((this.#writes[this.#next]?.upTo ?? Number.POSITIVE_INFINITY) <= this.#cluster.node.told) this.#next += 1;
    const oldest = this.#writes[this.#next];
    return oldest ? performance.now() - oldest.atMs : 0;
  }
}

async function measure(instance: Instance): Promise<Figures> {
  await using cluster = await PolicyCluster.start(instance, "app", "nft");
  const lag = new Lag(cluster);
  const lagsMs: number[] = [];
  const before = await cluster.node.processorMs();
  const startMs = performance.now();
  let written = 0;
  let failure: unknown = null;
  let nextSampleMs = startMs;
  while (performance.now() - startMs < seconds * 1000) {
    const due = Math.floor(((performance.now() - startMs) / 1000) * changesPerSecond);
    for (; written < due; written++) {
      cluster.write(change(written)).then(
        (upTo) => lag.wrote(upTo),
        (error: unknown) => {
          failure ??= error;
        },
      );
    }
    if (failure) throw failure;
    if (performance.now() >= nextSampleMs) {
      lagsMs.push(lag.nowMs());
      nextSampleMs += 1000 / samplesPerSecond;
    }
    await delay(tickMs);
  }
  const elapsedMs = performance.now() - startMs;
  const coreShare = (((await cluster.node.processorMs()) - before) / elapsedMs) * 100;
  await cluster.settled();
  await cluster.node.requireInForce();
  return { coreShare, lagsMs, writtenPerSecond: (written / elapsedMs) * 1000 };
}

/** Each is another object than it was: what is written again as it was is no change. Most are other members of sets, too. */
function change(index: number): PolicyResource {
  const more = { round: String(index), role: `role-${(index * 7) % 50}` };
  if (index % localOneOf !== 0) return pod("app", size.local + (index % (size.pods - size.local)), size, more);
  const turn = index / localOneOf;
  return turn % 2 === 0 ? pod("app", turn % size.local, size, more) : policyWithPort(turn % size.local, 1_024 + turn);
}

/** Of a pod here. */
function policyWithPort(index: number, port: number): PolicyResource {
  const changed = policy("app", index);
  const rule: Rule = { action: "Allow", protocol: "TCP", destination: { ports: [port] } };
  const spec = { ...changed.spec, ingress: [rule, ...(changed.spec.ingress ?? [])] };
  return { ...changed, spec } as PolicyResource; // Of the kind that it was.
}

let measured: Promise<Figures> | undefined;

function row(what: Pick<Row, "name" | "unit">, of: (figures: Figures) => { ours: number; limit: number }): Row {
  return {
    ...what,
    better: "lower",
    target: (limit) => limit,
    async measure(instance) {
      measured ??= measure(instance);
      const figures = await measured;
      const { ours, limit } = of(figures);
      const notes = [`${Math.round(figures.writtenPerSecond)} changes a second written for ${seconds} s`];
      return { anchor: { name: "what it may be", figure: limit }, ours, notes };
    },
  };
}

const load = `${changesPerSecond.toLocaleString("en")} changes a second beside 10,000 policies`;

export const policyRateRows: readonly Row[] = [
  row({ name: `policy: ${load}: share of a core`, unit: "%" }, ({ coreShare }) => ({
    ours: coreShare,
    limit: coreShareMax,
  })),
  row({ name: `policy: ${load}: age of the oldest that is not in force`, unit: "ms" }, ({ lagsMs }) => ({
    ours: Math.max(...lagsMs),
    limit: lagMsMax,
  })),
];
