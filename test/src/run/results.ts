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

const nameColumns = 100;

/** What a file takes beside its items is its clusters: `aroundMs` has it by file. */
export function resultsTable(items: readonly ItemResult[], aroundMs: ReadonlyMap<string, number>): string {
  const table = new Table({
    head: ["item", "result", "s", "packets lost"],
    colAligns: ["left", "left", "right", "right"],
    style: { head: [], border: [], compact: true },
  });
  for (const [file, ofFile] of Map.groupBy(items, (item) => item.file)) {
    table.push([file.replace(/^.*\//, ""), "", "", ""]);
    for (const { name, state, durationMs, packets } of ofFile) {
      table.push([wrapped(name), state, seconds(durationMs), packets === undefined ? "" : lossOf(packets)]);
    }
    table.push([wrapped("to make its clusters, and to remove them"), "", seconds(aroundMs.get(file) ?? 0), ""]);
  }
  return String(table);
}

/** Lines of whole words, below the name of their file. */
function wrapped(text: string): string {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < nameColumns) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.map((line, index) => (index === 0 ? `  ${line}` : `    ${line}`)).join("\n");
}

function lossOf({ sent, lost }: PacketCount): string {
  return `${lost} of ${sent}`;
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}
