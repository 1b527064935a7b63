/**
 * An UPDATE cut into its pieces without looking into them: RFC 4271 §4.3, and the structural faults of RFC 7606 §3
 * and §4. The attributes that describe a route are apart from the two that name prefixes, so that many UPDATEs of one
 * route's attributes have equal `attributes`, and a cache can decode them once.
 */
import { flag } from "./attributes/codec.ts";
import { mpReach, mpUnreach } from "./attributes/multiprotocol.ts";
import { type Fault, malformedList } from "./fault.ts";
import { headerBytes } from "./limits.ts";
import { WireReader } from "./reader.ts";

export interface RawAttribute {
  readonly flags: number;
  readonly code: number;
  readonly value: Uint8Array;
  /** With flags, code and length. */
  readonly whole: Uint8Array;
}

export interface UpdatePieces {
  readonly kind: "pieces";
  /** The fields of RFC 4271, IPv4 alone. */
  readonly withdrawn: Uint8Array;
  readonly nlri: Uint8Array;
  /** All attributes but MP_REACH_NLRI and MP_UNREACH_NLRI, whole and in the order sent. */
  readonly attributes: Uint8Array;
  readonly mpReach: RawAttribute | null;
  readonly mpUnreach: RawAttribute | null;
  /** Where an attribute runs past the end of all attributes (RFC 7606 §4): what follows is lost. Else `null`. */
  readonly cutOff: string | null;
}

/** `bytes` is the whole message. The pieces are views into it. */
export function splitUpdate(bytes: Uint8Array): UpdatePieces | Fault {
  const reader = new WireReader(bytes.subarray(headerBytes));
  const withdrawn = reader.take(reader.u16());
  const attributes = reader.take(reader.u16());
  const nlri = reader.rest();
  if (reader.fault) return malformedList(`the lengths of the UPDATE do not add up: it ${reader.fault}`);

  const others: Uint8Array[] = [];
  const multiprotocol = new Map<number, RawAttribute>();
  const walker = new AttributeWalker(attributes);
  for (let raw = walker.next(); raw; raw = walker.next()) {
    if (raw.code !== mpReach.code && raw.code !== mpUnreach.code) others.push(raw.whole);
    else if (multiprotocol.has(raw.code)) return malformedList(`attribute ${raw.code} twice (RFC 7606 §3.g)`);
    else multiprotocol.set(raw.code, raw);
  }
  return {
    kind: "pieces",
    withdrawn,
    nlri,
    attributes: multiprotocol.size === 0 && !walker.cutOff ? attributes : join(others),
    mpReach: multiprotocol.get(mpReach.code) ?? null,
    mpUnreach: multiprotocol.get(mpUnreach.code) ?? null,
    cutOff: walker.cutOff,
  };
}

/** Steps from attribute to attribute, and stops where the next one does not fit. */
export class AttributeWalker {
  readonly #bytes: Uint8Array;
  readonly #reader: WireReader;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#reader = new WireReader(bytes);
  }

  get cutOff(): string | null {
    return this.#reader.fault;
  }

  next(): RawAttribute | null {
    const reader = this.#reader;
    const start = this.#bytes.length - reader.remaining;
    if (reader.remaining === 0) return null;
    const flags = reader.u8();
    const code = reader.u8();
    const value = reader.take(flags & flag.extendedLength ? reader.u16() : reader.u8());
    if (reader.fault) return null;
    return { flags, code, value, whole: this.#bytes.subarray(start, this.#bytes.length - reader.remaining) };
  }
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts;
  if (only && parts.length === 1) return only;
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
