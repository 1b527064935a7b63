/** What a peer has of BFD: whether its path is watched, what is known of it, and when that ends the session. */
import { isDeepStrictEqual } from "node:util";
import type { BfdPath } from "../bfd/paths.ts";
import { isBroken, type PathStatus } from "../bfd/status.ts";
import type { BfdStatus } from "../control.ts";
import type { PeerConfig } from "./config.ts";
import { canonical, isKnown } from "./peerPlace.ts";
import type { PeerPorts } from "./ports.ts";

const nothingKnown: PathStatus = {
  state: "down",
  remoteState: null,
  diagnostic: "none",
  remoteDiagnostic: null,
  transmitMs: null,
  detectionMs: null,
};

const neverWatched: BfdStatus = { ...nothingKnown, sinceMs: 0 };

export class PathWatch {
  readonly #ports: PeerPorts;
  /** What it was last made of, since it is asked for after every event. */
  #seen: PeerConfig | null = null;
  #path: BfdPath | null = null;
  #status: BfdStatus = neverWatched;

  constructor(ports: PeerPorts) {
    this.#ports = ports;
  }

  /** `config`: `null` for a peer that is not to be there. */
  review(config: PeerConfig | null, peer: string): void {
    if (config === this.#seen) return;
    this.#seen = config;
    const path = config && pathOf(config);
    if (isDeepStrictEqual(path, this.#path)) return;
    if (!this.#path || !path) this.#status = { ...nothingKnown, sinceMs: this.#ports.nowMs() };
    this.#path = path;
    if (path) {
      this.#ports.emit({ type: "watch", peer, path });
      return;
    }
    this.#ports.emit({ type: "unwatch", peer });
  }

  /** Gives back why the session must end, or `null`. A peer that is no longer watched has nothing to hear. */
  heard(status: PathStatus): string | null {
    if (!this.#path) return null;
    const before = this.#status;
    const sinceMs = before.state === status.state ? before.sinceMs : this.#ports.nowMs();
    this.#status = { ...status, sinceMs };
    return isBroken(before, status) ? status.diagnostic : null;
  }

  /** A field of the peer's status. */
  status(): { readonly bfd?: BfdStatus } {
    return this.#path ? { bfd: this.#status } : {};
  }
}

function pathOf(config: PeerConfig): BfdPath | null {
  const { bfd, address, localAddress, interface: name } = config;
  if (!bfd || !isKnown(config)) return null;
  return {
    ...bfd,
    address: canonical(address),
    ...(localAddress !== undefined && { localAddress }),
    ...(name !== undefined && { interface: name }),
  };
}
