/** ONLY_TO_CUSTOMER: RFC 9234 §5. */
import { type AttributeCodec, optionalTransitive } from "./codec.ts";

export const onlyToCustomer: AttributeCodec<number> = {
  code: 35,
  name: "onlyToCustomer",
  flags: optionalTransitive,
  onMalformed: "withdrawRoutes",
  decode: (reader) => reader.u32(),
  encode: (writer, value) => writer.u32(value),
};
