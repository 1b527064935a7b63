/**
 * Netlink attributes (type, length, value, padding to four bytes) and the tables that describe them. A table has one
 * row for each field of the value: its type number and how its bytes look. Types without a row are skipped, since every
 * kernel adds some.
 */

import { getU16 } from "./bytes.ts";
import { ByteWriter } from "./byteWriter.ts";
import { binary, nestedFlag, type ValueCodec } from "./value.ts";

export interface AttributeRow<T> {
  readonly type: number;
  readonly codec: ValueCodec<T>;
}

/** One row a field. The fields of `A` are optional, as attributes are. */
export type AttributeTable<A> = { readonly [K in keyof A]-?: AttributeRow<Exclude<A[K], undefined>> };

export interface RawAttribute {
  readonly type: number;
  readonly value: Uint8Array;
}

const headerBytes = 4;
/** The two highest bits of the type are flags. */
const typeMask = 0x3fff;

/** Every attribute in order, or `null` when a length leads outside. */
export function splitAttributes(bytes: Uint8Array): RawAttribute[] | null {
  const attributes: RawAttribute[] = [];
  const isWhole = visitAttributes(bytes, (type, from, to) => {
    attributes.push({ type, value: bytes.subarray(from, to) });
    return true;
  });
  return isWhole ? attributes : null;
}

/** `false` when a length leads outside, or as soon as `visit`, which gets where a value begins and ends, says so. */
function visitAttributes(bytes: Uint8Array, visit: (type: number, from: number, to: number) => boolean): boolean {
  let offset = 0;
  while (offset < bytes.length) {
    if (bytes.length - offset < headerBytes) return false;
    const length = getU16(bytes, offset);
    if (length < headerBytes || length > bytes.length - offset) return false;
    if (!visit(getU16(bytes, offset + 2) & typeMask, offset + headerBytes, offset + length)) return false;
    offset += align(length); // The last one may lack its padding; then this leads beyond the end and the loop stops.
  }
  return true;
}

/** `null` when the bytes do not parse, or when a known attribute has a value that its codec refuses. */
export function decodeAttributes<A extends object>(table: AttributeTable<A>, bytes: Uint8Array): A | null {
  const rows = rowsByType(table);
  const values: Record<string, unknown> = {};
  const isWhole = visitAttributes(bytes, (type, from, to) => {
    const row = rows.get(type);
    if (!row) return true; // As two thirds of what the kernel says of an interface.
    const decoded = row.codec.decode(bytes.subarray(from, to));
    if (decoded === null) return false;
    values[row.field] = decoded;
    return true;
  });
  return isWhole ? (values as A) : null;
}

/** The fields that are there, in the table's order. */
export function encodeAttributes<A extends object>(table: AttributeTable<A>, values: A): Uint8Array {
  const writer = new ByteWriter();
  writeAttributes(writer, table, values);
  return writer.take();
}

export function encodeAttribute(type: number, value: Uint8Array): Uint8Array {
  const writer = new ByteWriter();
  writeAttribute(writer, { type, codec: binary }, value);
  return writer.take();
}

export function writeAttributes<A extends object>(writer: ByteWriter, table: AttributeTable<A>, values: A): void {
  for (const row of rowsInOrder(table)) {
    const value = (values as Record<string, unknown>)[row.field];
    if (value !== undefined) writeAttribute(writer, row, value);
  }
}

export function writeAttribute<T>(writer: ByteWriter, { type, codec }: AttributeRow<T>, value: T): void {
  const start = writer.length;
  writer.u16(0); // The length, which shows at the end.
  writer.u16(type | (codec.typeFlags ?? 0));
  codec.write(writer, value);
  writer.u16At(start, writer.length - start);
  writer.align();
}

/** A table inside an attribute. */
export function nested<A extends object>(table: AttributeTable<A>): ValueCodec<A> {
  return {
    typeFlags: nestedFlag,
    decode: (bytes) => decodeAttributes(table, bytes),
    write: (writer, value) => writeAttributes(writer, table, value),
  };
}

export function align(length: number): number {
  return (length + 3) & ~3;
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

interface NamedRow extends AttributeRow<unknown> {
  readonly field: string;
}

const orderedRows = new WeakMap<object, readonly NamedRow[]>();

function rowsInOrder<A extends object>(table: AttributeTable<A>): readonly NamedRow[] {
  const known = orderedRows.get(table);
  if (known) return known;
  const made = Object.entries<AttributeRow<unknown>>(table).map(([field, { type, codec }]) => ({ field, type, codec }));
  orderedRows.set(table, made);
  return made;
}

const rowsOfTables = new WeakMap<object, Map<number, NamedRow>>();

function rowsByType(table: object): Map<number, NamedRow> {
  let rows = rowsOfTables.get(table);
  if (!rows) {
    rows = new Map();
    for (const [field, row] of Object.entries<AttributeRow<unknown>>(table as Record<string, AttributeRow<unknown>>)) {
      rows.set(row.type, { field, ...row });
    }
    rowsOfTables.set(table, rows);
  }
  return rows;
}
