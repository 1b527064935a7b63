/**
 * `npm run bench`, or `npm run bench -- NAME` for the rows whose name holds NAME: each figure beside its anchor, measured
 * in the same run. It says how things are and judges nothing: targets belong to those who set them.
 */
import Table from "cli-table3";
import { openInstance } from "../fixtures/instance.ts";
import { bgpRoutesRow } from "./bgpRoutes.ts";
import { cniRows } from "./cni.ts";
import { kernelRoutesRow } from "./kernelRoutes.ts";
import { type Row, ratio } from "./row.ts";
import { selectorIndexRows } from "./selectorIndex.ts";
import { storeRows } from "./store.ts";
import { podRows } from "./storePods.ts";

const rows: readonly Row[] = [
  kernelRoutesRow,
  bgpRoutesRow,
  ...cniRows,
  ...storeRows,
  ...podRows,
  ...selectorIndexRows,
];

async function main(pattern: string): Promise<void> {
  const chosen = rows.filter(({ name }) => name.toLowerCase().includes(pattern.toLowerCase()));
  if (chosen.length === 0)
    throw new RangeError(`no row is called "${pattern}": ${rows.map(({ name }) => name).join("; ")}`);
  await using instance = await openInstance();
  const table = new Table({
    head: ["", "anchor", "anchor's figure", "ours", "unit", "ratio (above 1: better)"],
    style: { head: [], border: [] },
  });
  for (const row of chosen) {
    console.log(`measuring ${row.name} ...`);
    const measured = await row.measure(instance);
    const { anchor, ours } = measured;
    const times = ratio(row, measured);
    table.push([row.name, anchor.name, figure(anchor.figure), figure(ours), row.unit, times?.toFixed(2) ?? "-"]);
  }
  console.log(table.toString());
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
