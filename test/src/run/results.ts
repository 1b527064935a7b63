/** The table at the end of `npm run test:kubeadm`: each item, how long it took, and what was lost while it was tried. Pure. */
import Table from "cli-table3";
import type { PacketCount } from "../kubeadm/packets.ts";

export interface ItemResult {
  /** The file of the item, below which it stands. */
  readonly file: string;
  readonly name: string;
  readonly state: "passed" | "failed" | "skipped";
  readonly durationMs: number;
  readonly packets?: PacketCount;
}

const nameColumns = 92;

/** What a file takes beside its items is its clusters: `aroundMs` has it by file. */
export function resultsTable(items: readonly ItemResult[], aroundMs: ReadonlyMap<string, number>): string {
  const table = new Table({
    head: ["item", "result", "s", "packets lost"],
    colWidths: [nameColumns],
    colAligns: ["left", "left", "right", "right"],
    wordWrap: true,
    style: { head: [], border: [], compact: true },
  });
  for (const [file, ofFile] of Map.groupBy(items, (item) => item.file)) {
    table.push([file.replace(/^.*\//, ""), "", "", ""]);
    for (const { name, state, durationMs, packets } of ofFile) {
      table.push([`  ${name}`, state, seconds(durationMs), packets === undefined ? "" : lossOf(packets)]);
    }
    table.push(["  to make its clusters, and to remove them", "", seconds(aroundMs.get(file) ?? 0), ""]);
  }
  return String(table);
}

function lossOf({ sent, lost }: PacketCount): string {
  return `${lost} of ${sent}`;
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}
