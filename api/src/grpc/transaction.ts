/**
 * A transaction (`etcdserverpb.TxnRequest`) and what etcd answers, by hand: there is one for each pod that comes or goes, and by way of
 * the declarations it took longer than all that decides what is in it.
 */
import { bytesField, MessageReader, MessageWriter, numberField, sizedSize, varintSize } from "./message.ts";
import { type RangeEntry, readEntry, readHeader } from "./rangeAnswer.ts";

/** Where all conditions hold, all is changed; else the keys are read instead. */
export interface Transaction {
  readonly conditions: readonly Condition[];
  readonly changes: readonly KeyChange[];
  readonly otherwiseRead: readonly string[];
}

export interface Condition {
  readonly key: string;
  /** Of its last change, in decimals; `0` for a key that is not there. */
  readonly revision: string;
}

export interface KeyChange {
  readonly key: string;
  /** `null` deletes it. */
  readonly text: string | null;
}

export interface TransactionAnswer {
  readonly revision: string;
  readonly succeeded: boolean;
  /** Of what was read where it did not, in the order in which it was asked for: `null` for a key that is not there. */
  readonly found: readonly (RangeEntry | null)[];
}

/** `TxnRequest`: compare, success, failure. */
const parts = { compare: bytesField(1), success: bytesField(2), failure: bytesField(3) } as const;
/** `Compare`: whether (EQUAL, 0) what (MOD, 2) of the key is this. */
const compare = {
  result: numberField(1),
  target: numberField(2),
  key: bytesField(3),
  revision: numberField(6),
} as const;
const ofLastChange = 2;
/** `RequestOp`, and of each of its three kinds the members that we use: the key, and behind it the value. */
const operation = { range: bytesField(1), put: bytesField(2), delete: bytesField(3) } as const;
const operand = { key: bytesField(1), value: bytesField(2) } as const;

export function writeTransaction({ conditions, changes, otherwiseRead }: Transaction): Buffer {
  const all = [
    ...conditions.map(conditionPart),
    ...changes.map(changePart),
    ...otherwiseRead.map((key) => operationPart(parts.failure, operation.range, { key, text: null })),
  ];
  let size = 0;
  for (const part of all) size += 1 + sizedSize(part.size);
  const writer = new MessageWriter(size);
  for (const part of all) {
    writer.number(part.tag);
    writer.number(part.size);
    part.write(writer);
  }
  return writer.message;
}

/** A member of the request: its size is known before it is written. All its tags are of one octet. */
interface Part {
  readonly tag: number;
  readonly size: number;
  readonly write: (writer: MessageWriter) => void;
}

function conditionPart({ key, revision }: Condition): Part {
  const keySize = Buffer.byteLength(key);
  const changedAt = Number(revision);
  // An empty text would be 0, and with it the condition that there is no such key.
  if (revision === "" || changedAt < 0 || !Number.isSafeInteger(changedAt))
    throw new RangeError(`the revision "${revision}" is no number that etcd gives`);
  const write = (writer: MessageWriter): void => {
    writer.number(compare.result);
    writer.number(0);
    writer.number(compare.target);
    writer.number(ofLastChange);
    writer.number(compare.key);
    writer.text(key, keySize);
    writer.number(compare.revision);
    writer.number(changedAt);
  };
  return { tag: parts.compare, size: 6 + sizedSize(keySize) + varintSize(changedAt), write };
}

function changePart(change: KeyChange): Part {
  return operationPart(parts.success, change.text === null ? operation.delete : operation.put, change);
}

function operationPart(tag: number, kind: number, { key, text }: KeyChange): Part {
  const keySize = Buffer.byteLength(key);
  const textSize = text === null ? 0 : Buffer.byteLength(text);
  const inner = 1 + sizedSize(keySize) + (text === null ? 0 : 1 + sizedSize(textSize));
  const write = (writer: MessageWriter): void => {
    writer.number(kind);
    writer.number(inner);
    writer.number(operand.key);
    writer.text(key, keySize);
    if (text === null) return;
    writer.number(operand.value);
    writer.text(text, textSize);
  };
  return { tag, size: 1 + sizedSize(inner), write };
}

/** Throws a `RangeError` for what is no such message. What was written need not be told again, and is passed over. */
export function readTransactionAnswer(message: Buffer): TransactionAnswer {
  const reader = new MessageReader(message);
  const header = { cluster_id: "0", raft_term: "0", revision: "0" };
  const responses: number[] = [];
  let succeeded = false;
  while (reader.at < message.length) {
    const tag = reader.number();
    if (tag === bytesField(1)) reader.within((end) => readHeader(reader, end, header));
    else if (tag === numberField(2)) succeeded = reader.number() !== 0;
    else if (tag === bytesField(3)) {
      responses.push(reader.at);
      reader.skip(tag);
    } else reader.skip(tag);
  }
  if (header.revision === "0") throw new RangeError("the message says no revision");
  if (succeeded) return { revision: header.revision, succeeded, found: [] };
  const found = responses.map((at) => {
    reader.at = at;
    return reader.within((end) => readFound(reader, end));
  });
  return { revision: header.revision, succeeded, found };
}

/** `ResponseOp` with a `RangeResponse` in it, of one key. */
function readFound(reader: MessageReader, end: number): RangeEntry | null {
  let found: RangeEntry | null = null;
  while (reader.at < end) {
    const tag = reader.number();
    if (tag === operation.range) found = reader.within((within) => readFirst(reader, within));
    else reader.skip(tag);
  }
  return found;
}

function readFirst(reader: MessageReader, end: number): RangeEntry | null {
  let first: RangeEntry | null = null;
  while (reader.at < end) {
    const tag = reader.number();
    if (tag === bytesField(2)) first ??= reader.within((within) => readEntry(reader, within)).entry;
    else reader.skip(tag);
  }
  return first;
}
