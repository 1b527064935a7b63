/** Reads what the kernel has of ours, and makes the changes of a plan, one after the other. */
import {
  type Family,
  formatSetElement,
  isKernelError,
  type KernelError,
  type KernelSet,
  type SetChange,
  type TableTransaction,
} from "@brindle/net";
import type { Tables } from "@brindle/net/shell";
import { type TableName, tableNames } from "../graph/desired.ts";
import { nothingDesired } from "../graph/nothingDesired.ts";
import type { Actual, ActualSet, ActualTable } from "../plan/actual.ts";
import { setsReferredTo } from "../plan/met.ts";
import { inParts, partMaxUsual } from "../plan/parts.ts";
import { type Plan, plan } from "../plan/plan.ts";
import type { PlannedChange } from "../plan/sets.ts";
import { chainPrefix, setPrefix } from "../render/names.ts";
import { setsOf } from "../render/ruleArguments.ts";

/** What an `IpsetSocket` does; a test may do it otherwise. */
export interface Sets {
  list(): Promise<readonly KernelSet[]>;
  /** In order. Of each what the kernel refused, or `null`; it goes on behind one that it refuses. */
  apply(changes: readonly SetChange[]): Promise<readonly (KernelError | null)[]>;
  /** So that as many sets can be made without waiting. Until it resolves there are empty ones named `prefix` and a number. */
  makeRoom?(room: { readonly prefix: string; readonly sets: number }): Promise<void>;
}

export interface Kernel {
  /** One for each family. */
  readonly tables: readonly Tables[];
  readonly sets: Sets;
  /** In which rules of ours may be left: the other backend of a node. */
  readonly former?: readonly Tables[];
  /** How many chains are made at once ahead of the commit by which packets meet them; as is quickest, unless told. */
  readonly partMax?: number;
  /** From how many changes of sets on iptables-legacy reads rules while these are made; as is quickest, unless told. */
  readonly besideMin?: number;
}

/** Of fewer it is not worth it: they are done in a millisecond or two. */
export const besideMinUsual = 64;

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
  await Promise.all(tables.map((port) => commit(leaving, port)));
}

async function savedTables(tables: readonly Tables[]): Promise<ActualTable[]> {
  return Promise.all(tables.flatMap((port) => tableNames.map((table) => saveTable(port, table))));
}

/** Some tenths of a second. Whoever reads rules of legacy tables holds their lock, for which others wait. */
const besideElementsMax = 200_000;

/** Answers the sets that could not be destroyed yet, since the kernel has not let go of rules that are gone. */
export async function applyPlan(toDo: Plan, kernel: Kernel): Promise<Set<string>> {
  const { tables, sets, partMax, besideMin = besideMinUsual } = kernel;
  const commits = tables.map((port) => commitsOf(toDo, port, partMax));
  const isMany = toDo.before.length >= besideMin && elementsIn(toDo.before) <= besideElementsMax;
  if (isMany && isOfLegacy(commits)) await commitBeside(commits, toDo.before, sets);
  else {
    if (commits.some(({ ahead }) => ahead.length > 0)) await applyBeside(commits, toDo.before, sets);
    else await applySets(toDo.before, sets);
    await Promise.all(commits.map(({ port, last }) => (last.length > 0 ? port.commit(last) : null)));
  }
  const undestroyed = new Set<string>();
  const refusals = toDo.after.length === 0 ? [] : await sets.apply(toDo.after);
  for (const [index, change] of toDo.after.entries()) {
    const refusal = refusals[index] ?? null;
    if (refusal === null) continue;
    if (change.op !== "destroy" || !isKernelError(refusal, "BUSY")) throw refusal;
    undestroyed.add(change.name);
  }
  return undestroyed;
}

/** Chains that no packet meets yet need the sets that they name, and not what is in them. They take longest, so they begin first. */
async function applyBeside(commits: readonly Commits[], changes: readonly PlannedChange[], sets: Sets): Promise<void> {
  const [made, filled] = partition(changes, showsNowhere);
  const named = new Set(commits.flatMap(({ ahead: [first] }) => (first ? setsNamedIn(first) : [])));
  const [madeFirst, madeThen] = partition(made, (change) => named.has(nameOf(change)));
  await applySets(madeFirst, sets);
  const { promise: allMade, resolve, reject } = Promise.withResolvers<void>();
  allMade.catch(() => {}); // It is told by `making`, whoever waits for it.
  const committing = commits.map((each) => commitAhead(each, allMade));
  const making = applySets(madeThen, sets);
  making.then(resolve, reject);
  await allOf([...committing, making.then(() => applySets(filled, sets))]);
}

/** iptables-legacy makes all of a table by one commit, and takes as long to read it as many sets to be filled. */
function isOfLegacy(commits: readonly Commits[]): boolean {
  const committing = commits.filter(({ last }) => last.length > 0);
  return committing.length > 0 && committing.every(({ port }) => port.backend === "legacy");
}

function elementsIn(changes: readonly PlannedChange[]): number {
  return changes.reduce((sum, change) => sum + ("elements" in change ? change.elements.length : 0), 0);
}

/** Rules are read while sets are filled that are there, and committed once these are full. */
async function commitBeside(commits: readonly Commits[], changes: readonly PlannedChange[], sets: Sets): Promise<void> {
  const [made, filled] = partition(changes, showsNowhere);
  await applySets(made, sets);
  const filling = Promise.resolve().then(() => applySets(filled, sets)); // When the commits are under way.
  const committing = commits.map(async ({ port, last }) => (last.length > 0 ? port.commit(last, filling) : undefined));
  await allOf([filling, ...committing]);
}

/** To make a set that nothing refers to, to empty or to destroy one: so it may come before all else. */
function showsNowhere({ op }: PlannedChange): boolean {
  return op === "create" || op === "flush" || op === "destroy";
}

function setsNamedIn({ chains = [] }: TableTransaction): string[] {
  return chains.flatMap(({ rules }) => rules.flatMap(setsOf));
}

function nameOf(change: SetChange): string {
  return change.op === "create" ? change.set.name : change.name;
}

async function applySets(changes: readonly PlannedChange[], sets: Sets): Promise<void> {
  for (const together of stepsOf(changes)) {
    const refusal = (await sets.apply(together)).find((each) => each !== null);
    if (refusal) throw refusal;
  }
}

function partition<T>(items: readonly T[], isFirst: (item: T) => boolean): readonly [T[], T[]] {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))];
}

/** Also where one fails the others are over: whoever tries again reads what is there. */
async function allOf(work: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find((outcome) => outcome.status === "rejected");
  if (failed) throw failed.reason;
}

/** What may go to the kernel together. A round to it costs more than a change does. */
function stepsOf(changes: readonly PlannedChange[]): SetChange[][] {
  const steps: SetChange[][] = [];
  for (const change of changes) {
    const last = steps.at(-1);
    if (last && !change.waits) last.push(change);
    else steps.push([change]);
  }
  return steps;
}

async function saveTable(port: Tables, table: TableName): Promise<ActualTable> {
  const { chains } = await port.save(table, { prefix: chainPrefix });
  return { family: port.family, table, chains };
}

function actualSet({ name, family, type, members, maxElements }: KernelSet): ActualSet {
  const byText = new Map(members.map((element) => [formatSetElement(element), element]));
  return { name, family, type, members: byText, maxElements };
}

interface Commits {
  readonly port: Tables;
  /** Each by itself, of chains that no packet meets before the last. */
  readonly ahead: readonly TableTransaction[];
  readonly last: readonly TableTransaction[];
}

function commitsOf(toDo: Plan, port: Tables, partMax: number = partMaxUsual): Commits {
  const commits = toDo.commits.filter(({ family }) => family === port.family);
  const parts = commits.map((each) => (port.backend === "nft" ? inParts(each, partMax) : [each.transaction]));
  return { port, ahead: parts.flatMap((of) => of.slice(0, -1)), last: parts.flatMap((of) => of.slice(-1)) };
}

/** All but the first once `allMade`, the sets that they name. */
async function commitAhead({ port, ahead: [first, ...others] }: Commits, allMade = Promise.resolve()): Promise<void> {
  if (!first) return;
  await port.commit([first]);
  await allMade;
  for (const part of others) await port.commit([part]);
}

async function commit(toDo: Plan, port: Tables): Promise<void> {
  const commits = commitsOf(toDo, port);
  await commitAhead(commits);
  if (commits.last.length > 0) await port.commit(commits.last);
}
