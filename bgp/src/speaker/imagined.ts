/** A part of the table as another configuration would have it: routes judged by its rules, with its own prefixes. */
import { parseAddress } from "@brindle/net";
import { prefixText } from "../rib/packed.ts";
import type { PeerId } from "../rib/peerTable.ts";
import type { PrefixId } from "../rib/prefixTable.ts";
import { Rib } from "../rib/rib.ts";
import type { RouteId } from "../rib/routeTable.ts";
import type { PackedPrefixes, PathAttributes } from "../wire/message.ts";
import { wordsPerPrefix } from "../wire/prefixes.ts";
import type { PeerConfig, SpeakerConfig } from "./config.ts";
import { DynamicRanges, dynamicPeerConfig } from "./dynamicRanges.ts";
import type { OwnRoute } from "./event.ts";
import { ownGroups } from "./ownRoutes.ts";
import type { Peer } from "./peer.ts";
import { speakerAsSeen } from "./peerPlace.ts";

export interface OtherWish {
  readonly config: SpeakerConfig;
  /** Absent: the own prefixes stay as they are. */
  readonly originated?: readonly (string | OwnRoute)[] | undefined;
}

interface OwnPrefix {
  readonly packed: PackedPrefixes;
  readonly attributes: PathAttributes;
}

/** Lives for one slice of a rehearsal: it holds no more than the routes of the prefixes that it was given. */
export class ImaginedTable {
  readonly rib: Rib;
  readonly #real: Rib;
  readonly #other: OtherWish;
  readonly #peers: ReadonlyMap<PeerId, Peer>;
  readonly #configs: ReadonlyMap<string, PeerConfig>;
  readonly #ids = new Map<PeerId, PeerId | null>();
  readonly #own: ReadonlyMap<string, OwnPrefix> | null;

  constructor(real: Rib, peers: Iterable<Peer>, other: OtherWish) {
    this.rib = new Rib(real.peers.get(real.local));
    this.#real = real;
    this.#other = other;
    this.#peers = new Map([...peers].map((peer) => [peer.routes.ribPeer, peer]));
    this.#configs = new Map(other.config.peers.map((peer) => [peer.name, peer]));
    this.#own = other.originated ? ownByPrefix(other.originated) : null;
  }

  /** The peer as the other configuration has it; `null` where it has none of this name. */
  configOf(peer: Peer): PeerConfig | null {
    const named = this.#configs.get(peer.config.name);
    if (named || peer.range === null) return named ?? null;
    const address = parseAddress(peer.config.address);
    const range = address && new DynamicRanges(this.#other.config.dynamicPeers ?? []).find(address);
    return range ? dynamicPeerConfig(range, address) : null;
  }

  /** Of a peer of the real table; `null` for one that would be gone. */
  idOf(real: PeerId): PeerId | null {
    if (real === this.#real.local) return this.rib.local;
    const known = this.#ids.get(real);
    if (known !== undefined) return known;
    const peer = this.#peers.get(real);
    const config = peer && this.configOf(peer);
    const id = config
      ? this.rib.peers.add(
          peer.routes.imagined({ speaker: speakerAsSeen(this.#other.config, config), peer: config }, this.rib),
        )
      : null;
    this.#ids.set(real, id);
    return id;
  }

  /** Takes over all that is known of these prefixes, and decides. */
  fill(prefixes: readonly PrefixId[]): void {
    this.#learnNextHops(prefixes);
    for (const prefix of prefixes) {
      const { routes } = this.#real;
      for (let route = routes.firstOfPrefix(prefix); route !== 0; route = routes.nextOfPrefix(route))
        this.#take(prefix, route);
      this.#originate(this.#own?.get(this.#real.prefixes.text(prefix)));
    }
    this.#settle();
  }

  /** Adds the own prefixes of the other configuration of which nothing is known now: their ids in this table. */
  fillNew(): PrefixId[] {
    const news = [...(this.#own?.values() ?? [])].filter(({ packed }) => {
      const known = this.#real.prefixes.find(packed, 0);
      return known === 0 || !this.#real.prefixes.isLive(known);
    });
    for (const own of news) this.#originate(own);
    this.#settle();
    return news.map(({ packed }) => this.rib.prefixes.find(packed, 0));
  }

  #take(prefix: PrefixId, route: RouteId): void {
    const { routes, attrs, nextHops, prefixes, local } = this.#real;
    const from = routes.peer.get(route);
    const packed = prefixes.pack([prefix], prefixes.family(prefix));
    const attributes = attrs.value(routes.receivedAttr.get(route) || routes.attr.get(route));
    if (from === local) {
      if (!this.#own) this.#originate({ packed, attributes });
      return;
    }
    const id = this.idOf(from);
    if (id === null) return;
    const pathId = routes.pathId.get(route);
    const { address: nextHop, linkLocal, interface: name } = nextHops.value(routes.nextHop.get(route));
    const hops = {
      nextHop,
      ...(linkLocal && { linkLocalNextHop: linkLocal }),
      ...(name !== undefined && { interface: name }),
    };
    const named = pathId === 0 ? packed : { ...packed, pathIds: Uint32Array.of(pathId) };
    this.rib.announce(id, { prefixes: named, ...hops }, attributes);
  }

  #originate(own: OwnPrefix | undefined): void {
    if (own) this.rib.originate(this.rib.local, own.packed, own.attributes);
  }

  #learnNextHops(prefixes: readonly PrefixId[]): void {
    const { routes, nextHops } = this.#real;
    const hops = new Set<number>();
    for (const prefix of prefixes) {
      for (let route = routes.firstOfPrefix(prefix); route !== 0; route = routes.nextOfPrefix(route)) {
        hops.add(routes.nextHop.get(route));
      }
    }
    hops.delete(0); // That of our own prefixes.
    this.rib.learnNextHops(
      [...hops].map((hop) => {
        const name = nextHops.interfaceOf(hop);
        const igpCost = nextHops.isReachable(hop) ? nextHops.igpCost.get(hop) : null;
        return { address: nextHops.text(hop), igpCost, ...(name !== null && { interface: name }) };
      }),
    );
  }

  #settle(): void {
    this.rib.settle(Number.POSITIVE_INFINITY, () => {});
  }
}

/** By the same list, since a rehearsal asks for each slice of the table. */
const gathered = new WeakMap<readonly (string | OwnRoute)[], ReadonlyMap<string, OwnPrefix>>();

function ownByPrefix(originated: readonly (string | OwnRoute)[]): ReadonlyMap<string, OwnPrefix> {
  const known = gathered.get(originated);
  if (known) return known;
  const found = new Map<string, OwnPrefix>();
  for (const { attributes, prefixes } of ownGroups(originated)) {
    for (const packed of Object.values(prefixes)) {
      const stride = wordsPerPrefix[packed.family];
      for (let at = 0; at < packed.words.length; at += stride) {
        const one = { family: packed.family, words: packed.words.slice(at, at + stride) };
        found.set(prefixText(one, 0), { packed: one, attributes });
      }
    }
  }
  gathered.set(originated, found);
  return found;
}
