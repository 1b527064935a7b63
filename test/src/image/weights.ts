/** What the image's parts weigh, for people and for the test of its target. Pure. */
import Table from "cli-table3";
import type { LayerBlob } from "../oci/image.ts";
import type { Part } from "./parts.ts";

/** What a node downloads is to stay below this. */
export const compressedBytesMax = 75_000_000;

export interface Weight {
  readonly name: string;
  readonly compressedBytes: number;
  readonly unpackedBytes: number;
}

/** A part is a layer, so that what it weighs compressed is measured and not shared out. */
export function weigh(parts: readonly Part[], layers: readonly LayerBlob[]): Weight[] {
  return parts.map(({ name, entries }, index) => ({
    name,
    compressedBytes: layers[index]?.size ?? 0,
    unpackedBytes: entries.reduce((sum, entry) => sum + (entry.kind === "file" ? entry.size : 0), 0),
  }));
}

export function total(weights: readonly Weight[]): Weight {
  return {
    name: "together",
    compressedBytes: weights.reduce((sum, { compressedBytes }) => sum + compressedBytes, 0),
    unpackedBytes: weights.reduce((sum, { unpackedBytes }) => sum + unpackedBytes, 0),
  };
}

export function weightTable(weights: readonly Weight[]): string {
  const table = new Table({ head: ["part", "compressed, MB", "unpacked, MB"], style: { head: [], border: [] } });
  for (const { name, compressedBytes, unpackedBytes } of [...weights, total(weights)]) {
    table.push([name, ...[compressedBytes, unpackedBytes].map((bytes) => (bytes / 1e6).toFixed(2).padStart(8))]);
  }
  return `${table}\ntarget: at most ${compressedBytesMax / 1e6} MB compressed`;
}
