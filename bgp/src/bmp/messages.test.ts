/** Bytes by section of RFC 7854, RFC 8671 and RFC 9069. */
import assert from "node:assert/strict";
import { parseAddress } from "@brindle/net";
import { describe, it } from "vitest";
import {
  initiation,
  type MonitoredPeer,
  peerDown,
  peerUp,
  routeMonitoring,
  statistic,
  statisticsReport,
  termination,
  terminationReason,
} from "./messages.ts";

const v4: MonitoredPeer = { address: parseAddress("192.0.2.1"), asn: 65001, bgpId: 0xc0000201 };
const v6: MonitoredPeer = { address: parseAddress("2001:db8::1"), asn: 4_200_000_000, bgpId: 0xc0000201 };
const ourselves: MonitoredPeer = { address: null, asn: 65000, bgpId: 0x0a630001 };
const atMs = 1_700_000_000_123;
const time = "6553f100 0001e078";
const update = Uint8Array.fromHex("ffffffffffffffffffffffffffffffff001702" + "00000000");

function is(bytes: Uint8Array, ...words: readonly string[]): void {
  assert.equal(bytes.toHex(), words.join("").replaceAll(" ", ""));
}

/** Version 3, the whole length, the type: RFC 7854 §4.1. */
function header(type: number, bytes: number): string {
  return `03${(bytes + 6).toString(16).padStart(8, "0")}${type.toString(16).padStart(2, "0")}`;
}

const ofV4 = `00 00 0000000000000000 000000000000000000000000c0000201 0000fde9 c0000201 ${time}`;

describe("RFC 7854 §4.3 Initiation", () => {
  it("says program and name", () => {
    const text = { software: "Brindle", name: "tor" };
    is(initiation(text), header(4, 18), "0001 0007 4272696e646c65", "0002 0003 746f72");
  });
});

describe("RFC 7854 §4.5 Termination", () => {
  it("says why, in words and as a number", () => {
    is(termination(terminationReason.outOfResources, "slow"), header(5, 14), "0000 0004 736c6f77", "0001 0002 0002");
  });
});

describe("RFC 7854 §4.2 Per-Peer Header", () => {
  it("has an IPv4 address in its last four bytes, and the time in microseconds", () => {
    is(routeMonitoring(v4, "inPrePolicy", { update, atMs }), header(0, 65), ofV4, update.toHex());
  });

  it("marks an IPv6 peer, whose AS has four octets", () => {
    const bytes = routeMonitoring(v6, "inPrePolicy", { update, atMs });
    is(
      bytes,
      header(0, 65),
      "00 80 0000000000000000 20010db8000000000000000000000001 fa56ea00",
      "c0000201",
      time,
      update.toHex(),
    );
  });

  for (const [table, flags] of [
    ["inPrePolicy", 0x00],
    ["inPostPolicy", 0x40],
    ["outPrePolicy", 0x10], // RFC 8671 §4.
    ["outPostPolicy", 0x50],
  ] as const) {
    it(`has the flags ${flags.toString(16)} for ${table}, and with V for IPv6`, () => {
      assert.equal(routeMonitoring(v4, table, { update, atMs })[7], flags);
      assert.equal(routeMonitoring(v6, table, { update, atMs })[7], flags | 0x80);
    });
  }
});

describe("RFC 9069 §4.1 Loc-RIB instance peer", () => {
  it("has type 3, no address, and our own AS and identifier", () => {
    const bytes = routeMonitoring(ourselves, "locRib", { update, atMs });
    is(bytes, header(0, 65), "03 00 0000000000000000", "00".repeat(16), "0000fde8 0a630001", time, update.toHex());
  });
});

describe("RFC 7854 §4.10 Peer Up", () => {
  const [sentOpen, receivedOpen] = [Uint8Array.fromHex("aa01"), Uint8Array.fromHex("bb02")];

  it("has our address, the ports and both OPENs", () => {
    const up = { localAddress: parseAddress("192.0.2.9"), localPort: 179, remotePort: 40_000, sentOpen, receivedOpen };
    is(peerUp(v4, up, atMs), header(3, 66), ofV4, "000000000000000000000000c0000209 00b3 9c40 aa01 bb02");
  });

  it("names the table of a Loc-RIB (RFC 9069 §4.4)", () => {
    const up = { localAddress: null, localPort: 0, remotePort: 0, sentOpen, receivedOpen };
    const bytes = peerUp(ourselves, up, atMs);
    assert.equal(bytes.toHex().slice(2 * 48), `${"00".repeat(20)}aa01bb02000300${"06676c6f62616c"}`);
  });
});

describe("RFC 7854 §4.9 Peer Down", () => {
  const notification = Uint8Array.fromHex("cc03");
  const rows = [
    { name: "our NOTIFICATION", reason: { by: "us", notification }, tail: "01 cc03" },
    { name: "an event of ours, without one", reason: { by: "us", fsmEvent: 2 }, tail: "02 0002" },
    { name: "the peer's NOTIFICATION", reason: { by: "peer", notification }, tail: "03 cc03" },
    { name: "a lost connection", reason: { by: "peer" }, tail: "04" },
    { name: "no more word of it", reason: { by: "configuration" }, tail: "05" },
  ] as const;
  for (const { name, reason, tail } of rows) {
    it(`tells of ${name}`, () => {
      is(peerDown(v4, reason, atMs), header(2, 42 + tail.replaceAll(" ", "").length / 2), ofV4, tail);
    });
  }
});

describe("RFC 7854 §4.8 Statistics Report", () => {
  it("has counters of 32 bits, gauges of 64, and those of a family with AFI and SAFI", () => {
    const statistics = [
      { type: statistic.treatedAsWithdrawal, value: 3, isCounter: true },
      { type: statistic.adjRibIn, value: 2 ** 33 + 1 },
      { type: statistic.adjRibOutPostPolicyOfFamily, value: 7, family: 6 }, // RFC 8671 §6.2.
    ] as const;
    is(
      statisticsReport(v4, statistics, atMs),
      header(1, 42 + 4 + 8 + 12 + 15),
      ofV4,
      "00000003",
      "000b 0004 00000003",
      "0007 0008 00000002 00000001",
      "0011 000b 0002 01 00000000 00000007",
    );
  });
});
