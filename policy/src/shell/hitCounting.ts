/**
 * Reads what the kernel has counted: when somebody asks, and of chains that are about to be filled anew, since their
 * counts are lost with them. What passes between that look and the commit is the milliseconds' worth that is missed.
 */
import type { PolicyDirection } from "@brindle/api";
import type { Family, RuleCount } from "@brindle/net";
import type { Desired, DesiredTable, TableName } from "../graph/desired.ts";
import type { CountedUnit, HitRow, RuleAction } from "../observe/hitRow.ts";
import { type CountedTable, RuleHits } from "../observe/ruleHits.ts";
import { ruleNameOf } from "../observe/ruleName.ts";
import type { Commit } from "../plan/plan.ts";
import { hostGates } from "../render/hostChains.ts";
import type { Chain, ChainRule } from "../render/ir.ts";
import { chains, isOwnersChain } from "../render/names.ts";
import { isPolicyGroup } from "../render/policyGroup.ts";

/** What a `RuleCounters` of `net` does, one for each family. */
export interface HitSource {
  readonly family: Family;
  readonly readsSingleChains: boolean;
  /** Of the table filter, unless told. */
  read(chains?: readonly string[], table?: string): Promise<readonly RuleCount[]>;
  outline?(): Promise<string | null>;
}

export interface HitTotals {
  readonly allow: number;
  readonly deny: number;
  readonly pass: number;
}

/** Those that policies are in. */
const countedTables: readonly TableName[] = ["filter", "mangle", "raw"];
/** In the others a known flow passes before any policy is asked. */
const unitOf = (table: TableName): CountedUnit => (table === "raw" ? "packets" : "flows");
const flowTables = countedTables.filter((table) => unitOf(table) === "flows");

/** In which each verdict ends. */
const totalled: readonly string[] = [chains.allow, chains.denied, chains.pass];

/** A read of a whole table before each commit may take that part of the time, at most. */
const readShareMax = 1 / 20;

export class HitCounting {
  readonly #hits = new RuleHits();
  readonly #sources: readonly HitSource[];
  readonly #nowMs: () => number;
  readonly #onFailure: (error: unknown) => void;
  /** Neither is done while the other is: half of a table would be counted as all of it. */
  #reading: Promise<void> = Promise.resolve();
  #committing: Promise<void> = Promise.resolve();
  /** By table: until when it is not read whole for the sake of single chains. */
  readonly #restUntilMs = new Map<string, number>();

  constructor(options: {
    readonly sources: readonly HitSource[];
    readonly nowMs: () => number;
    /** Counting never holds up enforcing: what fails is told and missed. */
    readonly onFailure: (error: unknown) => void;
  }) {
    this.#sources = options.sources;
    this.#nowMs = options.nowMs;
    this.#onFailure = options.onFailure;
  }

  /** To be called before chains are filled anew; what it answers, once they are. */
  async beforeCommits(commits: readonly Commit[], inForce: Desired | null): Promise<(isDone: boolean) => void> {
    const rewritten = commits.flatMap(({ family, transaction }) => {
      const table = countedTables.find((counted) => counted === transaction.table);
      if (!table) return [];
      const all = [...(transaction.chains ?? []).map(({ name }) => name), ...(transaction.deletedChains ?? [])];
      const names = all.filter(isCounted);
      return names.length > 0 ? [{ of: { family, table }, names }] : [];
    });
    await this.#reading;
    const { promise: committing, resolve } = Promise.withResolvers<void>();
    this.#committing = committing;
    if (inForce) await Promise.all(rewritten.map((each) => this.#readBefore(each, inForce)));
    return (isDone) => {
      if (isDone) for (const { of, names } of rewritten) this.#hits.rewritten(of, names);
      resolve();
    };
  }

  /** All that is in force, counted up to now. */
  async read(inForce: () => Desired | null): Promise<HitRow[]> {
    await Promise.all([this.#reading, this.#committing]);
    const desired = inForce();
    if (!desired) return [];
    const tables = this.#tables(countedTables);
    await this.#alone(tables.map(({ source, of }) => this.#readAll(source, of, desired)));
    return this.#rows(desired);
  }

  #rows(inForce: Desired): HitRow[] {
    const rows = new Map<string, HitRow>();
    const named = endsByChain(inForce);
    for (const { of } of this.#tables(countedTables)) {
      const counts = unitOf(of.table);
      for (const chain of chainsOf(inForce, of).values()) {
        const hits = this.#hits.of(of, chain);
        for (const [index, rule] of chain.rules.entries())
          addRow(rows, rowOf(rule, { counts, hits: hits[index] ?? 0 }, named.get(chain.name)));
      }
    }
    return [...rows.values()];
  }

  /** To be called before other tables take over, which count from zero: what these have counted is kept. */
  async beforeMove(inForce: () => Desired | null): Promise<void> {
    try {
      await this.read(inForce);
    } catch (error) {
      this.#onFailure(error);
    }
    this.#hits.moved();
  }

  /** Of all rules that count flows, read of the chains in which each verdict ends: cheap, however many rules there are. */
  async totals(inForce: () => Desired | null): Promise<HitTotals> {
    await Promise.all([this.#reading, this.#committing]);
    const desired = inForce();
    const tables = this.#tables(flowTables);
    if (desired) await this.#alone(tables.map(({ of }) => this.#readBefore({ of, names: totalled }, desired)));
    const sum = (name: string): number =>
      tables.reduce((all, { of }) => {
        const chain = desired && chainsOf(desired, of).get(name);
        return all + (chain ? this.#verdicts(of, chain) : 0);
      }, 0);
    return { allow: sum(chains.allow), deny: sum(chains.denied), pass: sum(chains.pass) };
  }

  #tables(names: readonly TableName[]): { readonly source: HitSource; readonly of: CountedTable }[] {
    return this.#sources.flatMap((source) => names.map((table) => ({ source, of: { family: source.family, table } })));
  }

  /** Of a chain in which verdicts end, where each packet meets one of the rules that are more than a word to somebody. */
  #verdicts(of: CountedTable, chain: Chain): number {
    const ends = this.#hits.of(of, chain).filter((_, index) => chain.rules[index]?.target.kind !== "tell");
    return ends.reduce((sum, hits) => sum + hits, 0);
  }

  /** Commits wait for it. */
  async #alone(work: readonly Promise<void>[]): Promise<void> {
    const reading = Promise.all(work);
    this.#reading = reading.then(
      () => {},
      () => {},
    );
    await reading;
  }

  async #readBefore({ of, names }: ChainsOfTable, inForce: Desired): Promise<void> {
    const source = this.#sources.find(({ family }) => family === of.family);
    const present = chainsNamed(names, inForce, of);
    const wanted = [...present.keys()];
    if (!source || wanted.length === 0) return;
    const place = `${of.family} ${of.table}`;
    const startMs = this.#nowMs();
    if (!source.readsSingleChains && startMs < (this.#restUntilMs.get(place) ?? 0)) return;
    try {
      this.#observe(of, present, await source.read(wanted, of.table));
    } catch (error) {
      this.#onFailure(error);
    }
    const tookMs = this.#nowMs() - startMs;
    this.#restUntilMs.set(place, startMs + tookMs / readShareMax);
  }

  async #readAll(source: HitSource, of: CountedTable, inForce: Desired): Promise<void> {
    const present = chainsOf(inForce, of);
    if (present.size > 0) this.#observe(of, present, await source.read(undefined, of.table));
    this.#hits.keep(of, new Set(present.keys()));
  }

  #observe(of: CountedTable, present: ReadonlyMap<string, Chain>, counts: readonly RuleCount[]): void {
    for (const [name, ofChain] of Map.groupBy(counts, ({ chain }) => chain)) {
      const chain = present.get(name);
      if (chain)
        this.#hits.observe(
          of,
          chain,
          ofChain.map(({ packets }) => packets),
        );
    }
  }
}

interface ChainsOfTable {
  readonly of: CountedTable;
  readonly names: readonly string[];
}

/** Those of policies, profiles and endpoints, and those in which verdicts end. */
function chainsOf({ tables }: Desired, of: CountedTable): ReadonlyMap<string, Chain> {
  const found = tableOf(tables, of);
  const known = found && countedChains.get(found);
  if (known || !found) return known ?? new Map();
  const counted = found.content.chains.filter(({ name }) => isCounted(name));
  const byName = new Map(counted.map((chain) => [chain.name, chain]));
  countedChains.set(found, byName);
  return byName;
}

const countedChains = new WeakMap<DesiredTable, ReadonlyMap<string, Chain>>();

/** A commit is about a few of thousands. */
function chainsNamed(names: readonly string[], { tables }: Desired, of: CountedTable): ReadonlyMap<string, Chain> {
  const asked = new Set(names);
  const found = new Map<string, Chain>();
  for (const chain of tableOf(tables, of)?.content.chains ?? []) {
    if (asked.has(chain.name)) found.set(chain.name, chain);
  }
  return found;
}

function tableOf(tables: readonly DesiredTable[], of: CountedTable): DesiredTable | undefined {
  return tables.find(({ family, table }) => family === of.family && table === of.table);
}

/** In a group policies are only asked: what it counts is nobody's, and it has two rules for each of hundreds. */
function isCounted(name: string): boolean {
  return (isOwnersChain(name) && !isPolicyGroup(name)) || totalled.includes(name);
}

interface NamedEnds {
  readonly endpoints: readonly string[];
  readonly direction: PolicyDirection;
}

/** By the chain that they share; host endpoints have one each. */
function endsByChain({ endpoints, tables }: Desired): Map<string, NamedEnds> {
  const ends = new Map<string, { endpoints: string[]; direction: PolicyDirection }>();
  for (const [id, { chains: own }] of [...endpoints].sort(([a], [b]) => (a < b ? -1 : 1))) {
    for (const direction of ["Ingress", "Egress"] as const) {
      const known = ends.get(own[direction]);
      if (known) known.endpoints.push(id);
      else ends.set(own[direction], { endpoints: [id], direction });
    }
  }
  const chainsOfTables = tables.flatMap(({ content }) => content.chains);
  for (const { dispatch, direction } of Object.values(hostGates)) {
    for (const { target, comment } of chainsOfTables.find(({ name }) => name === dispatch)?.rules ?? []) {
      if (target.kind === "goto") ends.set(target.chain, { endpoints: [comment], direction });
    }
  }
  return ends;
}

function rowOf(
  { target, comment }: ChainRule,
  { counts, hits }: { readonly counts: CountedUnit; readonly hits: number },
  ends: NamedEnds | undefined,
): HitRow | null {
  const name = ruleNameOf(comment);
  const action = actionOf(target);
  if (name && action) return { kind: "rule", ...name, action, counts, hits };
  return ends && action === "deny" ? { kind: "default", ...ends, reason: comment, hits } : null;
}

function actionOf(target: ChainRule["target"]): RuleAction | null {
  if (target.kind === "log") return "log";
  if (target.kind !== "goto") return null;
  if (target.chain === chains.allow) return "allow";
  if (target.chain === chains.denied) return "deny";
  return target.chain === chains.pass ? "pass" : null;
}

/** One rule is several in the kernel where it matches in several ways, and in both families. */
function addRow(rows: Map<string, HitRow>, row: HitRow | null): void {
  if (!row) return;
  const { hits, ...rest } = row;
  const key = JSON.stringify(rest);
  const known = rows.get(key);
  rows.set(key, known ? { ...known, hits: known.hits + hits } : row);
}
