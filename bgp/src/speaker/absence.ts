/** Why there is no session though one is wanted. A router that is found by its interface first has time to show itself. */
import type { PeerConfig } from "./config.ts";
import type { SpeakerTimer } from "./event.ts";
import { isDown, isKnown } from "./peerPlace.ts";
import type { SpeakerPorts } from "./ports.ts";

/** Routers that have BGP on the interface advertise themselves each ten seconds (FRR, and we): two may be lost. */
export const advertisementSeconds = 35;

export class Absence {
  readonly #ports: Pick<SpeakerPorts, "emit">;
  readonly #timer: SpeakerTimer;
  #grace: "none" | "running" | "over" = "none";

  constructor(peer: string, ports: Pick<SpeakerPorts, "emit">) {
    this.#ports = ports;
    this.#timer = { of: "peer", peer, timer: "absence" };
  }

  /** What is to be told by now, as a person would ask; `null` where there can be a session, none is wanted, or it is too early. */
  review(peer: PeerConfig | null): string | null {
    if (!peer || isDown(peer) || isKnown(peer)) {
      this.end();
      return peer?.withheld?.reason ?? null;
    }
    if (this.#grace === "none") {
      this.#grace = "running";
      this.#ports.emit({ type: "arm", timer: this.#timer, seconds: advertisementSeconds });
    }
    if (this.#grace === "running") return null;
    return `no router has advertised itself on ${peer.interface} (is the interface up, and does the router send router advertisements there?)`;
  }

  isLong(): void {
    this.#grace = "over";
  }

  /** The next one begins anew. */
  end(): void {
    if (this.#grace === "running") this.#ports.emit({ type: "disarm", timer: this.#timer });
    this.#grace = "none";
  }
}
