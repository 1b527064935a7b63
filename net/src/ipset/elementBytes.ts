/**
 * Elements of a set as the kernel is told them (IPSET_ATTR_DATA, one for each). Sets of a large cluster have tens of thousands when
 * an agent starts, with nothing compiled yet: by way of tables of attributes, as all else is written, the first twenty
 * thousand took ten times as long as those that came later.
 */
import { setU16, setU16be, setU32, setU32be } from "../netlink/bytes.ts";
import { nestedFlag, netByteOrderFlag } from "../netlink/value.ts";
import type { SetElement } from "./setElement.ts";

/** IPSET_ATTR_*, with the flags that the kernel asks for. */
const attribute = {
  ip: 1 | nestedFlag,
  length: 3,
  port: 4 | netByteOrderFlag,
  data: 7 | nestedFlag,
  protocol: 7,
  line: 9,
  interfaceName: 23,
} as const;

/** IPSET_ATTR_IPADDR_* */
const addressOf = { 4: 1 | netByteOrderFlag, 6: 2 | netByteOrderFlag } as const;

const headerBytes = 4;
/** Each attribute but addresses and names, with its header and padding. */
const plainBytes = 8;

/** Each bears its place in the list, so that an error can name it. */
export function encodeElements(elements: readonly SetElement[]): Uint8Array {
  let size = 0;
  for (const element of elements) size += elementBytes(element);
  const bytes = new Uint8Array(size);
  let at = 0;
  for (let line = 0; line < elements.length; line++) {
    const element = elements[line];
    if (element) at = writeElement(bytes, at, { element, line });
  }
  return bytes;
}

function elementBytes(element: SetElement): number {
  const addressBytes = element.address.family === 4 ? 4 : 16;
  const plain = "port" in element ? 3 : 2;
  const name = "interfaceName" in element ? headerBytes + padded(Buffer.byteLength(element.interfaceName) + 1) : 0;
  return 3 * headerBytes + addressBytes + plain * plainBytes + name;
}

function padded(length: number): number {
  return (length + 3) & ~3;
}

/** Answers where the next one begins. The padding is there already: zeros. */
function writeElement(
  bytes: Uint8Array,
  start: number,
  { element, line }: { readonly element: SetElement; readonly line: number },
): number {
  let at = writeAddress(bytes, start + headerBytes, element);
  if ("port" in element) {
    writeHeader(bytes, at, attribute.port, 2);
    setU16be(bytes, at + headerBytes, element.port);
    writeU8(bytes, at + plainBytes, attribute.protocol, element.protocol);
    at += 2 * plainBytes;
  } else {
    writeU8(bytes, at, attribute.length, element.length);
    at += plainBytes;
  }
  writeHeader(bytes, at, attribute.line, 4);
  setU32(bytes, at + headerBytes, line);
  at += plainBytes;
  if ("interfaceName" in element) {
    const name = Buffer.from(`${element.interfaceName}\0`);
    writeHeader(bytes, at, attribute.interfaceName, name.length);
    bytes.set(name, at + headerBytes);
    at += headerBytes + padded(name.length);
  }
  writeHeader(bytes, start, attribute.data, at - start - headerBytes);
  return at;
}

function writeAddress(bytes: Uint8Array, at: number, { address: { family, value } }: SetElement): number {
  const length = family === 4 ? 4 : 16;
  writeHeader(bytes, at, attribute.ip, headerBytes + length);
  writeHeader(bytes, at + headerBytes, addressOf[family], length);
  const first = at + 2 * headerBytes;
  if (family === 4) setU32be(bytes, first, Number(value));
  else for (let word = 0; word < 4; word++) setU32be(bytes, first + 4 * word, wordOf(value, word));
  return first + length;
}

function wordOf(value: bigint, word: number): number {
  return Number((value >> BigInt(96 - 32 * word)) & 0xffff_ffffn);
}

function writeU8(bytes: Uint8Array, at: number, type: number, value: number): void {
  writeHeader(bytes, at, type, 1);
  bytes[at + headerBytes] = value;
}

function writeHeader(bytes: Uint8Array, at: number, type: number, valueBytes: number): void {
  setU16(bytes, at, headerBytes + valueBytes);
  setU16(bytes, at + 2, type);
}
