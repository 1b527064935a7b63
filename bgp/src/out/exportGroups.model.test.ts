/**
 * Groups beside what each peer should hold by itself: the best route of each prefix, by its own rules, but its own
 * routes. Peers come, go, fall behind, ask again and change their rules, all at random.
 */
import { describe, expect, it } from "vitest";
import type { PeerId } from "../rib/peerTable.ts";
import { PrefixFilter } from "../rib/prefixFilter.ts";
import type { Rib } from "../rib/rib.ts";
import { announce, newRib, path, ribPeer } from "../rib/testing.ts";
import { address, packed, seededRandom } from "../wire/testing.ts";
import type { GroupTerms } from "./exportGroup.ts";
import { ExportGroups, type PeerOut } from "./exportGroups.ts";
import { exportedAttributes, exportVerdict } from "./exportView.ts";
import { type HeldRoute, ListeningPeer } from "./testing.ts";

const peerCount = 7;
const prefixCount = 30;

describe("ExportGroups, beside each peer by itself", () => {
  const base = Number(process.env.BRINDLE_SEED ?? Date.now() % 2 ** 31);
  for (let i = 0; i < 6; i++) {
    it(`agree through random operations (BRINDLE_SEED=${base + i})`, () => new World(base + i).run(), 30_000);
  }
});

interface Session {
  readonly hears: ListeningPeer;
  readonly out: PeerOut;
  terms: GroupTerms;
}

class World {
  readonly #random: (limit: number) => number;
  readonly #rib: Rib = newRib();
  readonly #groups = new ExportGroups(this.#rib);
  readonly #peers: readonly PeerId[];
  readonly #sessions = new Map<PeerId, Session>();

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    this.#peers = Array.from({ length: peerCount }, (_, i) => {
      const facts = { name: `p${i}`, external: i < 5, bgpId: i + 1, address: address(`192.0.2.${i + 1}`) };
      return this.#rib.peers.add(ribPeer(facts));
    });
  }

  run(): void {
    for (let step = 0; step < 1_500; step++) {
      this.#change();
      if (this.#random(2) === 0) this.#settle(this.#random(6));
      if (this.#random(3) === 0) this.#groups.drain(this.#random(8));
      if (step % 250 === 249) this.#compare();
    }
    for (const session of this.#sessions.values()) session.out.leave();
    for (const peer of this.#peers) this.#rib.removePeer(peer);
    while (!this.#rib.isSettled || this.#groups.hasWork) this.#turn();
    expect([this.#rib.prefixes.size, this.#rib.attrs.size, this.#groups.size]).toEqual([0, 0, 0]);
  }

  #change(): void {
    const peer = this.#peers[this.#random(peerCount)] ?? 0;
    const session = this.#sessions.get(peer);
    const prefix = prefixOf(this.#random(prefixCount));
    const kind = this.#random(24);
    if (kind < 12) announce(this.#rib, peer, { prefix, ...this.#content(prefix) });
    else if (kind < 18) this.#rib.withdraw(peer, packed(prefix));
    else if (!session) this.#join(peer);
    else if (kind === 18) this.#leave(session, peer);
    else if (kind === 19) session.out.refresh(4, this.#random(2) === 0);
    else if (kind === 20) {
      session.terms = this.#terms(peer, session.terms);
      session.out.setTerms(session.terms);
    } else if (kind === 21) session.out.markAll();
    else this.#pace(session.hears);
  }

  #pace(hears: ListeningPeer): void {
    if (hears.isReading) {
      hears.isReading = false;
      if (this.#random(2) === 0) hears.undrainedBytes = 9 * 2 ** 20;
    } else {
      hears.isReading = true;
      hears.read();
    }
  }

  #join(peer: PeerId): void {
    const terms = this.#terms(peer);
    const { context, sendsPaths } = terms;
    const sink = new ListeningPeer(peer, { ...context, ...(sendsPaths && { addPath: sendsPaths }) });
    const out = this.#groups.join({ peer, address: this.#rib.peers.get(peer).address, terms, sink });
    this.#sessions.set(peer, { hears: sink, out, terms });
  }

  #leave(session: Session, peer: PeerId): void {
    session.out.leave();
    this.#sessions.delete(peer);
  }

  #terms(peer: PeerId, agreed?: GroupTerms): GroupTerms {
    const { external } = this.#rib.peers.get(peer);
    const isNarrow = this.#random(3) === 0;
    const keeps = this.#random(2) === 0;
    // What was agreed on holds as long as the session.
    const fourOctetAs = agreed?.context.fourOctetAs ?? this.#random(4) > 0;
    const sendsPaths = agreed ? agreed.sendsPaths : ([undefined, undefined, [4], [4, 6]] as const)[this.#random(4)];
    const toClient = !external && this.#random(2) === 0;
    const accept = isNarrow ? [{ prefix: "10.0.0.0/12", minLength: 16, maxLength: 16 }] : ("all" as const);
    return {
      key: `${external} ${isNarrow} ${keeps} ${fourOctetAs} ${toClient} ${sendsPaths}`,
      ...(sendsPaths && { sendsPaths }),
      context: { fourOctetAs },
      view: {
        peer: 0,
        external,
        localAsn: 64512,
        peerAddress: null,
        families: [4, 6],
        ownNextHop: { 4: address("192.0.2.100"), 6: address("2001:db8::100") },
        nextHopMode: keeps ? "keep" : "self",
        filter: new PrefixFilter({ accept }),
        ...(toClient && { reflection: { clusterId: 77, toClient } }),
      },
    };
  }

  #content(prefix: string): { readonly nextHop: string; readonly attributes: ReturnType<typeof path> } {
    const hop = this.#random(peerCount) + 1;
    const attributes = {
      ...path(65001 + this.#random(3), ...(this.#random(2) === 0 ? [70_000 + this.#random(2)] : [])),
      ...(this.#random(3) === 0 && { med: this.#random(2) }),
      ...(this.#random(3) === 0 && { localPref: 90 + this.#random(20) }),
      ...(this.#random(6) === 0 && { communities: [[0xffffff01, 0xffffff02, 5][this.#random(3)] ?? 5] }),
      ...(this.#random(6) === 0 && { extendedCommunities: ["0002fde800000001", "4002fde800000001"] }),
    };
    return { nextHop: prefix.includes(":") ? `2001:db8::${hop}` : `192.0.2.${hop}`, attributes };
  }

  #settle(limit: number): void {
    this.#rib.walk(limit);
    this.#rib.settle(
      limit,
      (prefix, { best }) => this.#groups.mark(prefix, best),
      (prefix) => this.#groups.mark(prefix, false),
    );
  }

  #turn(): void {
    this.#settle(100);
    this.#groups.drain(100);
  }

  #compare(): void {
    for (const { hears } of this.#sessions.values()) {
      hears.isReading = true;
      hears.read();
    }
    while (!this.#rib.isSettled || this.#groups.hasWork) this.#turn();
    for (const [peer, { hears, out, terms }] of this.#sessions) {
      const expected = this.#expected(peer, terms);
      expect(Object.fromEntries([...hears.held].sort())).toEqual(Object.fromEntries([...expected].sort()));
      const v4 = [...expected.keys()].filter((prefix) => !prefix.includes(":"));
      expect([out.advertised(4), out.advertised(6)]).toEqual([v4.length, expected.size - v4.length]);
    }
    const keys = new Set([...this.#sessions.values()].map(({ terms }) => terms.key));
    expect(this.#groups.size).toBe(keys.size);
  }

  /** By the rules alone, nothing remembered. */
  #expected(peer: PeerId, terms: GroupTerms): Map<string, HeldRoute> {
    const { routes, prefixes } = this.#rib;
    const expected = new Map<string, HeldRoute>();
    for (let i = 0; i < prefixCount; i++) {
      const text = prefixOf(i);
      const prefix = prefixes.find(packed(text), 0);
      if (prefix === 0) continue;
      if (!terms.sendsPaths?.includes(prefixes.family(prefix))) {
        const told = this.#told(peer, prefix, this.#rib.best(prefix), terms);
        if (told) expected.set(text, told);
        continue;
      }
      for (let route = routes.firstOfPrefix(prefix); route !== 0; route = routes.nextOfPrefix(route)) {
        const told = this.#rib.isEligible(route) ? this.#told(peer, prefix, route, terms) : null;
        if (told) expected.set(`${text}#${route}`, told);
      }
    }
    return expected;
  }

  #told(peer: PeerId, prefix: number, route: number, { view }: GroupTerms): HeldRoute | null {
    const { routes, attrs, nextHops, peers } = this.#rib;
    const seen = new Map();
    if (route === 0 || exportVerdict(this.#rib, { ...view, peer }, { prefix, route, seen }) === false) return null;
    const from = peers.get(routes.peer.get(route));
    const originator = !view.external && !from.external ? from.bgpId : null;
    const attributes = exportedAttributes(attrs.value(routes.attr.get(route)), view, { keepsMed: false, originator });
    const learned = nextHops.value(routes.nextHop.get(route)).address;
    const isItself = learned.family === 4 && learned.value === peers.get(peer).address.value;
    const hop = view.nextHopMode === "self" || isItself ? view.ownNextHop[learned.family] : learned;
    return hop ? { nextHop: hop.value, attributes } : null;
  }
}

function prefixOf(i: number): string {
  return i % 3 === 0 ? `2001:db8:${i + 1}::/48` : `10.${i}.0.0/16`;
}
