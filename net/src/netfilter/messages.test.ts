/** By bytes: what the kernel sends is told, what we send is what the kernel's headers say. */
import { describe, expect, it } from "vitest";
import { parseAddress } from "../address.ts";
import { concat, encodeAttribute } from "../netlink/attribute.ts";
import type { NetlinkMessage } from "../netlink/message.ts";
import { decodeFlow, type Flow, markFlow } from "./flow.ts";
import { bindLogGroup, configureLogGroup, decodeLoggedPacket } from "./log.ts";
import { decodeRuleCount, listRules } from "./ruleCounters.ts";

const hex = (text: string): Uint8Array => Buffer.from(text.replaceAll(" ", ""), "hex");
const shown = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const text = (value: string): Uint8Array => Buffer.from(`${value}\0`);
const message = (type: number, body: Uint8Array): NetlinkMessage => ({ type, flags: 0, sequence: 0, port: 0, body });
const header = (family: number, resource = 0): Uint8Array => Uint8Array.of(family, 0, resource >> 8, resource & 255);

const address = (value: string) => {
  const parsed = parseAddress(value);
  if (!parsed) throw new Error(`${value} is no address`);
  return parsed;
};

const logged = message(
  0x400,
  concat([
    header(2, 214),
    encodeAttribute(1, hex("08000200")),
    encodeAttribute(2, hex("00000010")),
    encodeAttribute(4, hex("00000007")),
    encodeAttribute(9, hex("4500")),
    encodeAttribute(10, text("web")),
    encodeAttribute(12, hex("00000003")),
  ]),
);

const tuple = (source: string, destination: string, sourcePort: string, destinationPort: string): Uint8Array =>
  concat([
    encodeAttribute(1, concat([encodeAttribute(1, hex(source)), encodeAttribute(2, hex(destination))])),
    encodeAttribute(
      2,
      concat([
        encodeAttribute(1, hex("06")),
        encodeAttribute(2, hex(sourcePort)),
        encodeAttribute(3, hex(destinationPort)),
      ]),
    ),
  ]);

const tracked = message(
  0x100,
  concat([
    header(2),
    encodeAttribute(1, tuple("0a000001", "0a600001", "3039", "0050")),
    encodeAttribute(2, tuple("0a000002", "0a000001", "1f90", "3039")),
    encodeAttribute(3, hex("0000018f")),
    encodeAttribute(8, hex("40000000")),
  ]),
);

const flow: Flow = {
  original: {
    source: address("10.0.0.1"),
    destination: address("10.96.0.1"),
    protocol: 6,
    sourcePort: 12345,
    destinationPort: 80,
  },
  reply: {
    source: address("10.0.0.2"),
    destination: address("10.0.0.1"),
    protocol: 6,
    sourcePort: 8080,
    destinationPort: 12345,
  },
  zone: 0,
  mark: 0x40000000,
  isExpected: true,
};

const expression = (name: string, data: Uint8Array): Uint8Array =>
  encodeAttribute(1, concat([encodeAttribute(1, text(name)), encodeAttribute(2, data)]));
const counter = expression(
  "counter",
  concat([encodeAttribute(1, hex("0000000000000054")), encodeAttribute(2, hex("0000000100000002"))]),
);
const rule = (more: readonly Uint8Array[], expressions: readonly Uint8Array[] = [counter]): NetlinkMessage =>
  message(
    0xa06,
    concat([
      header(2),
      encodeAttribute(1, text("filter")),
      encodeAttribute(2, text("BRDL-pi-a")),
      encodeAttribute(4, concat([expression("meta", hex("")), ...expressions])),
      ...more,
    ]),
  );
const ofComment = concat([hex("01 01 ff 00 04"), text("why")]);
const counted = { chain: "BRDL-pi-a", comment: "why", packets: 2 ** 32 + 2 };

describe("netfilter messages", () => {
  it("tell a logged packet", () => {
    expect(decodeLoggedPacket(logged)).toEqual({
      group: 214,
      hook: "FORWARD",
      inInterface: 7,
      outInterface: null,
      mark: 16,
      prefix: "web",
      payload: Uint8Array.of(0x45, 0),
      sequence: 3,
    });
    expect(decodeLoggedPacket(tracked)).toBeNull();
  });

  it("tell a flow behind a translated address", () => {
    expect(decodeFlow(tracked)).toEqual(flow);
    expect(decodeFlow(logged)).toBeNull();
  });

  it("tell what a rule has counted, by either form of its comment", () => {
    expect(decodeRuleCount(rule([encodeAttribute(7, ofComment)]))).toEqual(counted);
    const match = concat([
      encodeAttribute(1, text("comment")),
      encodeAttribute(3, concat([text("why"), new Uint8Array(60)])),
    ]);
    expect(decodeRuleCount(rule([], [expression("match", match), counter]))).toEqual(counted);
    expect(decodeRuleCount(rule([], []))).toBeNull();
  });

  it("tell the chain that a rule leads to, by a jump and by a goto, and none where it ends", () => {
    const verdict = (code: string, ...chain: readonly Uint8Array[]): Uint8Array =>
      expression(
        "immediate",
        encodeAttribute(2, encodeAttribute(2, concat([encodeAttribute(1, hex(code)), ...chain]))),
      );
    for (const code of ["fffffffd", "fffffffc"]) {
      const jump = rule([], [counter, verdict(code, encodeAttribute(2, text("BRDL-FORWARD")))]);
      expect(decodeRuleCount(jump)).toEqual({ ...counted, comment: "", leadsTo: "BRDL-FORWARD" });
    }
    expect(decodeRuleCount(rule([], [counter, verdict("00000001")]))).toEqual({ ...counted, comment: "" });
  });

  it("never read outside, wherever they are cut or changed", () => {
    for (const { type, body } of [logged, tracked, rule([encodeAttribute(7, ofComment)])]) {
      for (let at = 0; at < body.length; at++) {
        const broken = [body.subarray(0, at), body.map((byte, index) => (index === at ? 255 : byte))];
        for (const each of broken) {
          for (const decode of [decodeLoggedPacket, decodeFlow, decodeRuleCount]) decode(message(type, each));
        }
      }
    }
  });

  it("ask in the kernel's form", () => {
    expect(bindLogGroup(214)).toEqual({ type: 0x401, flags: 0, body: expect.anything() });
    expect(shown(bindLogGroup(214).body)).toBe("000000d6" + "0500010001000000");
    const settings = { group: 214, copyBytes: 128, gatherMax: 32, gatherCentiseconds: 10 };
    expect(shown(configureLogGroup(settings).body)).toBe(
      "000000d6" + "0a000200000000800200" + "0000" + "080004000000000a" + "0800050000000020" + "0600060000010000",
    );
    expect(listRules({ family: 6, table: "filter", chain: "a" })).toMatchObject({ type: 0xa07, flags: 0x300 });
    expect(shown(listRules({ family: 6, table: "filter", chain: "a" }).body)).toBe(
      "0a000000" + "0b00010066696c7465720000" + "0600020061000000",
    );
  });

  it("mark a flow by the tuple of whoever opened it, and make none", () => {
    const { type, flags, body } = markFlow({ ...flow, zone: 5 }, { value: 0x10, mask: 0x30 });
    expect([type, flags]).toEqual([0x100, 0]);
    expect(
      decodeFlow(message(type, concat([body, encodeAttribute(2, tuple("0a000002", "0a000001", "1f90", "3039"))]))),
    ).toEqual({
      ...flow,
      zone: 5,
      mark: 0x10,
      isExpected: false,
    });
    expect(shown(body.subarray(-8))).toBe("0800150000000030");
  });
});
