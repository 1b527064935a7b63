/** The connections to one API server: one as long as it has room and our certificate stays, another when not. */
import { isDeepStrictEqual } from "node:util";
import type { TlsIdentity } from "./credentials.ts";
import { Http2Session } from "./http2Session.ts";
import { NotConnectedError } from "./networkError.ts";

export interface SessionPoolOptions {
  readonly connectTimeoutMs: number;
  readonly pingIntervalMs: number;
}

export class SessionPool {
  readonly host: string;
  /** Of a server behind another one's path. */
  readonly pathPrefix: string;
  readonly #origin: string;
  readonly #options: SessionPoolOptions;
  readonly #sessions = new Set<Http2Session>();
  #opening: Promise<Http2Session> | null = null;
  #tls: TlsIdentity | null = null;
  #isClosed = false;

  constructor(server: string, options: SessionPoolOptions) {
    const { host, origin, pathname } = new URL(server);
    this.host = host;
    this.pathPrefix = pathname === "/" ? "" : pathname;
    this.#origin = origin;
    this.#options = options;
  }

  /** Rejects with a `NotConnectedError`. */
  async session(tls: TlsIdentity): Promise<Http2Session> {
    if (!isDeepStrictEqual(this.#tls, tls)) {
      this.#retireAll();
      this.#tls = tls;
    }
    for (const session of this.#sessions) {
      if (session.hasRoom) return session;
      if (session.isOver) this.#sessions.delete(session);
    }
    if (this.#opening) return this.#opening;
    const opening = this.#open(this.#tls ?? tls).finally(() => {
      if (this.#opening === opening) this.#opening = null;
    });
    this.#opening = opening;
    return opening;
  }

  close(): void {
    this.#isClosed = true;
    for (const session of this.#sessions) session.destroy();
    this.#sessions.clear();
  }

  /** What was opened as somebody else meanwhile is never used. */
  async #open(tls: TlsIdentity): Promise<Http2Session> {
    try {
      const session = await Http2Session.open({ origin: this.#origin, tls, ...this.#options });
      if (this.#isClosed || this.#tls !== tls) {
        session.destroy();
        throw new Error(this.#isClosed ? "the store is closed" : "the credentials were renewed meanwhile");
      }
      this.#sessions.add(session);
      return session;
    } catch (error) {
      throw new NotConnectedError(error);
    }
  }

  #retireAll(): void {
    this.#opening = null;
    for (const session of this.#sessions) session.retire();
  }
}
