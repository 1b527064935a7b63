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

/** The same answer as the client of etcd reads it. */
export interface ClientRange {
  readonly header: RangeAnswer["header"];
  readonly kvs: readonly { readonly key: Buffer; readonly value: Buffer; readonly mod_revision: string }[];
  readonly more: boolean;
}

export function rangeAnswerOf({ header, kvs, more }: ClientRange): RangeAnswer {
  const entries = kvs.map(
    ({ key, value, mod_revision }): RangeEntry => ({
      key: key.toString(),
      text: value.toString(),
      revision: mod_revision,
    }),
  );
  return { header, entries, lastKey: kvs.at(-1)?.key ?? null, more };
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
function readHeader(
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
function readEntry(reader: MessageReader, end: number): ReadEntry {
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

/** A field's number with what its value is: its wire type in the last three bits. */
const wire = { number: 0, eightBytes: 1, bytes: 2, fourBytes: 5 } as const;

function numberField(field: number): number {
  return (field << 3) | wire.number;
}

function bytesField(field: number): number {
  return (field << 3) | wire.bytes;
}

class MessageReader {
  readonly message: Buffer;
  /** Where it reads. */
  at = 0;
  /** Where what it reads now ends: the message, or a value in it. */
  #end: number;

  constructor(message: Buffer) {
    this.message = message;
    this.#end = message.length;
  }

  /** A varint: exact up to 2^53, and no more is asked of tags, lengths and yes or no. */
  number(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.message[this.at];
      if (byte === undefined || this.at >= this.#end) throw new RangeError("the message ends within a number");
      this.at += 1;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  }

  /** A varint in decimals, whatever its size. None that we ask for is negative. */
  integer(): string {
    const start = this.at;
    const value = this.number();
    if (Number.isSafeInteger(value)) return String(value);
    let exact = 0n;
    for (let at = this.at - 1; at >= start; at--) exact = (exact << 7n) | BigInt((this.message[at] ?? 0) & 127);
    return String(BigInt.asUintN(64, exact));
  }

  /** Where the value ends of which the length comes now. */
  end(): number {
    const length = this.number();
    return this.#after(length);
  }

  /** Reads a value by its members, of which none reaches beyond it. */
  within<T>(read: (end: number) => T): T {
    const end = this.end();
    const outer = this.#end;
    this.#end = end;
    const result = read(end);
    this.#end = outer;
    return result;
  }

  skip(tag: number): void {
    const type = tag & 7;
    if (type === wire.number) this.number();
    else if (type === wire.bytes) this.at = this.end();
    else if (type === wire.eightBytes) this.at = this.#after(8);
    else if (type === wire.fourBytes) this.at = this.#after(4);
    else throw new RangeError(`a value of the wire type ${type}`);
  }

  #after(length: number): number {
    const end = this.at + length;
    if (end > this.#end) throw new RangeError("the message ends within a value");
    return end;
  }
}
