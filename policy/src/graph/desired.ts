/** What the kernel is to have: the output of the graph, plain data. */
import type { Address, Family, SetType } from "@brindle/net";
import type { TableContent } from "../render/ir.ts";
import type { Growth } from "../render/setUse.ts";
import type { Members } from "./members.ts";

export const tableNames: readonly ["filter", "nat", "mangle", "raw"] = ["filter", "nat", "mangle", "raw"];

export type TableName = (typeof tableNames)[number];

export interface DesiredTable {
  readonly family: Family;
  readonly table: TableName;
  readonly content: TableContent;
}

export interface DesiredSet {
  /** The base name, to which the plan adds a generation. */
  readonly name: string;
  readonly family: Family;
  readonly type: SetType;
  readonly growth: Growth;
  readonly members: Members;
}

export interface Desired {
  readonly tables: readonly DesiredTable[];
  /** By base name. */
  readonly sets: ReadonlyMap<string, DesiredSet>;
  /** The endpoints of this node that the chains are for, by `namespace/name`, with the addresses they may use. */
  readonly endpoints: ReadonlyMap<string, readonly Address[]>;
  /** Of these, those that the datastore does not have yet: they have chains, and are in no set. */
  readonly expected: ReadonlySet<string>;
  /** Resources that are not enforced as they are written, each with the reason. */
  readonly problems: ReadonlyMap<string, string>;
}
