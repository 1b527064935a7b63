/**
 * `npm run bench`, or `npm run bench -- NAME` for the rows whose name begins with NAME, or those that hold it anywhere:
 * each figure beside its anchor, measured in the same run. It says how things are, and of a row that has a target whether
 * it is met; it never fails on a figure.
 */
import Table from "cli-table3";
import { openInstance } from "../fixtures/instance.ts";
import { bgpRows } from "./bgp/rows.ts";
import { cniRows } from "./cni.ts";
import { ipamRows } from "./ipam.ts";
import { kernelRoutesRow } from "./kernelRoutes.ts";
import { kubernetesRows } from "./kubernetes.ts";
import { policyChangeRows } from "./policyChanges.ts";
import { policyDiffRow } from "./policyDiff.ts";
import { policyGraphRows } from "./policyGraph.ts";
import { policyNetworkSetRow } from "./policyNetworkSets.ts";
import { policyRateRows } from "./policyRate.ts";
import { policyTrafficRows } from "./policyTraffic.ts";
import { type Measured, type Row, ratio } from "./row.ts";
import { selectorIndexRows } from "./selectorIndex.ts";
import { storeRows } from "./store.ts";
import { podRows } from "./storePods.ts";

const rows: readonly Row[] = [
  kernelRoutesRow,
  ...bgpRows,
  ...cniRows,
  ...ipamRows,
  ...storeRows,
  ...podRows,
  ...selectorIndexRows,
  policyDiffRow,
  ...policyGraphRows,
  policyNetworkSetRow,
  ...policyChangeRows,
  ...policyRateRows,
  ...policyTrafficRows,
  ...kubernetesRows,
];

async function main(pattern: string): Promise<void> {
  const chosen = rowsNamed(pattern.toLowerCase());
  if (chosen.length === 0)
    throw new RangeError(`no row is called "${pattern}": ${rows.map(({ name }) => name).join("; ")}`);
  await using instance = await openInstance();
  const table = new Table({
    head: ["", "anchor", "anchor's figure", "ours", "unit", "ratio (above 1: better)", "target"],
    style: { head: [], border: [] },
  });
  const lacks = new Set<string>();
  for (const row of chosen) {
    const lack = (await row.lack?.()) ?? null;
    if (lack !== null) {
      if (!lacks.has(lack)) console.log(`not measured: ${lack}`);
      lacks.add(lack);
      continue;
    }
    console.log(`measuring ${row.name} ...`);
    const measured = await row.measure(instance);
    const { anchor, ours, notes = [] } = measured;
    const times = ratio(row, measured);
    const judged = judgement(row, measured);
    table.push([row.name, anchor.name, figure(anchor.figure), figure(ours), row.unit, shown(times), judged]);
    for (const note of notes) console.log(`  ${note}`);
  }
  if (table.length > 0) console.log(table.toString());
}

/** Those whose name begins so, or else those that hold it anywhere. */
function rowsNamed(pattern: string): readonly Row[] {
  const beginning = rows.filter(({ name }) => name.toLowerCase().startsWith(pattern));
  return beginning.length > 0 ? beginning : rows.filter(({ name }) => name.toLowerCase().includes(pattern));
}

/** Beside an anchor of nothing there is no ratio. */
function shown(times: number | undefined): string {
  return times === undefined || !Number.isFinite(times) || times === 0 ? "-" : times.toFixed(2);
}

function judgement({ target, better }: Row, { anchor, ours }: Measured): string {
  if (!target || ours === undefined) return "";
  const bound = target(anchor.figure);
  const isMet = better === "higher" ? ours >= bound : ours <= bound;
  return `${isMet ? "met" : "missed"}: at ${better === "higher" ? "least" : "most"} ${figure(bound)}`;
}

function figure(value: number | undefined): string {
  if (value === undefined) return "-";
  return value >= 1_000 ? Math.round(value).toLocaleString("en") : value.toFixed(1);
}

await main(process.argv[2] ?? "").catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
process.exit();
