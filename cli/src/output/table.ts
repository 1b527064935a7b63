/** Tables as kubectl prints them: capitals above columns, three spaces between, no borders, nothing at a line's end. */
import Table from "cli-table3";

export interface TableColumn<Row> {
  readonly header: string;
  cell(row: Row): string;
}

export function formatTable<Row>(columns: readonly TableColumn<Row>[], rows: readonly Row[]): string {
  const cells = rows.map((row) => columns.map((column) => printable(column.cell(row))));
  return formatCells([columns.map(({ header }) => header), ...cells]);
}

/** Rows of one length each; the columns line up. */
export function formatCells(rows: readonly (readonly string[])[]): string {
  const table = new Table({ chars: noBorders, style: { "padding-left": 0, "padding-right": 3, head: [], border: [] } });
  table.push(...rows.map((row) => [...row]));
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

/** What others wrote (a peer's text, a label) must not move a terminal's cursor. */
export function printable(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, " ");
}

const noBorders = Object.fromEntries(
  [
    ...["top", "top-mid", "top-left", "top-right", "bottom", "bottom-mid", "bottom-left", "bottom-right"],
    ...["left", "left-mid", "mid", "mid-mid", "right", "right-mid", "middle"],
  ].map((name) => [name, ""]),
);
