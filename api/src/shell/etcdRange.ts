/** Listing in pages, all of one revision: a page is a message that neither side has to hold many of. */
import type { IKeyValue } from "etcd3";
import type { Entry } from "../store/codec.ts";
import type { Revision } from "../store/store.ts";
import type { EtcdConnection } from "./etcdConnection.ts";

const pageSize = 1_000;

export interface RangeListing {
  /** One list for each prefix, in the order of its keys. */
  readonly entries: readonly (readonly Entry[])[];
  readonly revision: Revision;
}

/** Everything below the prefixes as it was at one moment. Fails as COMPACTED when that passes meanwhile. */
export async function listPrefixes(connection: EtcdConnection, prefixes: readonly string[]): Promise<RangeListing> {
  let revision: Revision | undefined;
  const entries: Entry[][] = [];
  for (const prefix of prefixes) {
    const found: Entry[] = [];
    let key = Buffer.from(prefix);
    for (let more = true; more; ) {
      const page = await connection.range({
        key,
        range_end: endOfPrefix(prefix),
        limit: pageSize,
        ...(revision !== undefined && { revision }),
      });
      revision ??= page.header.revision;
      for (const kv of page.kvs) found.push(entryOf(kv));
      const last = page.kvs.at(-1);
      more = page.more && last !== undefined;
      if (last) key = Buffer.concat([last.key, Buffer.of(0)]);
    }
    entries.push(found);
  }
  return { entries, revision: revision ?? "0" };
}

/** The first key behind all that begin with the prefix. */
export function endOfPrefix(prefix: string): Buffer {
  const end = Buffer.from(prefix);
  const last = end.at(-1);
  if (last === undefined || last === 0xff) throw new RangeError("a prefix ends with a plain character");
  end[end.length - 1] = last + 1;
  return end;
}

export function entryOf(kv: IKeyValue): Entry {
  return { key: kv.key.toString(), text: kv.value.toString(), revision: kv.mod_revision };
}
