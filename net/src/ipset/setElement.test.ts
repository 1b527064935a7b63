import { describe, expect, it } from "vitest";
import { formatPrefix, parsePrefix } from "../prefix.ts";
import { formatSetElement, parseSetElement, splitForSet } from "./setElement.ts";

describe("parseSetElement and formatSetElement", () => {
  const rows: { name: string; text: string; written: string | null }[] = [
    { name: "a network", text: "10.0.0.0/8", written: "10.0.0.0/8" },
    { name: "an address, whose length is written", text: "10.0.0.1", written: "10.0.0.1/32" },
    { name: "an IPv6 address", text: "2001:db8::1", written: "2001:db8::1/128" },
    { name: "a network with host bits, which go", text: "10.1.2.3/8", written: "10.0.0.0/8" },
    { name: "an address with a TCP port", text: "10.0.0.1,tcp:80", written: "10.0.0.1,tcp:80" },
    { name: "an IPv6 address with a UDP port", text: "2001:db8::1,udp:53", written: "2001:db8::1,udp:53" },
    { name: "an address with an SCTP port", text: "10.0.0.1,sctp:0", written: "10.0.0.1,sctp:0" },
    { name: "a protocol by its number", text: "10.0.0.1,6:80", written: "10.0.0.1,tcp:80" },
    { name: "a protocol without a name", text: "10.0.0.1,136:80", written: "10.0.0.1,136:80" },
    { name: "a protocol that nobody knows", text: "10.0.0.1,quic:80", written: null },
    { name: "a member of every object's prototype", text: "10.0.0.1,constructor:80", written: null },
    { name: "a protocol beyond a byte", text: "10.0.0.1,256:80", written: null },
    { name: "a port beyond 65535", text: "10.0.0.1,tcp:65536", written: null },
    { name: "a missing port", text: "10.0.0.1,tcp:", written: null },
    { name: "an address with an interface", text: "10.0.0.1,cali0123456789a", written: "10.0.0.1/32,cali0123456789a" },
    { name: "a network with an interface", text: "2001:db8::1/64,eth0.5", written: "2001:db8::/64,eth0.5" },
    { name: "a name of an interface that is too long", text: "10.0.0.1,cali0123456789ab", written: null },
    { name: "no interface", text: "10.0.0.1,", written: null },
    { name: "an interface with a slash in its name", text: "10.0.0.1,eth/0", written: null },
    { name: "an interface that is a folder", text: "10.0.0.1,..", written: null },
    { name: "a network with a port", text: "10.0.0.0/8,tcp:80", written: null },
    { name: "nothing", text: "", written: null },
  ];
  for (const { name, text, written } of rows) {
    it(`${written === null ? "refuse" : "take"} ${name}: ${text}`, () => {
      const element = parseSetElement(text);
      expect(element && formatSetElement(element)).toBe(written);
    });
  }
});

describe("splitForSet", () => {
  const rows: [prefix: string, members: string[]][] = [
    ["0.0.0.0/0", ["0.0.0.0/1", "128.0.0.0/1"]],
    ["::/0", ["::/1", "8000::/1"]],
    ["0.0.0.0/1", ["0.0.0.0/1"]],
    ["10.0.0.0/8", ["10.0.0.0/8"]],
  ];
  for (const [text, members] of rows) {
    it(`makes ${members.join(" and ")} of ${text}`, () => {
      const prefix = parsePrefix(text);
      expect(prefix && splitForSet(prefix).map(formatPrefix)).toEqual(members);
    });
  }
});
