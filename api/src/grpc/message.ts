/** Messages of protobuf, read and written by hand: those few of etcd's that an agent has at each pod, or by tens of thousands. */

/** A field's number with what its value is: its wire type in the last three bits. */
const wire = { number: 0, eightBytes: 1, bytes: 2, fourBytes: 5 } as const;

export function numberField(field: number): number {
  return (field << 3) | wire.number;
}

export function bytesField(field: number): number {
  return (field << 3) | wire.bytes;
}

export class MessageReader {
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

  /** The text of which the length comes now. */
  text(): string {
    const end = this.end();
    const text = this.message.toString("utf8", this.at, end);
    this.at = end;
    return text;
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

/** How many octets a varint has. */
export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++;
  return size;
}

/** Of a value of so many octets, with the length before it. */
export function sizedSize(length: number): number {
  return varintSize(length) + length;
}

/** Into a message of which the size is known. */
export class MessageWriter {
  readonly message: Buffer;
  #at = 0;

  constructor(size: number) {
    this.message = Buffer.allocUnsafe(size);
  }

  /** A tag, a length, or a number: exact up to 2^53. */
  number(value: number): void {
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.message[this.#at++] = (rest % 128) | 128;
    this.message[this.#at++] = rest;
  }

  /** With its length, which is `size`. */
  text(text: string, size: number): void {
    this.number(size);
    this.#at += this.message.write(text, this.#at, size, "utf8");
  }
}
