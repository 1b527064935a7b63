import { describe, expect, it } from "vitest";
import { decodeMessages, type NetlinkMessage, type NetlinkRequest } from "../netlink/message.ts";
import {
  addElements,
  createSet,
  decodeSets,
  deleteElements,
  destroySet,
  flushSet,
  renameSet,
  setRefusal,
  swapSets,
} from "./message.ts";
import { formatSetElement, parseSetElement, type SetElement } from "./setElement.ts";

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replaceAll(/\s/g, ""), "hex"));
}
function messagesOf(hex: string): NetlinkMessage[] {
  return decodeMessages(bytesOf(hex)) ?? [];
}
function elements(...texts: string[]): SetElement[] {
  return texts.map(parseSetElement).filter((element) => element !== null);
}

/** What ipset 7.17 sends; of `create` with the revision that we ask for instead of its 7. */
const requests: { name: string; request: NetlinkRequest; bytes: string }[] = [
  {
    name: "ipset create b-net hash:net family inet hashsize 2048 maxelem 1000",
    request: createSet({ name: "b-net", type: "hash:net", family: 4, hashSize: 2048, maxElements: 1000 }),
    bytes: `5c00000002060506b500016b000000000200000005000100070000000a000200622d6e65740000000d000300686173683a6e6574
      000000000500040001000000050005000200000014000780080012400000080008001340000003e8`,
  },
  {
    name: "ipset create b-port hash:ip,port family inet6",
    request: createSet({ name: "b-port", type: "hash:ip,port", family: 6 }),
    bytes: `5000000002060506b500016b000000000200000005000100070000000b000200622d706f7274000011000300686173683a69702c
      706f7274000000000500040001000000050005000a00000004000780`,
  },
  {
    name: "ipset swap b-net b-net",
    request: swapSets("b-net", "b-net"),
    bytes: "3400000006060500b400016b000000000200000005000100070000000a000200622d6e65740000000a000300622d6e6574000000",
  },
  {
    name: "ipset rename b-port b-port2",
    request: renameSet("b-port", "b-port2"),
    bytes: "3400000005060500b400016b000000000200000005000100070000000b000200622d706f727400000c000300622d706f72743200",
  },
  {
    name: "ipset flush b-net",
    request: flushSet("b-net"),
    bytes: "2800000004060500b400016b000000000200000005000100070000000a000200622d6e6574000000",
  },
  {
    name: "ipset destroy b-net",
    request: destroySet("b-net"),
    bytes: "2800000003060502b400016b000000000200000005000100070000000a000200622d6e6574000000",
  },
];

describe("requests", () => {
  for (const { name, request, bytes } of requests) {
    it(`are those of: ${name}`, () => {
      const [sent] = messagesOf(bytes);
      expect([request.type, Buffer.from(request.body).toString("hex")]).toEqual([
        ...[sent?.type, sent && Buffer.from(sent.body).toString("hex")],
      ]);
    });
  }
});

/** What a kernel (6.18) tells of two sets. */
const netSet = `a800000007060200b400016b506e00000200000005000100070000000a000200622d6e65740000000d000300686173683a6e6574
  000000000500050002000000050004000700000006000b40000000003c000780080012400000080008001340000003e8050015000c0000000800
  1140389a8523080019400000000008001a400000021008001840000000011c000880180007800c000180080001000a0000000500030008000000`;
const portSet = `c000000007060200b400016b506e00000200000005000100070000000c000200622d706f7274320011000300686173683a69702c
  706f727400000000050005000a000000050004000700000006000b40000100003c00078008001240000004000800134000010000050015000c00
  0000080011405c117546080019400000000008001a40000001300800184000000001300008802c000780180001801400020020010db800000000
  00000000000000010600044000350000 0500070011000000`;

describe("decodeSets", () => {
  it("reads sets of both types with their members", () => {
    const sets = decodeSets([...messagesOf(netSet), ...messagesOf(portSet)]);
    expect(sets?.map((set) => ({ ...set, members: set.members.map(formatSetElement) }))).toEqual([
      {
        ...{ name: "b-net", type: "hash:net", family: 4, hashSize: 2048, maxElements: 1000, references: 0 },
        members: ["10.0.0.0/8"],
      },
      {
        ...{ name: "b-port2", type: "hash:ip,port", family: 6, hashSize: 1024, maxElements: 65536, references: 0 },
        members: ["2001:db8::1,udp:53"],
      },
    ]);
  });

  it("puts a set together that comes in several messages, of which the first alone has its type", () => {
    const [first] = messagesOf(netSet);
    const { body } = addElements("b-net", elements("10.1.0.0/16", "10.2.0.0/16"));
    const sets = first && decodeSets([first, { ...first, body }]);
    expect(sets?.[0]?.members.map(formatSetElement)).toEqual(["10.0.0.0/8", "10.1.0.0/16", "10.2.0.0/16"]);
    expect(sets).toHaveLength(1);
  });

  it("reads any part of a message without throwing", () => {
    for (const hex of [netSet, portSet]) {
      for (const message of messagesOf(hex)) {
        for (let length = 0; length < message.body.length; length++) {
          expect(() => decodeSets([{ ...message, body: message.body.subarray(0, length) }])).not.toThrow();
        }
      }
    }
  });

  for (const members of [elements("10.0.0.0/8", "10.0.0.1/32"), elements("2001:db8::/32")]) {
    it(`reads what was written: ${members.map(formatSetElement).join(" ")}`, () => {
      const [header] = messagesOf(netSet);
      for (const { body } of [addElements("b-new", members), deleteElements("b-new", members)]) {
        // A request names no type; the header that comes first does, under the same name.
        const typed = header && { ...header, body: createSet({ name: "b-new", type: "hash:net", family: 4 }).body };
        expect(header && typed && decodeSets([typed, { ...header, body }])?.[0]?.members).toEqual(members);
      }
    });
  }
});

describe("setRefusal", () => {
  it("names the element at the line that the kernel wrote into the request", () => {
    const { type, flags, body } = addElements("b-net", elements("10.0.0.0/8", "0.0.0.0/0", "11.0.0.0/8"));
    const marked = body.slice();
    marked[marked.length - 4] = 1; // IPSET_ATTR_LINENO is the last attribute, in the machine's byte order.
    const header = new Uint8Array(16);
    const request = Buffer.concat([header, marked]);
    const failure = setRefusal({ errno: 4104, request }, `add ${type & 0xff} ${flags}`);
    expect(failure).toMatchObject({ code: "INVALID", object: "add 9 0, element 0.0.0.0/0" });
  });

  it("names none where the kernel sent none back", () => {
    expect(setRefusal({ errno: 4108 }, "destroy set b-net")).toMatchObject({
      code: "BUSY",
      object: "destroy set b-net",
    });
  });

  it("reads other errors as everyone does", () => {
    expect(setRefusal({ errno: 1 }, "create set b-net")).toMatchObject({ code: "DENIED", name: "EPERM" });
  });
});
