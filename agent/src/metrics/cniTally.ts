/** What container runtimes asked for, and what became of it. */
import { type Answer, commands } from "@brindle/cni";
import { Counts } from "./counts.ts";
import { Durations } from "./durations.ts";
import type { MetricRow } from "./metric.ts";

/** An ADD takes some 10 ms, and is given up after 50 s. */
const secondsBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export interface CniAnswered {
  /** As the runtime said it, whatever that was. */
  readonly command: string | undefined;
  readonly answer: Answer;
  readonly seconds: number;
}

export class CniTally {
  readonly requests: Counts = new Counts("command", "result");
  readonly durations: Durations = new Durations(secondsBounds);

  answered({ command: said, answer, seconds }: CniAnswered): void {
    const command = commands.find((known) => known === said) ?? "unknown";
    this.requests.add([command, resultOf(answer)]);
    this.durations.observe(seconds, { command });
  }
}

/** The number of the error, as the specification has it. */
function resultOf({ exitCode, stdout }: Answer): string {
  return exitCode === 0 ? "ok" : String((JSON.parse(stdout) as { readonly code: number }).code);
}

export const cniMetrics: readonly MetricRow<{ readonly cni: CniTally }>[] = [
  {
    name: "brindle_cni_requests_total",
    type: "counter",
    help: "Requests of container runtimes that were answered; result is ok or the number of the CNI error",
    labelNames: ["command", "result"],
    samples: ({ cni }) => cni.requests.samples(),
  },
  {
    name: "brindle_cni_request_duration_seconds",
    type: "histogram",
    help: "How long the answer to a container runtime took",
    labelNames: ["command"],
    samples: ({ cni }) => cni.durations.samples(),
  },
];
