import { formatAddress } from "@brindle/net";
import { describe, expect, it } from "vitest";
import type { PathAttributes } from "../wire/message.ts";
import { address, packed, seededRandom } from "../wire/testing.ts";
import { type Candidate, decide } from "./decide.ts";
import type { PeerId } from "./peerTable.ts";
import type { Rib } from "./rib.ts";
import { announce, bestOf, newRib, ownAsn, path, ribPeer, settleAll } from "./testing.ts";

interface NaiveRoute {
  readonly attributes: PathAttributes;
  readonly nextHop: string;
  readonly stale: boolean;
}

/** Maps of texts, everything worked out anew at each question: slow and obvious. */
class NaiveRib {
  readonly routes = new Map<string, Map<number, NaiveRoute>>();
  unreachable: string | null = null;

  of(prefix: string): Map<number, NaiveRoute> {
    const known = this.routes.get(prefix) ?? new Map<number, NaiveRoute>();
    this.routes.set(prefix, known);
    return known;
  }

  best(prefix: string, peers: readonly PeerFacts[]): string | null {
    const candidates = [...this.of(prefix)].map(([peer, route]) => this.#candidate(peer, route, peers));
    const byNeighbor = Map.groupBy(candidates, ({ neighborAsn }) => neighborAsn);
    const finalists = [...byNeighbor.values()].map((group) => group.reduce((x, y) => (decide(x, y) > 0 ? x : y)));
    const winner = finalists.length > 0 ? finalists.reduce((x, y) => (decide(x, y) > 0 ? x : y)) : null;
    return winner?.eligible ? (peers[winner.peerRank]?.name ?? null) : null;
  }

  #candidate(peer: number, { attributes, nextHop }: NaiveRoute, peers: readonly PeerFacts[]): Candidate {
    const asns = attributes.asPath.flatMap((segment) => segment.asns);
    const facts = peers[peer];
    return {
      eligible: !asns.includes(ownAsn) && nextHop !== this.unreachable,
      localPref: attributes.localPref ?? 100,
      asPathLength: asns.length,
      origin: ["igp", "egp", "incomplete"].indexOf(attributes.origin),
      med: attributes.med ?? 0,
      neighborAsn: asns[0] ?? 0,
      external: facts?.external ?? false,
      igpCost: 0,
      bgpId: facts?.bgpId ?? 0,
      clusterListLength: 0,
      peerRank: peer,
      pathId: 0,
    };
  }
}

interface PeerFacts {
  readonly name: string;
  readonly external: boolean;
  readonly bgpId: number;
}

const peerCount = 5;
const prefixCount = 40;

describe("Rib, beside a naive one (RFC 4271 §9.1)", () => {
  const base = Number(process.env.BRINDLE_SEED ?? Date.now() % 2 ** 31);
  for (let i = 0; i < 8; i++) {
    const seed = base + i;
    it(`agrees through random operations (BRINDLE_SEED=${seed})`, () => run(seed));
  }
});

function run(seed: number): void {
  const random = seededRandom(seed);
  const rib = newRib();
  const naive = new NaiveRib();
  const facts: PeerFacts[] = Array.from({ length: peerCount }, (_, i) => {
    return { name: `p${i}`, external: random(2) === 0, bgpId: random(3) + 1 };
  });
  const ids = facts.map((peer, i) => rib.peers.add(ribPeer({ ...peer, address: address(`192.0.2.${i}`) }, () => rib)));
  const told = new Map<string, string | null>();
  for (let step = 0; step < 2_000; step++) {
    change(rib, naive, { random, ids });
    rib.walk(random(8));
    const settled: string[] = [];
    rib.settle(random(8), (id) => settled.push(rib.prefixes.text(id)));
    for (const prefix of settled) told.set(prefix, bestOf(rib, prefix));
    if (step % 100 === 99) compare(rib, naive, { facts, ids, told });
  }
  for (const id of ids) rib.removePeer(id);
  settleAll(rib);
  expect([rib.prefixes.size, rib.attrs.size, rib.routes.size]).toEqual([0, 0, 0]);
}

/** Also what was told, one change after the other, must add up to the present state. */
function compare(
  rib: Rib,
  naive: NaiveRib,
  { facts, ids, told }: { facts: readonly PeerFacts[]; ids: readonly PeerId[]; told: Map<string, string | null> },
): void {
  for (const prefix of settleAll(rib)) told.set(prefix, bestOf(rib, prefix));
  for (let i = 0; i < prefixCount; i++) {
    const prefix = prefixOf(i);
    const best = naive.best(prefix, facts);
    expect(bestOf(rib, prefix), prefix).toBe(best);
    expect(told.get(prefix) ?? null, prefix).toBe(best);
  }
  for (const [i, id] of ids.entries()) {
    const received = [...naive.routes].filter(([prefix, routes]) => routes.has(i) && !prefix.includes(":")).length;
    expect(rib.counts(id, 4).received).toBe(received);
  }
}

function change(
  rib: Rib,
  naive: NaiveRib,
  { random, ids }: { random: (limit: number) => number; ids: PeerId[] },
): void {
  const i = random(peerCount);
  const peer = ids[i] ?? 0;
  const prefix = prefixOf(random(prefixCount));
  const routes = naive.of(prefix);
  const kind = random(20);
  if (kind < 10) {
    const attributes = randomAttributes(random);
    const nextHop = formatAddress(address(prefix.includes(":") ? `fd00::${random(4) + 1}` : `10.0.0.${random(4) + 1}`));
    announce(rib, peer, { prefix, nextHop, attributes });
    routes.set(i, { attributes, nextHop, stale: false });
  } else if (kind < 17) {
    rib.withdraw(peer, packed(prefix));
    routes.delete(i);
  } else if (kind === 17) {
    naive.unreachable = random(2) === 0 ? null : `10.0.0.${random(4) + 1}`;
    rib.learnNextHops(naive.unreachable === null ? [] : [{ address: naive.unreachable, igpCost: null }]);
  } else if (kind === 18) {
    rib.endEpoch(peer);
    for (const each of naive.routes.values()) markStale(each, i);
  } else {
    const family = random(2) === 0 ? 4 : 6;
    rib.sweep(peer, [family]);
    for (const [text, each] of naive.routes) {
      if (text.includes(":") === (family === 6) && each.get(i)?.stale) each.delete(i);
    }
  }
}

function markStale(routes: Map<number, NaiveRoute>, peer: number): void {
  const route = routes.get(peer);
  if (route) routes.set(peer, { ...route, stale: true });
}

function prefixOf(i: number): string {
  return i % 2 === 0 ? `10.${i}.0.0/16` : `2001:db8:${i}::/48`;
}

function randomAttributes(random: (limit: number) => number): PathAttributes {
  const asns = Array.from({ length: random(3) }, () => 65001 + random(3));
  if (random(8) === 0) asns.push(ownAsn);
  const origin = (["igp", "egp", "incomplete"] as const)[random(3)] ?? "igp";
  const med = random(3);
  return { ...path(...asns), origin, ...(med > 0 && { med }), ...(random(4) === 0 && { localPref: 90 + random(20) }) };
}
