import { describe, expect, it } from "vitest";
import { type Acknowledgement, decodeAcknowledgement, decodeMessages, encodeMessages } from "./message.ts";

/** What the kernel said to `ip route add 10.9.0.0/16 via 99.0.0.1`, with the whole request and its explanation. */
const refusedWhole = `6000000002000002affc006bb45300009bffffff2c00000018000506affc006b0000000002100000fe03000100000000
  080001000a0900000800050063000001200001004e657874686f702068617320696e76616c6964206761746577617900`;
/** The same with NETLINK_CAP_ACK: the request's header alone. Then an offset. */
const refusedCapped = `4400000002000003affc006bb45300009bffffff2c00000018000506affc006b00000000
  12000100496e76616c6964206d65747269630000 0800020024000000`.replace("44000000", "40000000");

const rows: { name: string; hex: string; ack: Omit<Acknowledgement, "request"> | null }[] = [
  {
    name: "success",
    hex: "2400000002000001affc006b90530000000000006400000010000506affc006b00000000",
    ack: { errno: 0 },
  },
  {
    name: "a refusal with the whole request",
    hex: refusedWhole,
    ack: { errno: 101, text: "Nexthop has invalid gateway" },
  },
  {
    name: "a refusal with the request's header alone, and the offending attribute",
    hex: refusedCapped,
    ack: { errno: 101, text: "Invalid metric", offset: 36 },
  },
  {
    name: "a refusal without explanation",
    hex: "340000000200000000000000a8530000edffffff2000000010000500000000000000000000000000000000000000000000000000",
    ack: { errno: 19 },
  },
  { name: "the end of a dump", hex: "1400000003000200affc006ba253000000000000", ack: { errno: 0 } },
  { name: "the end of a dump without a body", hex: "1000000003000200affc006ba2530000", ack: { errno: 0 } },
  { name: "a dump that failed", hex: "1400000003000200affc006ba2530000f0ffffff", ack: { errno: 16 } },
  {
    name: "a dump that failed and says why",
    hex: "2000000003000202affc006ba2530000eaffffff 0c000100 6261642074626c00",
    ack: { errno: 22, text: "bad tbl" },
  },
  { name: "an error without a number", hex: "1200000002000000affc006ba2530000ffff0000", ack: null },
];

function messagesOf(hex: string): ReturnType<typeof decodeMessages> {
  return decodeMessages(Uint8Array.from(Buffer.from(hex.replaceAll(/\s/g, ""), "hex")));
}

describe("decodeAcknowledgement", () => {
  for (const { name, hex, ack } of rows) {
    it(`reads ${name}`, () => {
      const [message] = messagesOf(hex) ?? [];
      const decoded = message ? decodeAcknowledgement(message) : undefined;
      const { request, ...rest } = decoded ?? {};
      expect(decoded && rest).toEqual(ack);
      expect(request === undefined).toBe(message?.type === 3 || !ack || ack.errno === 0);
    });

    it(`reads ${name} cut at every byte, without throwing`, () => {
      const [message] = messagesOf(hex) ?? [];
      if (!message) throw new Error("no message");
      for (let length = 0; length < message.body.length; length++) {
        expect(() => decodeAcknowledgement({ ...message, body: message.body.subarray(0, length) })).not.toThrow();
      }
    });
  }
});

describe("decodeMessages", () => {
  const messages = [
    { type: 24, flags: 5, sequence: 0xffffffff, port: 7, body: Uint8Array.of(1, 2, 3) },
    { type: 25, flags: 0x301, sequence: 1, port: 0, body: new Uint8Array(0) },
  ];
  it("reads what encodeMessages wrote", () => expect(decodeMessages(encodeMessages(messages))).toEqual(messages));

  it("refuses a length that is shorter than a header, which would never end", () => {
    expect(messagesOf("0000000018000000000000000000000000000000")).toBeNull();
    expect(messagesOf("0f00000018000000000000000000000000000000")).toBeNull();
  });

  it("takes a last message without its padding", () => {
    expect(decodeMessages(encodeMessages(messages.slice(0, 1)).subarray(0, 19))).toEqual(messages.slice(0, 1));
  });

  it("reads nothing as no message", () => expect(decodeMessages(new Uint8Array(0))).toEqual([]));
});
