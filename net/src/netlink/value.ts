/**
 * How single values look inside netlink attributes. Integers are in the machine's byte order unless the name says
 * `be`. A `decode` answers `null` for bytes that are not such a value: it never throws and never reads outside.
 */
import { type Address, addressBytes, addressFromBytes } from "../address.ts";

export interface ValueCodec<T> {
  /** Bits to set in the attribute's type, such as `nestedFlag`. */
  readonly typeFlags?: number;
  decode(bytes: Uint8Array): T | null;
  encode(value: T): Uint8Array;
}

/** linux/netlink.h: NLA_F_NESTED and NLA_F_NET_BYTEORDER. */
export const nestedFlag = 0x8000;
export const netByteOrderFlag = 0x4000;

export const littleEndian: boolean = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export const u8: ValueCodec<number> = integer(
  1,
  (view) => view.getUint8(0),
  (view, value) => view.setUint8(0, value),
);
export const u16: ValueCodec<number> = integer(
  2,
  (view) => view.getUint16(0, littleEndian),
  (view, value) => view.setUint16(0, value, littleEndian),
);
export const u32: ValueCodec<number> = integer(
  4,
  (view) => view.getUint32(0, littleEndian),
  (view, value) => view.setUint32(0, value, littleEndian),
);
/** Interface indices and namespace ids are signed in the kernel. */
export const s32: ValueCodec<number> = integer(
  4,
  (view) => view.getInt32(0, littleEndian),
  (view, value) => view.setInt32(0, value, littleEndian),
);
export const u16be: ValueCodec<number> = integer(
  2,
  (view) => view.getUint16(0, false),
  (view, value) => view.setUint16(0, value, false),
);
export const u32be: ValueCodec<number> = integer(
  4,
  (view) => view.getUint32(0, false),
  (view, value) => view.setUint32(0, value, false),
);

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

function integer(
  size: number,
  get: (view: DataView) => number,
  set: (view: DataView, value: number) => void,
): ValueCodec<number> {
  return {
    decode: (bytes) => (bytes.length === size ? get(viewOf(bytes)) : null),
    encode(value) {
      const bytes = new Uint8Array(size);
      set(viewOf(bytes), value);
      return bytes;
    },
  };
}
