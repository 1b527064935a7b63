import { describe, expect, it } from "vitest";
import type { Address } from "../address.ts";
import { type AttributeTable, concat, encodeAttribute, encodeAttributes } from "../netlink/attribute.ts";
import { address, nestedFlag, netByteOrderFlag, text, u8, u16be, u32 } from "../netlink/value.ts";
import { encodeElements } from "./elementBytes.ts";
import { parseSetElement, type SetElement } from "./setElement.ts";

/** By tables, as all other messages are written. */
const addresses: AttributeTable<{ 4?: Address; 6?: Address }> = {
  4: { type: 1, codec: { ...address, typeFlags: netByteOrderFlag } },
  6: { type: 2, codec: { ...address, typeFlags: netByteOrderFlag } },
};
const others: AttributeTable<{ length?: number; port?: number; protocol?: number; line?: number; name?: string }> = {
  length: { type: 3, codec: u8 },
  port: { type: 4, codec: { ...u16be, typeFlags: netByteOrderFlag } },
  protocol: { type: 7, codec: u8 },
  line: { type: 9, codec: u32 },
  name: { type: 23, codec: text },
};

function byTables(element: SetElement, line: number): Uint8Array {
  const ip = encodeAttributes(addresses, { [element.address.family]: element.address });
  const name = "interfaceName" in element ? { name: element.interfaceName } : {};
  const rest = "port" in element ? { port: element.port, protocol: element.protocol } : { length: element.length };
  const body = concat([encodeAttribute(1 | nestedFlag, ip), encodeAttributes(others, { ...rest, line, ...name })]);
  return encodeAttribute(7 | nestedFlag, body);
}

const texts = [
  "10.0.0.0/8",
  "255.255.255.255/32",
  "2001:db8:ffff:1::ab/128",
  "10.0.0.1,tcp:80",
  "2001:db8::1,sctp:65535",
  ...["a", "ab", "abc", "abcd", "cali12345678901"].map((name) => `10.0.0.1/32,${name}`),
  "2001:db8::/32,cali1",
];

describe("encodeElements", () => {
  it("writes what the tables of attributes say, one after the other", () => {
    const elements = texts.flatMap((each) => parseSetElement(each) ?? []);
    expect(elements).toHaveLength(texts.length);
    expect(encodeElements(elements)).toEqual(concat(elements.map(byTables)));
  });

  it.each(texts)("numbers them by their places: %s", (each) => {
    const element = parseSetElement(each);
    const twice = element ? [element, element] : [];
    expect(encodeElements(twice)).toEqual(concat(twice.map(byTables)));
  });
});
