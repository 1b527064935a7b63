import { describe, expect, it } from "vitest";
import { messageBytesMax } from "./limits.ts";
import type { PackedPrefixes, PathAttributes, Update } from "./message.ts";
import { address, externalPeer, packed, unpacked } from "./testing.ts";
import { decodeUpdate } from "./update.ts";
import { encodeUpdates, type UpdateContent } from "./updateEncoder.ts";

const attributes: PathAttributes = { origin: "igp", asPath: [{ type: "sequence", asns: [65001] }] };
const nextHop = address("192.0.2.1");
const nextHop6 = address("2001:db8::1");

const nothing: UpdateContent = { withdrawn: [], announced: [], attributes: null };

describe("encodeUpdates", () => {
  it("sends nothing for nothing", () => expect(encodeUpdates(nothing, externalPeer)).toEqual([]));

  const rows: { name: string; content: UpdateContent; messagesMin: number }[] = [
    { name: "10,000 IPv4 withdrawals", content: { ...nothing, withdrawn: [ipv4(10_000)] }, messagesMin: 10 },
    { name: "3,000 IPv6 withdrawals", content: { ...nothing, withdrawn: [ipv6(3_000)] }, messagesMin: 7 },
    {
      name: "10,000 IPv4 routes",
      content: { ...nothing, announced: [{ prefixes: ipv4(10_000), nextHop }], attributes },
      messagesMin: 10,
    },
    {
      name: "3,000 IPv6 routes",
      content: { ...nothing, announced: [{ prefixes: ipv6(3_000), nextHop: nextHop6 }], attributes },
      messagesMin: 7,
    },
    {
      name: "IPv6 routes with a link-local next hop",
      content: {
        ...nothing,
        announced: [{ prefixes: ipv6(3_000), nextHop: nextHop6, linkLocalNextHop: address("fe80::1") }],
        attributes,
      },
      messagesMin: 7,
    },
  ];
  for (const { name, content, messagesMin } of rows) {
    it(`packs ${name} into as few messages as hold them`, () => {
      const messages = encodeUpdates(content, externalPeer);
      expect(messages).toHaveLength(messagesMin);
      for (const message of messages) expect(message.length).toBeLessThanOrEqual(messageBytesMax);
      const updates = messages.map(decoded);
      const sent = [...content.withdrawn, ...content.announced.map(({ prefixes }) => prefixes)];
      const arrived = updates.flatMap((each) => [...each.withdrawn, ...each.announced.map(({ prefixes }) => prefixes)]);
      expect(arrived.flatMap(unpacked)).toEqual(sent.flatMap(unpacked));
      for (const each of updates) expect(each).toMatchObject({ faults: [], attributes: content.attributes });
    });
  }

  it("withdraws before it announces", () => {
    const content = {
      withdrawn: [packed("10.1.0.0/16")],
      announced: [{ prefixes: packed("10.2.0.0/16"), nextHop }],
      attributes,
    };
    const updates = encodeUpdates(content, externalPeer).map(decoded);
    expect(updates.map(({ withdrawn }) => withdrawn.flatMap(unpacked))).toEqual([["10.1.0.0/16"], []]);
  });

  it("puts MP_REACH_NLRI first (RFC 7606 §5.1)", () => {
    const [message] = encodeUpdates(
      { ...nothing, announced: [{ prefixes: ipv6(1), nextHop: nextHop6 }], attributes },
      externalPeer,
    );
    expect(message?.[24]).toBe(14);
  });

  it("withdraws what attributes leave no room for (RFC 4271 §9.2)", () => {
    const tooLong = { ...attributes, communities: Array.from({ length: 1020 }, (_, i) => i) };
    const content = { ...nothing, announced: [{ prefixes: packed("10.2.0.0/16"), nextHop }], attributes: tooLong };
    const updates = encodeUpdates(content, externalPeer).map(decoded);
    expect(updates.map(({ withdrawn }) => withdrawn.flatMap(unpacked))).toEqual([["10.2.0.0/16"]]);
  });

  it("loses no prefix for any size of the attributes", () => {
    for (let count = 1000; count < 1020; count++) {
      const long = { ...attributes, communities: Array.from({ length: count }, (_, i) => i) };
      const content = { ...nothing, announced: [{ prefixes: ipv4(5), nextHop }], attributes: long };
      const updates = encodeUpdates(content, externalPeer).map(decoded);
      const arrived = updates.flatMap((each) => [...each.withdrawn, ...each.announced.map(({ prefixes }) => prefixes)]);
      expect(arrived.flatMap(unpacked)).toEqual(unpacked(ipv4(5)));
    }
  });
});

/** Consecutive /24s: four bytes each on the wire. */
function ipv4(count: number): PackedPrefixes {
  const words = new Uint32Array(count * 2);
  for (let i = 0; i < count; i++) words.set([(0x0a000000 + i * 256) >>> 0, 24], i * 2);
  return { family: 4, words };
}

/** Consecutive /64s: nine bytes each. */
function ipv6(count: number): PackedPrefixes {
  const words = new Uint32Array(count * 5);
  for (let i = 0; i < count; i++) words.set([0x20010db8, i, 0, 0, 64], i * 5);
  return { family: 6, words };
}

function decoded(bytes: Uint8Array): Update {
  const result = decodeUpdate(bytes, externalPeer);
  if (result.kind === "fault") throw new Error(result.reason);
  return result.message;
}
