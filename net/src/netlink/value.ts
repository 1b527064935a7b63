/**
 * How single values look inside netlink attributes. Integers are in the machine's byte order unless the name says
 * `be`. A `decode` answers `null` for bytes that are not such a value: it never throws and never reads outside.
 */
import { type Address, addressBytes, addressFromBytes } from "../address.ts";
import { getU16, getU16be, getU32, getU32be, setU16, setU16be, setU32, setU32be } from "./bytes.ts";

export interface ValueCodec<T> {
  /** Bits to set in the attribute's type, such as `nestedFlag`. */
  readonly typeFlags?: number;
  decode(bytes: Uint8Array): T | null;
  encode(value: T): Uint8Array;
}

/** linux/netlink.h: NLA_F_NESTED and NLA_F_NET_BYTEORDER. */
export const nestedFlag = 0x8000;
export const netByteOrderFlag = 0x4000;

export const u8: ValueCodec<number> = integer(1, (bytes) => bytes[0] ?? 0, setU8);
export const u16: ValueCodec<number> = integer(2, (bytes) => getU16(bytes, 0), setU16);
export const u32: ValueCodec<number> = integer(4, (bytes) => getU32(bytes, 0), setU32);
/** Interface indices and namespace ids are signed in the kernel. */
export const s32: ValueCodec<number> = integer(4, (bytes) => getU32(bytes, 0) | 0, setU32);
export const u16be: ValueCodec<number> = integer(2, (bytes) => getU16be(bytes, 0), setU16be);
export const u32be: ValueCodec<number> = integer(4, (bytes) => getU32be(bytes, 0), setU32be);

/** A boolean in one byte. */
export const bool: ValueCodec<boolean> = {
  decode: (bytes) => (bytes.length === 1 ? bytes[0] !== 0 : null),
  encode: (value) => Uint8Array.of(value ? 1 : 0),
};

/** Text that ends with a NUL, which the kernel sometimes leaves out. */
export const text: ValueCodec<string> = {
  decode(bytes) {
    const end = bytes.indexOf(0);
    return Buffer.from(bytes.subarray(0, end < 0 ? bytes.length : end)).toString("utf8");
  },
  encode: (value) => Buffer.from(`${value}\0`, "utf8"),
};

export const binary: ValueCodec<Uint8Array> = { decode: (bytes) => bytes, encode: (value) => value };

/** A hardware address as six lower-case pairs. Other lengths (tunnels, InfiniBand) decode to pairs as well. */
export const mac: ValueCodec<string> = {
  decode: (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(":"),
  encode(value) {
    if (!/^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$/.test(value)) throw new RangeError(`${value} is no hardware address`);
    return Uint8Array.from(value.split(":"), (pair) => Number.parseInt(pair, 16));
  },
};

/** An address of either family, told apart by its length. */
export const address: ValueCodec<Address> = {
  decode: (bytes) => (bytes.length === 4 || bytes.length === 16 ? addressFromBytes(bytes) : null),
  encode: addressBytes,
};

type SetInteger = (bytes: Uint8Array, offset: number, value: number) => void;

function integer(size: number, get: (bytes: Uint8Array) => number, set: SetInteger): ValueCodec<number> {
  return {
    decode: (bytes) => (bytes.length === size ? get(bytes) : null),
    encode(value) {
      const bytes = new Uint8Array(size);
      set(bytes, 0, value);
      return bytes;
    },
  };
}

function setU8(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value;
}
