/** AGGREGATOR (RFC 4271 §5.1.7) and AS4_AGGREGATOR (RFC 6793 §3): who made an aggregate, and where. */
import type { EncodeContext } from "../contract.ts";
import { asTrans, twoOctetAsMax } from "../limits.ts";
import type { WireReader } from "../reader.ts";
import { type AttributeCodec, optionalTransitive } from "./codec.ts";

export interface Aggregator {
  readonly asn: number;
  readonly address: number;
}

export const aggregator: AttributeCodec<Aggregator> = {
  code: 7,
  name: "aggregator",
  flags: optionalTransitive,
  onMalformed: "discardAttribute",
  decode: (reader, { fourOctetAs }) => refuseAsZero(reader, fourOctetAs ? reader.u32() : reader.u16()),
  encode: (writer, { asn, address }, { fourOctetAs }) => {
    if (fourOctetAs) writer.u32(asn);
    else writer.u16(asn > twoOctetAsMax ? asTrans : asn);
    writer.u32(address);
  },
};

export const as4Aggregator: AttributeCodec<Aggregator> = {
  code: 18,
  name: "as4Aggregator",
  flags: optionalTransitive,
  onMalformed: "discardAttribute",
  only: "twoOctetPeers",
  decode: (reader) => refuseAsZero(reader, reader.u32()),
  encode: (writer, { asn, address }) => {
    writer.u32(asn);
    writer.u32(address);
  },
};

/** The AS4_AGGREGATOR that must go with this one to a two-octet peer, or `null`. */
export function as4AggregatorFor(value: Aggregator | undefined, context: EncodeContext): Aggregator | null {
  return value && !context.fourOctetAs && value.asn > twoOctetAsMax ? value : null;
}

function refuseAsZero(reader: WireReader, asn: number): Aggregator | null {
  const address = reader.u32();
  return asn === 0 ? reader.refuse("AS 0 is nobody's (RFC 7607)") : { asn, address };
}
