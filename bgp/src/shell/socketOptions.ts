/** What the configured peers need of their sockets, and the code that gives it to them, loaded when somebody needs it. */
import { Socket } from "node:net";
import { formatAddress, parseAddress } from "@brindle/net";
import { BgpError } from "../error.ts";
import type { SpeakerConfig } from "../speaker/config.ts";
import { needsOf, type PeerSocketNeeds } from "./peerSocketNeeds.ts";

type PeerSockets = typeof import("./peerSockets.ts");

export class SocketOptions {
  #sockets: PeerSockets | null = null;
  #byAddress: ReadonlyMap<string, PeerSocketNeeds> = new Map();

  /** Loads what the configuration needs, before anything is changed. */
  async prepare(config: SpeakerConfig): Promise<void> {
    if (needsOf(config).length > 0) this.#sockets ??= await load();
  }

  /** From now on dials and accepted connections are made like this. */
  use(config: SpeakerConfig): void {
    this.#byAddress = new Map(needsOf(config).map((need) => [formatAddress(need.range.address), need]));
  }

  /** `null` as long as no configuration has needed anything. */
  get sockets(): PeerSockets | null {
    return this.#sockets;
  }

  /** A socket that is not connected yet. Throws where the kernel refuses what the peer needs. */
  socketTo(address: string): Socket {
    const needs = this.#byAddress.get(canonical(address));
    return needs && this.#sockets ? this.#sockets.socketFor(needs) : new Socket();
  }

  accepted(socket: Socket): void {
    const needs = this.#byAddress.get(canonical(socket.remoteAddress ?? ""));
    if (needs) this.#sockets?.tuneAccepted(socket, needs);
  }
}

/** An address as `net` writes it, whatever its zone. */
function canonical(text: string): string {
  const address = parseAddress(text.replace(/%.*$/, ""));
  return address ? formatAddress(address) : text;
}

/** The package alone has no run-time dependency: passwords and hop limits take the foreign function interface `koffi`. */
async function load(): Promise<PeerSockets> {
  try {
    return await import("./peerSockets.ts");
  } catch (cause) {
    throw new BgpError({ code: "NO_SOCKET_OPTIONS" }, { cause });
  }
}
