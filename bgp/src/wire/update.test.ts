/** What RFC 7606 wants done with each fault, by the section that says so. */
import { describe, expect, it } from "vitest";
import { attributeRows } from "./attributes/table.ts";
import type { CodecContext } from "./contract.ts";
import type { AttributeFault, Update } from "./message.ts";
import {
  address,
  attribute,
  externalPeer,
  internalPeer,
  packed,
  twoOctetPeer,
  unpacked,
  updateBytes,
} from "./testing.ts";
import { decodeUpdate } from "./update.ts";

const origin = attribute(0x40, 1, "00");
const asPath = attribute(0x40, 2, "0201 0000fde9");
const asPathTwoOctet = attribute(0x40, 2, "0201 fde9");
const nextHop = attribute(0x40, 3, "c0000201");
const mandatory = origin + asPath + nextHop;
const nlri = "18 0a0102";
const mpReachIpv6 = attribute(0x80, 14, `0002 01 10 ${v6("01")} 00 20 20010db8`);
const mpUnreachIpv6 = attribute(0x80, 15, "0002 01 20 20010db8");

function v6(lastByte: string): string {
  return `20010db8${"00".repeat(11)}${lastByte}`;
}

interface FaultCase {
  readonly section: string;
  readonly name: string;
  readonly attributes: string;
  readonly from?: CodecContext;
  /** The code of the attribute that the fault names. */
  readonly code: number;
}

const asIs = (attributes: string): string => mandatory + attributes;
const instead = (code: number, replacement: string): string =>
  [origin, asPath, nextHop].map((each, i) => (i === code - 1 ? replacement : each)).join("");

const withdrawn: FaultCase[] = [
  {
    section: "RFC 9774 §3",
    name: "AS_PATH with a set",
    attributes: instead(2, attribute(0x40, 2, "0201 0000fde9 0102 0000fdea 0000fdeb")),
    code: 2,
  },
  {
    section: "RFC 9774 §3",
    name: "AS_PATH with a set of a confederation, from inside",
    attributes: instead(2, attribute(0x40, 2, "0401 0000fdea")),
    from: internalPeer,
    code: 2,
  },
  {
    section: "§3.c",
    name: "ORIGIN that calls itself optional",
    attributes: instead(1, attribute(0xc0, 1, "00")),
    code: 1,
  },
  { section: "§3.c", name: "AS_PATH that is not transitive", attributes: instead(2, attribute(0x00, 2, "")), code: 2 },
  {
    section: "§3.c",
    name: "NEXT_HOP that is optional",
    attributes: instead(3, attribute(0xc0, 3, "c0000201")),
    code: 3,
  },
  { section: "§3.c", name: "MED that is transitive", attributes: asIs(attribute(0xc0, 4, "00000001")), code: 4 },
  {
    section: "§3.c",
    name: "LOCAL_PREF that is optional",
    attributes: asIs(attribute(0xc0, 5, "00000001")),
    from: internalPeer,
    code: 5,
  },
  { section: "§3.c", name: "ATOMIC_AGGREGATE that is optional", attributes: asIs(attribute(0xc0, 6, "")), code: 6 },
  {
    section: "§3.c",
    name: "AGGREGATOR that is well-known",
    attributes: asIs(attribute(0x40, 7, "0000fde9 c0000201")),
    code: 7,
  },
  {
    section: "§3.c",
    name: "COMMUNITIES that is not transitive",
    attributes: asIs(attribute(0x80, 8, "fde90001")),
    code: 8,
  },
  {
    section: "§3.c",
    name: "ORIGINATOR_ID that is transitive",
    attributes: asIs(attribute(0xc0, 9, "c0000201")),
    from: internalPeer,
    code: 9,
  },
  {
    section: "§3.c",
    name: "CLUSTER_LIST that is transitive",
    attributes: asIs(attribute(0xc0, 10, "c0000201")),
    from: internalPeer,
    code: 10,
  },
  {
    section: "§3.c",
    name: "extended communities that are not transitive",
    attributes: asIs(attribute(0x80, 16, "0002fde900000001")),
    code: 16,
  },
  { section: "§3.c", name: "AS4_PATH that is well-known", attributes: asIs(attribute(0x40, 17, "")), code: 17 },
  {
    section: "§3.c",
    name: "AS4_AGGREGATOR that is well-known",
    attributes: asIs(attribute(0x40, 18, "0000fde9c0000201")),
    code: 18,
  },
  {
    section: "§3.c",
    name: "large communities that are well-known",
    attributes: asIs(attribute(0x40, 32, "00".repeat(12))),
    code: 32,
  },
  {
    section: "§3.c",
    name: "MP_REACH_NLRI that is transitive",
    attributes: asIs(attribute(0xc0, 14, `0002 01 10 ${v6("01")} 00 20 20010db8`)),
    code: 14,
  },
  { section: "§3.d", name: "no ORIGIN", attributes: asPath + nextHop, code: 1 },
  { section: "§3.d", name: "no AS_PATH", attributes: origin + nextHop, code: 2 },
  { section: "§3.d", name: "no NEXT_HOP", attributes: origin + asPath, code: 3 },
  { section: "§4", name: "an attribute longer than what is left", attributes: `${mandatory}c008 04 fde9`, code: 0 },
  { section: "§4", name: "an attribute's length cut in half", attributes: `${mandatory}d008 00`, code: 0 },
  { section: "§7.1", name: "ORIGIN 3", attributes: instead(1, attribute(0x40, 1, "03")), code: 1 },
  { section: "§7.1", name: "ORIGIN of 2 bytes", attributes: instead(1, attribute(0x40, 1, "0000")), code: 1 },
  { section: "§7.1", name: "ORIGIN of no byte", attributes: instead(1, attribute(0x40, 1, "")), code: 1 },
  {
    section: "§7.2",
    name: "a segment of unknown type",
    attributes: instead(2, attribute(0x40, 2, "0501 0000fde9")),
    code: 2,
  },
  {
    section: "§7.2",
    name: "a segment past the end",
    attributes: instead(2, attribute(0x40, 2, "0202 0000fde9")),
    code: 2,
  },
  { section: "§7.2", name: "an empty segment", attributes: instead(2, attribute(0x40, 2, "0200")), code: 2 },
  {
    section: "§7.2",
    name: "half a segment header",
    attributes: instead(2, attribute(0x40, 2, "0201 0000fde9 02")),
    code: 2,
  },
  {
    section: "§7.2",
    name: "AS 0 in AS_PATH (RFC 7607)",
    attributes: instead(2, attribute(0x40, 2, "0201 00000000")),
    code: 2,
  },
  {
    section: "§7.2",
    name: "a confederation from outside (RFC 5065)",
    attributes: instead(2, attribute(0x40, 2, "0301 0000fde9")),
    code: 2,
  },
  { section: "§7.3", name: "NEXT_HOP of 16 bytes", attributes: instead(3, attribute(0x40, 3, v6("01"))), code: 3 },
  { section: "§7.3", name: "NEXT_HOP 0.0.0.0", attributes: instead(3, attribute(0x40, 3, "00000000")), code: 3 },
  { section: "§7.3", name: "NEXT_HOP 127.0.0.1", attributes: instead(3, attribute(0x40, 3, "7f000001")), code: 3 },
  { section: "§7.3", name: "NEXT_HOP 224.0.0.5", attributes: instead(3, attribute(0x40, 3, "e0000005")), code: 3 },
  { section: "§7.4", name: "MED of 3 bytes", attributes: asIs(attribute(0x80, 4, "000001")), code: 4 },
  {
    section: "§7.5",
    name: "LOCAL_PREF of 3 bytes from inside",
    attributes: asIs(attribute(0x40, 5, "000001")),
    from: internalPeer,
    code: 5,
  },
  { section: "§7.8", name: "COMMUNITIES of 5 bytes", attributes: asIs(attribute(0xc0, 8, "fde9000100")), code: 8 },
  { section: "§7.8", name: "COMMUNITIES of no byte", attributes: asIs(attribute(0xc0, 8, "")), code: 8 },
  {
    section: "§7.9",
    name: "ORIGINATOR_ID of 5 bytes from inside",
    attributes: asIs(attribute(0x80, 9, "c000020100")),
    from: internalPeer,
    code: 9,
  },
  {
    section: "§7.10",
    name: "CLUSTER_LIST of 6 bytes from inside",
    attributes: asIs(attribute(0x80, 10, "c00002010000")),
    from: internalPeer,
    code: 10,
  },
  {
    section: "§7.10",
    name: "CLUSTER_LIST of no byte from inside",
    attributes: asIs(attribute(0x80, 10, "")),
    from: internalPeer,
    code: 10,
  },
  {
    section: "§7.11",
    name: "an IPv6 next hop ff02::1",
    attributes: asIs(attribute(0x80, 14, `0002 01 10 ff02${"00".repeat(13)}01 00 20 20010db8`)),
    code: 14,
  },
  {
    section: "§7.14",
    name: "extended communities of 7 bytes",
    attributes: asIs(attribute(0xc0, 16, "0002fde9000000")),
    code: 16,
  },
  { section: "§7.14", name: "extended communities of no byte", attributes: asIs(attribute(0xc0, 16, "")), code: 16 },
  {
    section: "RFC 8092 §6",
    name: "large communities of 8 bytes",
    attributes: asIs(attribute(0xc0, 32, "00".repeat(8))),
    code: 32,
  },
  {
    section: "RFC 9234 §5",
    name: "an ONLY_TO_CUSTOMER of three bytes",
    attributes: asIs(attribute(0xc0, 35, "000001")),
    code: 35,
  },
  {
    section: "§3.c",
    name: "a well-known ONLY_TO_CUSTOMER",
    attributes: asIs(attribute(0x40, 35, "0000fde9")),
    code: 35,
  },
  { section: "RFC 8092 §6", name: "large communities of no byte", attributes: asIs(attribute(0xc0, 32, "")), code: 32 },
];

const discarded: FaultCase[] = [
  { section: "§3.g", name: "a second ORIGIN", attributes: asIs(attribute(0x40, 1, "02")), code: 1 },
  {
    section: "§3.g",
    name: "a second COMMUNITIES, whatever is in it",
    attributes: asIs(attribute(0xc0, 8, "fde90001") + attribute(0xc0, 8, "")),
    code: 8,
  },
  { section: "§7.5", name: "LOCAL_PREF from outside", attributes: asIs(attribute(0x40, 5, "00000001")), code: 5 },
  {
    section: "§7.5",
    name: "LOCAL_PREF of 3 bytes from outside",
    attributes: asIs(attribute(0x40, 5, "000001")),
    code: 5,
  },
  { section: "§7.6", name: "ATOMIC_AGGREGATE with a byte", attributes: asIs(attribute(0x40, 6, "00")), code: 6 },
  {
    section: "§7.7",
    name: "AGGREGATOR of 6 bytes from a four-octet peer",
    attributes: asIs(attribute(0xc0, 7, "fde9c0000201")),
    code: 7,
  },
  {
    section: "§7.7",
    name: "AGGREGATOR of 8 bytes from a two-octet peer",
    attributes: origin + asPathTwoOctet + nextHop + attribute(0xc0, 7, "0000fde9c0000201"),
    from: twoOctetPeer,
    code: 7,
  },
  {
    section: "§7.7",
    name: "AGGREGATOR with AS 0 (RFC 7607)",
    attributes: asIs(attribute(0xc0, 7, "00000000c0000201")),
    code: 7,
  },
  { section: "§7.9", name: "ORIGINATOR_ID from outside", attributes: asIs(attribute(0x80, 9, "c0000201")), code: 9 },
  { section: "§7.10", name: "CLUSTER_LIST from outside", attributes: asIs(attribute(0x80, 10, "c0000201")), code: 10 },
  {
    section: "RFC 6793 §4.1",
    name: "AS4_PATH from a four-octet peer",
    attributes: asIs(attribute(0xc0, 17, "0201 0000fde9")),
    code: 17,
  },
  {
    section: "RFC 6793 §4.1",
    name: "AS4_AGGREGATOR from a four-octet peer",
    attributes: asIs(attribute(0xc0, 18, "0000fde9c0000201")),
    code: 18,
  },
  {
    section: "RFC 6793 §6",
    name: "AS4_PATH that is cut off",
    attributes: origin + asPathTwoOctet + nextHop + attribute(0xc0, 17, "0202 0000fde9"),
    from: twoOctetPeer,
    code: 17,
  },
  {
    section: "RFC 6793 §6",
    name: "AS4_AGGREGATOR of 6 bytes",
    attributes: origin + asPathTwoOctet + nextHop + attribute(0xc0, 18, "fde9c0000201"),
    from: twoOctetPeer,
    code: 18,
  },
  {
    section: "RFC 4760 §3",
    name: "MP_REACH_NLRI of a family that was not agreed on",
    attributes: asIs(attribute(0x80, 14, "0019 41 00 00 ff")),
    code: 14,
  },
];

const reset: { section: string; name: string; bytes: Uint8Array; subcode: number }[] = [
  {
    section: "§3.a",
    name: "withdrawn routes longer than the message",
    bytes: setLength(updateBytes({ nlri }), 19, 0xff),
    subcode: 1,
  },
  {
    section: "§3.a",
    name: "attributes longer than the message",
    bytes: setLength(updateBytes({ nlri }), 21, 0xff),
    subcode: 1,
  },
  {
    section: "§3.g",
    name: "two MP_REACH_NLRI",
    bytes: updateBytes({ attributes: mandatory + mpReachIpv6 + mpReachIpv6 }),
    subcode: 1,
  },
  {
    section: "§3.g",
    name: "two MP_UNREACH_NLRI",
    bytes: updateBytes({ attributes: mpUnreachIpv6 + mpUnreachIpv6 }),
    subcode: 1,
  },
  {
    section: "§5.2",
    name: "a malformed attribute and no prefix",
    bytes: updateBytes({ attributes: attribute(0x40, 1, "03") }),
    subcode: 1,
  },
  {
    section: "§5.2",
    name: "attributes cut off and no prefix",
    bytes: updateBytes({ attributes: "4001 05 00" }),
    subcode: 1,
  },
  {
    section: "§5.3",
    name: "a prefix of 33 bits",
    bytes: updateBytes({ attributes: mandatory, nlri: "21 0a01020300" }),
    subcode: 10,
  },
  {
    section: "§5.3",
    name: "a withdrawn prefix of 33 bits",
    bytes: updateBytes({ withdrawn: "21 0a01020300" }),
    subcode: 10,
  },
  {
    section: "§5.3",
    name: "a prefix that is cut off",
    bytes: updateBytes({ attributes: mandatory, nlri: "18 0a01" }),
    subcode: 10,
  },
  {
    section: "§5.3",
    name: "an IPv6 prefix of 129 bits",
    bytes: updateBytes({
      attributes: origin + asPath + attribute(0x80, 14, `0002 01 10 ${v6("01")} 00 81 ${v6("01")}00`),
    }),
    subcode: 9,
  },
  {
    section: "§5.3",
    name: "a withdrawn IPv6 prefix that is cut off",
    bytes: updateBytes({ attributes: attribute(0x80, 15, "0002 01 20 2001") }),
    subcode: 9,
  },
  {
    section: "§7.11",
    name: "an IPv6 next hop of 8 bytes",
    bytes: updateBytes({ attributes: mandatory + attribute(0x80, 14, "0002 01 08 20010db800000000 00 20 20010db8") }),
    subcode: 9,
  },
  {
    section: "§7.11",
    name: "a next hop longer than its attribute",
    bytes: updateBytes({ attributes: mandatory + attribute(0x80, 14, "0002 01 10 2001") }),
    subcode: 9,
  },
  {
    section: "§7.11",
    name: "MP_REACH_NLRI of 4 bytes",
    bytes: updateBytes({ attributes: mandatory + attribute(0x80, 14, "0002 01 00") }),
    subcode: 9,
  },
  {
    section: "§7.12",
    name: "MP_UNREACH_NLRI of 2 bytes",
    bytes: updateBytes({ attributes: attribute(0x80, 15, "0002") }),
    subcode: 9,
  },
  {
    section: "RFC 4271 §6.3",
    name: "a well-known attribute that nobody knows",
    bytes: updateBytes({ attributes: mandatory + attribute(0x40, 99, "00"), nlri }),
    subcode: 2,
  },
];

describe("RFC 7606, treat as withdraw", () => {
  for (const { section, name, attributes, from = externalPeer, code } of withdrawn) {
    it(`${section}: ${name}`, () => {
      const message = decode(updateBytes({ attributes, nlri }), from);
      expect(message).toMatchObject({ announced: [], attributes: null });
      expect(message.withdrawn.flatMap(unpacked)).toContain("10.1.2.0/24");
      expect(message.faults).toContainEqual(fault(code, "withdrawRoutes"));
    });
  }
});

describe("RFC 7606, discard the attribute", () => {
  for (const { section, name, attributes, from = externalPeer, code } of discarded) {
    it(`${section}: ${name}`, () => {
      const message = decode(updateBytes({ attributes, nlri }), from);
      expect(message.announced.flatMap((each) => unpacked(each.prefixes))).toEqual(["10.1.2.0/24"]);
      expect(message.faults).toEqual([fault(code, "discardAttribute")]);
      expect(message.attributes?.origin).toBe("igp");
    });
  }
});

describe("RFC 7606, reset the session", () => {
  for (const { section, name, bytes, subcode } of reset) {
    it(`${section}: ${name}`, () => {
      expect(decodeUpdate(bytes, externalPeer)).toMatchObject({ kind: "fault", notification: { code: 3, subcode } });
    });
  }
});

describe("the cases above", () => {
  for (const row of attributeRows) {
    it(`have wrong flags, and content or sender, of ${row.name}`, () => {
      const ofRow = [...withdrawn, ...discarded].filter(({ code }) => code === row.code);
      expect(ofRow.some(({ section }) => section === "§3.c")).toBe(true);
      expect(ofRow.some(({ section }) => !section.startsWith("§3"))).toBe(true);
    });
  }
});

describe("decodeUpdate", () => {
  it("withdraws the routes of both families when one attribute cannot be used", () => {
    const attributes = mpReachIpv6 + instead(1, attribute(0x40, 1, "09"));
    const message = decode(updateBytes({ attributes, nlri }), externalPeer);
    expect(message.withdrawn.flatMap(unpacked)).toEqual(["10.1.2.0/24", "2001:db8::/32"]);
  });

  it("takes IPv4 out of MP_REACH_NLRI too, with its next hop", () => {
    const reach = attribute(0x80, 14, "0001 01 04 c0000202 00 18 0a0102");
    const message = decode(updateBytes({ attributes: reach + origin + asPath }), externalPeer);
    expect(message.announced).toEqual([{ prefixes: packed("10.1.2.0/24"), nextHop: address("192.0.2.2") }]);
  });

  it("minds no NEXT_HOP beside MP_REACH_NLRI, whatever it says (RFC 4760 §3)", () => {
    const attributes = mpReachIpv6 + instead(3, attribute(0x40, 3, "00000000"));
    expect(decode(updateBytes({ attributes }), externalPeer)).toMatchObject({ announced: [{}], faults: [] });
  });

  it("uses the link-local next hop of a peer that has no global address", () => {
    const hops = `${"00".repeat(16)} fe80${"00".repeat(13)}02`;
    const reach = attribute(0x80, 14, `0002 01 20 ${hops} 00 20 20010db8`);
    const message = decode(updateBytes({ attributes: reach + origin + asPath }), externalPeer);
    expect(message.announced).toEqual([{ prefixes: packed("2001:db8::/32"), nextHop: address("fe80::2") }]);
  });

  it("keeps what it withdraws and reports no end when flags of MP_UNREACH_NLRI are wrong", () => {
    const message = decode(updateBytes({ attributes: attribute(0xc0, 15, "0002 01 20 20010db8") }), externalPeer);
    expect(message.withdrawn.flatMap(unpacked)).toEqual(["2001:db8::/32"]);
  });

  it("takes a harmless fault in attributes without prefixes (RFC 7606 §5.2)", () => {
    const message = decode(updateBytes({ attributes: attribute(0x40, 6, "00") }), externalPeer);
    expect(message.faults).toEqual([fault(6, "discardAttribute")]);
  });

  it("clears host bits that the peer left set", () => {
    const message = decode(updateBytes({ withdrawn: "09 0aff" }), externalPeer);
    expect(message.withdrawn.flatMap(unpacked)).toEqual(["10.128.0.0/9"]);
  });

  it("leaves out a family that was not agreed on, and does not take its end for one", () => {
    const onlyIpv6: CodecContext = { ...externalPeer, families: [6] };
    const attributes = mpReachIpv6 + mandatory;
    const message = decode(updateBytes({ attributes, nlri }), onlyIpv6);
    expect(message.announced.map((each) => each.prefixes.family)).toEqual([6]);
    expect(message.faults).toEqual([expect.objectContaining({ name: "nlri", done: "discardAttribute" })]);
    const onlyIpv4: CodecContext = { ...externalPeer, families: [4] };
    expect(decode(updateBytes({ attributes: attribute(0x80, 15, "0002 01") }), onlyIpv4).endOfRib).toBeNull();
  });
});

function decode(bytes: Uint8Array, context: CodecContext): Update {
  const result = decodeUpdate(bytes, context);
  if (result.kind === "fault") throw new Error(result.reason);
  return result.message;
}

function fault(code: number, done: AttributeFault["done"]): AttributeFault {
  return expect.objectContaining({ code, done });
}

/** Sets a length of two bytes to what it is not. */
function setLength(bytes: Uint8Array, at: number, length: number): Uint8Array {
  bytes.set([length >>> 8, length], at);
  return bytes;
}
