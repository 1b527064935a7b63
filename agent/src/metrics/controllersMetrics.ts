/** What the controllers tell Prometheus. */
import type { ControllersTally } from "./controllersTally.ts";
import { by, type MetricRow, single } from "./metric.ts";

export interface ControllersFacts {
  readonly version: string;
  readonly tally: ControllersTally;
  /** By the part that does not do all of its work: a controller, the lease, the datastore. */
  readonly problems: ReadonlyMap<string, string>;
}

export const controllersMetrics: readonly MetricRow<ControllersFacts>[] = [
  {
    name: "brindle_build_info",
    type: "gauge",
    help: "Always 1; the release is a label",
    labelNames: ["version"],
    samples: ({ version }) => [{ labels: { version }, value: 1 }],
  },
  {
    name: "brindle_controllers_leader",
    type: "gauge",
    help: "1 at the replica that acts; the sum over all replicas is to be 1",
    labelNames: [],
    samples: ({ tally }) => single(tally.isLeader ? 1 : 0),
  },
  {
    name: "brindle_controllers_problems",
    type: "gauge",
    help: "1 for a part that does not do all of its work, as /readiness says; of the others there is no sample",
    labelNames: ["part"],
    samples: ({ problems }) => by("part", Object.fromEntries([...problems.keys()].map((part) => [part, 1]))),
  },
  {
    name: "brindle_controller_runs_total",
    type: "counter",
    help: "How often the controller was begun: first, after a change of its configuration, after a failure",
    labelNames: ["controller"],
    samples: ({ tally }) => tally.runs.samples(),
  },
  {
    name: "brindle_controller_failures_total",
    type: "counter",
    help: "How often it ended with a failure; it is tried again",
    labelNames: ["controller"],
    samples: ({ tally }) => tally.failures.samples(),
  },
  {
    name: "brindle_ipam_findings",
    type: "gauge",
    help: "What was wrong with addresses at the last look: given twice, of nobody, or in a handle that says otherwise",
    labelNames: ["controller", "kind"],
    samples: ({ tally }) => tally.findings(),
  },
  {
    name: "brindle_ipam_repairs_total",
    type: "counter",
    help: "Of these, what was put right",
    labelNames: ["controller"],
    samples: ({ tally }) => tally.repairs.samples(),
  },
  {
    name: "brindle_conditions_written_total",
    type: "counter",
    help: "Conditions of resources that were written",
    labelNames: [],
    samples: ({ tally }) => single(tally.conditionsWritten),
  },
  {
    name: "brindle_carried_objects_total",
    type: "counter",
    help: "Objects in etcd that were written after what Kubernetes says, by what was done",
    labelNames: ["controller", "op"],
    samples: ({ tally }) => tally.carried.samples(),
  },
];
