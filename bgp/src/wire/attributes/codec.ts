/**
 * The shape of a path attribute's row. A row says everything about its attribute: number, flags, length, content, and
 * what RFC 7606 wants done when they are wrong. The code that walks an UPDATE knows no attribute by name.
 */
import type { CodecContext, EncodeContext } from "../contract.ts";
import type { WireReader } from "../reader.ts";
import type { WireWriter } from "../writer.ts";

/** RFC 7606 §2. "AFI/SAFI disable" is not among them: we reset the session, as the RFC allows. */
export type OnMalformed = "discardAttribute" | "withdrawRoutes" | "resetSession";

/** Attribute flags: RFC 4271 §4.3. */
export const flag = { optional: 0x80, transitive: 0x40, partial: 0x20, extendedLength: 0x10 } as const;

/** The two flags that an attribute's specification fixes, as its row states them. */
export const wellKnown: number = flag.transitive;
export const optionalTransitive: number = flag.optional | flag.transitive;
export const optionalNonTransitive: number = flag.optional;

export interface AttributeCodec<T> {
  readonly code: number;
  readonly name: string;
  readonly flags: number;
  readonly onMalformed: OnMalformed;
  /** From whom it is taken; from others it is discarded, well formed or not. */
  readonly only?: "internalPeers" | "twoOctetPeers";
  /** RFC 7606 §4: of the attributes with a length of zero, all but these are malformed. */
  readonly mayBeEmpty?: true;
  /** The value, or `reader.refuse(reason)`. A length that does not fit shows in the reader. */
  decode(reader: WireReader, context: CodecContext): T | null;
  encode(writer: WireWriter, value: T, context: EncodeContext): void;
}
