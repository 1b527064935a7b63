/** MP_REACH_NLRI and MP_UNREACH_NLRI: RFC 4760 §3 and §4, the next hops of RFC 2545 §3, faults by RFC 7606 §7.11. */
import { type Address, addressBytes, addressFromBytes, type Family, isLinkLocal } from "@brindle/net";
import { afiOf, familyOf, unicast } from "../family.ts";
import type { Announcement, PackedPrefixes } from "../message.ts";
import { decodePackedPrefixes, encodePackedPrefixes } from "../prefixes.ts";
import type { WireReader } from "../reader.ts";
import { type AttributeCodec, optionalNonTransitive } from "./codec.ts";

/** A family that was not agreed on: its bytes mean nothing to us and harm nobody. */
export interface Unsupported {
  readonly kind: "unsupported";
  readonly afi: number;
  readonly safi: number;
}

export type MpReach = { readonly kind: "reach"; readonly announcement: Announcement } | Unsupported;
export type MpUnreach = { readonly kind: "unreach"; readonly prefixes: PackedPrefixes } | Unsupported;

export const mpReach: AttributeCodec<MpReach> = {
  code: 14,
  name: "mpReach",
  flags: optionalNonTransitive,
  onMalformed: "resetSession",
  decode: (reader, { families, addPath, extendedNextHop = false }) => {
    const family = readFamily(reader, families);
    if (typeof family !== "number") return skip(reader, family);
    const bytes = reader.take(reader.u8());
    // RFC 8950 §4: where it was agreed on, the length tells which family the next hop of an IPv4 prefix is of.
    const hops = decodeNextHops(bytes, extendedNextHop && bytes.length !== 4 ? 6 : family);
    reader.u8(); // Reserved: RFC 4760 §3.
    if (!hops) return reader.refuse("the next hop's length does not fit the family");
    const prefixes = readPrefixes(reader, family, addPath);
    return prefixes && { kind: "reach", announcement: { prefixes, ...hops } };
  },
  encode: (writer, value) => {
    if (value.kind === "unsupported") return;
    const { prefixes, nextHop, linkLocalNextHop } = value.announcement;
    writer.u16(afiOf[prefixes.family]);
    writer.u8(unicast);
    const hops = linkLocalNextHop ? [nextHop, linkLocalNextHop] : [nextHop];
    writer.u8(hops.length * addressBytes(nextHop).length);
    for (const hop of hops) writer.bytes(addressBytes(hop));
    writer.u8(0);
    writer.bytes(encodePackedPrefixes(prefixes));
  },
};

export const mpUnreach: AttributeCodec<MpUnreach> = {
  code: 15,
  name: "mpUnreach",
  flags: optionalNonTransitive,
  onMalformed: "resetSession",
  decode: (reader, { families, addPath }) => {
    const family = readFamily(reader, families);
    if (typeof family !== "number") return skip(reader, family);
    const prefixes = readPrefixes(reader, family, addPath);
    return prefixes && { kind: "unreach", prefixes };
  },
  encode: (writer, value) => {
    if (value.kind === "unsupported") return;
    writer.u16(afiOf[value.prefixes.family]);
    writer.u8(unicast);
    writer.bytes(encodePackedPrefixes(value.prefixes));
  },
};

function readFamily(reader: WireReader, families: readonly Family[]): Family | Unsupported {
  const afi = reader.u16();
  const safi = reader.u8();
  const family = familyOf(afi, safi);
  return family !== null && families.includes(family) ? family : { kind: "unsupported", afi, safi };
}

function skip(reader: WireReader, family: Unsupported): Unsupported {
  reader.rest();
  return family;
}

function readPrefixes(reader: WireReader, family: Family, addPath: readonly Family[] = []): PackedPrefixes | null {
  return (
    decodePackedPrefixes(reader.rest(), family, addPath.includes(family)) ??
    reader.refuse("a prefix is too long or cut off")
  );
}

/**
 * Four bytes for IPv4, 16 or 32 for IPv6. Of 32, the second half is the link-local next hop; a peer without a global
 * address sends the first half as zero or link-local, and then the second is the only one to use.
 */
export function decodeNextHops(bytes: Uint8Array, family: Family): Omit<Announcement, "prefixes"> | null {
  if (family === 4) return bytes.length === 4 ? { nextHop: addressFromBytes(bytes) } : null;
  if (bytes.length === 16) return { nextHop: addressFromBytes(bytes) };
  if (bytes.length !== 32) return null;
  const nextHop = addressFromBytes(bytes.subarray(0, 16));
  const linkLocal: Address = addressFromBytes(bytes.subarray(16));
  if (!isLinkLocal(linkLocal)) return { nextHop };
  return nextHop.value === 0n || isLinkLocal(nextHop)
    ? { nextHop: linkLocal }
    : { nextHop, linkLocalNextHop: linkLocal };
}
