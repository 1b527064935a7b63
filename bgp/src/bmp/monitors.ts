/** All collectors of a speaker, and the sessions that each of them is to know of. */
import { isDeepStrictEqual } from "node:util";
import type { BmpStatus } from "../control.ts";
import type { PeerId } from "../rib/peerTable.ts";
import type { PrefixId } from "../rib/prefixTable.ts";
import type { ConnectionId } from "../speaker/event.ts";
import { Collector, type CollectorPorts, type CollectorTimer } from "./collector.ts";
import { type BmpCollector, collectorName } from "./config.ts";
import type { PeerDownReason } from "./messages.ts";
import type { MonitoredSession } from "./monitoredSession.ts";

export class Monitors {
  readonly #ports: CollectorPorts;
  readonly #sessions = new Map<PeerId, MonitoredSession>();
  #collectors = new Map<string, Collector>();
  /** No longer configured; they still hold prefixes, which are given back in slices. */
  readonly #left = new Set<Collector>();

  constructor(ports: Omit<CollectorPorts, "sessions">) {
    this.#ports = { ...ports, sessions: () => this.#sessions.values() };
  }

  get isEmpty(): boolean {
    return this.#collectors.size === 0;
  }

  get hasWork(): boolean {
    if (this.#left.size > 0) return true;
    for (const collector of this.#collectors.values()) if (collector.hasWork) return true;
    return false;
  }

  /** A collector whose part changed is dialled anew. */
  configure(wanted: readonly BmpCollector[]): void {
    const before = this.#collectors;
    this.#collectors = new Map();
    for (const config of wanted) {
      const name = collectorName(config);
      const known = before.get(name);
      if (known && isDeepStrictEqual(known.config, config)) {
        this.#collectors.set(name, known);
        before.delete(name);
      }
    }
    for (const collector of before.values()) this.#drop(collector, "no longer configured");
    for (const config of wanted) {
      const name = collectorName(config);
      if (this.#collectors.has(name)) continue;
      const collector = new Collector(config, this.#ports);
      this.#collectors.set(name, collector);
      collector.start();
    }
    this.#ports.rib.watchRoutes(this.#collectors.size > 0 ? (prefix, peer) => this.#routeChanged(prefix, peer) : null);
  }

  stop(text: string): void {
    for (const collector of this.#collectors.values()) collector.stop(text);
  }

  /** Whose connection it is, if a collector's. */
  find(connection: ConnectionId): Collector | undefined {
    return this.#collectors.values().find((collector) => collector.connection === connection);
  }

  timerFired(name: string, timer: CollectorTimer): void {
    this.#collectors.get(name)?.timerFired(timer);
  }

  sessionUp(session: MonitoredSession): void {
    this.#sessions.set(session.id, session);
    for (const collector of this.#collectors.values()) collector.sessionUp(session);
  }

  sessionDown(id: PeerId, reason: PeerDownReason): void {
    if (!this.#sessions.delete(id)) return;
    for (const collector of this.#collectors.values()) collector.sessionDown(id, reason);
  }

  exportChanged(id: PeerId): void {
    for (const collector of this.#collectors.values()) collector.exportChanged(id);
  }

  decided(prefix: PrefixId, isBest: boolean): void {
    for (const collector of this.#collectors.values()) collector.decided(prefix, isBest);
  }

  drain(limit: number): void {
    for (const collector of this.#collectors.values()) collector.drain(limit);
    for (const collector of this.#left) {
      if (collector.hasWork) collector.drain(limit);
      else this.#left.delete(collector);
    }
  }

  status(): BmpStatus[] {
    return [...this.#collectors.values()].map((collector) => collector.status());
  }

  #routeChanged(prefix: PrefixId, peer: PeerId): void {
    for (const collector of this.#collectors.values()) collector.routeChanged(prefix, peer);
  }

  #drop(collector: Collector, text: string): void {
    collector.stop(text);
    this.#left.add(collector);
  }
}
