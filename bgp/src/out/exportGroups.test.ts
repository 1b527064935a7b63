import { beforeEach, describe, expect, it, vi } from "vitest";
import type { PeerId } from "../rib/peerTable.ts";
import { PrefixFilter } from "../rib/prefixFilter.ts";
import type { Rib } from "../rib/rib.ts";
import { announce, newRib, path, ribPeer } from "../rib/testing.ts";
import { address, packed } from "../wire/testing.ts";
import type { GroupTerms } from "./exportGroup.ts";
import { ExportGroups, type PeerOut } from "./exportGroups.ts";
import { ListeningPeer } from "./testing.ts";

const terms: GroupTerms = {
  key: "all",
  context: { fourOctetAs: true },
  view: {
    peer: 0,
    external: true,
    localAsn: 64512,
    peerAddress: null,
    families: [4, 6],
    ownNextHop: { 4: address("192.0.2.100"), 6: address("2001:db8::100") },
    nextHopMode: "self",
    filter: new PrefixFilter({ accept: "all" }),
  },
};

const onlyEleven: GroupTerms = {
  ...terms,
  key: "eleven",
  view: { ...terms.view, filter: new PrefixFilter({ accept: [{ prefix: "11.0.0.0/8", minLength: 8, maxLength: 8 }] }) },
};

describe("ExportGroups (RFC 4271 §9.2)", () => {
  let rib: Rib;
  let groups: ExportGroups;
  let from: PeerId;

  beforeEach(() => {
    rib = newRib();
    groups = new ExportGroups(rib);
    from = rib.peers.add(ribPeer({ name: "from", address: address("192.0.2.1") }));
  });

  let lastHost = 1;
  function join(with_: GroupTerms = terms): { readonly hears: ListeningPeer; readonly out: PeerOut } {
    lastHost += 1;
    const at = address(`192.0.2.${lastHost}`);
    const peer = rib.peers.add(ribPeer({ name: `to${lastHost}`, address: at }));
    const hears = new ListeningPeer(peer, with_.sendsPaths ? { addPath: with_.sendsPaths } : {});
    return { hears, out: groups.join({ peer, address: at, terms: with_, sink: hears }) };
  }

  function settle(): void {
    while (!rib.isSettled) {
      rib.walk(1000);
      rib.settle(1000, (prefix) => groups.mark(prefix));
    }
  }

  function settleAndTell(): void {
    settle();
    while (groups.hasWork) groups.drain(1000);
  }

  it("sends the whole table, then its end, then nothing", () => {
    announce(rib, from, { prefix: "10.0.0.0/8" });
    announce(rib, from, { prefix: "2001:db8::/32", nextHop: "2001:db8::1" });
    const { hears, out } = join();
    settleAndTell();
    expect(hears.told).toEqual(["10.0.0.0/8", "2001:db8::/32", "end of IPv4", "end of IPv6"]);
    expect([out.isIdle, groups.hasWork, out.advertised(4), out.advertised(6)]).toEqual([true, false, 1, 1]);
  });

  it("gathers prefixes of equal attributes into one message", () => {
    const { hears } = join();
    settleAndTell();
    for (const prefix of ["10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24"]) announce(rib, from, { prefix });
    announce(rib, from, { prefix: "10.0.3.0/24", attributes: path(65001, 65002) });
    const before = hears.messages;
    settleAndTell();
    expect(hears.messages - before).toBe(2);
    expect(hears.held.get("10.0.3.0/24")?.attributes.asPath[0]?.asns).toEqual([64512, 65001, 65002]);
  });

  it("makes the bytes once for all who are told the same", () => {
    const [a, b] = [join(), join()];
    settleAndTell();
    announce(rib, from, { prefix: "10.0.0.0/24" });
    settleAndTell();
    expect(groups.size).toBe(1);
    expect(a.hears.buffers.at(-1)).toEqual(b.hears.buffers.at(-1));
    expect(a.hears.buffers.at(-1)?.buffer).toBe(b.hears.buffers.at(-1)?.buffer);
  });

  it("tells what changed many times once, as it is then", () => {
    const { hears } = join();
    settleAndTell();
    for (let i = 0; i < 50; i++) {
      announce(rib, from, { prefix: "10.0.0.0/8", attributes: path(65001, 65100 + i) });
      settle();
    }
    settleAndTell();
    expect(hears.told.slice(2)).toEqual(["10.0.0.0/8"]);
    expect(hears.held.get("10.0.0.0/8")?.attributes.asPath[0]?.asns).toEqual([64512, 65001, 65149]);
  });

  it("says nothing of what came and went before its turn", () => {
    const { hears } = join();
    settleAndTell();
    announce(rib, from, { prefix: "10.0.0.0/8" });
    settle();
    rib.withdraw(from, packed("10.0.0.0/8"));
    settleAndTell();
    expect(hears.told).toEqual(["end of IPv4", "end of IPv6"]);
    expect(rib.prefixes.size).toBe(0);
  });

  it("does not tell a peer what it said itself, and takes back what it then says", () => {
    const [a, b, c] = [join(), join(), join()];
    settleAndTell();
    announce(rib, from, { prefix: "10.0.0.0/8", attributes: path(65001, 65002) });
    settleAndTell();
    announce(rib, a.hears.peer, { prefix: "10.0.0.0/8", attributes: path(65003) });
    settleAndTell();
    expect(a.hears.told.slice(2)).toEqual(["10.0.0.0/8", "not 10.0.0.0/8"]);
    announce(rib, b.hears.peer, { prefix: "10.0.0.0/8", attributes: { ...path(65004), localPref: 200 } });
    settleAndTell();
    expect([...a.hears.held.keys(), ...b.hears.held.keys(), ...c.hears.held.keys()]).toEqual([
      "10.0.0.0/8",
      "10.0.0.0/8",
    ]);
    expect([a, b, c].map(({ out }) => out.advertised(4))).toEqual([1, 0, 1]);
    rib.withdraw(b.hears.peer, packed("10.0.0.0/8"));
    rib.withdraw(a.hears.peer, packed("10.0.0.0/8"));
    rib.withdraw(from, packed("10.0.0.0/8"));
    settleAndTell();
    expect([a, b, c].map(({ hears }) => hears.held.size)).toEqual([0, 0, 0]);
  });

  it("withdraws what other rules no longer let pass, keeps the rest, and leaves the other peers alone", () => {
    const [a, b] = [join(), join()];
    announce(rib, from, { prefix: "10.0.0.0/8" });
    announce(rib, from, { prefix: "11.0.0.0/8" });
    settleAndTell();
    const before = b.hears.told.length;
    a.out.setTerms(onlyEleven);
    settleAndTell();
    expect(a.hears.told.slice(4)).toEqual(["not 10.0.0.0/8", "11.0.0.0/8"]);
    expect([a.out.advertised(4), b.out.advertised(4), b.hears.told.length]).toEqual([1, 2, before]);
  });

  it("tells who asks again everything again, its end where it is wanted, and nobody else", () => {
    const [a, b] = [join(), join()];
    announce(rib, from, { prefix: "10.0.0.0/8" });
    settleAndTell();
    a.out.refresh(4, true);
    settleAndTell();
    expect(a.hears.told.slice(3)).toEqual(["10.0.0.0/8", "end of refresh of IPv4"]);
    expect(b.hears.told.length).toBe(3);
    expect(groups.size).toBe(1);
  });

  it("leaves to the next decision what is undecided, and does not forget it", () => {
    const { hears } = join();
    announce(rib, from, { prefix: "10.0.0.0/8" });
    settleAndTell();
    rib.withdraw(from, packed("10.0.0.0/8"));
    groups.mark(rib.prefixes.find(packed("10.0.0.0/8"), 0));
    groups.drain(100);
    expect(hears.held.size).toBe(1);
    settleAndTell();
    expect(hears.held.size).toBe(0);
  });

  it("tells a peer which comes late the whole table, and then together with the others", () => {
    const a = join();
    announce(rib, from, { prefix: "10.0.0.0/8" });
    settleAndTell();
    const b = join();
    expect(groups.size).toBe(2);
    settleAndTell();
    expect(b.hears.told).toEqual(["10.0.0.0/8", "end of IPv4", "end of IPv6"]);
    expect([groups.size, a.hears.told.length]).toEqual([1, 3]);
  });

  it("leaves behind a peer that does not read, and tells it the latest once it does", () => {
    const [fast, slow] = [join(), join()];
    settleAndTell();
    slow.hears.isReading = false;
    slow.hears.undrainedBytes = 9 * 2 ** 20;
    const told = slow.hears.told.length;
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < 100; i++) {
        announce(rib, from, { prefix: `10.0.${i}.0/24`, attributes: path(65001, 65100 + round) });
      }
      settleAndTell();
    }
    expect([groups.size, fast.hears.held.size, slow.hears.told.length]).toEqual([2, 100, told]);
    slow.hears.isReading = true;
    slow.hears.read();
    settleAndTell();
    expect([groups.size, slow.hears.told.length - told]).toEqual([1, 100]);
    expect(slow.hears.held).toEqual(fast.hears.held);
  });

  it("replaces a path by another speaker's that has its number now, whatever else that turn tells", () => {
    const paths: GroupTerms = { ...terms, key: "paths", sendsPaths: [4] };
    const [a, b, c] = [join(paths), join(paths), join(paths)];
    settleAndTell();
    announce(rib, b.hears.peer, { prefix: "10.0.0.0/8" });
    announce(rib, a.hears.peer, { prefix: "11.0.0.0/8" });
    settleAndTell();
    rib.withdraw(a.hears.peer, packed("11.0.0.0/8"));
    rib.withdraw(b.hears.peer, packed("10.0.0.0/8"));
    announce(rib, a.hears.peer, { prefix: "10.0.0.0/8" });
    settleAndTell();
    const held = ({ hears }: { readonly hears: ListeningPeer }): string[] => [...hears.held.keys()];
    expect(held(c)).toEqual(["10.0.0.0/8#1"]);
    expect(held(b)).toEqual(["10.0.0.0/8#1"]);
    expect(held(a)).toEqual([]);
  });

  it("lets go of every prefix when the last session ends", () => {
    const [a, b] = [join(), join()];
    for (let i = 0; i < 50; i++) announce(rib, from, { prefix: `10.0.${i}.0/24` });
    settleAndTell();
    a.out.leave();
    b.out.leave();
    rib.removePeer(from);
    settleAndTell();
    expect([rib.prefixes.size, groups.size]).toEqual([0, 0]);
  });

  it("goes alone, and comes back, without a look at the whole table at once", () => {
    const count = 5_000;
    for (let i = 0; i < count; i++) announce(rib, from, { prefix: `10.${i >> 8}.${i & 255}.0/24` });
    const [one, other] = [join(), join()];
    settleAndTell();
    expect([groups.size, one.out.advertised(4)]).toEqual([1, count]);
    const retain = vi.spyOn(rib.prefixes, "retain");
    one.out.refresh(4, false);
    expect(retain.mock.calls.length).toBe(0);
    groups.drain(100);
    expect(retain.mock.calls.length).toBeLessThan(500);
    // What is withdrawn meanwhile is withdrawn for both, of which one has not taken over what it was told.
    rib.withdraw(from, packed("10.19.100.0/24"));
    settleAndTell();
    for (const { hears, out } of [one, other]) {
      expect([hears.held.has("10.19.100.0/24"), hears.held.size, out.advertised(4)]).toEqual([
        false,
        count - 1,
        count - 1,
      ]);
    }
    expect(groups.size).toBe(1);
  });
});
