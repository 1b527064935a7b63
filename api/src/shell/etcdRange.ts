/** Listing in pages, all of one revision: a page is a message that neither side has to hold many of. */
import type { RangeAnswer } from "../grpc/rangeAnswer.ts";
import type { Entry } from "../store/codec.ts";
import type { Standing } from "../store/history.ts";
import type { Revision } from "../store/store.ts";
import type { EtcdConnection } from "./etcdConnection.ts";

/**
 * etcd counts all that is left at each page, so that few pages cost it less: of 100,000 keys read in pages of 200, three of six
 * seconds were spent waiting for it.
 */
const pageSize = 1_000;

export interface Page {
  /** That of the prefix below which the entries are. */
  readonly index: number;
  readonly entries: readonly Entry[];
  /** Of the whole listing. */
  readonly revision: Revision;
  readonly standing: Standing;
}

/**
 * Everything below the prefixes as it was at one moment, in the order of the keys: one page or more for each prefix.
 * Without values the texts are empty. Fails as COMPACTED when the moment passes meanwhile.
 */
export async function* listPages(
  connection: EtcdConnection,
  prefixes: readonly string[],
  { keysOnly = false }: { readonly keysOnly?: boolean } = {},
): AsyncGenerator<Page> {
  let revision: Revision | undefined;
  const ask = (prefix: string, key: Buffer) => {
    const asked = connection.range({
      key,
      range_end: endOfPrefix(prefix),
      limit: pageSize,
      keys_only: keysOnly,
      ...(revision !== undefined && { revision }),
    });
    asked.catch(() => {}); // Whoever is content with fewer pages never hears of it.
    return asked;
  };
  for (const [index, prefix] of prefixes.entries()) {
    let asked: ReturnType<typeof ask> | undefined = ask(prefix, Buffer.from(prefix));
    while (asked) {
      const page: Awaited<typeof asked> = await asked;
      revision ??= page.header.revision;
      // etcd looks for the next page while this one is read.
      asked = page.more && page.lastKey ? ask(prefix, Buffer.concat([page.lastKey, Buffer.of(0)])) : undefined;
      yield { index, entries: page.entries, revision, standing: standingOf(page.header) };
    }
  }
}

export async function listAll(
  connection: EtcdConnection,
  prefixes: readonly string[],
): Promise<{ readonly entries: readonly Entry[]; readonly revision: Revision }> {
  const entries: Entry[] = [];
  let revision = "0";
  for await (const page of listPages(connection, prefixes)) {
    for (const entry of page.entries) entries.push(entry);
    revision = page.revision;
  }
  return { entries, revision };
}

/** The first key behind all that begin with the prefix. */
export function endOfPrefix(prefix: string): Buffer {
  const end = Buffer.from(prefix);
  const last = end.at(-1);
  if (last === undefined || last === 0xff) throw new RangeError("a prefix ends with a plain character");
  end[end.length - 1] = last + 1;
  return end;
}

export function standingOf({ cluster_id, raft_term, revision }: RangeAnswer["header"]): Standing {
  return { clusterId: cluster_id, raftTerm: raft_term, revision };
}
