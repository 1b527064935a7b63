/** The fixed part in front of the attributes: integers one after the other, declared as rows of name and width. */
import { ByteWriter } from "./byteWriter.ts";
import { s32, u8, u16, u32, type ValueCodec } from "./value.ts";

export type Width = "u8" | "u16" | "u32" | "s32";

/** The rows of a structure, in its order. Padding is a row of its own. */
export type StructRows<S> = readonly (readonly [field: keyof S & string, width: Width])[];

export interface StructCodec<S> {
  readonly size: number;
  /** `null` when the bytes are too few; what follows the structure is left alone. */
  decode(bytes: Uint8Array): S | null;
  /** Fields left out are zero. */
  write(writer: ByteWriter, value: Partial<S>): void;
  encode(value: Partial<S>): Uint8Array;
}

const codecOf: Readonly<Record<Width, ValueCodec<number>>> = { u8, u16, u32, s32 };
const bytesOf: Readonly<Record<Width, number>> = { u8: 1, u16: 2, u32: 4, s32: 4 };

export function structCodec<S extends { readonly [field: string]: number }>(rows: StructRows<S>): StructCodec<S> {
  const write = (writer: ByteWriter, value: Partial<S>): void => {
    for (const [field, width] of rows) codecOf[width].write(writer, value[field] ?? 0);
  };
  return {
    size: rows.reduce((total, [, width]) => total + bytesOf[width], 0),
    decode(bytes) {
      const values: Record<string, number> = {};
      let offset = 0;
      for (const [field, width] of rows) {
        const value = codecOf[width].decode(bytes.subarray(offset, offset + bytesOf[width]));
        if (value === null) return null;
        values[field] = value;
        offset += bytesOf[width];
      }
      return values as S;
    },
    write,
    encode(value) {
      const writer = new ByteWriter();
      write(writer, value);
      return writer.take();
    },
  };
}
