/** What etcd says on a stream of changes (`etcdserverpb.WatchResponse`), read from its message straight to what is made of it. */
import type { Change } from "../store/watchState.ts";
import { bytesField, MessageReader, numberField } from "./message.ts";
import { type RangeEntry, readEntry } from "./rangeAnswer.ts";

export interface WatchAnswer {
  /** Of which watch of the stream. */
  readonly watch: number;
  readonly created: boolean;
  readonly canceled: boolean;
  /** Where what was asked for is forgotten: up to which revision; else `0`. */
  readonly compactRevision: string;
  readonly cancelReason: string;
  /** More of the same answer comes in the next message. */
  readonly fragment: boolean;
  readonly changes: readonly Change[];
}

/** Throws a `RangeError` for what is no such message. */
export function readWatchAnswer(message: Buffer): WatchAnswer {
  const reader = new MessageReader(message);
  const changes: Change[] = [];
  const answer = { watch: 0, created: false, canceled: false, fragment: false };
  let [compactRevision, cancelReason] = ["0", ""];
  while (reader.at < message.length) {
    const tag = reader.number();
    if (tag === numberField(2)) answer.watch = reader.number();
    else if (tag === numberField(3)) answer.created = reader.number() !== 0;
    else if (tag === numberField(4)) answer.canceled = reader.number() !== 0;
    else if (tag === numberField(5)) compactRevision = reader.integer();
    else if (tag === bytesField(6)) cancelReason = reader.text();
    else if (tag === numberField(7)) answer.fragment = reader.number() !== 0;
    else if (tag === bytesField(11)) changes.push(reader.within((end) => readChange(reader, end)));
    else reader.skip(tag);
  }
  return { ...answer, compactRevision, cancelReason, changes };
}

/** `mvccpb.Event`: a type that is left out is that of a write. */
function readChange(reader: MessageReader, end: number): Change {
  let entry: RangeEntry | null = null;
  let isDeletion = false;
  while (reader.at < end) {
    const tag = reader.number();
    if (tag === numberField(1)) isDeletion = reader.number() === deletion;
    else if (tag === bytesField(2)) entry = reader.within((within) => readEntry(reader, within)).entry;
    else reader.skip(tag);
  }
  if (!entry) throw new RangeError("the message tells of a change without its key");
  return isDeletion ? { type: "delete", key: entry.key, revision: entry.revision } : { type: "put", entry };
}

const deletion = 1;
