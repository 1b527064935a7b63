/**
 * The tables of iptables, read by iptables-save and changed by `iptables-restore --noflush`. What is asked for while a
 * commit runs is gathered into the next one, since a legacy commit costs time in proportion to the whole table.
 */
import { readFileSync } from "node:fs";
import type { Family } from "../address.ts";
import { chooseBackend, type TablesBackend } from "../iptables/backend.ts";
import { readByChains } from "../iptables/readByChains.ts";
import {
  parseListedChain,
  parseSavedTables,
  type SavedChain,
  type SavedTable,
  untoldTables,
} from "../iptables/savedTable.ts";
import { renderTransactions, type TableName, type TableTransaction } from "../iptables/transaction.ts";
import { isKernelError, KernelError } from "../kernelError.ts";
import { runCommand } from "./command.ts";
import { insideNamespace, type NamespaceReference, warmThreadPool } from "./namespace.ts";
import { RestoreProcess } from "./restoreProcess.ts";

export interface TablesOptions {
  readonly family: Family;
  readonly backend: TablesBackend;
  readonly namespace?: NamespaceReference;
  /** How long to wait for other programs' hold on the xtables lock. */
  readonly lockSeconds?: number;
}

export interface SaveOptions {
  readonly counters?: boolean;
  /**
   * Of a table in which somebody has put rules that iptables has no words for, without counters: the chains that are told
   * beside the kernel's, by how their names begin. All, unless told.
   */
  readonly prefix?: string;
}

/** One family of one backend. */
export interface Tables {
  readonly family: Family;
  readonly backend: TablesBackend;
  /** Without rules where nobody uses the table; reading makes none. */
  save(table: TableName, options?: SaveOptions): Promise<SavedTable>;
  /**
   * All of one table at once or nothing of it; the tables one after the other, in the order of their first mention,
   * each whether or not another failed. Resolves when the kernel has all. It is made once `complete`, and read meanwhile, so what
   * its rules name has to be there; where `complete` is rejected nothing is made, and the commit is rejected with the same.
   */
  commit(transactions: readonly TableTransaction[], complete?: Promise<unknown>): Promise<void>;
}

export function openTables(options: TablesOptions): Tables {
  return new CommandTables(options);
}

interface Waiting {
  readonly transactions: readonly TableTransaction[];
  readonly complete: Promise<unknown> | undefined;
  resolve(): void;
  reject(error: unknown): void;
}

interface Gathered {
  /** How many tables. */
  asked: number;
  readonly read: Promise<SharedRead | null>;
}

interface SharedRead {
  readonly tables: readonly SavedTable[];
  /** Those that iptables-save has no words for: others' may be among them, which nobody has asked for. */
  readonly untold: ReadonlySet<string>;
}

/** A read of all tables that is of no use costs a process more, or all the time that it may take; what is in its way mostly stays. */
const sharedReadAgainMs = 600_000;

class CommandTables implements Tables {
  readonly #options: TablesOptions;
  #waiting: Waiting[] = [];
  #isRunning = false;
  #process: RestoreProcess | null = null;
  /** Tables that are asked for in this turn of the loop. */
  #gathered: Gathered | null = null;
  /** Until then each table is read by itself, as all together could not be. */
  #readsAloneUntilMs = 0;

  constructor(options: TablesOptions) {
    this.#options = options;
  }

  get family(): Family {
    return this.#options.family;
  }

  get backend(): TablesBackend {
    return this.#options.backend;
  }

  async save(table: TableName, { counters = false, prefix = "" }: SaveOptions = {}): Promise<SavedTable> {
    const { backend, family, namespace } = this.#options;
    // iptables-legacy-save makes the table that it is asked for: from then on each packet of the node goes through it.
    if (backend === "legacy" && !(await legacyTables(family, namespace)).includes(table)) {
      return { table, chains: new Map() };
    }
    const list = (chain: string) => this.#list(table, chain);
    const all = backend === "nft" && !counters ? await this.#savedTogether() : null;
    if (all?.untold.has(table)) return readByChains(table, { prefix, list });
    if (all) return all.tables.find((saved) => saved.table === table) ?? { table, chains: new Map() };
    const command = this.#command("save");
    const text = await runCommand(command, ["-t", table, ...(counters ? ["-c"] : [])], this.#options);
    if (untoldTables(text).has(table)) return readByChains(table, { prefix, list });
    const tables = parseSavedTables(text);
    if (!tables) throw new KernelError({ code: "MALFORMED", object: `${command} -t ${table}` });
    // iptables-nft-save says nothing about a table that nobody has used yet.
    return tables.find((saved) => saved.table === table) ?? { table, chains: new Map() };
  }

  commit(transactions: readonly TableTransaction[], complete?: Promise<unknown>): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ transactions, complete, resolve, reject });
    if (!this.#isRunning) void this.#run();
    return promise;
  }

  /** Several tables by one process. `null` where only one is asked for, and where each has to say by itself what is wrong with it. */
  #savedTogether(): Promise<SharedRead | null> {
    if (performance.now() < this.#readsAloneUntilMs) return Promise.resolve(null);
    if (this.#gathered) {
      this.#gathered.asked += 1;
      return this.#gathered.read;
    }
    const gathered: Gathered = { asked: 1, read: Promise.resolve().then(() => this.#readAll(gathered)) };
    this.#gathered = gathered;
    return gathered.read;
  }

  async #readAll(gathered: Pick<Gathered, "asked">): Promise<SharedRead | null> {
    this.#gathered = null;
    if (gathered.asked === 1) return null;
    const text = await runCommand(this.#command("save"), [], this.#options).catch(() => null);
    const tables = text === null ? null : parseSavedTables(text);
    if (text !== null && tables) return { tables, untold: untoldTables(text) };
    this.#readsAloneUntilMs = performance.now() + sharedReadAgainMs;
    return null;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      await this.#commitBatch(batch);
    }
    this.#isRunning = false;
  }

  /** Each table by itself: every one is a commit of its own, and one that stands must not be made a second time. */
  async #commitBatch(batch: readonly Waiting[]): Promise<void> {
    const failures = new Map<Waiting, unknown>();
    const tables = new Set(batch.flatMap((waiting) => waiting.transactions.map((transaction) => transaction.table)));
    for (const table of tables) await this.#commitTable(table, batch, failures);
    for (const waiting of batch) {
      if (failures.has(waiting)) waiting.reject(failures.get(waiting));
      else waiting.resolve();
    }
  }

  /** One caller's mistake must not be another's failure: a batch that is refused is made again, each for itself. */
  async #commitTable(table: TableName, batch: readonly Waiting[], failures: Map<Waiting, unknown>): Promise<void> {
    const involved = batch.filter(({ transactions }) =>
      transactions.some((transaction) => transaction.table === table),
    );
    try {
      const transactions = involved.flatMap((waiting) => waiting.transactions);
      await this.#restore(
        renderTransactions(
          table,
          transactions.filter((transaction) => transaction.table === table),
        ),
        allOf(involved.flatMap(({ complete }) => complete ?? [])),
      );
    } catch (error) {
      const [only] = involved;
      if (only && involved.length === 1) failures.set(only, error);
      else for (const waiting of involved) await this.#commitTable(table, [waiting], failures);
    }
  }

  async #restore(input: string, complete: Promise<unknown> | undefined): Promise<void> {
    if (!this.#process?.isOpen) {
      const wait = ["-w", String(this.#options.lockSeconds ?? 10)];
      this.#process = new RestoreProcess(this.#command("restore"), ["--noflush", ...wait], this.#options);
    }
    await this.#process.commit(input, complete);
  }

  /** `null` for a chain that iptables cannot tell, or that is not there. */
  async #list(table: TableName, chain: string): Promise<SavedChain | null> {
    const { backend, family } = this.#options;
    const command = `${commandOf(family)}-${backend}`;
    try {
      return parseListedChain(await runCommand(command, ["-t", table, "-S", chain], this.#options));
    } catch (error) {
      if (isKernelError(error, "COMMAND_FAILED")) return null;
      throw error;
    }
  }

  #command(action: "save" | "restore"): string {
    return `${commandOf(this.#options.family)}-${this.#options.backend}-${action}`;
  }
}

function allOf(promises: readonly Promise<unknown>[]): Promise<unknown> | undefined {
  return promises.length === 0 ? undefined : Promise.all(promises);
}

/** Looks at the node and says which backend it uses: see `chooseBackend` for the rules. */
export async function detectTablesBackend(
  family: Family,
  options: { readonly namespace?: NamespaceReference } = {},
): Promise<TablesBackend> {
  const command = commandOf(family);
  const orEmpty = (output: Promise<string>): Promise<string> => output.catch(() => "");
  const [commandVersion, nftSave, legacySave] = await Promise.all([
    orEmpty(runCommand(command, ["--version"], options)),
    orEmpty(runCommand(`${command}-nft-save`, [], options)),
    (await hasLegacyTables(family, options.namespace))
      ? orEmpty(runCommand(`${command}-legacy-save`, [], options))
      : "",
  ]);
  return chooseBackend({ commandVersion: commandVersion || null, nftSave, legacySave });
}

/** The names of all chains of a family, in whichever backend; none of a backend that does not answer. */
export async function listChains(family: Family): Promise<readonly string[]> {
  const command = commandOf(family);
  const saves = await Promise.all([
    runCommand(`${command}-nft-save`, []).catch(() => ""),
    (await hasLegacyTables(family, undefined)) ? runCommand(`${command}-legacy-save`, []).catch(() => "") : "",
  ]);
  return saves.flatMap((save) => [...save.matchAll(/^:(\S+)/gm)].map(([, name = ""]) => name));
}

/** Those that somebody has used in the namespace; of no modules none. */
export async function legacyTables(
  family: Family,
  namespace: NamespaceReference | undefined,
): Promise<readonly string[]> {
  const path = family === 4 ? "/proc/net/ip_tables_names" : "/proc/net/ip6_tables_names";
  const read = (): readonly string[] => {
    try {
      return readFileSync(path, "utf8").split("\n").filter(Boolean);
    } catch {
      return []; // The modules are not loaded.
    }
  };
  if (namespace === undefined) return read();
  await warmThreadPool();
  return insideNamespace(namespace, read);
}

/** iptables-legacy-save loads the legacy modules just to say that they hold nothing. */
async function hasLegacyTables(family: Family, namespace: NamespaceReference | undefined): Promise<boolean> {
  return (await legacyTables(family, namespace)).length > 0;
}

function commandOf(family: Family): string {
  return family === 4 ? "iptables" : "ip6tables";
}
