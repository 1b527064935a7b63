/**
 * Integers in byte arrays. No DataView: asking a small array for its `buffer` moves it out of the heap, which cost
 * more than half of the time of encoding a route.
 */

/** Netlink uses the machine's own byte order. */
export const littleEndian: boolean = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

export function getU16be(bytes: Uint8Array, offset: number): number {
  return (at(bytes, offset) << 8) | at(bytes, offset + 1);
}

export function getU32be(bytes: Uint8Array, offset: number): number {
  return ((getU16be(bytes, offset) << 16) | getU16be(bytes, offset + 2)) >>> 0;
}

export function getU16(bytes: Uint8Array, offset: number): number {
  return littleEndian ? at(bytes, offset) | (at(bytes, offset + 1) << 8) : getU16be(bytes, offset);
}

export function getU32(bytes: Uint8Array, offset: number): number {
  if (!littleEndian) return getU32be(bytes, offset);
  return (getU16(bytes, offset) | (getU16(bytes, offset + 2) << 16)) >>> 0;
}

export function setU16be(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 8;
  bytes[offset + 1] = value;
}

export function setU32be(bytes: Uint8Array, offset: number, value: number): void {
  setU16be(bytes, offset, value >>> 16);
  setU16be(bytes, offset + 2, value);
}

export function setU16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + (littleEndian ? 0 : 1)] = value;
  bytes[offset + (littleEndian ? 1 : 0)] = value >>> 8;
}

export function setU32(bytes: Uint8Array, offset: number, value: number): void {
  setU16(bytes, offset + (littleEndian ? 0 : 2), value);
  setU16(bytes, offset + (littleEndian ? 2 : 0), value >>> 16);
}

/** Callers have checked the length; outside of it is zero. */
function at(bytes: Uint8Array, offset: number): number {
  return bytes[offset] ?? 0;
}
