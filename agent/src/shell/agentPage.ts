/** What an agent knows of itself at the moment, as the page for Prometheus. A part that does not answer holds up none of it. */
import type { BlockStatus } from "@brindle/api";
import { type Metric, speakerMetrics } from "@brindle/bgp";
import { agentMetrics, type ClusterFacts } from "../metrics/agentMetrics.ts";
import type { CniTally } from "../metrics/cniTally.ts";
import { tell } from "../metrics/metric.ts";
import { blockStatus } from "./blockStatus.ts";
import type { ControlContext, ControlParts } from "./controlHandlers.ts";
import { metricsPage } from "./metricsPage.ts";
import type { MetricsPage } from "./metricsServer.ts";

export interface AgentPagePorts {
  readonly context: Pick<ControlContext, "node" | "version" | "health">;
  readonly tally: CniTally;
  /** `null` as long as the machine does not let the agent begin. */
  readonly running: () => ControlParts | null;
}

/** Prometheus waits for ten seconds. */
const patienceMs = 2_000;
/** Blocks are read from the datastore, by each node of a cluster: not at each question. */
const blocksEveryMs = 60_000;

interface SpeakerAnswer {
  readonly metrics: readonly Metric[];
  readonly seconds: number;
}

export class AgentPage {
  readonly #ports: AgentPagePorts;
  #blocks: readonly BlockStatus[] | null = null;
  #blocksReadMs = Number.NEGATIVE_INFINITY;

  constructor(ports: AgentPagePorts) {
    this.#ports = ports;
  }

  async read(): Promise<MetricsPage> {
    const { context, tally, running } = this.#ports;
    const parts = running();
    const [speaker, hits] = await Promise.all([
      withinPatience(askSpeaker(parts), null),
      withinPatience(parts?.policy.hitTotals() ?? Promise.resolve(null), null),
      withinPatience(this.#readBlocks(parts), undefined),
    ]);
    const own = tell(agentMetrics, {
      version: context.version,
      parts: context.health.all(),
      mistakes: context.health.mistakes(),
      cni: tally,
      cluster: parts && clusterFacts(context.node, parts),
      blocks: this.#blocks,
      policy: parts && {
        ...parts.policy.facts(),
        hits,
        flows: { ...parts.flows.denied.counts(), ended: parts.flows.ending.count },
      },
      routes: parts && {
        held: parts.routes.held,
        learned: parts.routes.counters(),
        pods: parts.podRoutes.counters(),
      },
      bgpAnswerSeconds: speaker?.seconds ?? null,
    });
    return metricsPage([...own, ...(speaker?.metrics ?? speakerMetrics(null))]);
  }

  /** What was read last stands where it cannot be read now. */
  async #readBlocks(parts: ControlParts | null): Promise<void> {
    const { context } = this.#ports;
    const isDue = performance.now() - this.#blocksReadMs >= blocksEveryMs;
    if (!parts?.cluster.isInSync || !isDue || context.health.ownProblem(["store"]) !== null) return;
    this.#blocksReadMs = performance.now();
    this.#blocks = await blockStatus(context.node, parts);
  }
}

function clusterFacts(node: string, { cluster }: ControlParts): ClusterFacts {
  let pods = 0;
  for (const { spec } of cluster.state.all("WorkloadEndpoint").values()) if (spec.node === node) pods += 1;
  const { isInSync } = cluster;
  return { isInSync, stalenessMs: cluster.stalenessMs(), pods, problems: cluster.problems().size };
}

/** `null` without a speaker. */
async function askSpeaker(parts: ControlParts | null): Promise<SpeakerAnswer | null> {
  const speaker = parts?.speaker.running;
  if (!speaker) return null;
  const sinceMs = performance.now();
  const [peers, summary] = await Promise.all([speaker.peers(), speaker.summary()]);
  return { metrics: speakerMetrics({ peers, summary }), seconds: (performance.now() - sinceMs) / 1000 };
}

/** `instead` where it fails or takes too long. */
async function withinPatience<T>(work: Promise<T>, instead: T): Promise<T> {
  const { promise: over, resolve } = Promise.withResolvers<T>();
  const timer = setTimeout(() => resolve(instead), patienceMs);
  try {
    return await Promise.race([work, over]);
  } catch {
    return instead;
  } finally {
    clearTimeout(timer);
  }
}
