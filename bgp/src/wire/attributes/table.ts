/** All path attributes that we know. A new one is a row here, and a field of `PathAttributes`. */
import type { Address } from "@brindle/net";
import type { CodecContext, EncodeContext } from "../contract.ts";
import type { AsPathSegment, PathAttributes } from "../message.ts";
import { WireReader } from "../reader.ts";
import { WireWriter } from "../writer.ts";
import { type Aggregator, aggregator, as4Aggregator } from "./aggregator.ts";
import { as4Path, asPath } from "./asPath.ts";
import { atomicAggregate, localPref, med, nextHop, origin } from "./basic.ts";
import type { AttributeCodec } from "./codec.ts";
import { clusterList, communities, extendedCommunities, largeCommunities, originatorId } from "./lists.ts";
import { onlyToCustomer } from "./onlyToCustomer.ts";

/** Attributes as they stand on the wire: with the next hop, and with what RFC 6793 splits over two of them. */
export type WireAttributes = Required<Omit<PathAttributes, "unknown">> & {
  nextHop: Address;
  as4Path: readonly AsPathSegment[];
  as4Aggregator: Aggregator;
};

/** A row whose type of value is between itself and the field that it fills. */
export interface AttributeRow extends Omit<AttributeCodec<never>, "decode" | "encode"> {
  readonly name: keyof WireAttributes;
  /** Fills its field; returns what is wrong with the value, or `null`. */
  decodeInto(attributes: Partial<WireAttributes>, value: Uint8Array, context: CodecContext): string | null;
  /** The value's bytes, or `null` where the attribute is absent or an empty list, which may not be sent. */
  encodeFrom(attributes: Partial<WireAttributes>, context: EncodeContext): Uint8Array | null;
}

/** In code order, which is the order in which they are sent (RFC 4271 §5). */
export const attributeRows: readonly AttributeRow[] = [
  row("origin", origin),
  row("asPath", asPath),
  row("nextHop", nextHop),
  row("med", med),
  row("localPref", localPref),
  row("atomicAggregate", atomicAggregate),
  row("aggregator", aggregator),
  row("communities", communities),
  row("originatorId", originatorId),
  row("clusterList", clusterList),
  row("extendedCommunities", extendedCommunities),
  row("as4Path", as4Path),
  row("as4Aggregator", as4Aggregator),
  row("largeCommunities", largeCommunities),
  row("onlyToCustomer", onlyToCustomer),
];

const rowsByCode: ReadonlyMap<number, AttributeRow> = new Map(attributeRows.map((each) => [each.code, each]));

export function findAttributeRow(code: number): AttributeRow | undefined {
  return rowsByCode.get(code);
}

function row<Name extends keyof WireAttributes>(name: Name, codec: AttributeCodec<WireAttributes[Name]>): AttributeRow {
  const { code, flags, onMalformed, only } = codec;
  return {
    code,
    name,
    flags,
    onMalformed,
    ...(only && { only }),
    decodeInto: (attributes, bytes, context) => {
      const reader = new WireReader(bytes);
      const value = codec.decode(reader, context);
      if (value === null || !reader.isWhole) return reader.fault ?? `${reader.remaining} bytes too many`;
      attributes[name] = value;
      return null;
    },
    encodeFrom: (attributes, context) => {
      const value = attributes[name];
      if (value === undefined) return null;
      const writer = new WireWriter();
      codec.encode(writer, value, context);
      return writer.length > 0 || codec.mayBeEmpty ? writer.finish() : null;
    },
  };
}
