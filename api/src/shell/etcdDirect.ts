/** The connection of our own to one etcd: made when it is first asked for, and again, not too often, when it was lost. */
import { isIP } from "node:net";
import { headerBlock } from "../grpc/headerBlock.ts";
import type { MadeCredentials } from "./etcdCredentials.ts";
import { UnaryConnection, type UnaryPlace } from "./unaryConnection.ts";

export interface DirectCall {
  /** Of the method. */
  readonly path: string;
  readonly token: string | null;
  readonly message: Uint8Array;
}

const retryDelayMsMin = 1_000;
/** For what never opens: calls find their other way, and each trial is a connection that somebody may have to refuse. */
const retryDelayMsMax = 60_000;

export class EtcdDirect {
  readonly #place: UnaryPlace;
  readonly #authority: string;
  #connection: UnaryConnection | undefined;
  #triedAtMs = Number.NEGATIVE_INFINITY;
  /** Trials in a row that came to nothing. */
  #failures = 0;
  #isLeft = false;
  /** Those of the token asked with last, by path. */
  #headers = new Map<string, Buffer>();
  #token: string | null = null;

  /** `http://10.0.0.1:2379`, or https with what TLS needs. */
  constructor(endpoint: string, tls: MadeCredentials["tls"] | null) {
    const { hostname, host, port } = new URL(endpoint);
    const name = hostname.replace(/^\[|\]$/g, "");
    // RFC 6066 §3: an address is no name to ask for.
    const asked = isIP(name) ? {} : { servername: name };
    const isTls = tls !== null;
    this.#place = { host: name, port: Number(port || (isTls ? 443 : 80)), tls: tls && { ...tls, ...asked } };
    this.#authority = host;
  }

  /**
   * Answers `null` where nothing was done: there is no connection now, it does not admit so much, or the other side has not looked
   * at it. Rejects with a `CallFailure`, or with what `timeIsOver` makes.
   */
  call(
    { path, token, message }: DirectCall,
    deadline: { readonly timeoutMs: number; readonly timeIsOver: () => Error },
  ): Promise<Buffer | null> {
    const connection = this.#current();
    if (!connection?.admits(message.length)) return nothingDone;
    return connection.call({ headers: this.#headersOf(path, token), message }, deadline);
  }

  /** What is under way goes on. */
  leave(): void {
    this.#isLeft = true;
    this.#connection?.leave();
  }

  close(): void {
    this.#isLeft = true;
    this.#connection?.close();
  }

  #current(): UnaryConnection | undefined {
    const before = this.#connection;
    if (this.#isLeft || before?.isClosed === false) return before;
    const failures = before && !before.wasOpen ? this.#failures + 1 : 0;
    const delayMs = Math.min(retryDelayMsMax, retryDelayMsMin * 2 ** failures);
    if (performance.now() - this.#triedAtMs < delayMs) return before;
    this.#failures = failures;
    this.#triedAtMs = performance.now();
    this.#connection = new UnaryConnection(this.#place);
    return this.#connection;
  }

  #headersOf(path: string, token: string | null): Buffer {
    if (token !== this.#token) this.#headers.clear();
    this.#token = token;
    const known = this.#headers.get(path);
    if (known) return known;
    const made = headerBlock([
      [":method", "POST"],
      [":scheme", this.#place.tls ? "https" : "http"],
      [":path", path],
      [":authority", this.#authority],
      ["content-type", "application/grpc"],
      ["te", "trailers"],
      // A member without a leader says so at once.
      ["hasleader", "true"],
      ...(token === null ? [] : [["token", token] as const]),
    ]);
    this.#headers.set(path, made);
    return made;
  }
}

const nothingDone: Promise<null> = Promise.resolve(null);
