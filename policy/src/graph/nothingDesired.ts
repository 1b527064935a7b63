import { type Desired, tableNames } from "./desired.ts";

/** What to apply to take everything of ours out of the kernel, as when a node is cleaned up. */
export const nothingDesired: Desired = {
  tables: ([4, 6] as const).flatMap((family) =>
    tableNames.map((table) => ({ family, table, content: { chains: [], hooks: [] } })),
  ),
  sets: new Map(),
  endpoints: new Map(),
  expected: new Set(),
  problems: new Map(),
};
