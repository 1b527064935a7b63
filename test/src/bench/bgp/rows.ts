import type { Row } from "../row.ts";
import { realTableRow } from "./realTable.ts";
import { dialledRow, idleMemoryRow, idleProcessorRow, stormRow } from "./sessions.ts";
import { convergenceRow, intoRibRow, keepaliveRow, onToTenRow } from "./tables.ts";

/** What a BGP speaker costs, each beside BIRD: `npm run bench -- bgp`. */
export const bgpRows: readonly Row[] = [
  intoRibRow,
  onToTenRow,
  convergenceRow,
  keepaliveRow,
  dialledRow,
  stormRow,
  idleMemoryRow,
  idleProcessorRow,
  realTableRow,
];
