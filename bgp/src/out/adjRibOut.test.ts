import { beforeEach, describe, expect, it } from "vitest";
import type { PeerId } from "../rib/peerTable.ts";
import { PrefixFilter } from "../rib/prefixFilter.ts";
import type { Rib } from "../rib/rib.ts";
import { announce, newRib, path, ribPeer, settleAll } from "../rib/testing.ts";
import { address, packed, seededRandom, unpacked } from "../wire/testing.ts";
import { AdjRibOut, type OutGroup } from "./adjRibOut.ts";
import type { ExportView } from "./exportView.ts";

describe("AdjRibOut", () => {
  let rib: Rib;
  let from: PeerId;
  let out: AdjRibOut;
  let view: ExportView;

  beforeEach(() => {
    rib = newRib();
    from = rib.peers.add(ribPeer({ name: "from", address: address("192.0.2.1") }));
    const to = rib.peers.add(ribPeer({ name: "to", address: address("192.0.2.2") }));
    const ownNextHop = { 4: address("192.0.2.100"), 6: address("fd00::100") };
    const filter = new PrefixFilter({ accept: "all" });
    const peerAddress = address("192.0.2.2");
    view = {
      peer: to,
      external: true,
      localAsn: 64512,
      peerAddress,
      families: [4, 6],
      ownNextHop,
      nextHopMode: "self",
      filter,
    };
    out = new AdjRibOut(rib, view);
  });

  function settle(): void {
    while (!rib.isSettled) {
      rib.walk(1000);
      rib.settle(1000, (prefix) => out.mark(prefix));
    }
  }

  it("sends the whole table, then its end, then nothing", () => {
    announce(rib, from, { prefix: "10.0.0.0/8" });
    announce(rib, from, { prefix: "2001:db8::/32", nextHop: "fd00::1" });
    settleAll(rib);
    expect(told(out.drain(100))).toEqual(["10.0.0.0/8", "2001:db8::/32", "end of IPv4", "end of IPv6"]);
    expect(out.isIdle).toBe(true);
    expect(out.drain(100)).toEqual([]);
    expect([out.advertised(4), out.advertised(6)]).toEqual([1, 1]);
  });

  it("gathers prefixes of equal attributes into one group", () => {
    for (const prefix of ["10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24"]) announce(rib, from, { prefix });
    announce(rib, from, { prefix: "10.0.3.0/24", attributes: path(65001, 65002) });
    settleAll(rib);
    const groups = out.drain(100).filter(({ type }) => type === "announce");
    expect(groups.map((group) => ("prefixes" in group ? unpacked(group.prefixes).length : 0))).toEqual([3, 1]);
  });

  it("tells what changed many times once, as it is then", () => {
    settleAll(rib);
    out.drain(100);
    for (let i = 0; i < 50; i++) {
      announce(rib, from, { prefix: "10.0.0.0/8", attributes: path(65001, 65100 + i) });
      settle();
    }
    const [group, ...others] = out.drain(100);
    expect(others).toEqual([]);
    expect(group?.type === "announce" && group.attributes.asPath[0]?.asns).toEqual([64512, 65001, 65149]);
  });

  it("says nothing of what came and went before its turn", () => {
    out.drain(100);
    announce(rib, from, { prefix: "10.0.0.0/8" });
    settle();
    rib.withdraw(from, packed("10.0.0.0/8"));
    settle();
    expect(out.drain(100)).toEqual([]);
    expect(rib.prefixes.size).toBe(0);
  });

  it("withdraws what other rules no longer let pass, and keeps the rest", () => {
    announce(rib, from, { prefix: "10.0.0.0/8" });
    announce(rib, from, { prefix: "11.0.0.0/8" });
    settleAll(rib);
    out.drain(100);
    const accept = [{ prefix: "11.0.0.0/8", minLength: 8, maxLength: 8 }];
    out.markAll({ ...view, filter: new PrefixFilter({ accept }) });
    expect(told(out.drain(100))).toEqual(["not 10.0.0.0/8", "11.0.0.0/8"]);
    expect(out.advertised(4)).toBe(1);
  });

  it("leaves to the next decision what is undecided, and does not forget it", () => {
    announce(rib, from, { prefix: "10.0.0.0/8" });
    settle();
    out.drain(100);
    rib.withdraw(from, packed("10.0.0.0/8"));
    out.mark(rib.prefixes.find(packed("10.0.0.0/8"), 0));
    expect(out.drain(100)).toEqual([]);
    settle();
    expect(told(out.drain(100))).toEqual(["not 10.0.0.0/8"]);
  });

  it("lets go of every prefix when the session ends", () => {
    for (let i = 0; i < 50; i++) announce(rib, from, { prefix: `10.0.${i}.0/24` });
    settle();
    out.drain(20);
    out.clear();
    rib.removePeer(from);
    settleAll(rib);
    expect(rib.prefixes.size).toBe(0);
  });

  const seed = Number(process.env.BRINDLE_SEED ?? Date.now() % 2 ** 31);
  it(`leaves the peer with exactly the best routes, however drains and changes alternate (BRINDLE_SEED=${seed})`, () => {
    const random = seededRandom(seed);
    const held = new Map<string, number>();
    const hear = (limit: number): void => {
      for (const group of out.drain(limit)) apply(held, group);
    };
    const present = new Map<string, number>();
    for (let i = 0; i < 5_000; i++) {
      const prefix = `10.${random(40)}.0.0/16`;
      const asn = 65100 + random(3);
      if (random(3) === 0) {
        rib.withdraw(from, packed(prefix));
        present.delete(prefix);
      } else {
        announce(rib, from, { prefix, attributes: path(65001, asn) });
        present.set(prefix, asn);
      }
      if (random(2) === 0) rib.settle(random(4), (id) => out.mark(id));
      if (random(3) === 0) hear(random(5));
      if (random(200) === 0) out.markAll();
    }
    settle();
    while (!out.isIdle) hear(10);
    expect(new Map([...held].sort())).toEqual(new Map([...present].sort()));
    expect(out.advertised(4)).toBe(present.size);
  });
});

function apply(held: Map<string, number>, group: OutGroup): void {
  if (group.type === "endOfRib" || group.type === "endOfRefresh") return;
  for (const prefix of unpacked(group.prefixes)) {
    if (group.type === "withdraw") held.delete(prefix);
    else held.set(prefix, group.attributes.asPath[0]?.asns.at(-1) ?? 0);
  }
}

function told(groups: readonly OutGroup[]): string[] {
  return groups.flatMap((group) => {
    if (group.type === "endOfRib") return [`end of IPv${group.family}`];
    if (group.type === "endOfRefresh") return [`again, end of IPv${group.family}`];
    return unpacked(group.prefixes).map((prefix) => (group.type === "withdraw" ? `not ${prefix}` : prefix));
  });
}
