/** What the rules of iptables have counted, of either backend. */

import { setImmediate } from "node:timers/promises";
import type { Family } from "../address.ts";
import type { TablesBackend } from "../iptables/backend.ts";
import { netfilterProtocol } from "../netfilter/message.ts";
import { decodeRuleCount, listRules, type RuleCount } from "../netfilter/ruleCounters.ts";
import { type NamespaceReference, warmThreadPool } from "./namespace.ts";
import { openNetlinkPort } from "./netlinkPort.ts";
import { NetlinkSocket } from "./netlinkSocket.ts";
import { openTables } from "./tables.ts";

export interface RuleCounters {
  readonly family: Family;
  /** Whether single chains are read for the cost of these alone. */
  readonly readsSingleChains: boolean;
  /** Of the table filter: of the named chains that exist, or of all; rules in their order. */
  read(chains?: readonly string[]): Promise<RuleCount[]>;
  close(): void;
}

export interface RuleCountersOptions {
  readonly family: Family;
  readonly backend: TablesBackend;
  readonly namespace?: NamespaceReference;
}

const table = "filter";
/** Some milliseconds' worth; a table may have hundreds of thousands of rules. */
const messagesPerTurn = 500;

export async function openRuleCounters(options: RuleCountersOptions): Promise<RuleCounters> {
  return options.backend === "nft" ? openNft(options) : openLegacy(options);
}

async function openNft({ family, namespace }: RuleCountersOptions): Promise<RuleCounters> {
  await warmThreadPool();
  const port = openNetlinkPort({ protocol: netfilterProtocol, ...(namespace !== undefined && { namespace }) });
  const socket = new NetlinkSocket(port);
  const list = async (chain?: string): Promise<RuleCount[]> => {
    const request = listRules({ family, table, ...(chain !== undefined && { chain }) });
    const messages = await socket.dump({ ...request, object: `rules of ${chain ?? table}` });
    const counts: RuleCount[] = [];
    for (const [index, message] of messages.entries()) {
      if (index % messagesPerTurn === messagesPerTurn - 1) await setImmediate();
      const count = decodeRuleCount(message);
      if (count) counts.push(count);
    }
    return counts;
  };
  return {
    family,
    readsSingleChains: true,
    read: async (chains) => (chains ? (await Promise.all(chains.map(list))).flat() : list()),
    close: () => socket.close(),
  };
}

/** The kernel hands over a whole table or nothing. */
function openLegacy(options: RuleCountersOptions): RuleCounters {
  const tables = openTables(options);
  return {
    family: options.family,
    readsSingleChains: false,
    async read(chains) {
      const saved = await tables.save(table, { counters: true });
      const wanted = [...saved.chains.values()].filter(({ name }) => chains?.includes(name) ?? true);
      return wanted.flatMap(({ name, rules }) =>
        rules.map(({ arguments: words, counters }) => ({
          chain: name,
          comment: words.includes("--comment") ? (words[words.indexOf("--comment") + 1] ?? "") : "",
          packets: Number(counters?.packets ?? 0n),
        })),
      );
    },
    close: () => {},
  };
}
