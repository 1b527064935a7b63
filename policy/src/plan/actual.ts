/** What the kernel has of ours, as it was read back. */
import type { Family, SavedChain, SetType } from "@brindle/net";
import type { TableName } from "../graph/desired.ts";
import type { Members } from "../graph/members.ts";

export interface ActualSet {
  readonly name: string;
  readonly family: Family | null;
  /** Another program may have made a set with our prefix, of any type. */
  readonly type: SetType | string;
  readonly members: Members;
  /** How many members it takes, where the kernel says so. */
  readonly maxElements?: number | null;
}

export interface ActualTable {
  readonly family: Family;
  readonly table: TableName;
  /** All chains, also those of others. */
  readonly chains: ReadonlyMap<string, SavedChain>;
}

export interface Actual {
  readonly tables: readonly ActualTable[];
  /** Those that bear our prefix, by name. */
  readonly sets: ReadonlyMap<string, ActualSet>;
  /** Sets that rules of ours refer to in tables that are being left (`Enforcer.moveTo`): what these have is in force, too. */
  readonly referencedElsewhere?: ReadonlySet<string>;
}

export function tableOf(actual: Actual, family: Family, table: TableName): ActualTable {
  const found = actual.tables.find((candidate) => candidate.family === family && candidate.table === table);
  return found ?? { family, table, chains: new Map() };
}
