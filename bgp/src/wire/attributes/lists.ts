/**
 * Attributes that are lists of numbers: communities (RFC 1997, RFC 4360, RFC 8092) and what route reflectors leave
 * (RFC 4456). An empty list is malformed, and so is one that ends inside an element: RFC 7606 §7.8 to §7.10, §7.14.
 */
import type { WireReader } from "../reader.ts";
import { type AttributeCodec, optionalNonTransitive, optionalTransitive } from "./codec.ts";

export type LargeCommunity = readonly [number, number, number];

export const communities: AttributeCodec<readonly number[]> = {
  code: 8,
  name: "communities",
  flags: optionalTransitive,
  onMalformed: "withdrawRoutes",
  decode: (reader) => readList(reader, () => reader.u32()),
  encode: (writer, values) => {
    for (const value of values) writer.u32(value);
  },
};

export const originatorId: AttributeCodec<number> = {
  code: 9,
  name: "originatorId",
  flags: optionalNonTransitive,
  onMalformed: "withdrawRoutes",
  only: "internalPeers",
  decode: (reader) => reader.u32(),
  encode: (writer, value) => writer.u32(value),
};

export const clusterList: AttributeCodec<readonly number[]> = {
  code: 10,
  name: "clusterList",
  flags: optionalNonTransitive,
  onMalformed: "withdrawRoutes",
  only: "internalPeers",
  decode: (reader) => readList(reader, () => reader.u32()),
  encode: (writer, values) => {
    for (const value of values) writer.u32(value);
  },
};

export const extendedCommunities: AttributeCodec<readonly string[]> = {
  code: 16,
  name: "extendedCommunities",
  flags: optionalTransitive,
  onMalformed: "withdrawRoutes",
  decode: (reader) => readList(reader, () => hex(reader.u32()) + hex(reader.u32())),
  encode: (writer, values) => {
    for (const value of values) {
      writer.u32(Number.parseInt(value.slice(0, 8), 16));
      writer.u32(Number.parseInt(value.slice(8), 16));
    }
  },
};

/** RFC 8092 §5 has the receiver drop repetitions. */
export const largeCommunities: AttributeCodec<readonly LargeCommunity[]> = {
  code: 32,
  name: "largeCommunities",
  flags: optionalTransitive,
  onMalformed: "withdrawRoutes",
  decode: (reader) => {
    const values = readList(reader, (): LargeCommunity => [reader.u32(), reader.u32(), reader.u32()]);
    return values && [...new Map(values.map((value) => [value.join(":"), value])).values()];
  },
  encode: (writer, values) => {
    for (const value of values) for (const part of value) writer.u32(part);
  },
};

function readList<T>(reader: WireReader, readElement: () => T): readonly T[] | null {
  if (reader.remaining === 0) return reader.refuse("an empty list");
  const values: T[] = [];
  while (reader.remaining > 0) values.push(readElement());
  return values;
}

function hex(word: number): string {
  return word.toString(16).padStart(8, "0");
}
