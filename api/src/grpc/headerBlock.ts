/**
 * The headers of a call and of its answer in HPACK (RFC 7541), without the table that grows with what was sent: we put nothing into
 * it, and allow the other side none (SETTINGS_HEADER_TABLE_SIZE 0).
 */
import { unpackedText } from "./huffman.ts";

export type HeaderField = readonly [name: string, value: string];

/** Each as a literal that is not kept (§6.2.2), and what is secret as one that nobody on the way may keep either (§6.2.3, §7.1.3). */
export function headerBlock(fields: readonly HeaderField[]): Buffer {
  return Buffer.concat(
    fields.flatMap(([name, value]) => [secretNames.has(name) ? neverKept : notKept, ...textOf(name), ...textOf(value)]),
  );
}

/** etcd's name of what says who asks, and HTTP's. */
const secretNames: ReadonlySet<string> = new Set(["token", "authorization"]);
const notKept = Buffer.of(0x00);
const neverKept = Buffer.of(0x10);

function textOf(text: string): readonly Buffer[] {
  const bytes = Buffer.from(text, "latin1");
  return [integer(bytes.length, 7), bytes];
}

/** §5.1, below flags that are all zero. */
function integer(value: number, bits: number): Buffer {
  const full = (1 << bits) - 1;
  if (value < full) return Buffer.of(value);
  const octets = [full];
  let rest = value - full;
  for (; rest >= 128; rest = Math.floor(rest / 128)) octets.push((rest % 128) | 128);
  return Buffer.of(...octets, rest);
}

/**
 * Fields by name. `null` for what is no block, or refers to a table that we do not keep. Of the table that everybody has (appendix A)
 * only the answer's status is told: no other name in it says anything of a call.
 */
export function readHeaderBlock(block: Uint8Array): ReadonlyMap<string, string> | null {
  const fields = new Map<string, string>();
  const reader = new BlockReader(block);
  while (!reader.isAtEnd) {
    const first = reader.peek();
    if (first & 0x80) {
      const index = reader.integer(7);
      if (index === 0 || index > staticEntries) return null;
      const status = statuses[index - statusIndexFirst];
      if (status !== undefined) fields.set(":status", status);
    } else if (first & 0x20 && !(first & 0x40)) {
      if (reader.integer(5) !== 0) return null; // A table, and we allowed none.
    } else {
      const index = reader.integer(first & 0x40 ? 6 : 4);
      if (index > staticEntries) return null;
      fields.set(index === 0 ? reader.text() : staticName(index), reader.text());
    }
    if (reader.isBroken) return null;
  }
  return fields;
}

/** Entries 8 to 14 of the table. */
const statuses = ["200", "204", "206", "304", "400", "404", "500"];
const statusIndexFirst = 8;
const staticEntries = 61;

function staticName(index: number): string {
  const isStatus = index >= statusIndexFirst && index < statusIndexFirst + statuses.length;
  return isStatus ? ":status" : "";
}

/** What does not fit makes it broken; it is asked for that at the end of each field. */
class BlockReader {
  readonly #block: Uint8Array;
  #at = 0;
  #isBroken = false;

  constructor(block: Uint8Array) {
    this.#block = block;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#block.length;
  }

  get isBroken(): boolean {
    return this.#isBroken;
  }

  peek(): number {
    return this.#block[this.#at] ?? 0;
  }

  integer(bits: number): number {
    const full = (1 << bits) - 1;
    let value = this.#octet() & full;
    if (value < full) return value;
    for (let weight = 1; weight <= 2 ** 21; weight *= 128) {
      const octet = this.#octet();
      value += (octet & 127) * weight;
      if (octet < 128) return value;
    }
    this.#isBroken = true;
    return 0;
  }

  text(): string {
    const isPacked = (this.peek() & 0x80) !== 0;
    const length = this.integer(7);
    const bytes = this.#block.subarray(this.#at, this.#at + length);
    this.#at += length;
    const text = isPacked ? unpackedText(bytes) : Buffer.from(bytes).toString("latin1");
    if (bytes.length < length || text === null) this.#isBroken = true;
    return text ?? "";
  }

  #octet(): number {
    const octet = this.#block[this.#at++];
    if (octet === undefined) this.#isBroken = true;
    return octet ?? 0;
  }
}
