/**
 * IP addresses as values. Both families have one shape, so that no caller needs a second code path for IPv6. Text is
 * canonical (RFC 5952), so `formatAddress` is also a key for maps. IPv4-mapped IPv6 addresses stay IPv6.
 */

export type Family = 4 | 6;

export interface Address {
  readonly family: Family;
  /** The address as an unsigned number: below 2^32 for IPv4, below 2^128 for IPv6. */
  readonly value: bigint;
}

/** The length of an address of each family, in bits. */
export const addressBits: Readonly<Record<Family, number>> = { 4: 32, 6: 128 };

/** `null` for anything but a plain address: no zone, no length, no leading zeros in IPv4 octets. */
export function parseAddress(text: string): Address | null {
  const value = text.includes(":") ? parseV6(text) : parseV4(text);
  return value === null ? null : { family: text.includes(":") ? 6 : 4, value };
}

export function formatAddress(address: Address): string {
  return address.family === 4 ? formatV4(Number(address.value)) : formatV6(address.value);
}

/** Network byte order, 4 or 16 bytes. */
export function addressBytes(address: Address): Uint8Array {
  const bytes = new Uint8Array(addressBits[address.family] / 8);
  let rest = address.value;
  for (let i = bytes.length - 1; i >= 0; i--) {
    bytes[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}

/** The address in 4 or 16 bytes of network order; any other length is a bug of the caller. */
export function addressFromBytes(bytes: Uint8Array): Address {
  if (bytes.length !== 4 && bytes.length !== 16) throw new RangeError(`an address has no ${bytes.length} bytes`);
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return { family: bytes.length === 4 ? 4 : 6, value };
}

/** The address `offset` further on, without leaving the family's range. */
export function addToAddress(address: Address, offset: bigint): Address {
  return { family: address.family, value: BigInt.asUintN(addressBits[address.family], address.value + offset) };
}

/** IPv4 before IPv6, then by number. */
export function compareAddresses(a: Address, b: Address): number {
  if (a.family !== b.family) return a.family - b.family;
  return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
}

export function sameAddress(a: Address, b: Address): boolean {
  return a.family === b.family && a.value === b.value;
}

/** fe80::/10 or 169.254.0.0/16. */
export function isLinkLocal(address: Address): boolean {
  return address.family === 4 ? address.value >> 16n === 0xa9fen : address.value >> 118n === 0x3fan;
}

/** Letter by letter: policies have more addresses than anything else, and a list of parts costs three times as much. */
function parseV4(text: string): bigint | null {
  let value = 0;
  let octets = 0;
  let octet: number | null = null;
  for (let i = 0; i <= text.length; i++) {
    const digit = text.charCodeAt(i) - zero;
    if (digit >= 0 && digit <= 9) {
      if (octet === 0) return null; // A leading zero, which some read as octal.
      octet = (octet ?? 0) * 10 + digit;
      if (octet > 255) return null;
    } else if (octet !== null && (i === text.length || text[i] === ".")) {
      value = value * 256 + octet;
      octets += 1;
      octet = null;
    } else return null;
  }
  return octets === 4 ? BigInt(value) : null;
}

const zero = "0".charCodeAt(0);

function parseV6(text: string): bigint | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const head = parseGroups(halves[0] ?? "", { isLast: halves.length === 1 });
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? "", { isLast: true }) : [];
  if (!head || !tail) return null;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  return groups.reduce((value, group) => (value << 16n) | BigInt(group), 0n);
}

/** The 16-bit groups of one side of a `::`; a dotted quad at the end of the last side counts as two. */
function parseGroups(text: string, { isLast }: { isLast: boolean }): number[] | null {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    if (part.includes(".")) {
      const quad = isLast && i === parts.length - 1 ? parseV4(part) : null;
      if (quad === null) return null;
      groups.push(Number(quad >> 16n), Number(quad & 0xffffn));
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return null;
      groups.push(Number.parseInt(part, 16));
    }
  }
  return groups;
}

function formatV4(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}

/** RFC 5952 §4: lower case, no leading zeros, the first longest run of two or more zero groups shortened. */
function formatV6(value: bigint): string {
  const groups: number[] = [];
  for (let shift = 112n; shift >= 0n; shift -= 16n) groups.push(Number((value >> shift) & 0xffffn));
  const run = longestZeroRun(groups);
  if (value >> 32n === 0xffffn) return `::ffff:${formatV4(Number(value & 0xffffffffn))}`; // RFC 5952 §5
  const hex = groups.map((group) => group.toString(16));
  if (run.length < 2) return hex.join(":");
  return `${hex.slice(0, run.start).join(":")}::${hex.slice(run.start + run.length).join(":")}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (let i = 0; i <= groups.length; i++) {
    if (groups[i] === 0) continue;
    if (i - start > best.length) best = { start, length: i - start };
    start = i + 1;
  }
  return best;
}
