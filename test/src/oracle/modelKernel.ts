/**
 * A kernel as a model: tables and sets in memory, changed through the ports by which an enforcer changes the real one, and
 * seen after every single thing that a packet could see: each element of a set, each table's commit. So instants are looked
 * at that last microseconds in the real kernel.
 */
import {
  addressBits,
  type Family,
  formatAddress,
  formatSetElement,
  type HookChange,
  type KernelSet,
  type RuleArguments,
  type SavedChain,
  type SavedTable,
  type SetChange,
  type SetElement,
  type TableName,
  type TablesBackend,
  type TableTransaction,
} from "@brindle/net";
import type { Tables } from "@brindle/net/shell";
import type { Kernel, Sets } from "@brindle/policy/shell";

export interface ModelSet {
  readonly type: string;
  readonly family: Family;
  readonly elements: Map<string, SetElement>;
}

/** What a walk through the model reads, of one family. */
export interface ModelView {
  /** No rules where there is no such chain. */
  chain(table: TableName, name: string): readonly RuleArguments[];
  set(name: string): ModelSet | undefined;
}

const noRules: readonly RuleArguments[] = [];

export class ModelKernel implements Kernel, ModelView {
  /** Called after each change that a packet may meet. */
  onInstant: () => void = () => {};
  /** Tables in which packets may be denied, committed since somebody emptied this. */
  readonly committed: Set<TableName> = new Set<TableName>();
  readonly tables: readonly Tables[];
  readonly sets: Sets = {
    list: async () => this.#listed(),
    apply: async (changes) => changes.map((one) => this.#apply(one)),
  };
  readonly #tables = new Map<TableName, Map<string, readonly RuleArguments[]>>();
  readonly #sets = new Map<string, ModelSet>();
  /** Sets that rules refer to. */
  #referenced: ReadonlySet<string> = new Set();

  constructor(family: Family, backend: TablesBackend = "nft") {
    this.tables = [
      {
        family,
        backend,
        save: async (table) => this.#saved(table),
        commit: async (transactions, complete) => {
          this.#setsOf(transactions.flatMap(({ chains = [] }) => chains.flatMap(({ rules }) => rules)));
          await complete;
          for (const transaction of transactions) this.#commit(transaction);
        },
      },
    ];
  }

  chain(table: TableName, name: string): readonly RuleArguments[] {
    return this.#tables.get(table)?.get(name) ?? noRules;
  }

  set(name: string): ModelSet | undefined {
    return this.#sets.get(name);
  }

  /** That are members of sets by themselves, and not of networks. */
  addresses(): Set<string> {
    const members = [...this.#sets.values()].flatMap(({ elements }) => [...elements.values()]);
    const single = members.filter(
      (element) => !("length" in element) || element.length === addressBits[element.address.family],
    );
    return new Set(single.map(({ address }) => formatAddress(address)));
  }

  #listed(): KernelSet[] {
    return [...this.#sets].map(([name, { type, family, elements }]) => ({
      ...{ name, type, family, hashSize: null, maxElements: null },
      references: this.#referenced.has(name) ? 1 : 0,
      members: [...elements.values()],
    }));
  }

  #saved(table: TableName): SavedTable {
    const chains = [...(this.#tables.get(table) ?? [])].map(([name, rules]): [string, SavedChain] => [
      name,
      { name, policy: null, rules: rules.map((words) => ({ arguments: words, counters: null })) },
    ]);
    return { table, chains: new Map(chains) };
  }

  #apply(change: SetChange): null {
    if (change.op === "create") {
      const { name, type, family } = change.set;
      if (this.#sets.has(name)) throw new Error(`the set ${name} is there already`);
      this.#sets.set(name, { type, family, elements: new Map() });
      return null;
    }
    const set = this.#sets.get(change.name);
    if (!set) throw new Error(`there is no set ${change.name}`);
    if (change.op !== "add" && change.op !== "delete") return this.#unmake(change.op, change.name);
    for (const element of change.elements) {
      if (change.op === "add") set.elements.set(formatSetElement(element), element);
      else set.elements.delete(formatSetElement(element));
      if (this.#referenced.has(change.name)) this.onInstant();
    }
    return null;
  }

  #unmake(op: "flush" | "destroy", name: string): null {
    if (this.#referenced.has(name)) throw new Error(`${op} of the set ${name}, which rules refer to`);
    if (op === "destroy") this.#sets.delete(name);
    else this.#sets.get(name)?.elements.clear();
    return null;
  }

  /** A rule is not taken, nor read, before what it names is there. */
  #setsOf(rules: readonly RuleArguments[]): Set<string> {
    const names = new Set(rules.flatMap((rule) => rule.filter((_, at) => rule[at - 1] === "--match-set")));
    for (const name of names) if (!this.#sets.has(name)) throw new Error(`rules refer to ${name}, which is not there`);
    return names;
  }

  #commit({ table, chains = [], hooks = [], deletedChains = [] }: TableTransaction): void {
    const content = this.#tables.get(table) ?? new Map<string, readonly RuleArguments[]>();
    this.#tables.set(table, content);
    for (const { name, rules } of chains) content.set(name, rules);
    for (const hook of hooks) content.set(hook.chain, hooked(content.get(hook.chain) ?? noRules, hook));
    for (const name of deletedChains) content.delete(name);
    this.#referenced = this.#setsOf([...this.#tables.values()].flatMap((each) => [...each.values()].flat()));
    if (table !== "nat") this.committed.add(table);
    this.onInstant();
  }
}

function hooked(rules: readonly RuleArguments[], { op, behind = 0, rule }: HookChange): readonly RuleArguments[] {
  if (op === "insert") return rules.toSpliced(behind, 0, rule);
  if (op === "append") return [...rules, rule];
  const text = rule.join("\n");
  const at = rules.findIndex((words) => words.join("\n") === text);
  if (at < 0) throw new Error(`no such rule: ${text}`);
  return rules.toSpliced(at, 1);
}
