/** The addresses that a speaker listens on. */
import { createServer, type Server, type Socket } from "node:net";
import { parseAddress } from "@brindle/net";
import { BgpError } from "../error.ts";
import type { SpeakerConfig } from "../speaker/config.ts";
import { needsOf, type PeerSocketNeeds } from "./peerSocketNeeds.ts";
import type { PasswordSet } from "./peerSockets.ts";
import type { SocketOptions } from "./socketOptions.ts";
import { transportReason } from "./transportReason.ts";

type Endpoint = SpeakerConfig["listen"][number];

/** Peers of a large mesh come back all at once; a short queue makes them wait for TCP's retries. */
const backlog = 4096;

interface Listener {
  readonly server: Server;
  passwords: PasswordSet;
  /** Peers for whose passwords it has no room. */
  unset: readonly PeerSocketNeeds[];
}

export class ListenerSet {
  readonly #onConnection: (socket: Socket) => void;
  readonly #options: SocketOptions;
  readonly #listeners = new Map<string, Listener>();

  constructor(onConnection: (socket: Socket) => void, options: SocketOptions) {
    this.#onConnection = onConnection;
    this.#options = options;
  }

  /**
   * Opens what is not open yet, all or nothing, with the passwords of this configuration. The function that it gives
   * closes what is no longer wanted.
   */
  async open(config: SpeakerConfig): Promise<() => void> {
    const needs = needsOf(config);
    const opened: [string, Listener][] = [];
    try {
      for (const endpoint of config.listen) {
        const key = keyOf(endpoint);
        if (!this.#listeners.has(key)) opened.push([key, await this.#listen(endpoint, needs)]);
      }
    } catch (error) {
      for (const [, { server }] of opened) server.close();
      throw error;
    }
    for (const [key, listener] of opened) this.#listeners.set(key, listener);
    const wanted = new Set(config.listen.map(keyOf));
    return () => {
      for (const [key, { server }] of this.#listeners) if (!wanted.has(key)) this.#close(key, server);
    };
  }

  /**
   * Gives every listener the passwords of this configuration: connections that come from now on need them. Gives back
   * the names of peers for which the kernel has no room on a listener.
   */
  tune(config: SpeakerConfig): string[] {
    const needs = needsOf(config);
    for (const listener of this.#listeners.values()) {
      const tuned = this.#options.sockets?.tuneListener(listener.server, needs, listener.passwords);
      if (tuned) Object.assign(listener, { passwords: tuned.set, unset: tuned.unset });
    }
    return [...this.#listeners.values()].flatMap(({ unset }) => unset.map(({ peer }) => peer));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#listeners].map(([key, { server }]) => this.#close(key, server)));
  }

  async #listen({ address, port }: Endpoint, needs: readonly PeerSocketNeeds[]): Promise<Listener> {
    const server = createServer({ noDelay: true }, this.#onConnection);
    // One connection that could not be taken, for want of descriptors say, is no reason to end: its peer comes again.
    server.on("error", () => {});
    const bound = parseAddress(address);
    try {
      if (!this.#options.sockets || !bound) {
        // Without `ipv6Only`, :: would take the port from 0.0.0.0 too, and the two could not stand side by side.
        await listening(server, () => server.listen({ host: address, port, backlog, ipv6Only: true }));
        return { server, passwords: new Map(), unset: [] };
      }
      const { fd, set, unset } = this.#options.sockets.listenerFor(bound, port, needs);
      await listening(server, () => server.listen({ fd }, backlog));
      return { server, passwords: set, unset };
    } catch (cause) {
      const reason = cause instanceof Error ? transportReason(cause) : String(cause);
      throw new BgpError({ code: "LISTEN_FAILED", address, port, reason }, { cause });
    }
  }

  /** Connections that it accepted live on. */
  #close(key: string, server: Server): Promise<void> {
    this.#listeners.delete(key);
    const { promise, resolve } = Promise.withResolvers<void>();
    server.close(() => resolve());
    return promise;
  }
}

function listening(server: Server, listen: () => void): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.once("listening", () => {
    server.off("error", reject);
    resolve();
  });
  listen();
  return promise;
}

function keyOf({ address, port }: Endpoint): string {
  return `${address} ${port}`;
}
