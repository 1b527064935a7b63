/** Path attributes to bytes, in code order, as RFC 4271 §5 wishes. */
import type { Address } from "@brindle/net";
import { as4AggregatorFor } from "./attributes/aggregator.ts";
import { as4PathFor } from "./attributes/asPath.ts";
import { flag } from "./attributes/codec.ts";
import { attributeRows, type WireAttributes } from "./attributes/table.ts";
import type { EncodeContext } from "./contract.ts";
import type { PathAttributes } from "./message.ts";
import { WireWriter } from "./writer.ts";

/** Without MP_REACH_NLRI and MP_UNREACH_NLRI; `nextHop` is `null` where the former brings it. */
export function encodeAttributes(
  attributes: PathAttributes,
  nextHop: Address | null,
  context: EncodeContext,
): Uint8Array {
  const { unknown = [], ...known } = attributes;
  const as4Path = as4PathFor(attributes.asPath, context);
  const as4Aggregator = as4AggregatorFor(attributes.aggregator, context);
  const wire: Partial<WireAttributes> = {
    ...known,
    ...(nextHop && { nextHop }),
    ...(as4Path && { as4Path }),
    ...(as4Aggregator && { as4Aggregator }),
  };
  const encoded = [...unknown];
  for (const row of attributeRows) {
    const value = row.encodeFrom(wire, context);
    if (value) encoded.push({ code: row.code, flags: row.flags, value });
  }
  const writer = new WireWriter();
  for (const each of encoded.sort((a, b) => a.code - b.code)) writeAttribute(writer, each);
  return writer.finish();
}

/** Flags, code, length, value; two bytes of length only where one does not do. */
export function writeAttribute(
  writer: WireWriter,
  { code, flags, value }: NonNullable<PathAttributes["unknown"]>[number],
): void {
  const isLong = value.length > 255;
  writer.u8(isLong ? flags | flag.extendedLength : flags);
  writer.u8(code);
  if (isLong) writer.u16(value.length);
  else writer.u8(value.length);
  writer.bytes(value);
}
