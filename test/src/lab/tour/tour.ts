import Table from "cli-table3";
import type { Lab } from "../lab.ts";
import { agentKillStep, etcdStep } from "./failures.ts";
import { connectivityStep, deletionStep, podsStep } from "./pods.ts";
import { policyStep } from "./policy.ts";
import { addressesStep, peersStep, routesStep } from "./routing.ts";
import { type Step, Tour } from "./step.ts";

/** In this order: each may use what the ones before it made. */
export const steps: readonly Step[] = [
  peersStep,
  podsStep,
  addressesStep,
  routesStep,
  connectivityStep,
  policyStep,
  deletionStep,
  agentKillStep,
  etcdStep,
];

/** Throws at the first step that does not hold, with what it saw and expected. */
export async function runTour(lab: Lab, print: (line: string) => void): Promise<void> {
  const table = new Table({ head: ["verified", "figure"], style: { head: [], border: [] } });
  const startMs = performance.now();
  for (const [index, step] of steps.entries()) {
    print(`\n${index + 1}/${steps.length}  ${step.title}`);
    const stepStartMs = performance.now();
    const findings = await step.run(new Tour(lab, print));
    for (const { what, figure } of findings) table.push([what, figure]);
    print(`  ok (${seconds(stepStartMs)} s)`);
  }
  print(`\n${table.toString()}\n${steps.length} steps in ${seconds(startMs)} s`);
}

function seconds(sinceMs: number): string {
  return ((performance.now() - sinceMs) / 1000).toFixed(1);
}
