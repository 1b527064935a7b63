/**
 * How single values look inside netlink attributes. Integers are in the machine's byte order unless the name says
 * `be`. A `decode` answers `null` for bytes that are not such a value: it never throws and never reads outside.
 */
import { type Address, addressFromBytes } from "../address.ts";
import { getU16, getU16be, getU32, getU32be, littleEndian } from "./bytes.ts";
import { ByteWriter } from "./byteWriter.ts";

export interface ValueCodec<T> {
  /** Bits to set in the attribute's type, such as `nestedFlag`. */
  readonly typeFlags?: number;
  decode(bytes: Uint8Array): T | null;
  write(writer: ByteWriter, value: T): void;
}

/** One value's bytes by themselves. */
export function encodeValue<T>(codec: ValueCodec<T>, value: T): Uint8Array {
  const writer = new ByteWriter();
  codec.write(writer, value);
  return writer.take();
}

/** linux/netlink.h: NLA_F_NESTED and NLA_F_NET_BYTEORDER. */
export const nestedFlag = 0x8000;
export const netByteOrderFlag = 0x4000;

export const u8: ValueCodec<number> = {
  decode: (bytes) => (bytes.length === 1 ? (bytes[0] ?? 0) : null),
  write: (writer, value) => writer.u8(value),
};
export const u16: ValueCodec<number> = {
  decode: (bytes) => (bytes.length === 2 ? getU16(bytes, 0) : null),
  write: (writer, value) => writer.u16(value),
};
export const u32: ValueCodec<number> = {
  decode: (bytes) => (bytes.length === 4 ? getU32(bytes, 0) : null),
  write: (writer, value) => writer.u32(value),
};
/** Interface indices and namespace ids are signed in the kernel. */
export const s32: ValueCodec<number> = {
  decode: (bytes) => (bytes.length === 4 ? getU32(bytes, 0) | 0 : null),
  write: (writer, value) => writer.u32(value),
};
export const u64: ValueCodec<bigint> = {
  decode(bytes) {
    if (bytes.length !== 8) return null;
    const [first, second] = [BigInt(getU32(bytes, 0)), BigInt(getU32(bytes, 4))];
    return littleEndian ? (second << 32n) | first : (first << 32n) | second;
  },
  write(writer, value) {
    const halves = [Number(value & 0xffff_ffffn), Number(value >> 32n)];
    for (const half of littleEndian ? halves : halves.reverse()) writer.u32(half);
  },
};
export const u16be: ValueCodec<number> = {
  decode: (bytes) => (bytes.length === 2 ? getU16be(bytes, 0) : null),
  write: (writer, value) => writer.u16be(value),
};
export const u32be: ValueCodec<number> = {
  decode: (bytes) => (bytes.length === 4 ? getU32be(bytes, 0) : null),
  write: (writer, value) => writer.u32be(value),
};

/** A boolean in one byte. */
export const bool: ValueCodec<boolean> = {
  decode: (bytes) => (bytes.length === 1 ? bytes[0] !== 0 : null),
  write: (writer, value) => writer.u8(value ? 1 : 0),
};

/** Text that ends with a NUL, which the kernel sometimes leaves out. */
export const text: ValueCodec<string> = {
  decode(bytes) {
    const end = bytes.indexOf(0);
    return Buffer.from(bytes.subarray(0, end < 0 ? bytes.length : end)).toString("utf8");
  },
  write: (writer, value) => writer.bytes(Buffer.from(`${value}\0`, "utf8")),
};

export const binary: ValueCodec<Uint8Array> = {
  decode: (bytes) => bytes,
  write: (writer, value) => writer.bytes(value),
};

/** A hardware address as six lower-case pairs. Other lengths (tunnels, InfiniBand) decode to pairs as well. */
export const mac: ValueCodec<string> = {
  decode: (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(":"),
  write(writer, value) {
    if (!/^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$/.test(value)) throw new RangeError(`${value} is no hardware address`);
    for (const pair of value.split(":")) writer.u8(Number.parseInt(pair, 16));
  },
};

/** An address of either family, told apart by its length. */
export const address: ValueCodec<Address> = {
  decode: (bytes) => (bytes.length === 4 || bytes.length === 16 ? addressFromBytes(bytes) : null),
  write(writer, { family, value }) {
    if (family === 4) return writer.u32be(Number(value));
    for (let shift = 96n; shift >= 0n; shift -= 32n) writer.u32be(Number((value >> shift) & 0xffff_ffffn));
  },
};
