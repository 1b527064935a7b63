/** What the rules of iptables have counted, of either backend. */

import { setImmediate } from "node:timers/promises";
import type { Family } from "../address.ts";
import type { TablesBackend } from "../iptables/backend.ts";
import {
  decodeCountedEntries,
  entriesOption,
  entriesRequest,
  entriesSize,
  infoRequest,
} from "../iptables/countedEntries.ts";
import { isKernelError, KernelError } from "../kernelError.ts";
import { netfilterProtocol } from "../netfilter/message.ts";
import { decodeRuleCount, listRules, type RuleCount } from "../netfilter/ruleCounters.ts";
import { closeSocket, getSocketOption, openSocket, socketDomain, socketType } from "./libc.ts";
import { insideNamespace, type NamespaceReference, warmThreadPool } from "./namespace.ts";
import { openNetlinkPort } from "./netlinkPort.ts";
import { NetlinkSocket } from "./netlinkSocket.ts";
import { legacyTables } from "./tables.ts";

export interface RuleCounters {
  readonly family: Family;
  /** Whether single chains are read for the cost of these alone. */
  readonly readsSingleChains: boolean;
  /** Of the named chains that exist, or of all; rules in their order. Of the table filter, unless told. */
  read(chains?: readonly string[], table?: string): Promise<RuleCount[]>;
  /**
   * Of a table that is read whole or not at all: what is another text once rules came or went, for some microseconds. `null`
   * where there is no such table.
   */
  outline?(table?: string): Promise<string | null>;
  close(): void;
}

export interface RuleCountersOptions {
  readonly family: Family;
  readonly backend: TablesBackend;
  readonly namespace?: NamespaceReference;
}

const filter = "filter";
/** Some milliseconds' worth; a table may have hundreds of thousands of rules. */
const messagesPerTurn = 500;

export async function openRuleCounters(options: RuleCountersOptions): Promise<RuleCounters> {
  return options.backend === "nft" ? openNft(options) : openLegacy(options);
}

async function openNft({ family, namespace }: RuleCountersOptions): Promise<RuleCounters> {
  await warmThreadPool();
  const port = openNetlinkPort({ protocol: netfilterProtocol, ...(namespace !== undefined && { namespace }) });
  const socket = new NetlinkSocket(port);
  const list = async (table: string, chain?: string): Promise<RuleCount[]> => {
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
    read: async (chains, table = filter) =>
      chains ? (await Promise.all(chains.map((chain) => list(table, chain)))).flat() : list(table),
    close: () => socket.close(),
  };
}

/** The kernel hands over a whole table or nothing. */
async function openLegacy({ family, namespace }: RuleCountersOptions): Promise<RuleCounters> {
  await warmThreadPool();
  const open = (): number => openSocket(family === 4 ? socketDomain.inet : socketDomain.inet6, rawSocket, rawProtocol);
  const fd = namespace === undefined ? open() : insideNamespace(namespace, open);
  // To ask for a table makes it.
  const isThere = async (table: string): Promise<boolean> => (await legacyTables(family, namespace)).includes(table);
  return {
    family,
    readsSingleChains: false,
    read: async (chains, table = filter) =>
      (await isThere(table)) ? readLegacy({ fd, family, table }, chains && new Set(chains)) : [],
    outline: async (table = filter) => ((await isThere(table)) ? outlineOf({ fd, family, table }) : null),
    close: () => closeSocket(fd),
  };
}

const rawSocket = socketType.raw | socketType.closeOnExec;
const rawProtocol = 255; // IPPROTO_RAW
/** Of a table that is committed between the question for its size and the one for its entries. */
const attemptsMax = 5;

interface LegacyTable {
  readonly fd: number;
  readonly family: Family;
  readonly table: string;
}

/** How many rules of how many bytes there are, and where the kernel's own chains begin and end. */
function outlineOf({ fd, family, table }: LegacyTable): string {
  const info = getSocketOption(fd, entriesOption.level[family], entriesOption.info, infoRequest(table));
  return Buffer.from(info).toString("hex");
}

function readLegacy({ fd, family, table }: LegacyTable, chains: ReadonlySet<string> | undefined): RuleCount[] {
  const level = entriesOption.level[family];
  for (let attempt = 1; ; attempt++) {
    const info = getSocketOption(fd, level, entriesOption.info, infoRequest(table));
    try {
      const request = entriesRequest(table, entriesSize(info));
      const answer = getSocketOption(fd, level, entriesOption.entries, request);
      const counts = decodeCountedEntries({ info, answer }, family, (chain) => chains?.has(chain) ?? true);
      if (!counts) throw new KernelError({ code: "MALFORMED", object: `the entries of ${table}` });
      return counts;
    } catch (error) {
      if (attempt === attemptsMax || !isKernelError(error, "BUSY")) throw error;
    }
  }
}
