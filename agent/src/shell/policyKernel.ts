/** The packet filter of the node: in the backend that the node uses, unless a FelixConfiguration asks for one. */
import type { Family, TablesBackend } from "@brindle/net";
import {
  detectTablesBackend,
  type IpsetSocket,
  openIpsetSocket,
  openRuleCounters,
  openTables,
  type RuleCounters,
  type Tables,
} from "@brindle/net/shell";
import type { Kernel } from "@brindle/policy/shell";

export interface PolicyKernel extends Kernel {
  /** Of the tables that are in use; the list stays the same. */
  readonly counters?: readonly RuleCounters[];
  /**
   * Tables of `asked`, or of what the node uses, where these are not in use already. `beforeLeaving` is awaited before
   * `counters` are those of others.
   */
  choose?(asked: TablesBackend | null, beforeLeaving?: () => Promise<void>): Promise<readonly Tables[] | null>;
  close(): void;
}

const families: readonly Family[] = [4, 6];

export async function openPolicyKernel(): Promise<PolicyKernel> {
  const detected = await Promise.all(families.map((family) => detectTablesBackend(family)));
  const tables = families.map((family, index) => openTables({ family, backend: detected[index] ?? "nft" }));
  const kernel = new NodeKernel(tables, await openIpsetSocket(), await countersOf(tables));
  const others = tables.map(({ family, backend }) => openTables({ family, backend: otherThan(backend) }));
  return Object.assign(kernel, { former: (await Promise.all(others.map(usable))).flat() });
}

class NodeKernel implements PolicyKernel {
  tables: readonly Tables[];
  readonly sets: IpsetSocket;
  readonly counters: RuleCounters[];
  readonly #detected: readonly Tables[];

  constructor(tables: readonly Tables[], sets: IpsetSocket, counters: RuleCounters[]) {
    this.tables = tables;
    this.sets = sets;
    this.counters = counters;
    this.#detected = tables;
  }

  async choose(
    asked: TablesBackend | null,
    beforeLeaving: () => Promise<void> = async () => {},
  ): Promise<readonly Tables[] | null> {
    const wanted = this.#detected.map((table) =>
      asked === null || table.backend === asked ? table : openTables({ family: table.family, backend: asked }),
    );
    if (wanted.every(({ backend }, index) => backend === this.tables[index]?.backend)) return null;
    for (const table of wanted) await table.save("filter"); // Whether the kernel has it is known before anything moves.
    const counters = await countersOf(wanted);
    await beforeLeaving();
    for (const former of this.counters.splice(0, this.counters.length, ...counters)) former.close();
    this.tables = wanted;
    return wanted;
  }

  close(): void {
    for (const each of [this.sets, ...this.counters]) each.close();
  }
}

function countersOf(tables: readonly Tables[]): Promise<RuleCounters[]> {
  return Promise.all(tables.map(({ family, backend }) => openRuleCounters({ family, backend })));
}

function otherThan(backend: TablesBackend): TablesBackend {
  return backend === "nft" ? "legacy" : "nft";
}

/** None where the kernel has no such backend, and so no rules of it. */
async function usable(tables: Tables): Promise<Tables[]> {
  return tables.save("filter").then(
    () => [tables],
    () => [],
  );
}
