import { beforeEach, describe, expect, it } from "vitest";
import { address, packed } from "../wire/testing.ts";
import { type PeerId, vainCounts } from "./peerTable.ts";
import { PrefixFilter } from "./prefixFilter.ts";
import type { Rib } from "./rib.ts";
import { announce, bestOf, newRib, ownAsn, path, ribPeer, settleAll } from "./testing.ts";

const prefix = "203.0.113.0/24";

describe("Rib", () => {
  let rib: Rib;
  let a: PeerId;
  let b: PeerId;
  let c: PeerId;

  beforeEach(() => {
    rib = newRib();
    const add = (name: string, text: string): PeerId => {
      return rib.peers.add(ribPeer({ name, address: address(text) }, () => rib));
    };
    [a, b, c] = [add("a", "192.0.2.1"), add("b", "192.0.2.2"), add("c", "192.0.2.3")];
  });

  it("tells a prefix once however often it changed before the decision", () => {
    announce(rib, a, { prefix });
    announce(rib, b, { prefix, attributes: path(65002, 65003) });
    announce(rib, a, { prefix, attributes: path(65001, 1, 2) });
    expect(settleAll(rib)).toEqual([prefix]);
    expect(bestOf(rib, prefix)).toBe("b");
  });

  it("tells nothing when a route comes again as it was", () => {
    announce(rib, a, { prefix });
    settleAll(rib);
    announce(rib, a, { prefix });
    expect(settleAll(rib)).toEqual([]);
  });

  it("RFC 7854 §4.8: counts what is told again as it was, by one session, and what is withdrawn that was not there", () => {
    const vain = () => vainCounts.map((name) => rib.peers.vain[name].get(a));
    announce(rib, a, { prefix });
    announce(rib, a, { prefix, attributes: path(65002, 1) });
    announce(rib, b, { prefix, attributes: path(65002, 1) });
    expect(vain()).toEqual([0, 0, 0, 0, 0, 0]);
    announce(rib, a, { prefix, attributes: path(65002, 1) });
    rib.withdraw(b, packed(prefix));
    rib.endEpoch(a);
    announce(rib, a, { prefix, attributes: path(65002, 1) });
    expect(vain()).toEqual([0, 1, 0, 0, 0, 0]);
    expect(rib.withdraw(a, packed(prefix, "10.0.0.0/8"))).toBe(1);
    expect(rib.withdraw(a, packed(prefix))).toBe(1);
  });

  it.each([
    ["clusterLoop", [0, 0, 0, 1, 0, 0]],
    ["asLoop", [0, 0, 0, 0, 1, 0]],
    ["originatorLoop", [0, 0, 0, 0, 0, 1]],
  ] as const)(
    "RFC 7854 §4.8: counts announcements that are refused for a %s, not their prefixes",
    (verdict, counts) => {
      const importRules = { filter: new PrefixFilter({ accept: "all" }), judge: () => verdict };
      rib.peers.set(a, ribPeer({ name: "a", bgpId: 1, address: address("192.0.2.1"), importRules }));
      rib.announce(a, { prefixes: packed(prefix, "10.0.0.0/8"), nextHop: address("192.0.2.9") }, path(65001));
      rib.reimport(a);
      rib.walk(1_000);
      expect(vainCounts.map((name) => rib.peers.vain[name].get(a))).toEqual(counts);
    },
  );

  it("tells a change of the best route's attributes, and none of another's", () => {
    announce(rib, a, { prefix });
    announce(rib, b, { prefix, attributes: path(65002, 1) });
    settleAll(rib);
    announce(rib, b, { prefix, attributes: path(65002, 2) });
    expect(settleAll(rib)).toEqual([]);
    announce(rib, a, { prefix, attributes: path(65009) });
    expect(settleAll(rib)).toEqual([prefix]);
  });

  it("tells nothing of a prefix that came and went between two decisions", () => {
    announce(rib, a, { prefix });
    rib.withdraw(a, packed(prefix));
    expect(settleAll(rib)).toEqual([]);
    expect(rib.prefixes.size).toBe(0);
  });

  it("heeds MED only among one neighbour's routes, whatever the order of arrival", () => {
    // b and c have one neighbour, and c's MED is better; a would lose to b, by BGP identifier, but not to c.
    rib.peers.set(a, ribPeer({ name: "a", bgpId: 2, address: address("192.0.2.1") }));
    rib.peers.set(b, ribPeer({ name: "b", bgpId: 1, address: address("192.0.2.2") }));
    rib.peers.set(c, ribPeer({ name: "c", bgpId: 3, address: address("192.0.2.3") }));
    const routes: [PeerId, ReturnType<typeof path>][] = [
      [a, path(65001)],
      [b, { ...path(65002), med: 20 }],
      [c, { ...path(65002), med: 10 }],
    ];
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 0, 2],
      [2, 0, 1],
    ]) {
      for (const i of order) {
        const [peer, attributes] = routes[i] ?? [a, path()];
        announce(rib, peer, { prefix, attributes });
      }
      settleAll(rib);
      expect(bestOf(rib, prefix)).toBe("a");
      const routeOf = (peer: PeerId): string | null =>
        rib.lostBy(rib.routes.find(rib.prefixes.find(packed(prefix), 0), peer));
      expect([routeOf(a), routeOf(b), routeOf(c)]).toEqual([null, "med", "bgpId"]);
      for (const [peer] of routes) rib.withdraw(peer, packed(prefix));
      settleAll(rib);
    }
  });

  it("prefers what we originate to whatever a peer says", () => {
    announce(rib, a, { prefix, attributes: { ...path(), localPref: 4_000_000_000 } });
    rib.originate(rib.local, packed(prefix), path());
    settleAll(rib);
    expect(bestOf(rib, prefix)).toBe("local");
  });

  it("keeps and counts a route with our own AS in its path, but never uses it", () => {
    announce(rib, a, { prefix, attributes: path(65001, ownAsn, 65002) });
    expect(settleAll(rib)).toEqual([]);
    expect(rib.counts(a, 4)).toEqual({ received: 1, accepted: 0 });
    expect(rib.lostBy(rib.routes.find(rib.prefixes.find(packed(prefix), 0), a))).toBe("asLoop");
  });

  it("judges anew what it has when the import policy changes", () => {
    announce(rib, a, { prefix });
    announce(rib, a, { prefix: "198.51.100.0/24" });
    settleAll(rib);
    const accept = [{ prefix: "198.51.100.0/24", minLength: 24, maxLength: 24 }];
    const { importRules, ...facts } = rib.peers.get(a);
    rib.peers.set(a, { ...facts, importRules: { ...importRules, filter: new PrefixFilter({ accept }) } });
    rib.reimport(a);
    expect(settleAll(rib)).toEqual([prefix]);
    expect(rib.counts(a, 4)).toEqual({ received: 2, accepted: 1 });
    expect(bestOf(rib, prefix)).toBeNull();
  });

  it("takes another route while a next hop cannot be reached, and the nearer one while it is farther", () => {
    announce(rib, a, { prefix, nextHop: "10.0.0.1" });
    announce(rib, b, { prefix, nextHop: "10.0.0.2" });
    settleAll(rib);
    expect(bestOf(rib, prefix)).toBe("a");
    rib.learnNextHops([{ address: "10.0.0.1", igpCost: null }]);
    expect(settleAll(rib)).toEqual([prefix]);
    expect(bestOf(rib, prefix)).toBe("b");
    rib.learnNextHops([{ address: "10.0.0.1", igpCost: 5 }]);
    settleAll(rib);
    expect(bestOf(rib, prefix)).toBe("b");
    rib.learnNextHops([]);
    settleAll(rib);
    expect(bestOf(rib, prefix)).toBe("a");
  });

  it("sweeps only what a restarted peer did not announce again, and disturbs nothing else", () => {
    announce(rib, a, { prefix });
    announce(rib, a, { prefix: "198.51.100.0/24" });
    announce(rib, a, { prefix: "2001:db8::/32", nextHop: "fd00::1" });
    settleAll(rib);
    rib.endEpoch(a);
    announce(rib, a, { prefix });
    rib.sweep(a, [4]);
    expect(settleAll(rib)).toEqual(["198.51.100.0/24"]);
    expect(rib.counts(a, 6).received).toBe(1);
  });

  it("keeps what is announced while an earlier session's routes are still being swept", () => {
    const many = Array.from({ length: 300 }, (_, i) => `10.0.${i >> 8}.${i & 255}/32`);
    for (const text of many) announce(rib, a, { prefix: text });
    settleAll(rib);
    rib.endEpoch(a);
    rib.sweep(a, [4, 6]);
    rib.walk(50);
    for (const text of many.slice(0, 10)) announce(rib, a, { prefix: text });
    rib.walk(50);
    rib.withdraw(a, packed(many[150] ?? ""));
    settleAll(rib);
    expect(rib.counts(a, 4).received).toBe(10);
  });

  it("does no more in a turn than it is told to", () => {
    for (let i = 0; i < 100; i++) announce(rib, a, { prefix: `10.0.0.${i}/32` });
    const changed: number[] = [];
    rib.settle(30, (id) => changed.push(id));
    expect(changed.length).toBe(30);
    settleAll(rib);
    rib.endEpoch(a);
    rib.sweep(a, [4]);
    rib.walk(30);
    expect(rib.counts(a, 4).received).toBe(70);
  });

  const shocks: { name: string; give: () => void }[] = [
    { name: "a next hop that is further away", give: () => rib.learnNextHops([{ address: "192.0.2.9", igpCost: 5 }]) },
    { name: "several ways instead of one", give: () => rib.setMultipath({ paths: 2, relaxAsPath: false }) },
  ];
  for (const { name, give } of shocks) {
    it(`looks at the table for ${name} a slice a turn`, () => {
      const count = 5_000;
      for (let i = 0; i < count; i++) announce(rib, a, { prefix: `10.${i >> 8}.${i & 255}.0/24` });
      settleAll(rib);
      const undecided = (): number => {
        let sum = 0;
        for (let id = 1; id < rib.prefixes.idsEnd; id++) if (rib.isUnsettled(id)) sum += 1;
        return sum;
      };
      give();
      expect([undecided(), rib.isWalking]).toEqual([0, true]);
      rib.walk(100);
      expect(undecided()).toBe(800);
      while (rib.isWalking) rib.walk(100);
      expect(undecided()).toBe(count);
    });
  }
});
