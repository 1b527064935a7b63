/**
 * Sessions that an operator takes down for a while: first their routes become everybody's last resort (RFC 8326), so that
 * packets find other ways while these still work; after a time the sessions end, with a word for the other operator (RFC 9003).
 */
import type { MaintenanceStatus } from "../control.ts";
import type { PeerConfig } from "./config.ts";
import type { SpeakerAction, SpeakerEvent, SpeakerTimer } from "./event.ts";
import type { Peer } from "./peer.ts";

export interface MaintenanceWish {
  readonly text?: string;
  /** How long routes are the last resort before the session ends. */
  readonly waitSeconds: number;
}

export class Maintenance {
  readonly #peers = new Map<string, MaintenanceStatus>();
  /** For peers that come meanwhile: nothing is to begin. */
  #ofAll: MaintenanceStatus | null = null;

  of(peer: string): MaintenanceStatus | null {
    return this.#peers.get(peer) ?? this.#ofAll;
  }

  /** What an operator wishes for one of these peers, or for all; gives what becomes of their timers. */
  wished(
    { peer: name, wish }: Extract<SpeakerEvent, { type: "maintenance" }>,
    peers: Iterable<Pick<Peer, "config" | "isEstablished">>,
    nowMs: number,
  ): SpeakerAction[] {
    if (name === null) this.end(null);
    if (name === null && wish) this.beginAll(wish.text ?? null, nowMs);
    const concerned = [...peers].filter(({ config }) => name === null || config.name === name);
    return concerned.flatMap(({ config, isEstablished }): SpeakerAction[] => {
      const timer: SpeakerTimer = { of: "peer", peer: config.name, timer: "maintenance" };
      this.end(config.name);
      if (!wish) return [{ type: "disarm", timer }];
      const { text = null, waitSeconds } = wish;
      const drains = isEstablished && waitSeconds > 0;
      this.begin(config.name, { text, sinceMs: nowMs, drains });
      return [{ type: "disarm", timer }, ...(drains ? [{ type: "arm", timer, seconds: waitSeconds } as const] : [])];
    });
  }

  /** `drains`: its session stands, and is the last resort first. */
  begin(
    peer: string,
    { text = null, sinceMs, drains }: { text?: string | null; sinceMs: number; drains: boolean },
  ): void {
    this.#peers.set(peer, { phase: drains ? "draining" : "down", text, sinceMs });
  }

  /** Also for whoever comes later. */
  beginAll(text: string | null, sinceMs: number): void {
    this.#ofAll = { phase: "down", text, sinceMs };
  }

  /** The time is over: the session ends. */
  drained(peer: string, sinceMs: number): void {
    const status = this.#peers.get(peer);
    if (status) this.#peers.set(peer, { ...status, phase: "down", sinceMs });
  }

  /** `null` for all. */
  end(peer: string | null): void {
    if (peer !== null) this.#peers.delete(peer);
    else {
      this.#peers.clear();
      this.#ofAll = null;
    }
  }

  /** What the peer is configured to be, for as long as it lasts. */
  applied(peer: PeerConfig): PeerConfig {
    const status = this.of(peer.name);
    if (!status) return peer;
    if (status.phase === "draining") return { ...peer, gracefulShutdown: true };
    return { ...peer, shutdown: peer.shutdown ?? { text: status.text ?? "" } };
  }
}
