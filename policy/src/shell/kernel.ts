/** Reads what the kernel has of ours, and makes the changes of a plan, one after the other. */
import {
  type Family,
  formatSetElement,
  isKernelError,
  type KernelSet,
  type SetDefinition,
  type SetElement,
} from "@brindle/net";
import type { Tables } from "@brindle/net/shell";
import { type TableName, tableNames } from "../graph/desired.ts";
import { nothingDesired } from "../graph/nothingDesired.ts";
import type { Actual, ActualSet, ActualTable } from "../plan/actual.ts";
import { inParts } from "../plan/parts.ts";
import { type Plan, plan, setsReferredTo } from "../plan/plan.ts";
import type { SetChange } from "../plan/sets.ts";
import { chainPrefix, setPrefix } from "../render/names.ts";

/** What an `IpsetSocket` does; a test may do it otherwise. */
export interface Sets {
  list(): Promise<readonly KernelSet[]>;
  create(definition: SetDefinition): Promise<void>;
  add(name: string, elements: Iterable<SetElement>): Promise<void>;
  delete(name: string, elements: Iterable<SetElement>): Promise<void>;
  flush(name: string): Promise<void>;
  destroy(name: string): Promise<void>;
}

export interface Kernel {
  /** One for each family. */
  readonly tables: readonly Tables[];
  readonly sets: Sets;
  /** In which rules of ours may be left: the other backend of a node. */
  readonly former?: readonly Tables[];
}

/** Tables of which `isIdle` says so are not read, and taken for empty. */
export async function readActual(
  { tables, sets, former = [] }: Kernel,
  isIdle: (family: Family, table: TableName) => boolean = () => false,
): Promise<Actual> {
  const saves = tables.flatMap((port) =>
    tableNames.filter((table) => !isIdle(port.family, table)).map((table) => saveTable(port, table)),
  );
  const [listed, saved, left] = await Promise.all([sets.list(), Promise.all(saves), savedTables(former)]);
  const ours = listed.filter(({ name }) => name.startsWith(setPrefix)).map(actualSet);
  const actual = { tables: saved, sets: new Map(ours.map((set) => [set.name, set])) };
  return former.length === 0 ? actual : { ...actual, referencedElsewhere: setsReferredTo(left) };
}

/** Takes all of ours out of tables: where others have it in force, a packet misses nothing. */
export async function forsake(tables: readonly Tables[]): Promise<void> {
  const leaving = plan(nothingDesired, { tables: await savedTables(tables), sets: new Map() });
  await Promise.all(tables.map((port) => commit(leaving, port.family, port)));
}

async function savedTables(tables: readonly Tables[]): Promise<ActualTable[]> {
  return Promise.all(tables.flatMap((port) => tableNames.map((table) => saveTable(port, table))));
}

/** Answers the sets that could not be destroyed yet, since the kernel has not let go of rules that are gone. */
export async function applyPlan(toDo: Plan, { tables, sets }: Kernel): Promise<Set<string>> {
  for (const change of toDo.before) await applySetChange(change, sets);
  await Promise.all(tables.map((port) => commit(toDo, port.family, port)));
  const undestroyed = new Set<string>();
  for (const change of toDo.after) {
    try {
      await applySetChange(change, sets);
    } catch (error) {
      if (change.op !== "destroy" || !isKernelError(error, "BUSY")) throw error;
      undestroyed.add(change.name);
    }
  }
  return undestroyed;
}

async function saveTable(port: Tables, table: TableName): Promise<ActualTable> {
  const { chains } = await port.save(table, { prefix: chainPrefix });
  return { family: port.family, table, chains };
}

function actualSet({ name, family, type, members, maxElements }: KernelSet): ActualSet {
  const byText = new Map(members.map((element) => [formatSetElement(element), element]));
  return { name, family, type, members: byText, maxElements };
}

async function commit(toDo: Plan, family: Family, port: Tables): Promise<void> {
  const commits = toDo.commits.filter((candidate) => candidate.family === family);
  const parts = commits.map((each) => (port.backend === "nft" ? inParts(each) : [each.transaction]));
  for (const ahead of parts.flatMap((of) => of.slice(0, -1))) await port.commit([ahead]);
  const last = parts.flatMap((of) => of.slice(-1));
  if (last.length > 0) await port.commit(last);
}

async function applySetChange(change: SetChange, sets: Sets): Promise<void> {
  switch (change.op) {
    case "create":
      return sets.create(change.set);
    case "add":
      return sets.add(change.name, change.elements);
    case "delete":
      return sets.delete(change.name, change.elements);
    case "flush":
      return sets.flush(change.name);
    case "destroy":
      return sets.destroy(change.name);
  }
}
