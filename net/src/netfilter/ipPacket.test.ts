import { describe, expect, it } from "vitest";
import { formatAddress } from "../address.ts";
import { decodeIpPacket } from "./ipPacket.ts";

const bytes = (hex: string): Uint8Array => Buffer.from(hex.replaceAll(" ", ""), "hex");

const head4 = (protocol: string, fragment = "0000", first = "45"): string =>
  `${first} 00 0054 0001 ${fragment} 40 ${protocol} 0000 0a000001 0a000002`;
const a6 = "fd000000000000000000000000000001";
const b6 = "fd000000000000000000000000000002";
const head6 = (next: string): string => `60000000 0010 ${next} 40 ${a6} ${b6}`;
const ports = "3039 1538 0000 0000";

const rows: { name: string; hex: string; expected: object | null }[] = [
  { name: "TCP", hex: head4("06") + ports, expected: { protocol: 6, sourcePort: 12345, destinationPort: 5432 } },
  {
    name: "TCP behind options of IPv4",
    hex: `${head4("06", "0000", "46")} 01010101 ${ports}`,
    expected: { protocol: 6, sourcePort: 12345, destinationPort: 5432 },
  },
  { name: "an echo request", hex: `${head4("01")} 0800 0000`, expected: { protocol: 1, icmp: { type: 8, code: 0 } } },
  { name: "a protocol without ports", hex: head4("2f") + ports, expected: { protocol: 47 } },
  { name: "a later fragment, which has no ports", hex: head4("11", "0010") + ports, expected: { protocol: 17 } },
  { name: "one cut in its ports", hex: `${head4("11")} 3039`, expected: { protocol: 17 } },
  {
    name: "UDP of IPv6",
    hex: head6("11") + ports,
    expected: { protocol: 17, sourcePort: 12345, destinationPort: 5432 },
  },
  {
    name: "UDP behind hop-by-hop and destination options",
    hex: `${head6("00")} 3c00 000000000000 1101 0000000000000000 000000000000 ${ports}`,
    expected: { protocol: 17, sourcePort: 12345, destinationPort: 5432 },
  },
  {
    name: "TCP behind an authentication header",
    hex: `${head6("33")} 0604 0000 ${"00".repeat(20)} ${ports}`,
    expected: { protocol: 6, sourcePort: 12345, destinationPort: 5432 },
  },
  {
    name: "the first fragment of IPv6",
    hex: `${head6("2c")} 1100 0001 00000000 ${ports}`,
    expected: { protocol: 17, sourcePort: 12345, destinationPort: 5432 },
  },
  { name: "a later fragment of IPv6", hex: `${head6("2c")} 1100 0009 00000000 ${ports}`, expected: { protocol: 17 } },
  { name: "ICMPv6", hex: `${head6("3a")} 8000 0000`, expected: { protocol: 58, icmp: { type: 128, code: 0 } } },
  { name: "another version", hex: "50000000", expected: null },
  { name: "nothing", hex: "", expected: null },
  { name: "a header that says it is shorter than it can be", hex: head4("06", "0000", "44") + ports, expected: null },
];

describe("decodeIpPacket", () => {
  for (const { name, hex, expected } of rows) {
    it(`reads ${name}`, () => {
      const packet = decodeIpPacket(bytes(hex));
      if (!packet || !expected) return expect(packet).toEqual(expected);
      const { source, destination, ...rest } = packet;
      expect(rest).toEqual(expected);
      const ends = source.family === 4 ? ["10.0.0.1", "10.0.0.2"] : ["fd00::1", "fd00::2"];
      expect([source, destination].map(formatAddress)).toEqual(ends);
    });

    it(`does not read outside where ${name} is cut or changed`, () => {
      const whole = bytes(hex);
      for (let length = 0; length < whole.length; length++) {
        decodeIpPacket(whole.subarray(0, length));
        for (const value of [0, 255]) decodeIpPacket(whole.map((byte, at) => (at === length ? value : byte)));
      }
    });
  }
});
