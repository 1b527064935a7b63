/**
 * What gives back addresses that nobody else gives back: of nodes that are gone, soon; of pods and requests that died, after
 * `leakGracePeriod`. What is wrong and why it is so certain is `ipam`'s; here are the times, the lists and the log.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { durationMs, type NodeControllerConfig, StoreError } from "@brindle/api";
import { followNodeRemovals, readNodesAndPods } from "@brindle/api/shell";
import {
  Collector,
  concernsGoneNode,
  describeFinding,
  type Finding,
  isForPeople,
  type Pass,
  type PassOptions,
  restsOnGoneNodes,
} from "@brindle/ipam";
import { timerMsMax } from "../../controllers/configuration.ts";
import { messageOf } from "../../error.ts";
import type { AddressFindings } from "../../metrics/controllersTally.ts";
import type { Controller, ControllerContext } from "./controller.ts";

/** Calico's. */
const leakGraceMsDefault = 900_000;
/** As long as an ADD may take (its executable waits a minute): what it was given looks like a leak until it is over. */
export const leakGraceMsMin = 60_000;
/** A node that is made anew under its name, as by a kubelet that registers again, is back by then. */
const nodeGraceMsMax = 60_000;
/** Kubernetes removes the pods of a node that is gone within a minute. */
const restIntervalMs = 15_000;
const idleIntervalMs = 900_000;
const retryMs = 15_000;

export const ipamCollection: Controller = {
  name: "ipamCollection",
  settings: ({ configuration }) => {
    const graceMs = leakGraceMs(configuration.node);
    return graceMs === null ? null : { graceMs };
  },
  run: async (context, until) => {
    const wanted = leakGraceMs(context.configuration.node) ?? leakGraceMsDefault;
    const graceMs = Math.max(wanted, context.leakGraceMsMin);
    if (wanted < graceMs)
      context.log.warn(
        { wantedMs: wanted, graceMs },
        "leakGracePeriod is shorter than an ADD may take, which would lose its address: the longer time holds",
      );
    const passes = new Passes(context, {
      isMeant: (finding) => !concernsGoneNode(finding),
      graceMs: () => graceMs,
      until,
    });
    while (!until.aborted) {
      const pass = await passes.next();
      await waitUntil(pass ? graceMs / 2 : Math.min(retryMs, graceMs / 2), { until });
    }
  },
};

export const nodeRemoval: Controller = {
  name: "nodeRemoval",
  settings: ({ configuration: { node } }) => (node ? { graceMs: nodeGraceMs(node) } : null),
  run: async (context, until) => {
    const graceMs = nodeGraceMs(context.configuration.node);
    const passes = new Passes(context, { isMeant: concernsGoneNode, graceMs: () => graceMs, until });
    let woken = new AbortController();
    const following = followNodeRemovals(context.api, () => woken.abort());
    try {
      while (!until.aborted) {
        woken = new AbortController();
        const pass = await passes.next();
        await waitUntil(delayAfter(pass, graceMs), { until, woken: woken.signal });
      }
    } finally {
      await following.stop();
    }
  },
};

/** `null` for never, which Calico writes as `0s`. */
function leakGraceMs(node: NodeControllerConfig | undefined): number | null {
  if (!node) return null;
  const graceMs = node.leakGracePeriod === undefined ? leakGraceMsDefault : durationMs(node.leakGracePeriod);
  return graceMs === 0 ? null : (graceMs ?? leakGraceMsDefault);
}

function nodeGraceMs(node: NodeControllerConfig | undefined): number {
  return Math.min(nodeGraceMsMax, leakGraceMs(node) ?? nodeGraceMsMax);
}

function delayAfter(pass: Pass | null, graceMs: number): number {
  if (!pass) return retryMs;
  if (pass.waiting.length > 0 || pass.overtaken.length > 0) return graceMs;
  return restsOnGoneNodes(pass.facts) ? Math.min(restIntervalMs, graceMs) : idleIntervalMs;
}

class Passes {
  readonly #context: ControllerContext;
  readonly #options: PassOptions;
  readonly #collector: Collector;
  #told: ReadonlySet<string> = new Set();
  #counted = "";

  constructor(context: ControllerContext, options: PassOptions) {
    const { api, store, datastore } = context;
    this.#context = context;
    this.#options = options;
    this.#collector = new Collector({
      store,
      kubernetes: () => readNodesAndPods(api, { pods: datastore === "etcdv3" }),
      nowMs: () => performance.now(),
      now: () => BigInt(Date.now()) * 1_000_000n,
    });
  }

  /** `null` where the lists could not be had, or the datastore is locked; nothing was done then. */
  async next(): Promise<Pass | null> {
    try {
      if (await this.#isLocked()) return null;
      const pass = await this.#collector.pass(this.#options);
      this.#context.onHealth(null);
      this.#tell(pass);
      return pass;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.#context.onHealth(`nothing is collected: ${messageOf(error)}`);
      return null;
    }
  }

  /** As long as it is copied to another one, nobody writes. */
  async #isLocked(): Promise<boolean> {
    const { items } = await this.#context.store.list("ClusterInformation");
    return items.some(({ value }) => value.spec.datastoreReady === false);
  }

  /** What was done each time; what a person has to look at, and how much is wrong, when it is news. */
  #tell({ findings, repaired, overtaken }: Pass): void {
    const { log, name, tally } = this.#context;
    const counts = invariantsOf(findings.filter((finding) => this.#isOurs(finding)));
    if (JSON.stringify(counts) !== this.#counted) log.info(counts, "addresses examined");
    this.#counted = JSON.stringify(counts);
    tally.found(name, counts);
    tally.repairs.add([name], repaired.length);
    for (const finding of repaired) log.info({ repaired: finding.kind }, describeFinding(finding));
    for (const finding of overtaken) log.debug({ overtaken: finding.kind }, describeFinding(finding));
    const open = findings.filter((finding) => isForPeople(finding) && this.#isOurs(finding)).map(describeFinding);
    for (const text of open) if (!this.#told.has(text)) log.warn(`${text}; see brindlectl ipam check`);
    this.#told = new Set(open);
  }

  /** Two controllers see the same; one tells. */
  #isOurs(finding: Finding): boolean {
    return this.#options.isMeant(finding);
  }
}

/** All zero in a cluster that is well, but for what is under way. */
function invariantsOf(findings: readonly Finding[]): AddressFindings & { readonly all: number } {
  const count = (...kinds: readonly Finding["kind"][]): number =>
    findings.filter(({ kind }) => kinds.includes(kind)).length;
  return {
    duplicates: count("duplicate", "heldByOther", "overlap"),
    leaks: count("leak", "staleEndpoint", "blockOfGoneNode"),
    orphanHandles: count("orphanHandle", "missingHandle", "wrongCount"),
    all: findings.length,
  };
}

async function waitUntil(
  ms: number,
  { until, woken }: { readonly until: AbortSignal; readonly woken?: AbortSignal },
): Promise<void> {
  const signal = woken ? AbortSignal.any([until, woken]) : until;
  await sleep(Math.min(ms, timerMsMax), undefined, { signal }).catch(() => {});
}
