/** Peers by interface (RFC 8950 §1, as routers of a fabric have them): their addresses are put in as they are heard. */
import { BgpError } from "../error.ts";
import type { PeerConfig, SpeakerConfig } from "../speaker/config.ts";
import type { InterfaceNeighbors } from "./interfaceNeighbors.ts";

export class UnnumberedPeers {
  readonly #onLearned: () => void;
  #neighbors: InterfaceNeighbors | null = null;

  constructor(onLearned: () => void) {
    this.#onLearned = onLearned;
  }

  /** Loads what the configuration needs, before anything is changed. */
  async prepare(config: SpeakerConfig): Promise<void> {
    if (this.#neighbors || namesOf(config).size === 0) return;
    try {
      const loaded = await import("./interfaceNeighbors.ts");
      this.#neighbors = new loaded.InterfaceNeighbors(() => this.#onLearned());
    } catch (cause) {
      throw new BgpError({ code: "NO_SOCKET_OPTIONS" }, { cause });
    }
  }

  watch(config: SpeakerConfig): void {
    this.#neighbors?.watch(namesOf(config));
  }

  /** The configuration with the addresses that are known by now. */
  resolve(config: SpeakerConfig): SpeakerConfig {
    const neighbors = this.#neighbors;
    if (!neighbors) return config;
    return { ...config, peers: config.peers.map((peer) => resolved(peer, neighbors)) };
  }

  stop(): void {
    this.#neighbors?.watch(new Set());
  }
}

function namesOf({ peers }: SpeakerConfig): Set<string> {
  return new Set(peers.flatMap(({ interface: name }) => name ?? []));
}

function resolved(peer: PeerConfig, neighbors: InterfaceNeighbors): PeerConfig {
  const address = peer.interface === undefined ? undefined : neighbors.addressOn(peer.interface);
  return address === undefined ? peer : { ...peer, address };
}
