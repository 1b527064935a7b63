/** What the configured peers need of their sockets, and the code that gives it to them, loaded when somebody needs it. */
import { Socket } from "node:net";
import { type Address, addressBits, formatPrefix, type Prefix, parseAddress } from "@brindle/net";
import { BgpError } from "../error.ts";
import type { SpeakerConfig } from "../speaker/config.ts";
import { needsOf, type PeerSocketNeeds } from "./peerSocketNeeds.ts";

type PeerSockets = typeof import("./peerSockets.ts");

export class SocketOptions {
  #sockets: PeerSockets | null = null;
  #byRange: ReadonlyMap<string, PeerSocketNeeds> = new Map();
  /** The lengths of the ranges, the longest first. */
  #lengths: readonly number[] = [];

  /** Loads what the configuration needs, before anything is changed. */
  async prepare(config: SpeakerConfig): Promise<void> {
    if (needsOf(config).length > 0) this.#sockets ??= await load();
  }

  /** From now on dials and accepted connections are made like this. */
  use(config: SpeakerConfig): void {
    const needs = needsOf(config);
    this.#byRange = new Map(needs.map((need) => [need.key, need]));
    this.#lengths = [...new Set(needs.map(({ range }) => range.length))].sort((a, b) => b - a);
  }

  /** `null` as long as no configuration has needed anything. */
  get sockets(): PeerSockets | null {
    return this.#sockets;
  }

  /** A socket that is not connected yet. Throws where the kernel refuses what the peer needs. */
  socketTo(address: string): Socket {
    const needs = this.#needsOf(address);
    return needs && this.#sockets ? this.#sockets.socketFor(needs) : new Socket();
  }

  /** `false` where it came from further away than its peer may be. Throws where the kernel refuses what the peer needs. */
  accepted(socket: Socket): boolean {
    const needs = this.#needsOf(socket.remoteAddress ?? "");
    return !needs || !this.#sockets || this.#sockets.tuneAccepted(socket, needs);
  }

  /** Of the peer, else of the narrowest range that holds the address. */
  #needsOf(text: string): PeerSocketNeeds | undefined {
    const address = parseAddress(text.replace(/%.*$/, "").replace(/^::ffff:(?=\d+\.)/i, ""));
    if (!address) return undefined;
    for (const length of this.#lengths) {
      if (length > addressBits[address.family]) continue;
      const found = this.#byRange.get(formatPrefix(prefixOf(address, length)));
      if (found) return found;
    }
    return undefined;
  }
}

function prefixOf(address: Address, length: number): Prefix {
  const hostBits = BigInt(addressBits[address.family] - length);
  return { address: { ...address, value: (address.value >> hostBits) << hostBits }, length };
}

/** The package alone has no run-time dependency: passwords and hop limits take the foreign function interface `koffi`. */
async function load(): Promise<PeerSockets> {
  try {
    return await import("./peerSockets.ts");
  } catch (cause) {
    throw new BgpError({ code: "NO_SOCKET_OPTIONS" }, { cause });
  }
}
