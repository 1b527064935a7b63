/** What a peer can make us keep is bounded: each bound with what becomes of the rest, and its count. */
import { beforeEach, describe, expect, it } from "vitest";
import { speakerMetrics } from "../metrics.ts";
import { attributeSetBytesMax } from "../rib/peerTable.ts";
import type { PeerConfig } from "./config.ts";
import { peerOf, SimulatedNetwork, type SimulatedNode } from "./testing.ts";

const prefix = "203.0.113.0/24";
let network: SimulatedNetwork;
let a: SimulatedNode;
let b: SimulatedNode;
let c: SimulatedNode;

beforeEach(() => {
  network = new SimulatedNetwork();
  [a, b, c] = [network.node("10.0.0.1"), network.node("10.0.0.2"), network.node("10.0.0.3")];
});

function originate(node: SimulatedNode, ...prefixes: Parameters<SimulatedNetwork["originate"]>[1][]): void {
  network.originate(node, ...prefixes);
  network.run(2_000);
}

function meet(ofA: Partial<PeerConfig>, ofB: Partial<PeerConfig> = {}): void {
  network.configure(b, 65002, [peerOf(a.address, 65001, { passive: true, ...ofB })]);
  network.configure(a, 65001, [peerOf(b.address, 65002, ofA)]);
  network.run(5_000);
}

/** As Prometheus is told. */
function limited(peer: SimulatedNode): Record<string, number> {
  const metrics = speakerMetrics({ peers: a.speaker.peers(), summary: a.speaker.summary() });
  const samples = metrics.find(({ name }) => name === "brindle_bgp_peer_limited_total")?.samples ?? [];
  const ofPeer = samples.filter(({ labels, value }) => labels.peer === peer.address && value > 0);
  return Object.fromEntries(ofPeer.map(({ labels, value }) => [labels.limit, value]));
}

function total(name: string): number | undefined {
  const metrics = speakerMetrics({ peers: a.speaker.peers(), summary: a.speaker.summary() });
  return metrics.find((metric) => metric.name === `brindle_bgp_${name}`)?.samples[0]?.value;
}

const numbered = (count: number, octet = 1): string[] =>
  Array.from({ length: count }, (_, i) => `10.${octet}.${i}.0/24`);

describe("maxPrefixes with the action discard", () => {
  const maxPrefixes = { 4: 3, action: "discard" } as const;

  it("keeps as many as there may be, drops and counts the rest, and the session stands", () => {
    meet({ maxPrefixes });
    originate(b, ...numbered(10), "2001:db8::/32");
    expect(a.status(b.address)).toMatchObject({ phase: "established", flaps: 0, limited: { prefixes: 7 } });
    expect(a.status(b.address).session?.families).toMatchObject([{ received: 3 }, { received: 1 }]);
    expect(a.status(b.address).session?.warnings).toEqual([
      "3 IPv4 prefixes, and 3 are allowed",
      "7 announcements beyond that were dropped; once there is room, a refresh brings them",
    ]);
    expect(limited(b)).toEqual({ prefixes: 7 });
    expect(a.speaker.summary().peers[0]?.limited).toEqual({ prefixes: 7, paths: 0, attributes: 0, asPath: 0 });
    expect(a.speaker.summary().rib.prefixes).toBe(4);
  });

  it("takes changes of what it has, and others when there is room", () => {
    meet({ maxPrefixes });
    const [first = "", second = "", third = "", fourth = ""] = numbered(4);
    originate(b, first, second, third);
    originate(b, { prefix: first, med: 7 }, second, third, fourth);
    expect(a.speaker.routes({ prefix: first })).toMatchObject([{ med: 7 }]);
    expect(a.speaker.routes({ prefix: fourth })).toEqual([]);
    originate(b, second, third, fourth);
    expect(a.speaker.routes({ prefix: fourth })).toEqual([]);
    network.tell(a, { type: "refresh", peer: b.address });
    network.run(2_000);
    expect(a.speaker.routes({ prefix: fourth })).toHaveLength(1);
  });

  it("does not count the same peer's other family, nor other peers", () => {
    network.configure(c, 65003, [peerOf(a.address, 65001, { passive: true })]);
    network.configure(b, 65002, [peerOf(a.address, 65001, { passive: true })]);
    network.configure(a, 65001, [peerOf(b.address, 65002, { maxPrefixes }), peerOf(c.address, 65003)]);
    originate(c, ...numbered(9, 3));
    originate(b, ...numbered(9, 2));
    expect([limited(b), limited(c)]).toEqual([{ prefixes: 6 }, {}]);
    expect(a.speaker.summary().rib.prefixes).toBe(12);
  });
});

describe("RFC 7911 several paths of a prefix", () => {
  /** d is told the prefix by so many peers of AS 65010 and up. */
  function fanIn(count: number): SimulatedNode {
    const d = network.node("10.0.0.100");
    const sources = Array.from({ length: count }, (_, i) => network.node(`10.0.1.${i + 1}`));
    for (const [i, node] of sources.entries())
      network.configure(node, 65010 + i, [peerOf(d.address, 65002, { passive: true })]);
    const both = { addPath: { send: true, receive: true } };
    const peers = sources.map((node, i) => peerOf(node.address, 65010 + i));
    network.configure(d, 65002, [...peers, peerOf(a.address, 65001, { passive: true, ...both })]);
    for (const [i, node] of sources.entries()) {
      network.tell(node, { type: "originate", prefixes: [{ prefix, communities: [`${65010 + i}:1`] }] });
    }
    return d;
  }

  it("keeps as many of a peer as there may be, and drops and counts the rest", () => {
    const d = fanIn(6);
    network.configure(a, 65001, [peerOf(d.address, 65002, { addPath: { send: true, receive: true, receiveMax: 4 } })]);
    network.run(10_000);
    expect(a.speaker.routes({ prefix })).toHaveLength(4);
    expect(limited(d)).toEqual({ paths: 2 });
  });

  it("keeps 32 where nobody says", () => {
    const d = fanIn(40);
    network.configure(a, 65001, [peerOf(d.address, 65002, { addPath: { send: true, receive: true } })]);
    network.run(10_000);
    expect(a.speaker.routes({ prefix })).toHaveLength(32);
  });

  it("tells a peer as many as it may hear, the best ones, also after one of them is gone", () => {
    const d = fanIn(5);
    const peers = [1, 2, 3, 4, 5].map((i) => peerOf(`10.0.1.${i}`, 65009 + i));
    const hears = { passive: true, addPath: { send: true, receive: true, sendMax: 2 } };
    network.configure(d, 65002, [...peers, peerOf(a.address, 65001, hears)]);
    network.configure(a, 65001, [peerOf(d.address, 65002, { addPath: { send: true, receive: true } })]);
    network.run(10_000);
    const told = (): string[] =>
      a.speaker
        .routes({ prefix })
        .map(({ asPath }) => asPath)
        .toSorted();
    expect(told()).toEqual(["65002 65010", "65002 65011"]);
    network.kill(network.node("10.0.1.1"));
    network.run(10_000);
    expect(told()).toEqual(["65002 65011", "65002 65012"]);
  });
});

describe("attribute sets and AS paths", () => {
  const communities = (count: number): string[] => Array.from({ length: count }, (_, i) => `65002:${i}`);
  const tooMany = attributeSetBytesMax / 4;

  for (const [family, text] of [
    ["IPv4", prefix],
    ["IPv6", "2001:db8:7::/48"],
  ] as const) {
    it(`are not kept beyond ${attributeSetBytesMax} bytes, and what they replaced is gone (${family})`, () => {
      meet({});
      originate(b, { prefix: text, communities: communities(1000) });
      expect(a.speaker.routes({ prefix: text })).toHaveLength(1);
      originate(b, { prefix: text, communities: communities(tooMany) });
      expect(a.status(b.address)).toMatchObject({ phase: "established", flaps: 0 });
      expect(a.speaker.routes({ prefix: text })).toEqual([]);
      expect(limited(b)).toEqual({ attributes: 1 });
      expect(a.speaker.summary().rib.attributeSets).toBe(0);
    });
  }

  it("are not used where the path is of more than 512 ASes", () => {
    const longer = { prependASPath: { prefix: Array.from({ length: 10 }, () => 65002) } };
    const operations = Array.from({ length: 52 }, () => longer);
    const rules = { 4: [{ action: "Accept", operations }] } as const;
    meet({}, { exportFilters: [{ name: "longer", rules }] });
    originate(b, prefix);
    expect(a.speaker.routes({ prefix })).toMatchObject([{ best: false, lostBy: "asPathTooLong" }]);
    expect(limited(b)).toEqual({ asPath: 1 });
  });
});

describe("connections", () => {
  it("on which nothing is said make room for each other, and are counted", () => {
    network.configure(a, 65001, [peerOf(b.address, 65002, { passive: true })]);
    for (let i = 0; i < 10; i++) network.intrude(a, b.address);
    expect(total("refused_half_open_total")).toBe(9);
    expect(a.speaker.summary().refused).toEqual({ unknown: 0, known: 0, halfOpen: 9, rangeFull: 0, tooFar: 0 });
    expect(a.status(b.address).phase).toBe("openSent");
  });

  it("of a range that is full are counted, and leave no peer behind", () => {
    const { name: _, address: __, passive: ___, ...template } = peerOf("10.0.0.2", 65002);
    network.configure(a, 65001, [], { dynamicPeers: [{ name: "rack", range: "10.0.0.0/24", limit: 1, template }] });
    for (let i = 10; i < 15; i++) network.intrude(a, `10.0.0.${i}`);
    expect(total("refused_range_full_total")).toBe(4);
    expect(a.speaker.peers()).toHaveLength(1);
  });

  it("of a peer that is not welcome leave nothing of a range's peer behind", () => {
    const {
      name: _,
      address: __,
      passive: ___,
      ...template
    } = peerOf("10.0.0.2", 65002, { localAddress: "10.0.0.77" });
    network.configure(a, 65001, [], { dynamicPeers: [{ name: "rack", range: "10.0.0.0/24", limit: 5, template }] });
    network.intrude(a, "10.0.0.20");
    expect(a.speaker.peers()).toEqual([]);
    expect(total("refused_known_total")).toBe(1);
  });
});

describe("bytes for a peer that does not read", () => {
  it("are told, and stop at a window", () => {
    meet({ holdSeconds: 0 }, { holdSeconds: 0 });
    a.isDraining = false;
    const communities = Array.from({ length: 250 }, (_, i) => `65001:${i}`);
    originate(
      a,
      ...Array.from({ length: 300 }, (_, i) => ({ prefix: `20.0.${i >> 1}.${(i & 1) << 7}/25`, med: i, communities })),
    );
    const queued = a.status(b.address).session?.queuedBytes ?? 0;
    expect(queued).toBeGreaterThanOrEqual(256 * 1024);
    expect(queued).toBeLessThan(1024 * 1024);
    expect(total("peer_queued_bytes")).toBe(queued);
    a.isDraining = true;
  });
});
