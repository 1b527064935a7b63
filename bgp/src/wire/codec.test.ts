import { describe, expect, it } from "vitest";
import { decodeMessage, encodeMessage } from "./codec.ts";
import type { DecodeResult } from "./contract.ts";
import { MessageFramer } from "./framing.ts";
import { withHeader } from "./header.ts";
import type { Message, Open } from "./message.ts";
import { address, externalPeer, hex, packed, seededRandom, update, updateBytes } from "./testing.ts";

const marker = "ffffffffffffffffffffffffffffffff";
const plainOpen: Open = { type: "open", asn: 64512, holdSeconds: 90, bgpId: 0xc0000201, capabilities: [] };
const openHead = "04 fc00 005a c0000201";

const messages: { name: string; bytes: Uint8Array; message: Message }[] = [
  { name: "a KEEPALIVE", bytes: hex(`${marker} 0013 04`), message: { type: "keepalive" } },
  { name: "a ROUTE-REFRESH", bytes: hex(`${marker} 0017 05 0002 00 01`), message: { type: "routeRefresh", family: 6 } },
  {
    name: "a NOTIFICATION with data",
    bytes: hex(`${marker} 0017 03 01 02 1001`),
    message: { type: "notification", code: 1, subcode: 2, data: hex("1001") },
  },
  { name: "an OPEN without parameters", bytes: hex(`${marker} 001d 01 ${openHead} 00`), message: plainOpen },
  {
    name: "an OPEN with every capability that we know (RFC 5492 §4, RFC 4724 §3, RFC 7911 §4), and one that we do not",
    bytes: withHeader(
      "open",
      hex(
        "04 5ba0 005a c0000201 68 02 66 0104 00010001 0104 00020001 0200 4104 fa56ea00" +
          "40 06 8078 0001 01 80" +
          "49 0a 05 6e6f646531 03 6c616e" +
          "05 06 0001 0001 0002" +
          "06 00" +
          "09 01 03" +
          "45 08 0001 01 01 0002 01 03" +
          "46 00" +
          "47 0e 0001 01 80 015180 0002 01 00 ffffff" +
          "4b 0e 0d 4272696e646c6520302e312e30" +
          "7f 03 010203",
      ),
    ),
    message: {
      ...plainOpen,
      asn: 4_200_000_000,
      capabilities: [
        { code: 1, name: "multiprotocol", family: 4 },
        { code: 1, name: "multiprotocol", family: 6 },
        { code: 2, name: "routeRefresh" },
        { code: 65, name: "fourOctetAs", asn: 4_200_000_000 },
        {
          code: 64,
          name: "gracefulRestart",
          restart: { restarting: true, restartSeconds: 120, families: [{ family: 4, forwardingKept: true }] },
        },
        { code: 73, name: "fqdn", host: "node1", domain: "lan" },
        { code: 5, name: "extendedNextHop", families: [{ family: 4, nextHop: 6 }] },
        { code: 6, name: "extendedMessage" },
        { code: 9, name: "role", role: "customer" },
        {
          code: 69,
          name: "addPath",
          families: [
            { family: 4, receive: true, send: false },
            { family: 6, receive: true, send: true },
          ],
        },
        { code: 70, name: "enhancedRouteRefresh" },
        {
          code: 71,
          name: "longLivedRestart",
          families: [
            { family: 4, forwardingKept: true, staleSeconds: 86_400 },
            { family: 6, forwardingKept: false, staleSeconds: 0xffffff },
          ],
        },
        { code: 75, name: "softwareVersion", text: "Brindle 0.1.0" },
        { code: 127, name: "unknown", value: hex("010203") },
      ],
    },
  },
  {
    name: "an OPEN with capabilities of more than 255 bytes (RFC 9072)",
    bytes: withHeader("open", hex(`${openHead} ff ff 0107 02 0104 7f c8 ${"aa".repeat(200)} 7f 38 ${"bb".repeat(56)}`)),
    message: {
      ...plainOpen,
      capabilities: [
        { code: 127, name: "unknown", value: hex("aa".repeat(200)) },
        { code: 127, name: "unknown", value: hex("bb".repeat(56)) },
      ],
    },
  },
  { name: "the end of IPv4", bytes: updateBytes({}), message: update({ endOfRib: 4 }) },
  {
    name: "the end of IPv6",
    bytes: updateBytes({ attributes: "80 0f 03 0002 01" }),
    message: update({ endOfRib: 6 }),
  },
  {
    name: "an UPDATE that withdraws in both families",
    bytes: updateBytes({ withdrawn: "08 0a 20 c0000201", attributes: "80 0f 08 0002 01 20 20010db8" }),
    message: update({ withdrawn: [packed("10.0.0.0/8", "192.0.2.1/32"), packed("2001:db8::/32")] }),
  },
  {
    name: "an UPDATE that announces in both families",
    bytes: updateBytes({
      attributes:
        "80 0e 1a 0002 01 10 20010db8000000000000000000000001 00 20 20010db8" +
        "40 01 01 00  40 02 06 02 01 0000fde9  40 03 04 c0000201",
      nlri: "18 0a0102",
    }),
    message: update({
      announced: [
        { prefixes: packed("2001:db8::/32"), nextHop: address("2001:db8::1") },
        { prefixes: packed("10.1.2.0/24"), nextHop: address("192.0.2.1") },
      ],
      attributes: { origin: "igp", asPath: [{ type: "sequence", asns: [65001] }] },
    }),
  },
  {
    name: "IPv6 with a link-local next hop beside the global one (RFC 2545 §3)",
    bytes: updateBytes({
      attributes:
        "80 0e 26 0002 01 20 20010db8000000000000000000000001 fe800000000000000000000000000002 00 00" +
        "40 01 01 00  40 02 00",
    }),
    message: update({
      announced: [{ prefixes: packed("::/0"), nextHop: address("2001:db8::1"), linkLocalNextHop: address("fe80::2") }],
      attributes: { origin: "igp", asPath: [] },
    }),
  },
];

describe("decodeMessage and encodeMessage", () => {
  for (const { name, bytes, message } of messages) {
    it(`decodes ${name}`, () => expect(decodeMessage(bytes, externalPeer)).toEqual({ kind: "message", message }));
    it(`encodes ${name}`, () => expect(encodeMessage(message, externalPeer).toHex()).toBe(bytes.toHex()));
  }

  const refused: { name: string; bytes: Uint8Array; code: number; subcode: number; data?: string }[] = [
    { name: "a marker with a zero", bytes: hex(`00${marker.slice(2)} 0013 04`), code: 1, subcode: 1 },
    { name: "a length below a header", bytes: hex(`${marker} 0012 04`), code: 1, subcode: 2, data: "0012" },
    { name: "a length above 4096", bytes: hex(`${marker} 1001 02`), code: 1, subcode: 2, data: "1001" },
    { name: "a KEEPALIVE with a body", bytes: hex(`${marker} 0014 04 00`), code: 1, subcode: 2, data: "0014" },
    { name: "an OPEN below 29 bytes", bytes: hex(`${marker} 001c 01`), code: 1, subcode: 2, data: "001c" },
    { name: "an UPDATE below 23 bytes", bytes: hex(`${marker} 0016 02`), code: 1, subcode: 2, data: "0016" },
    { name: "a NOTIFICATION below 21 bytes", bytes: hex(`${marker} 0014 03`), code: 1, subcode: 2, data: "0014" },
    { name: "a ROUTE-REFRESH above 23 bytes", bytes: hex(`${marker} 0018 05`), code: 1, subcode: 2, data: "0018" },
    { name: "type 6", bytes: hex(`${marker} 0013 06`), code: 1, subcode: 3, data: "06" },
    { name: "type 0", bytes: hex(`${marker} 0013 00`), code: 1, subcode: 3, data: "00" },
    { name: "an OPEN of version 3", bytes: open("03 fc00 005a c0000201 00"), code: 2, subcode: 1, data: "0004" },
    { name: "an OPEN of AS 0 (RFC 7607)", bytes: open("04 0000 005a c0000201 00"), code: 2, subcode: 2 },
    {
      name: "an OPEN whose four-octet AS is 0 (RFC 7607)",
      bytes: open(`${openHead} 08 02 06 41 04 00000000`),
      code: 2,
      subcode: 2,
    },
    { name: "an OPEN of BGP identifier 0", bytes: open("04 fc00 005a 00000000 00"), code: 2, subcode: 3 },
    { name: "a hold time of 1 s", bytes: open("04 fc00 0001 c0000201 00"), code: 2, subcode: 6 },
    { name: "a hold time of 2 s", bytes: open("04 fc00 0002 c0000201 00"), code: 2, subcode: 6 },
    { name: "the authentication parameter", bytes: open(`${openHead} 03 01 01 00`), code: 2, subcode: 4 },
    { name: "parameters past the end", bytes: open(`${openHead} 04 02 00`), code: 2, subcode: 0 },
    { name: "bytes after the parameters", bytes: open(`${openHead} 00 00`), code: 2, subcode: 0 },
    { name: "a parameter past the others' end", bytes: open(`${openHead} 03 02 02 00`), code: 2, subcode: 0 },
    { name: "a capability past its parameter", bytes: open(`${openHead} 04 02 02 02 01`), code: 2, subcode: 0 },
    {
      name: "a multiprotocol capability of 3 bytes",
      bytes: open(`${openHead} 07 02 05 0103 000100`),
      code: 2,
      subcode: 0,
    },
    { name: "a four-octet AS of 2 bytes", bytes: open(`${openHead} 06 02 04 4102 fc00`), code: 2, subcode: 0 },
  ];
  for (const { name, bytes, code, subcode, data = "" } of refused) {
    it(`refuses ${name}`, () => {
      const result = decodeMessage(bytes, externalPeer);
      expect(result).toMatchObject({ kind: "fault", notification: { code, subcode, data: hex(data) } });
    });
  }

  const kept: { name: string; value: string }[] = [
    { name: "multiprotocol of a family that we do not carry", value: "01 04 0019 00 41" },
    { name: "graceful restart that ends inside a family", value: "40 04 0078 0001" },
    { name: "a host name that is longer than its capability", value: "49 02 05 6e" },
    { name: "route refresh with a value", value: "02 01 00" },
    { name: "a role that RFC 9234 does not know", value: "09 01 05" },
    { name: "a role of two bytes", value: "09 02 0000" },
    { name: "extended next hops that end inside a row", value: "05 04 0001 0001" },
    { name: "add-path that ends inside a family", value: "45 03 0001 01" },
    { name: "long-lived restart that ends inside a family", value: "47 06 0001 01 80 0151" },
    { name: "extended messages with a value", value: "06 01 00" },
    { name: "a software version longer than its capability", value: "4b 03 05 6162" },
  ];
  for (const { name, value } of kept) {
    it(`keeps ${name} as bytes`, () => {
      const bytes = hex(value);
      const result = decodeMessage(open(`${openHead} ${sized(sized(bytes, 2))}`), externalPeer);
      const capability = { code: bytes[0], name: "unknown", value: bytes.slice(2) };
      expect(result).toMatchObject({ kind: "message", message: { capabilities: [capability] } });
    });
  }

  it("keeps nothing of the buffer that the bytes came in", () => {
    const buffer = Buffer.from(hex(`${marker} 0017 03 01 02 1001`));
    const result = decodeMessage(buffer, externalPeer);
    buffer.fill(0);
    expect(result).toMatchObject({ message: { data: hex("1001") } });
  });

  it("gathers capabilities from several parameters", () => {
    const result = decodeMessage(open(`${openHead} 08 02 02 0200 02 02 7f00`), externalPeer);
    expect(openOf(result).capabilities.map(({ code }) => code)).toEqual([2, 127]);
  });

  it("takes extended parameters whatever the plain length says (RFC 9072 §2)", () => {
    const result = decodeMessage(open(`${openHead} 05 ff 0005 02 0002 0200`), externalPeer);
    expect(openOf(result).capabilities).toEqual([{ code: 2, name: "routeRefresh" }]);
  });

  describe("RFC 7313 §5 Enhanced Route Refresh", () => {
    const enhanced = { ...externalPeer, enhancedRefresh: true };
    for (const [kind, demarcation] of [
      ["01", "begin"],
      ["02", "end"],
    ] as const) {
      const bytes = hex(`${marker} 0017 05 0001 ${kind} 01`);
      const message: Message = { type: "routeRefresh", family: 4, demarcation };
      it(`decodes the ${demarcation}`, () =>
        expect(decodeMessage(bytes, enhanced)).toEqual({ kind: "message", message }));
      it(`encodes the ${demarcation}`, () => expect(encodeMessage(message, enhanced).toHex()).toBe(bytes.toHex()));
      it(`takes the ${demarcation} for a request from a peer that did not offer it`, () => {
        expect(decodeMessage(bytes, externalPeer)).toMatchObject({ message: { type: "routeRefresh", family: 4 } });
      });
      it(`refuses the ${demarcation} of another length with the whole message`, () => {
        const long = hex(`${marker} 0018 05 0001 ${kind} 01 00`);
        expect(decodeMessage(long, enhanced)).toMatchObject({ notification: { code: 7, subcode: 1, data: long } });
      });
    }
    it("ignores kinds that nobody has defined", () => {
      expect(decodeMessage(hex(`${marker} 0017 05 0001 03 01`), enhanced).kind).toBe("ignored");
    });
    it("refuses a request of another length as RFC 4271 §6.1 has it", () => {
      const long = hex(`${marker} 0018 05 0001 00 01 00`);
      expect(decodeMessage(long, enhanced)).toMatchObject({ notification: { code: 1, subcode: 2 } });
    });
  });

  describe("RFC 8950 §3 IPv4 by way of IPv6", () => {
    const agreed = { ...externalPeer, extendedNextHop: true };
    const announcements = [
      {
        name: "a global next hop",
        hop: "10 20010db8000000000000000000000001",
        prefixes: packed("10.1.0.0/16"),
        nextHop: address("2001:db8::1"),
      },
    ];
    for (const { name, hop, prefixes, nextHop } of announcements) {
      const attributes = `80 0e 18 0001 01 ${hop} 00 10 0a01 40 01 01 00 40 02 06 02 01 0000fde9`;
      const bytes = updateBytes({ attributes });
      const message = update({
        announced: [{ prefixes, nextHop }],
        attributes: { origin: "igp", asPath: [{ type: "sequence", asns: [65001] }] },
      });
      it(`decodes ${name}`, () => expect(decodeMessage(bytes, agreed)).toEqual({ kind: "message", message }));
      it(`encodes ${name}`, () => expect(encodeMessage(message, agreed).toHex()).toBe(bytes.toHex()));
      it(`resets over ${name} where it was not agreed on (RFC 7606 §7.11)`, () => {
        expect(decodeMessage(bytes, externalPeer)).toMatchObject({ notification: { code: 3, subcode: 9 } });
      });
    }
    it("takes a plain next hop in MP_REACH_NLRI too", () => {
      const bytes = updateBytes({
        attributes: "80 0e 0c 0001 01 04 c0000201 00 10 0a01 40 01 01 00 40 02 00",
      });
      expect(decodeMessage(bytes, agreed)).toMatchObject({
        message: { announced: [{ nextHop: address("192.0.2.1") }] },
      });
    });
  });

  describe("RFC 8654 §4 extended messages", () => {
    const long = withHeader("update", new Uint8Array(5000), 65_535);
    it("takes an UPDATE of more than 4096 bytes where we offered it", () => {
      const framer = new MessageFramer();
      framer.push(long);
      expect(framer.next(65_535)).toMatchObject({ kind: "frame", bytes: long });
    });
    it("refuses it where we did not", () => {
      const framer = new MessageFramer();
      framer.push(long);
      expect(framer.next()).toMatchObject({ kind: "fault", notification: { code: 1, subcode: 2, data: hex("139b") } });
    });
    for (const { name, type } of [
      { name: "an OPEN", type: "01" },
      { name: "a KEEPALIVE", type: "04" },
    ]) {
      it(`refuses ${name} of more than 4096 bytes whatever was agreed on (§3)`, () => {
        const framer = new MessageFramer();
        framer.push(hex(`${marker} 1001 ${type}`));
        expect(framer.next(65_535)).toMatchObject({ kind: "fault", notification: { code: 1, subcode: 2 } });
      });
    }
    it("cuts what a NOTIFICATION sends back of one", () => {
      const message: Message = { type: "notification", code: 3, subcode: 9, data: new Uint8Array(60_000) };
      expect(encodeMessage(message, externalPeer)).toHaveLength(4096);
    });
  });

  it("ignores a ROUTE-REFRESH for a family that we do not carry (RFC 2918 §4)", () => {
    expect(decodeMessage(hex(`${marker} 0017 05 0019 00 41`), externalPeer).kind).toBe("ignored");
  });

  it("keeps a NOTIFICATION of a code that nobody knows, since errors in it are not answered (RFC 4271 §6.4)", () => {
    expect(decodeMessage(hex(`${marker} 0015 03 63 07`), externalPeer)).toMatchObject({
      message: { code: 99, subcode: 7 },
    });
  });
});

describe("decodeMessage of broken bytes", () => {
  for (const { name, bytes } of messages) {
    it(`gives a fault for ${name} cut at any byte, and never throws when the length is right`, () => {
      for (let length = 0; length < bytes.length; length++) {
        expect(decodeMessage(bytes.slice(0, length), externalPeer).kind).toBe("fault");
        if (length >= 19) decodeMessage(withLength(bytes.slice(0, length)), externalPeer);
      }
    });
  }

  const seed = Number(process.env.BRINDLE_SEED ?? 20260101);
  it(`gives a value or a fault for 20,000 mutations (BRINDLE_SEED=${seed})`, () => {
    const random = seededRandom(seed);
    const kinds = { message: 0, ignored: 0, fault: 0 };
    for (let i = 0; i < 20_000; i++) {
      const bytes = mutate(messages[random(messages.length)]?.bytes ?? new Uint8Array(0), random);
      const context = { ...externalPeer, fourOctetAs: random(2) === 0, external: random(2) === 0 };
      const result = decodeMessage(bytes, context);
      kinds[result.kind]++;
      if (result.kind === "message") encodeMessage(result.message, context);
    }
    expect(kinds.message).toBeGreaterThan(1000);
    expect(kinds.fault).toBeGreaterThan(1000);
  });
});

function open(body: string): Uint8Array {
  return withHeader("open", hex(body));
}

function openOf(result: DecodeResult): Open {
  if (result.kind !== "message" || result.message.type !== "open") throw new Error(`no OPEN but ${result.kind}`);
  return result.message;
}

/** A length in front, and a type before that. */
function sized(bytes: Uint8Array | string, type?: number): string {
  const value = typeof bytes === "string" ? hex(bytes) : bytes;
  const head = type === undefined ? [value.length] : [type, value.length];
  return Uint8Array.from(head).toHex() + value.toHex();
}

/** The header's length set to the true one. */
function withLength(bytes: Uint8Array): Uint8Array {
  bytes[16] = bytes.length >>> 8;
  bytes[17] = bytes.length;
  return bytes;
}

/** Some bytes of the body changed, and now and then some taken out or put in. */
function mutate(original: Uint8Array, random: (limit: number) => number): Uint8Array {
  const body = [...original.subarray(19)];
  for (let i = random(4); i >= 0 && body.length > 0; i--) {
    const at = random(body.length);
    const kind = random(4);
    if (kind === 0) body.splice(at, 1 + random(3));
    else if (kind === 1) body.splice(at, 0, random(256));
    else body[at] = kind === 2 ? random(256) : (body[at] ?? 0) ^ (1 << random(8));
  }
  return withLength(Uint8Array.from([...original.subarray(0, 19), ...body]));
}
