import { describe, expect, it } from "vitest";
import { parseAddress } from "../address.ts";
import { type Prefix, parseCidr } from "../prefix.ts";
import { splitAttributes } from "./attribute.ts";
import { decodeAddress, scope } from "./interfaceAddress.ts";
import { decodeLink } from "./link.ts";
import { decodeMessages, encodeMessage, messageHeaderBytes, type NetlinkMessage } from "./message.ts";
import { decodeForwardingEntry, decodeNeighbour } from "./neighbour.ts";
import { encodeChange, type KernelChange } from "./request.ts";
import { decodeRoute, type Route } from "./route.ts";

function prefix(text: string): Prefix {
  const parsed = parseCidr(text);
  if (!parsed) throw new Error(`${text} is no CIDR`);
  return parsed;
}
function address(text: string): Prefix["address"] {
  const parsed = parseAddress(text);
  if (!parsed) throw new Error(`${text} is no address`);
  return parsed;
}
function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replaceAll(/\s/g, ""), "hex"));
}
function messageOf(hex: string): NetlinkMessage {
  const [message] = decodeMessages(bytesOf(hex)) ?? [];
  if (!message) throw new Error("no message");
  return message;
}

const fixedBytes: Readonly<Record<number, number>> = { 16: 16, 20: 8, 24: 12, 28: 12 };

/** A request without what may differ: sequence number, order of attributes, nesting flags. */
function meaning(bytes: Uint8Array): unknown {
  const [message] = decodeMessages(bytes) ?? [];
  if (!message) return null;
  const size = fixedBytes[message.type] ?? 0;
  return {
    type: message.type,
    flags: message.flags & ~0x5, // NLM_F_REQUEST and NLM_F_ACK come with sending.
    fixed: Buffer.from(message.body.subarray(0, size)).toString("hex"),
    attributes: attributeMeaning(message.body.subarray(size)),
  };
}
function attributeMeaning(bytes: Uint8Array): string[] {
  return (splitAttributes(bytes) ?? []).map(({ type, value }) => `${type}=${valueMeaning(type, value)}`).sort();
}
/** IFLA_LINKINFO, its data and the peer inside are attributes again; their order and flags do not matter. */
function valueMeaning(type: number, value: Uint8Array): string {
  const hex = Buffer.from(value).toString("hex");
  const isPeer = type === 1 && value.length >= 36;
  if (isPeer) return `{${hex.slice(0, 32)},${attributeMeaning(value.subarray(16))}}`;
  if (type === 18 || (type === 2 && value.length >= 40)) return `{${attributeMeaning(value)}}`;
  // The kind of a link may end with a NUL or not.
  return type === 1 ? hex.replace(/(?<=[1-9a-f].)00$/, "") : hex;
}

/** What `ip` and `bridge` of iproute2 6.1 send for the command in the name. */
const requests: { name: string; bytes: string; change: KernelChange }[] = [
  {
    name: "ip link add cali0 type veth peer name eth0 mtu 1440",
    bytes: `6400000010000506affc006b00000000000000000000000000000000000000000a00030063616c69300000003800120008000100
      766574682c000200280001000000000000000000000000000000000008000400a0050000090003006574683000000000`,
    change: {
      op: "createLink",
      link: { kind: "veth", name: "cali0", peer: { name: "eth0", mtu: 1440 } },
    },
  },
  {
    name: "ip link add vx type vxlan id 4096 dstport 4789 local 10.0.0.1 dev eth0 nolearning",
    bytes: `6400000010000506affc006b000000000000000000000000000000000000000007000300767800003c0012000900010076786c61
      6e0000002c00020008000300020000000800010000100000080004000a000001050007000000000006000f0012b50000`,
    change: {
      op: "createLink",
      link: {
        kind: "vxlan",
        name: "vx",
        vxlan: { id: 4096, port: 4789, local: address("10.0.0.1"), linkIndex: 2, learning: false },
      },
    },
  },
  {
    name: "ip address add 10.0.0.1/24 dev eth0 scope link noprefixroute",
    bytes: `3000000014000506affc006b00000000021800fd02000000080002000a0000010800080000020000080001000a000001`,
    change: {
      op: "addAddress",
      address: { interfaceIndex: 2, address: prefix("10.0.0.1/24"), scope: scope.link, noPrefixRoute: true },
    },
  },
  {
    name: "ip route add 10.1.0.0/16 via 10.0.0.9 dev eth0 onlink proto 214 metric 7 table 1000",
    bytes: `4400000018000506affc006b000000000210000000d6000104000000080001000a010000080005000a0000090800060007000000
      08000f00e80300000800040002000000`,
    change: {
      op: "addRoute",
      route: {
        destination: prefix("10.1.0.0/16"),
        nextHops: [{ gateway: address("10.0.0.9"), interfaceIndex: 2, onLink: true }],
        ...{ protocol: 214, metric: 7, table: 1000 },
      },
    },
  },
  {
    name: "ip route add 10.2.0.0/16 with one IPv4 and one IPv6 gateway",
    bytes: `5800000018000506affc006b0000000002100000fed6000100000000080001000a02000034000900100004010200000008000500
      0a0000082000040002000000160012000a00fd0000000000000000000000000000090000`,
    change: {
      op: "addRoute",
      route: {
        destination: prefix("10.2.0.0/16"),
        protocol: 214,
        nextHops: [
          { gateway: address("10.0.0.8"), interfaceIndex: 2, onLink: true, weight: 2 },
          { gateway: address("fd00::9"), interfaceIndex: 2, onLink: true },
        ],
      },
    },
  },
  {
    name: "ip route replace blackhole 10.3.0.0/26",
    bytes: `2400000018000505affc006b00000000021a0000fe03000600000000080001000a030000`,
    change: { op: "replaceRoute", route: { destination: prefix("10.3.0.0/26"), kind: "blackhole" } },
  },
  {
    name: "ip -6 route add fd01::/64 from fd02::/64 via fd00::7 dev eth0",
    bytes: `6000000018000506affc006b000000000a404000fe0300010000000014000100fd01000000000000000000000000000014000200
      fd02000000000000000000000000000014000500fd0000000000000000000000000000070800040002000000`,
    change: {
      op: "addRoute",
      route: {
        destination: prefix("fd01::/64"),
        source: prefix("fd02::/64"),
        nextHops: [{ gateway: address("fd00::7"), interfaceIndex: 2 }],
      },
    },
  },
  {
    name: "ip neigh replace 10.0.0.5 lladdr ee:ee:ee:ee:ee:ee dev eth0 nud permanent",
    bytes: `300000001c000505b0fc006b00000000020000000200000080000000080001000a0000050a000200eeeeeeeeeeee0000`,
    change: {
      op: "replaceNeighbour",
      neighbour: { interfaceIndex: 2, address: address("10.0.0.5"), mac: "ee:ee:ee:ee:ee:ee" },
    },
  },
  {
    name: "ip neigh add proxy fd00::5 dev eth0",
    bytes: `300000001c000506b0fc006b000000000a000000020000008000080014000100fd000000000000000000000000000005`,
    change: { op: "addNeighbour", neighbour: { interfaceIndex: 2, address: address("fd00::5"), proxy: true } },
  },
];

describe("encodeChange", () => {
  for (const { name, bytes, change } of requests) {
    it(`means what is meant by: ${name}`, () => {
      const encoded = encodeMessage({ ...encodeChange(change), sequence: 1, port: 0 });
      expect(meaning(encoded)).toEqual(meaning(bytesOf(bytes)));
    });
  }

  it("refuses a hardware address that is none", () => {
    const settings = { mac: "ee:ee" };
    expect(() => encodeChange({ op: "setLink", link: { index: 1 }, settings })).toThrow("hardware address");
  });

  it("refuses to rename an interface that is given by its name", () => {
    const settings = { name: "new" };
    expect(() => encodeChange({ op: "setLink", link: { name: "old" }, settings })).toThrow("by its index");
  });
});

const plainRoute: Omit<Route, "destination" | "nextHops"> = {
  source: null,
  kind: "unicast",
  table: 254,
  protocol: 3,
  scope: 0,
  metric: 0,
  preferredSource: null,
};

/** What a kernel (6.18) tells. */
const replies: { name: string; bytes: string; decode: (message: NetlinkMessage) => unknown; value: unknown }[] = [
  {
    name: "a multipath route of two families",
    bytes: `6000000018002200affc006ba053000002100000fed600010000000008000f00fe000000080001000a0200003400090010000401
      0200000008000500 0a0000082000040002000000160012000a00fd0000000000000000000000000000090000`,
    decode: decodeRoute,
    value: {
      ...plainRoute,
      destination: prefix("10.2.0.0/16"),
      protocol: 214,
      nextHops: [
        { gateway: address("10.0.0.8"), interfaceIndex: 2, onLink: true, weight: 2 },
        { gateway: address("fd00::9"), interfaceIndex: 2, onLink: true, weight: 1 },
      ],
    },
  },
  {
    name: "a route in a table beyond 255",
    bytes: `4400000018002200affc006bb053000002100000fcd600010400000008000f00e8030000080001000a0100000800060007000000
      080005000a0000090800040002000000`,
    decode: decodeRoute,
    value: {
      ...plainRoute,
      destination: prefix("10.1.0.0/16"),
      ...{ table: 1000, protocol: 214, metric: 7 },
      nextHops: [{ gateway: address("10.0.0.9"), interfaceIndex: 2, onLink: true, weight: 1 }],
    },
  },
  {
    name: "a blackhole",
    bytes: "2c00000018002200affc006ba0530000021a0000fe0300060000000008000f00fe000000080001000a030000",
    decode: decodeRoute,
    value: { ...plainRoute, destination: prefix("10.3.0.0/26"), kind: "blackhole", nextHops: [] },
  },
  {
    name: "an IPv6 route with a source",
    bytes: `9c00000018002200affc006bae5300000a404000fe0300010000000008000f00fe00000014000100fd0100000000000000000000
      0000000014000200fd020000000000000000000000000000080006000004000014000500fd00000000000000000000000000000708000400
      0200000024000c00000000000000000000000000000000000000000000000000000000000000000005001400000000 00`,
    decode: decodeRoute,
    value: {
      ...plainRoute,
      destination: prefix("fd01::/64"),
      source: prefix("fd02::/64"),
      metric: 1024,
      nextHops: [{ gateway: address("fd00::7"), interfaceIndex: 2, onLink: false, weight: 1 }],
    },
  },
  {
    name: "an IPv4 address",
    bytes: `5000000014002200b0fc006bac530000021880fd02000000080001000a000001080002000a000001090003006574683000000000
      080008008002000014000600ffffffffffffffffcd3c0400cd3c0400`,
    decode: decodeAddress,
    value: {
      ...{ interfaceIndex: 2, address: prefix("10.0.0.1/24"), label: "eth0", scope: scope.link },
      ...{ noDad: false, noPrefixRoute: true, tentative: false, dadFailed: false, permanent: true, secondary: false },
    },
  },
  {
    name: "an IPv6 address whose duplicates are still looked for",
    bytes: `5000000014002200b0fc006baa5300000a40c0fd0200000014000100fe800000000000003c4979fffefe69a314000600ffffffff
      ffffffffcd3c0400cd3c040008000800c000000005000b0003000000`,
    decode: decodeAddress,
    value: {
      ...{ interfaceIndex: 2, address: prefix("fe80::3c49:79ff:fefe:69a3/64"), scope: scope.link },
      ...{ noDad: false, noPrefixRoute: false, tentative: true, dadFailed: false, permanent: true, secondary: false },
    },
  },
  {
    name: "a neighbour",
    bytes: `4c0000001c000200b0fc006ba6530000020000000200000080000001080001000a0000050a000200eeeeeeeeeeee000008000400
      000000001400030000000000000000000000000000000000`,
    decode: decodeNeighbour,
    value: {
      ...{ interfaceIndex: 2, address: address("10.0.0.5"), mac: "ee:ee:ee:ee:ee:ee" },
      ...{ state: "permanent", proxy: false },
    },
  },
  {
    name: "a forwarding entry of a VXLAN interface",
    bytes: "300000001c00050cb0fc006b000000000700000004000000c00002000a000200eeeeee0000010000080001000a00004d",
    decode: decodeForwardingEntry,
    value: { interfaceIndex: 4, mac: "ee:ee:ee:00:00:01", remote: address("10.0.0.77") },
  },
  {
    name: "a vxlan interface",
    bytes: `6400000010000506affc006b000000000000000000000000000000000000000007000300767800003c0012000900010076786c61
      6e0000002c00020008000300020000000800010000100000080004000a000001050007000000000006000f0012b50000`,
    decode: decodeLink,
    value: {
      ...{ index: 0, name: "vx", kind: "vxlan", alias: null, up: false, running: false, loopback: false, mtu: 0 },
      ...{ mac: null, group: 0, masterIndex: null, peerIndex: null, peerNamespaceId: null },
      vxlan: { id: 4096, linkIndex: 2, local: address("10.0.0.1"), learning: false, port: 4789 },
    },
  },
];

describe("decoding", () => {
  for (const { name, bytes, decode, value } of replies) {
    it(`reads ${name}`, () => expect(decode(messageOf(bytes))).toEqual(value));

    it(`reads ${name} cut at every byte, without throwing`, () => {
      const whole = bytesOf(bytes);
      for (let length = 0; length < whole.length; length++) {
        const cut = whole.subarray(0, length);
        if (length > 0) expect(decodeMessages(cut)).toBeNull();
        // The same with a header that claims no more than there is.
        const { body } = messageOf(bytes);
        const shorter = { ...messageOf(bytes), body: body.subarray(0, Math.max(0, length - messageHeaderBytes)) };
        expect(() => decode(shorter)).not.toThrow();
      }
    });

    it(`reads ${name} with any one byte changed, without throwing`, () => {
      const message = messageOf(bytes);
      for (let at = 0; at < message.body.length; at++) {
        for (const changed of [0x00, 0x01, 0x7f, 0xff]) {
          const body = message.body.slice();
          body[at] = changed;
          expect(() => decode({ ...message, body })).not.toThrow();
        }
      }
    });
  }

  it("finds every message of a datagram", () => {
    const one = bytesOf(requests[0]?.bytes ?? "");
    const two = bytesOf(requests[5]?.bytes ?? "");
    expect(decodeMessages(Buffer.concat([one, two]))?.map((message) => message.type)).toEqual([16, 24]);
  });
});

describe("changes and what the kernel tells afterwards", () => {
  const routes: Route[] = [
    { ...plainRoute, destination: prefix("0.0.0.0/0"), nextHops: [hop({ gateway: address("192.0.2.1") })] },
    { ...plainRoute, destination: prefix("::/0"), nextHops: [hop({ gateway: address("fe80::1") })] },
    { ...plainRoute, destination: prefix("10.0.0.0/8"), nextHops: [hop({ gateway: address("fe80::1") })] },
    { ...plainRoute, destination: prefix("10.0.0.1/32"), scope: scope.link, nextHops: [hop({})] },
    { ...plainRoute, destination: prefix("fd00::/64"), kind: "unreachable", metric: 4278198272, nextHops: [] },
    { ...plainRoute, destination: prefix("fd00::/64"), preferredSource: address("fd00::1"), nextHops: [hop({})] },
    {
      ...plainRoute,
      destination: prefix("fd00::/64"),
      nextHops: [hop({ gateway: address("fe80::1"), weight: 256 }), hop({ gateway: address("fe80::2") })],
    },
  ];
  for (const route of routes) {
    it(`agree on ${JSON.stringify(route, (_key, value) => (typeof value === "bigint" ? `${value}` : value))}`, () => {
      const request = encodeChange({ op: "addRoute", route });
      expect(decodeRoute({ ...request, sequence: 0, port: 0 })).toEqual(route);
    });
  }

  function hop(fields: object): Route["nextHops"][number] {
    return { gateway: null, interfaceIndex: 3, onLink: false, weight: 1, ...fields };
  }
});
