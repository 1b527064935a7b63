/**
 * A table chain by chain, for one that iptables does not tell as a whole: the kernel's own chains, and those that can be
 * come to from there. Of others, which somebody wrote in nftables' own words, nothing is known and nothing need be.
 */
import { KernelError } from "../kernelError.ts";
import type { SavedChain, SavedTable } from "./savedTable.ts";
import type { TableName } from "./transaction.ts";

const kernelChains: Readonly<Record<TableName, readonly string[]>> = {
  filter: ["INPUT", "FORWARD", "OUTPUT"],
  nat: ["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"],
  mangle: ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"],
  raw: ["PREROUTING", "OUTPUT"],
};

/** Each is a process. */
const atATime = 8;

export interface ChainReading {
  /** Only chains whose names begin so are of interest beside the kernel's. */
  readonly prefix: string;
  /** `null` for a chain that cannot be told. */
  list(chain: string): Promise<SavedChain | null>;
}

/** Throws where one of the kernel's chains cannot be told: what is in it is not known. */
export async function readByChains(table: TableName, { prefix, list }: ChainReading): Promise<SavedTable> {
  const chains = new Map<string, SavedChain>();
  const asked = new Set<string>();
  const next = (): string[] => leadsOn(chains).filter((name) => name.startsWith(prefix) && !asked.has(name));
  for (let waiting = kernelChains[table]; waiting.length > 0; waiting = next()) {
    for (let first = 0; first < waiting.length; first += atATime) {
      const names = waiting.slice(first, first + atATime);
      for (const name of names) asked.add(name);
      for (const chain of await Promise.all(names.map((name) => list(name)))) if (chain) chains.set(chain.name, chain);
    }
    const untold = waiting.find((name) => kernelChains[table].includes(name) && !chains.has(name));
    if (untold !== undefined) {
      const reason = `chain ${untold} of table ${table} has rules of nftables that iptables cannot tell`;
      throw new KernelError({ code: "MALFORMED", object: reason });
    }
  }
  return { table, chains };
}

/** Where known ones jump or go to: chains, and targets of iptables itself. */
function leadsOn(chains: ReadonlyMap<string, SavedChain>): string[] {
  const targets = [...chains.values()].flatMap(({ rules }) =>
    rules.flatMap(({ arguments: words }) => targetsOf(words)),
  );
  return [...new Set(targets)];
}

function targetsOf(words: readonly string[]): string[] {
  return words.flatMap((word, index) => (word === "-j" || word === "-g" ? (words[index + 1] ?? []) : []));
}
