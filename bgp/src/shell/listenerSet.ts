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
  readonly endpoint: Endpoint;
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
   * closes what is no longer wanted; but :: and an address of its own family exclude each other, so what stands in the way
   * closes before, and is opened again where the rest cannot be.
   */
  async open(config: SpeakerConfig): Promise<() => void> {
    const needs = needsOf(config);
    const wanted = new Set(config.listen.map(keyOf));
    const missing = config.listen.filter((endpoint) => !this.#listeners.has(keyOf(endpoint)));
    const inTheWay = [...this.#listeners.values()]
      .map(({ endpoint }) => endpoint)
      .filter((open) => !wanted.has(keyOf(open)) && missing.some((endpoint) => excludes(endpoint, open)));
    for (const endpoint of inTheWay) this.#closeAt(endpoint);
    const opened: Listener[] = [];
    try {
      for (const endpoint of missing) opened.push(await this.#listen(endpoint, needs));
    } catch (error) {
      for (const { server } of opened) server.close();
      await this.#reopen(inTheWay, needs);
      throw error;
    }
    for (const listener of opened) this.#listeners.set(keyOf(listener.endpoint), listener);
    return () => {
      for (const [key, { server }] of this.#listeners) if (!wanted.has(key)) this.#close(key, server);
    };
  }

  #closeAt(endpoint: Endpoint): void {
    const key = keyOf(endpoint);
    const listener = this.#listeners.get(key);
    if (listener) void this.#close(key, listener.server);
  }

  async #reopen(endpoints: readonly Endpoint[], needs: readonly PeerSocketNeeds[]): Promise<void> {
    for (const endpoint of endpoints) {
      const listener = await this.#listen(endpoint, needs).catch(() => null); // Why the others failed is what is told.
      if (listener) this.#listeners.set(keyOf(endpoint), listener);
    }
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

  async #listen(endpoint: Endpoint, needs: readonly PeerSocketNeeds[]): Promise<Listener> {
    const server = createServer({ noDelay: true }, this.#onConnection);
    // One connection that could not be taken, for want of descriptors say, is no reason to end: its peer comes again.
    server.on("error", () => {});
    const { address, port } = endpoint;
    const bound = parseAddress(address);
    try {
      if (!this.#options.sockets || !bound) {
        // Without `ipv6Only`, :: would take the port from 0.0.0.0 too, and the two could not stand side by side.
        await listening(server, () => server.listen({ host: address, port, backlog, ipv6Only: true }));
        return { endpoint, server, passwords: new Map(), unset: [] };
      }
      const { fd, set, unset } = this.#options.sockets.listenerFor(bound, port, needs);
      await listening(server, () => server.listen({ fd }, backlog));
      return { endpoint, server, passwords: set, unset };
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

/** bind(2): of one family and port, all addresses and any one of them. */
function excludes(a: Endpoint, b: Endpoint): boolean {
  const [one, other] = [parseAddress(a.address), parseAddress(b.address)];
  return a.port === b.port && one?.family === other?.family && (one?.value === 0n || other?.value === 0n);
}

function keyOf({ address, port }: Endpoint): string {
  return `${address} ${port}`;
}
