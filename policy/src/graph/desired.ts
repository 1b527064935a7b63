/** What the kernel is to have: the output of the graph, plain data. */
import type { PolicyDirection } from "@brindle/api";
import type { Address, Family, Prefix, SetType } from "@brindle/net";
import type { TableContent } from "../render/ir.ts";
import type { Growth, Lookups } from "../render/setUse.ts";
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
  /** `admits`: who is in it comes to a chain, and who comes to none is dropped (`render/dispatch.ts`). */
  readonly growth: Growth | "admits";
  readonly lookups: Lookups;
  readonly members: Members;
}

/** An endpoint of this node that chains are for. */
export interface EnforcedEndpoint {
  readonly interfaceName: string;
  /** Those that it may use. */
  readonly addresses: readonly Address[];
  /** Networks from whose addresses it may send beside these. */
  readonly sources?: readonly Prefix[];
  /** The chains that decide for its ends, which others may share; the same of both families. */
  readonly chains: Readonly<Record<PolicyDirection, string>>;
}

export interface Desired {
  readonly tables: readonly DesiredTable[];
  /** By base name. */
  readonly sets: ReadonlyMap<string, DesiredSet>;
  /** By `namespace/name`. */
  readonly endpoints: ReadonlyMap<string, EnforcedEndpoint>;
  /** Of these, those that the datastore does not have yet: they have chains, and are in no set. */
  readonly expected: ReadonlySet<string>;
  /** Resources that are not enforced as they are written, each with the reason. */
  readonly problems: ReadonlyMap<string, string>;
}
