/** The addresses that a speaker listens on. */
import { createServer, type Server, type Socket } from "node:net";
import { BgpError } from "../error.ts";
import type { SpeakerConfig } from "../speaker/config.ts";
import { transportReason } from "./transportReason.ts";

type Endpoint = SpeakerConfig["listen"][number];

/** Peers of a large mesh come back all at once; a short queue makes them wait for TCP's retries. */
const backlog = 1024;

export class ListenerSet {
  readonly #onConnection: (socket: Socket) => void;
  readonly #servers = new Map<string, Server>();

  constructor(onConnection: (socket: Socket) => void) {
    this.#onConnection = onConnection;
  }

  /** Opens what is not open yet, all or nothing; the function that it gives closes what is no longer wanted. */
  async open(endpoints: readonly Endpoint[]): Promise<() => void> {
    const opened: [string, Server][] = [];
    try {
      for (const endpoint of endpoints) {
        const key = keyOf(endpoint);
        if (!this.#servers.has(key)) opened.push([key, await this.#listen(endpoint)]);
      }
    } catch (error) {
      for (const [, server] of opened) server.close();
      throw error;
    }
    for (const [key, server] of opened) this.#servers.set(key, server);
    const wanted = new Set(endpoints.map(keyOf));
    return () => {
      for (const [key, server] of this.#servers) if (!wanted.has(key)) this.#close(key, server);
    };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#servers].map(([key, server]) => this.#close(key, server)));
  }

  #listen({ address, port }: Endpoint): Promise<Server> {
    const { promise, resolve, reject } = Promise.withResolvers<Server>();
    const server = createServer({ noDelay: true }, this.#onConnection);
    server.once("error", (cause) => {
      reject(new BgpError({ code: "LISTEN_FAILED", address, port, reason: transportReason(cause) }, { cause }));
    });
    // Without `ipv6Only`, :: would take the port from 0.0.0.0 too, and the two could not stand side by side.
    server.listen({ host: address, port, backlog, ipv6Only: true }, () => resolve(server));
    return promise;
  }

  /** Connections that it accepted live on. */
  #close(key: string, server: Server): Promise<void> {
    this.#servers.delete(key);
    const { promise, resolve } = Promise.withResolvers<void>();
    server.close(() => resolve());
    return promise;
  }
}

function keyOf({ address, port }: Endpoint): string {
  return `${address} ${port}`;
}
