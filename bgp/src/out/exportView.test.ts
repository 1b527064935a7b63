import { formatAddress } from "@brindle/net";
import { beforeEach, describe, expect, it } from "vitest";
import { CompiledFilters } from "../filter/compile.ts";
import type { PeerId } from "../rib/peerTable.ts";
import { PrefixFilter } from "../rib/prefixFilter.ts";
import type { PrefixId } from "../rib/prefixTable.ts";
import type { Rib } from "../rib/rib.ts";
import type { RouteId } from "../rib/routeTable.ts";
import { announce, newRib, path, ribPeer, settleAll } from "../rib/testing.ts";
import type { PathAttributes } from "../wire/message.ts";
import { address, packed } from "../wire/testing.ts";
import {
  type CandidatesSeen,
  type ExportView,
  exportedAttributes,
  exportedNextHop,
  exportVerdict,
  isExported,
} from "./exportView.ts";

const prefix = "203.0.113.0/24";

function viewOf(parts: Partial<ExportView>): ExportView {
  return {
    peer: 99,
    external: true,
    localAsn: 64512,
    peerAddress: address("192.0.2.1"),
    families: [4, 6],
    ownNextHop: { 4: address("192.0.2.100"), 6: address("fd00::100") },
    nextHopMode: "self",
    filter: new PrefixFilter({ accept: "all" }),
    ...parts,
  };
}

describe("isExported (RFC 4271 §9.2, RFC 1997, RFC 8642 §4)", () => {
  let rib: Rib;
  let external: PeerId;
  let internal: PeerId;

  beforeEach(() => {
    rib = newRib();
    external = rib.peers.add(ribPeer({ name: "external", address: address("192.0.2.1") }));
    internal = rib.peers.add(ribPeer({ name: "internal", external: false, address: address("192.0.2.2") }));
  });

  const noExport = 0xffffff01;
  const noAdvertise = 0xffffff02;
  const noExportSubconfed = 0xffffff03;
  const rows: {
    name: string;
    from: "external" | "internal" | "local";
    to: Partial<ExportView>;
    communities?: number[];
    told: boolean;
  }[] = [
    { name: "our own to a peer of another AS", from: "local", to: {}, told: true },
    { name: "our own to a peer of our AS", from: "local", to: { external: false }, told: true },
    { name: "another AS's to a third", from: "external", to: {}, told: true },
    { name: "another AS's to a peer of our AS", from: "external", to: { external: false }, told: true },
    { name: "our AS's to another", from: "internal", to: {}, told: true },
    { name: "our AS's to another peer of it", from: "internal", to: { external: false }, told: false },
    { name: "NO_EXPORT to another AS", from: "external", to: {}, communities: [noExport], told: false },
    { name: "NO_EXPORT to our AS", from: "external", to: { external: false }, communities: [noExport], told: true },
    { name: "NO_EXPORT_SUBCONFED to another AS", from: "local", to: {}, communities: [noExportSubconfed], told: false },
    {
      name: "NO_ADVERTISE to our AS",
      from: "external",
      to: { external: false },
      communities: [1, noAdvertise],
      told: false,
    },
    { name: "NO_ADVERTISE of our own", from: "local", to: {}, communities: [noAdvertise], told: false },
    {
      name: "NO_EXPORT_SUBCONFED to our AS",
      from: "external",
      to: { external: false },
      communities: [noExportSubconfed],
      told: true,
    },
    {
      name: "NO_PEER to another AS, which may not be a peer",
      from: "external",
      to: {},
      communities: [0xffffff04],
      told: true,
    },
    { name: "BLACKHOLE to another AS", from: "external", to: {}, communities: [0xffff029a], told: true },
    { name: "a reserved one to another AS", from: "external", to: {}, communities: [0xffffff05], told: true },
    { name: "other communities to another AS", from: "external", to: {}, communities: [1, 2], told: true },
    { name: "a family that was not agreed on", from: "local", to: { families: [6] }, told: false },
    { name: "a family of which we have no address", from: "local", to: { ownNextHop: {} }, told: false },
    { name: "what the filter refuses", from: "local", to: { filter: new PrefixFilter({ accept: [] }) }, told: false },
  ];
  for (const { name, from, to, communities, told } of rows) {
    it(`${told ? "tells" : "does not tell"} ${name}`, () => {
      const attributes = { ...path(65001), ...(communities && { communities }) };
      if (from === "local") rib.originate(rib.local, packed(prefix), { ...attributes, asPath: [] });
      else announce(rib, from === "external" ? external : internal, { prefix, attributes });
      settleAll(rib);
      const id = rib.prefixes.find(packed(prefix), 0);
      expect(isExported(rib, viewOf(to), id, rib.best(id))).toBe(told);
    });
  }

  it("does not tell a peer its own routes", () => {
    announce(rib, external, { prefix });
    settleAll(rib);
    const id = rib.prefixes.find(packed(prefix), 0);
    expect(isExported(rib, viewOf({ peer: external }), id, rib.best(id))).toBe(false);
  });
});

describe("PrefixFilter", () => {
  const accept = [
    { prefix: "10.244.0.0/16", minLength: 26, maxLength: 26 },
    { prefix: "fd00:244::/48", minLength: 0, maxLength: 122 },
    { prefix: "0.0.0.0/0", minLength: 0, maxLength: 0 },
  ];
  const rows: [string, boolean][] = [
    ["10.244.255.192/26", true],
    ["10.244.0.0/16", false],
    ["10.244.0.1/32", false],
    ["10.245.0.0/26", false],
    ["fd00:244::/48", true],
    ["fd00:244:0:ffff::/122", true],
    ["fd00:244:0:ffff::/123", false],
    ["fd00:244::/47", false],
    ["fd00:245::/64", false],
    ["0.0.0.0/0", true],
    ["::/0", false],
  ];
  for (const [text, passes] of rows) {
    it(`${passes ? "passes" : "refuses"} ${text}`, () => {
      const rib = newRib();
      const id = rib.prefixes.intern(packed(text), 0);
      expect(new PrefixFilter({ accept }).passes(rib.prefixes, id)).toBe(passes);
    });
  }
});

describe("exportVerdict", () => {
  it("asks the filters for each attribute set and next hop, however many of them there are", () => {
    const rib = newRib();
    const peer = rib.peers.add(ribPeer({}));
    announce(rib, peer, { prefix: "198.51.100.0/24", attributes: path(1) });
    announce(rib, peer, { prefix: "203.0.113.0/24", attributes: path(2) });
    settleAll(rib);
    const [learned, own] = ["198.51.100.0/24", "203.0.113.0/24"].map((text) => rib.prefixes.find(packed(text), 0));
    if (learned === undefined || own === undefined) throw new Error("no such prefix");
    // As if a million next hops had come before; and a prefix of our own, of the attribute set behind.
    const [learnedRoute, ownRoute] = [rib.best(learned), rib.best(own)];
    expect([rib.routes.attr.get(learnedRoute), rib.routes.attr.get(ownRoute)]).toEqual([1, 2]);
    rib.routes.nextHop.set(learnedRoute, 2 ** 20);
    rib.routes.nextHop.set(ownRoute, 0);
    const rules = { 4: [{ source: "RemotePeers", action: "Reject" }] } as const;
    const filters = new CompiledFilters([{ name: "own alone", rules }], { external: true });
    const seen: CandidatesSeen = new Map();
    const told = ([prefix, route]: [PrefixId, RouteId]): boolean =>
      exportVerdict(rib, viewOf({ filters }), { prefix, route, seen }) !== false;
    expect(
      (
        [
          [learned, learnedRoute],
          [own, ownRoute],
        ] as [PrefixId, RouteId][]
      ).map(told),
    ).toEqual([false, true]);
  });
});

describe("exportedNextHop", () => {
  const rows: { name: string; view: Partial<ExportView>; learned: string | null; told: string }[] = [
    { name: "itself for its own prefixes", view: { nextHopMode: "keep" }, learned: null, told: "192.0.2.100" },
    { name: "itself where it was told to", view: {}, learned: "192.0.2.7", told: "192.0.2.100" },
    {
      name: "what it learned where it was told to",
      view: { nextHopMode: "keep" },
      learned: "192.0.2.7",
      told: "192.0.2.7",
    },
    {
      name: "itself rather than the peer's address",
      view: { nextHopMode: "keep" },
      learned: "192.0.2.1",
      told: "192.0.2.100",
    },
  ];
  for (const { name, view, learned, told } of rows) {
    it(`names ${name}`, () => {
      const nextHop = exportedNextHop(viewOf(view), 4, learned === null ? null : address(learned));
      expect(nextHop && formatAddress(nextHop)).toBe(told);
    });
  }
});

describe("exportedAttributes", () => {
  const learned: PathAttributes = {
    ...path(65001, 65002),
    med: 5,
    localPref: 200,
    originatorId: 1,
    clusterList: [1],
    communities: [1],
    extendedCommunities: ["0002fde800000001", "4004fde800000001"],
  };

  it("to another AS prepends ours and leaves out what concerns one AS alone", () => {
    expect(exportedAttributes(learned, { external: true, localAsn: 64512 }, { keepsMed: false })).toEqual({
      ...path(64512, 65001, 65002),
      communities: [1],
      extendedCommunities: ["0002fde800000001"],
    });
  });

  it("to another AS keeps the MED of our own prefixes", () => {
    const own = { ...path(), med: 5 };
    expect(exportedAttributes(own, { external: true, localAsn: 64512 }, { keepsMed: true })).toEqual({
      ...path(64512),
      med: 5,
    });
  });

  it("inside our AS changes nothing but a local preference that is absent", () => {
    const internal = { external: false, localAsn: 64512 };
    expect(exportedAttributes(learned, internal, { keepsMed: false })).toEqual(learned);
    expect(exportedAttributes(path(65001), internal, { keepsMed: false })).toEqual({ ...path(65001), localPref: 100 });
  });

  it("begins a new segment before a set and before a full sequence", () => {
    const to = { external: true, localAsn: 64512 };
    const set = { type: "set", asns: [1, 2] } as const;
    const full = { type: "sequence", asns: Array.from({ length: 255 }, () => 7) } as const;
    for (const segment of [set, full]) {
      const told = exportedAttributes({ origin: "igp", asPath: [segment] }, to, { keepsMed: false });
      expect(told.asPath).toEqual([{ type: "sequence", asns: [64512] }, segment]);
    }
  });
});
