/** Whose peers there are: those that the configuration names, and those of its ranges that are here. */
import { type Address, parseAddress } from "@brindle/net";
import type { PeerConfig, SpeakerConfig } from "./config.ts";
import { DynamicRanges, dynamicPeerConfig } from "./dynamicRanges.ts";
import type { Maintenance } from "./maintenance.ts";
import { Peer, type PeerContext } from "./peer.ts";
import { placeOf, speakerAsSeen, textOf } from "./peerPlace.ts";
import type { PeerPorts } from "./ports.ts";

interface Context {
  readonly speaker: SpeakerConfig;
  readonly peer: PeerConfig;
}

export class PeerSet {
  readonly #maintenance: Maintenance;
  readonly #ports: () => PeerPorts;
  readonly #byName = new Map<string, Peer>();
  #byAddress = new Map<string, Peer>();
  #ranges = new DynamicRanges([]);

  constructor(maintenance: Maintenance, ports: () => PeerPorts) {
    this.#maintenance = maintenance;
    this.#ports = ports;
  }

  names(): Iterable<string> {
    return this.#byName.keys();
  }

  get(name: string): Peer | undefined {
    return this.#byName.get(name);
  }

  [Symbol.iterator](): IterableIterator<Peer> {
    return this.#byName.values();
  }

  configure(config: SpeakerConfig): void {
    this.#ranges = new DynamicRanges(config.dynamicPeers ?? []);
    const wanted = new Map([...config.peers, ...this.#dynamicPeers(config)].map((peer) => [peer.name, peer]));
    for (const [name, peer] of this.#byName) if (!wanted.has(name)) this.#remove(peer);
    for (const peer of wanted.values()) this.#configurePeer({ speaker: config, peer });
    this.#byAddress = new Map([...this].map((peer) => [placeOf(peer.config), peer]));
  }

  /** By where it comes from; an unnumbered peer is known by its link too. */
  at(remoteAddress: string): Peer | undefined {
    const zone = /%(.+)$/.exec(remoteAddress)?.[1];
    const text = textOf(remoteAddress);
    return (zone === undefined ? undefined : this.#byAddress.get(`${text}%${zone}`)) ?? this.#byAddress.get(text);
  }

  /** A new peer for an address of a range, `full` where the range has as many as it may, `null` for a stranger. */
  newcomer(address: Address, speaker: SpeakerConfig): Peer | "full" | null {
    const range = this.#ranges.find(address);
    if (!range) return null;
    const present = this.#byName.values().filter((peer) => peer.range === range.name);
    if ([...present].length >= range.limit) return "full";
    return this.#add({ speaker, peer: dynamicPeerConfig(range, address) }, range.name);
  }

  /** A peer of a range is gone with the last that is left of it. */
  bury(peer: Peer | undefined): void {
    if (peer && peer.range !== null && peer.isOver) this.#remove(peer);
  }

  /** Those that are here, by the present template of their range; not those whose range is gone or whose address has a name now. */
  #dynamicPeers({ peers }: SpeakerConfig): PeerConfig[] {
    const named = new Set(peers.map(({ address }) => textOf(address)));
    const present = [...this].filter((peer) => peer.range !== null && !named.has(peer.config.address));
    return present.flatMap(({ config }) => {
      const address = parseAddress(config.address);
      const range = address && this.#ranges.find(address);
      return range ? [dynamicPeerConfig(range, address)] : [];
    });
  }

  #configurePeer(wanted: Context): void {
    const context = this.#applied(wanted);
    const known = this.#byName.get(context.peer.name);
    if (known) known.reconfigure(context);
    else this.#add(wanted, null).start();
  }

  /** With what an operator's maintenance makes of it. */
  #applied({ speaker, peer }: Context): PeerContext {
    const maintenance = this.#maintenance.of(peer.name);
    const seen = speakerAsSeen(speaker, peer);
    return { speaker: seen, peer: this.#maintenance.applied(peer), ...(maintenance && { maintenance }) };
  }

  #add(wanted: Context, range: string | null): Peer {
    const context = this.#applied(wanted);
    const peer = new Peer({ ...context, range }, this.#ports());
    this.#byName.set(context.peer.name, peer);
    this.#byAddress.set(placeOf(context.peer), peer);
    return peer;
  }

  #remove(peer: Peer): void {
    peer.remove();
    this.#byName.delete(peer.config.name);
    this.#byAddress.delete(placeOf(peer.config));
  }
}
