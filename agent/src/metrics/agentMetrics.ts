/** What an agent tells Prometheus, beside what `@brindle/bgp` tells of the speaker. */
import type { BlockStatus, MistakeStatus, PartHealth } from "@brindle/api";
import { type CniTally, cniMetrics } from "./cniTally.ts";
import { by, type MetricRow, type Sample, single } from "./metric.ts";
import { type PolicyFacts, policyMetrics } from "./policyMetrics.ts";

export interface AgentFacts {
  readonly version: string;
  readonly parts: readonly PartHealth[];
  readonly mistakes: readonly MistakeStatus[];
  readonly cni: CniTally;
  /** All that is `null` is not known before the machine has let the agent begin. */
  readonly cluster: ClusterFacts | null;
  /** As they were read last; `null` before. */
  readonly blocks: readonly BlockStatus[] | null;
  readonly policy: PolicyFacts | null;
  readonly routes: RouteFacts | null;
  /** How long the thread of BGP took to answer now; `null` while there is none, or none that answers. */
  readonly bgpAnswerSeconds: number | null;
}

export interface ClusterFacts {
  readonly isInSync: boolean;
  /** `null` before anything was heard. */
  readonly stalenessMs: number | null;
  /** On this node. */
  readonly pods: number;
  readonly problems: number;
}

interface RouteCounts {
  readonly writes: number;
  readonly failures: number;
}

export interface RouteFacts {
  /** Learned ones and blackholes of own blocks, as the kernel has them. */
  readonly held: number;
  readonly learned: RouteCounts;
  readonly pods: RouteCounts;
}

type Row = MetricRow<AgentFacts>;

function gauge(name: string, help: string, value: (facts: AgentFacts) => number | null): Row {
  return { name: `brindle_${name}`, type: "gauge", help, labelNames: [], samples: (facts) => single(value(facts)) };
}

const healthMetrics: readonly Row[] = [
  {
    name: "brindle_build_info",
    type: "gauge",
    help: "Always 1; the release is a label",
    labelNames: ["version"],
    samples: ({ version }) => [{ labels: { version }, value: 1 }],
  },
  {
    name: "brindle_part_ready",
    type: "gauge",
    help: "1 where the part of the agent does all of its work",
    labelNames: ["part"],
    samples: ({ parts }) =>
      by("part", Object.fromEntries(parts.map(({ part, state }) => [part, truth(state === "ready")]))),
  },
  {
    name: "brindle_mistakes",
    type: "gauge",
    help: "What is wrong with the node, by the names of docs/troubleshooting.md; of what is not wrong there is no sample",
    labelNames: ["code"],
    samples: ({ mistakes }) => counted(mistakes.map(({ code }) => code)),
  },
];

const datastoreMetrics: readonly Row[] = [
  gauge("datastore_connected", "1 while the datastore answers", ({ parts }) =>
    truth(parts.some(({ part, state }) => part === "store" && state === "ready")),
  ),
  gauge("datastore_in_sync", "1 once all that is stored was read", ({ cluster }) => cluster && truth(cluster.isInSync)),
  gauge(
    "datastore_staleness_seconds",
    "How long the datastore was last heard of ago; not known before the first word",
    ({ cluster }) => (cluster?.stalenessMs == null ? null : cluster.stalenessMs / 1000),
  ),
  gauge(
    "resource_problems",
    "Resources other than policies that are not acted on: brindlectl status names them",
    ({ cluster }) => cluster?.problems ?? null,
  ),
];

const addressMetrics: readonly Row[] = [
  gauge("pods", "Pods of this node that the datastore has", ({ cluster }) => cluster?.pods ?? null),
  gauge("ipam_blocks", "Blocks of addresses that the node has", ({ blocks }) => blocks?.length ?? null),
  {
    name: "brindle_ipam_addresses",
    type: "gauge",
    help: "Addresses in these blocks, in use or free; read at most once a minute. A node without free ones takes another block",
    labelNames: ["state"],
    samples: ({ blocks }) => {
      if (!blocks) return [];
      const inUse = blocks.reduce((sum, block) => sum + block.inUse, 0);
      return by("state", { in_use: inUse, free: blocks.reduce((sum, block) => sum + block.size, 0) - inUse });
    },
  },
];

function routeCounter(name: string, help: string, value: (counts: RouteCounts) => number): Row {
  const samples: Row["samples"] = ({ routes }) =>
    routes ? by("kind", { learned: value(routes.learned), pods: value(routes.pods) }) : [];
  return { name: `brindle_route_${name}_total`, type: "counter", help, labelNames: ["kind"], samples };
}

const routeMetrics: readonly Row[] = [
  gauge(
    "routes",
    "Routes of the kernel that follow from BGP and from the node's own blocks",
    ({ routes }) => routes?.held ?? null,
  ),
  routeCounter(
    "writes",
    "Routes that were to be written to the kernel: learned ones, and repaired ones of pods",
    (it) => it.writes,
  ),
  routeCounter("failures", "Routes that the kernel refused; they are tried again", (it) => it.failures),
  gauge(
    "bgp_answer_seconds",
    "How long the thread of BGP took to answer this very question",
    ({ bgpAnswerSeconds }) => bgpAnswerSeconds,
  ),
];

export const agentMetrics: readonly MetricRow<AgentFacts>[] = [
  ...healthMetrics,
  ...datastoreMetrics,
  ...addressMetrics,
  ...cniMetrics,
  ...policyMetrics,
  ...routeMetrics,
];

function truth(holds: boolean): number {
  return holds ? 1 : 0;
}

function counted(codes: readonly string[]): Sample[] {
  const counts: Record<string, number> = {};
  for (const code of codes) counts[code] = (counts[code] ?? 0) + 1;
  return by("code", counts);
}
