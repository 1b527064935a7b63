/** Policy in the packet filter: how much there is of it, and how it gets there. */
import type { Desired } from "@brindle/policy";
import { Durations } from "./durations.ts";
import { by, type MetricRow, type Sample, single } from "./metric.ts";

/** A change of sets alone takes a millisecond; a large table with the legacy backend seconds. */
const secondsBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Since the start, as the enforcer counts them. */
export interface EnforcerCounts {
  readonly applied: number;
  readonly failed: number;
  readonly readBacks: number;
  readonly tableWrites: number;
  readonly setWrites: number;
}

export interface PolicyFacts {
  readonly counters: EnforcerCounts;
  readonly tally: PolicyTally;
  /** `null` where it could not be read now. */
  readonly hits: HitTotals | null;
  readonly flows: FlowCounts;
  /** What was last asked to be in force; `null` before the datastore is in sync. */
  readonly desired: Pick<Desired, "tables" | "sets" | "endpoints" | "problems"> | null;
}

export interface HitTotals {
  readonly allow: number;
  readonly deny: number;
  readonly pass: number;
}

export interface FlowCounts {
  /** Packets that policy denied, as the kernel handed them over. */
  readonly heard: number;
  readonly held: number;
  readonly lost: number;
  /** Open flows that were ended. */
  readonly ended: number;
}

/** When policy came into force, and how long that took with all attempts. */
export class PolicyTally {
  readonly durations: Durations = new Durations(secondsBounds);
  readonly newcomers: Durations = new Durations(secondsBounds);
  /** Since when pods of other nodes wait that are not in force here. */
  #waitingSinceMs: number[] = [];
  #lastMs: number | null = null;

  newcomer(nowMs: number): void {
    this.#waitingSinceMs.push(nowMs);
  }

  /** What had been heard at `upToMs` is in force now; both of a clock that only goes forward. */
  admitted({ upToMs, nowMs }: { readonly upToMs: number; readonly nowMs: number }): void {
    const isIn = (sinceMs: number): boolean => sinceMs <= upToMs;
    for (const sinceMs of this.#waitingSinceMs.filter(isIn)) this.newcomers.observe((nowMs - sinceMs) / 1000);
    this.#waitingSinceMs = this.#waitingSinceMs.filter((sinceMs) => !isIn(sinceMs));
  }

  inForce({ seconds, nowMs }: { readonly seconds: number; readonly nowMs: number }): void {
    this.durations.observe(seconds);
    this.#lastMs = nowMs;
  }

  get lastMs(): number | null {
    return this.#lastMs;
  }
}

type Row = MetricRow<{ readonly policy: PolicyFacts | null }>;

function counter(name: string, help: string, value: (counters: EnforcerCounts) => number): Row {
  const samples: Row["samples"] = ({ policy }) => single(policy && value(policy.counters));
  return { name: `brindle_policy_${name}_total`, type: "counter", help, labelNames: [], samples };
}

type Wanted = NonNullable<PolicyFacts["desired"]>;
type Counted = readonly { readonly family: number; readonly count: number }[];

function sizeOf(name: string, help: string, count: (desired: Wanted) => Counted): Row {
  const samples: Row["samples"] = ({ policy }) => (policy?.desired ? perFamily(count(policy.desired)) : []);
  return { name: `brindle_policy_${name}`, type: "gauge", help, labelNames: ["family"], samples };
}

function perFamily(counted: Counted): Sample[] {
  return [4, 6].map((family) => {
    const value = counted.reduce((sum, each) => (each.family === family ? sum + each.count : sum), 0);
    return { labels: { family: `ipv${family}` }, value };
  });
}

function countsOf({ heard, held, lost }: FlowCounts): Record<string, number> {
  return { heard, held, lost };
}

const sets = ({ sets: all }: Wanted) => [...all.values()];

export const policyMetrics: readonly Row[] = [
  sizeOf("chains", "Chains of ours that the packet filter is to have", ({ tables }) =>
    tables.map(({ family, content }) => ({ family, count: content.chains.length })),
  ),
  sizeOf("rules", "Rules in these chains", ({ tables }) =>
    tables.map(({ family, content }) => ({
      family,
      count: content.chains.reduce((sum, { rules }) => sum + rules.length, 0),
    })),
  ),
  sizeOf("sets", "Sets of addresses and ports that rules refer to", (desired) =>
    sets(desired).map(({ family }) => ({ family, count: 1 })),
  ),
  sizeOf("set_members", "Members of all these sets", (desired) =>
    sets(desired).map(({ family, members }) => ({ family, count: members.size })),
  ),
  {
    name: "brindle_policy_endpoints",
    type: "gauge",
    help: "Endpoints of this node that chains are for",
    labelNames: [],
    samples: ({ policy }) => single(policy?.desired?.endpoints.size ?? null),
  },
  {
    name: "brindle_policy_problems",
    type: "gauge",
    help: "Resources that are not enforced as they are written, and are closed where that is unclear: brindlectl status names them",
    labelNames: [],
    samples: ({ policy }) => single(policy?.desired?.problems.size ?? null),
  },
  counter(
    "applies",
    "Attempts that brought policy into force, those with nothing to change included",
    (it) => it.applied,
  ),
  counter("apply_failures", "Attempts that did not; each is followed by another one", (it) => it.failed),
  counter("read_backs", "How often all of the packet filter was read", (it) => it.readBacks),
  counter("table_commits", "Tables that were committed to the kernel", (it) => it.tableWrites),
  counter("set_changes", "Sets that were made, grown, shrunk or destroyed", (it) => it.setWrites),
  {
    name: "brindle_policy_hits_total",
    type: "counter",
    help: "New flows that rules decided on, by what they decided, without those of doNotTrack policies, which decide on packets; brindlectl policy hits names the rules",
    labelNames: ["action"],
    samples: ({ policy }) => (policy?.hits ? by("action", { ...policy.hits }) : []),
  },
  {
    name: "brindle_policy_denied_packets_total",
    type: "counter",
    help: "Packets that policy denied and the kernel handed to the agent, those of them that were more than may be told, and those that were lost on the way",
    labelNames: ["result"],
    samples: ({ policy }) => (policy ? by("result", countsOf(policy.flows)) : []),
  },
  {
    name: "brindle_policy_ended_flows_total",
    type: "counter",
    help: "Open flows that a change of policy ended, where killEstablishedOnDeny says so",
    labelNames: [],
    samples: ({ policy }) => single(policy?.flows.ended ?? null),
  },
  {
    name: "brindle_policy_apply_duration_seconds",
    type: "histogram",
    help: "How long it took until what was asked for was in force, with all attempts that it needed",
    labelNames: [],
    samples: ({ policy }) => policy?.tally.durations.samples() ?? [],
  },
  {
    name: "brindle_policy_newcomer_duration_seconds",
    type: "histogram",
    help: "How long pods of other nodes waited, from when this node heard of their addresses until its policy was in force with them",
    labelNames: [],
    samples: ({ policy }) => policy?.tally.newcomers.samples() ?? [],
  },
  {
    name: "brindle_policy_last_apply_timestamp_seconds",
    type: "gauge",
    help: "When policy was last in force as asked for, in seconds since 1970; the packet filter is looked at each 90 s",
    labelNames: [],
    samples: ({ policy }) => single(policy?.tally.lastMs == null ? null : policy.tally.lastMs / 1000),
  },
];
