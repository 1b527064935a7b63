import { bytesField, MessageReader, numberField } from "./message.ts";

/**
 * What etcd answers when it is asked for keys (`etcdserverpb.RangeResponse`), read from its message straight to what is made of it. A
 * node that starts reads tens of thousands: by way of the declarations, each has six members of which three are wanted, four of these
 * numbers of 64 bits, and is read twice.
 */
export interface RangeAnswer {
  readonly header: { readonly cluster_id: string; readonly raft_term: string; readonly revision: string };
  readonly entries: readonly RangeEntry[];
  /** That of the last entry, as etcd wrote it; `null` where there is none. */
  readonly lastKey: Buffer | null;
  readonly more: boolean;
}

export interface RangeEntry {
  readonly key: string;
  readonly text: string;
  /** Of its last change. */
  readonly revision: string;
}

/**
 * Throws a `RangeError` for what is no such message. Without the datastore's revision it is none: nothing at all would be a listing
 * without entries, and whoever looks for what is no longer there would delete it all.
 */
export function readRangeAnswer(message: Buffer): RangeAnswer {
  const reader = new MessageReader(message);
  const entries: RangeEntry[] = [];
  const header = { cluster_id: "0", raft_term: "0", revision: "0" };
  let last: ReadEntry | null = null;
  let more = false;
  while (reader.at < message.length) {
    const tag = reader.number();
    if (tag === bytesField(1)) reader.within((end) => readHeader(reader, end, header));
    else if (tag === bytesField(2)) {
      last = reader.within((end) => readEntry(reader, end));
      entries.push(last.entry);
    } else if (tag === numberField(3)) more = reader.number() !== 0;
    else reader.skip(tag);
  }
  if (header.revision === "0") throw new RangeError("the message says no revision");
  return { header, entries, lastKey: last && message.subarray(last.keyFrom, last.keyTo), more };
}

/** etcdserverpb.ResponseHeader */
export function readHeader(
  reader: MessageReader,
  end: number,
  header: { -readonly [K in keyof RangeAnswer["header"]]: string },
): void {
  while (reader.at < end) {
    const tag = reader.number();
    if (tag === numberField(1)) header.cluster_id = reader.integer();
    else if (tag === numberField(3)) header.revision = reader.integer();
    else if (tag === numberField(4)) header.raft_term = reader.integer();
    else reader.skip(tag);
  }
}

interface ReadEntry {
  readonly entry: RangeEntry;
  readonly keyFrom: number;
  readonly keyTo: number;
}

/** mvccpb.KeyValue, with where in the message its key stands. */
export function readEntry(reader: MessageReader, end: number): ReadEntry {
  let [keyFrom, keyTo, textFrom, textTo] = [end, end, end, end];
  let revision = "0";
  while (reader.at < end) {
    const tag = reader.number();
    if (tag === bytesField(1)) {
      keyTo = reader.end();
      keyFrom = reader.at;
      reader.at = keyTo;
    } else if (tag === numberField(3)) revision = reader.integer();
    else if (tag === bytesField(5)) {
      textTo = reader.end();
      textFrom = reader.at;
      reader.at = textTo;
    } else reader.skip(tag);
  }
  const { message } = reader;
  const key = message.toString("utf8", keyFrom, keyTo);
  return { entry: { key, text: message.toString("utf8", textFrom, textTo), revision }, keyFrom, keyTo };
}
