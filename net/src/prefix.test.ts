import { describe, expect, it } from "vitest";
import { parseAddress } from "./address.ts";
import {
  type Cidr,
  containsAddress,
  containsPrefix,
  formatPrefix,
  hostPrefix,
  networkOf,
  overlaps,
  parseCidr,
  parsePrefix,
  prefixSize,
} from "./prefix.ts";

function cidr(text: string): Cidr {
  const parsed = parseCidr(text);
  if (!parsed) throw new Error(`${text} is no CIDR`);
  return parsed;
}

describe("parseCidr and parsePrefix", () => {
  const rows: { name: string; text: string; asCidr: boolean; asPrefix: boolean }[] = [
    { name: "take a network", text: "10.0.0.0/8", asCidr: true, asPrefix: true },
    { name: "take everything", text: "0.0.0.0/0", asCidr: true, asPrefix: true },
    { name: "take everything of IPv6", text: "::/0", asCidr: true, asPrefix: true },
    { name: "take a host", text: "192.0.2.1/32", asCidr: true, asPrefix: true },
    { name: "take an IPv6 host", text: "2001:db8::1/128", asCidr: true, asPrefix: true },
    { name: "tell an address with host bits from a prefix", text: "10.0.0.1/8", asCidr: true, asPrefix: false },
    { name: "tell an IPv6 one too", text: "2001:db8::1/64", asCidr: true, asPrefix: false },
    { name: "refuse a length beyond the family", text: "10.0.0.0/33", asCidr: false, asPrefix: false },
    { name: "refuse a length beyond IPv6", text: "::/129", asCidr: false, asPrefix: false },
    { name: "refuse a missing length", text: "10.0.0.0", asCidr: false, asPrefix: false },
    { name: "refuse an empty length", text: "10.0.0.0/", asCidr: false, asPrefix: false },
    { name: "refuse a length with a leading zero", text: "10.0.0.0/08", asCidr: false, asPrefix: false },
    { name: "refuse a sign", text: "10.0.0.0/+8", asCidr: false, asPrefix: false },
    { name: "refuse a netmask", text: "10.0.0.0/255.0.0.0", asCidr: false, asPrefix: false },
    { name: "refuse two slashes", text: "10.0.0.0/8/8", asCidr: false, asPrefix: false },
  ];
  for (const { name, text, asCidr, asPrefix } of rows) {
    it(`${name}: ${text}`, () => {
      expect(parseCidr(text) !== null).toBe(asCidr);
      expect(parsePrefix(text) !== null).toBe(asPrefix);
      if (asCidr) expect(formatPrefix(cidr(text))).toBe(text);
    });
  }
});

describe("prefixes", () => {
  const networks: [of: string, network: string, size: bigint][] = [
    ["10.1.2.3/8", "10.0.0.0/8", 1n << 24n],
    ["10.1.2.3/0", "0.0.0.0/0", 1n << 32n],
    ["10.1.2.3/32", "10.1.2.3/32", 1n],
    ["10.1.2.3/31", "10.1.2.2/31", 2n],
    ["2001:db8::ffff/122", "2001:db8::ffc0/122", 64n],
    ["2001:db8::ffff/0", "::/0", 1n << 128n],
  ];
  for (const [of, network, size] of networks) {
    it(`${of} lies in ${network}, which has ${size} addresses`, () => {
      expect(formatPrefix(networkOf(cidr(of)))).toBe(network);
      expect(prefixSize(cidr(network))).toBe(size);
      expect(containsAddress(cidr(network), cidr(of).address)).toBe(true);
    });
  }

  const pairs: { a: string; b: string; contains: boolean; overlaps: boolean }[] = [
    { a: "10.0.0.0/8", b: "10.0.0.0/8", contains: true, overlaps: true },
    { a: "10.0.0.0/8", b: "10.255.0.0/16", contains: true, overlaps: true },
    { a: "10.255.0.0/16", b: "10.0.0.0/8", contains: false, overlaps: true },
    { a: "10.0.0.0/8", b: "11.0.0.0/8", contains: false, overlaps: false },
    { a: "0.0.0.0/0", b: "::/0", contains: false, overlaps: false },
    { a: "::/0", b: "2001:db8::/32", contains: true, overlaps: true },
  ];
  for (const { a, b, ...expected } of pairs) {
    it(`${a} ${expected.contains ? "contains" : "does not contain"} ${b}`, () => {
      expect(containsPrefix(cidr(a), cidr(b))).toBe(expected.contains);
      expect([overlaps(cidr(a), cidr(b)), overlaps(cidr(b), cidr(a))]).toEqual([expected.overlaps, expected.overlaps]);
    });
  }

  it("a host's prefix is as long as its family's addresses", () => {
    for (const [text, written] of [
      ["192.0.2.1", "192.0.2.1/32"],
      ["2001:db8::1", "2001:db8::1/128"],
    ] as const) {
      const address = parseAddress(text);
      expect(address && formatPrefix(hostPrefix(address))).toBe(written);
    }
  });
});
