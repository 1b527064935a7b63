import { describe, expect, it } from "vitest";
import { formatAddress, parseAddress } from "./address.ts";

describe("parseAddress and formatAddress", () => {
  const canonical: { name: string; text: string; written: string }[] = [
    { name: "keeps a dotted quad", text: "192.0.2.1", written: "192.0.2.1" },
    { name: "keeps the highest IPv4 address", text: "255.255.255.255", written: "255.255.255.255" },
    { name: "shortens the longest run of zeros", text: "2001:db8:0:0:1:0:0:1", written: "2001:db8::1:0:0:1" },
    { name: "does not shorten a single zero", text: "2001:db8:0:1:1:1:1:1", written: "2001:db8:0:1:1:1:1:1" },
    { name: "writes lower case without leading zeros", text: "2001:0DB8::00A1", written: "2001:db8::a1" },
    { name: "writes the unspecified address", text: "0:0:0:0:0:0:0:0", written: "::" },
    { name: "reads a dotted quad at the end", text: "64:ff9b::192.0.2.1", written: "64:ff9b::c000:201" },
    { name: "writes a mapped address with its quad", text: "::ffff:c000:0201", written: "::ffff:192.0.2.1" },
    { name: "shortens zeros at the end", text: "fd00:0:0:0:0:0:0:0", written: "fd00::" },
  ];
  for (const { name, text, written } of canonical) {
    it(name, () => {
      const address = parseAddress(text);
      expect(address && formatAddress(address)).toBe(written);
    });
  }

  const refused = ["", "1.2.3", "1.2.3.4.5", "01.2.3.4", "256.1.1.1", "1.2.3.4/32", ":", "1::2::3", "1:2:3:4:5:6:7"];
  refused.push("1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7::8:9", "fe80::1%eth0", "12345::", "::1.2.3", "1.2.3.4::", " ::1");
  for (const text of refused) {
    it(`refuses ${JSON.stringify(text)}`, () => expect(parseAddress(text)).toBeNull());
  }
});
