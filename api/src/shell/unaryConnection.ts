/**
 * One connection for unary calls of gRPC that are to be quick. A call is written to the socket at once, and its answer is told in the
 * turn in which it arrives: `@grpc/grpc-js` and `node:http2` below it spend three quarters of the time of a short call on what
 * it does not need, and write it a turn later. What the connection cannot do now it says, and the caller goes the other way.
 */
import { connect, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { type Outcome, UnaryCalls } from "../grpc/unaryCalls.ts";

export interface UnaryPlace {
  readonly host: string;
  readonly port: number;
  /** What TLS needs; `null` for none. */
  readonly tls: Pick<ConnectionOptions, "secureContext" | "servername" | "checkServerIdentity"> | null;
}

/** As gRPC's own errors: `code` is its number, `details` its words. */
export class CallFailure extends Error {
  readonly code: number;
  readonly details: string;

  constructor(code: number, details: string) {
    super(details);
    this.name = "CallFailure";
    this.code = code;
    this.details = details;
  }
}

/** Where packets are thrown away the kernel tries for two minutes, and who listens may still say nothing. */
const openingMsMax = 5_000;

/** Whoever is silent for so long is taken for gone. */
const silenceMsMin = 1_000;

interface Waiting {
  readonly settle: (outcome: Outcome) => void;
  readonly timer: NodeJS.Timeout;
}

/** What nobody waits for goes by itself then, where nothing else was sent. */
const lateMsMax = 100;
/** No other side has so much that nobody waits for. */
const lateMax = 64;

/** A peer that is gone without a word is noticed some ten seconds later. */
const keepAliveDelayMs = 10_000;

export class UnaryConnection {
  readonly #socket: Socket;
  readonly #calls = new UnaryCalls();
  readonly #waiting = new Map<number, Waiting>();
  readonly #opening: NodeJS.Timeout;
  #late: readonly Buffer[] = [];
  #lateTimer: NodeJS.Timeout | undefined;
  #heardAtMs = performance.now();
  #isClosed = false;

  /** Connects; until that is done nothing is admitted. A failure is told by `isClosed` alone, and so is an opening that takes too long. */
  constructor(place: UnaryPlace) {
    this.#socket = socketTo(place);
    this.#socket.setNoDelay(true);
    this.#socket.setKeepAlive(true, keepAliveDelayMs);
    this.#socket.unref(); // The timers of calls keep the process, and they alone.
    this.#socket.on("data", (chunk: Buffer) => this.#onData(chunk));
    this.#socket.on("error", (error: NodeJS.ErrnoException) => this.#onLost(`Connection dropped (${error.code})`));
    this.#socket.on("close", () => this.#onLost("Connection dropped"));
    this.#socket.write(this.#calls.opening());
    this.#opening = setTimeout(() => this.close(), openingMsMax).unref();
  }

  /** Whether it ever was of use. */
  get wasOpen(): boolean {
    return this.#calls.isOpen;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  admits(size: number): boolean {
    return !this.#isClosed && this.#calls.admits(size);
  }

  /**
   * Only for what is admitted. Rejects with a `CallFailure`, or with what `timeIsOver` makes; resolves to `null` where the other side
   * says that it has not looked at the call.
   */
  call(
    request: { readonly headers: Buffer; readonly message: Uint8Array },
    { timeoutMs, timeIsOver }: { readonly timeoutMs: number; readonly timeIsOver: () => Error },
  ): Promise<Buffer | null> {
    return new Promise((resolve, reject) => {
      const { call, bytes } = this.#calls.call(request.headers, request.message);
      const sentAtMs = performance.now();
      const settle = (outcome: Outcome): void => {
        if (outcome.kind === "failed") reject(new CallFailure(outcome.code, outcome.details));
        else resolve(outcome.kind === "answered" ? outcome.message : null);
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(call);
        reject(timeIsOver());
        // Who said nothing at all meanwhile is not asked again over this connection. That says little of some milliseconds, and other
        // calls may be under way.
        if (this.#heardAtMs < sentAtMs && timeoutMs >= silenceMsMin) this.close();
        else {
          this.#socket.write(this.#calls.cancel(call));
          this.#closeIfOver();
        }
      }, timeoutMs);
      this.#waiting.set(call, { settle, timer });
      this.#socket.write(this.#late.length === 0 ? bytes : Buffer.concat([...this.#takeLate(), bytes]));
    });
  }

  /** No more calls; closed with the last of those under way. */
  leave(): void {
    this.#calls.leave();
    this.#closeIfOver();
  }

  close(): void {
    this.#socket.destroy();
    this.#onLost("Connection dropped");
  }

  #onData(chunk: Buffer): void {
    this.#heardAtMs = performance.now();
    const { reply, late, ended, broken } = this.#calls.receive(chunk);
    if (this.#calls.isOpen) clearTimeout(this.#opening);
    for (const [call, outcome] of ended) this.#settle(call, outcome);
    for (const bytes of reply) this.#socket.write(bytes);
    if (late.length > 0) this.#sendLate(late);
    if (broken !== null) {
      this.#socket.destroy();
      this.#onLost(broken);
    }
    this.#closeIfOver();
  }

  #sendLate(bytes: readonly Buffer[]): void {
    this.#late = [...this.#late, ...bytes];
    if (this.#late.length > lateMax) this.#socket.write(Buffer.concat(this.#takeLate()));
    this.#lateTimer ??= setTimeout(() => {
      this.#lateTimer = undefined;
      if (this.#late.length > 0) this.#socket.write(Buffer.concat(this.#takeLate()));
    }, lateMsMax).unref();
  }

  #takeLate(): readonly Buffer[] {
    const late = this.#late;
    this.#late = [];
    return late;
  }

  #closeIfOver(): void {
    if (this.#calls.isOver) this.close();
  }

  #onLost(details: string): void {
    this.#isClosed = true;
    clearTimeout(this.#opening);
    clearTimeout(this.#lateTimer);
    for (const [call, outcome] of this.#calls.abandon(details)) this.#settle(call, outcome);
  }

  #settle(call: number, outcome: Outcome): void {
    const waiting = this.#waiting.get(call);
    if (!waiting) return;
    this.#waiting.delete(call);
    clearTimeout(waiting.timer);
    waiting.settle(outcome);
  }
}

function socketTo({ host, port, tls }: UnaryPlace): Socket {
  if (!tls) return connect({ host, port });
  const socket = connectTls({ ...tls, host, port, ALPNProtocols: ["h2"] });
  socket.once("secureConnect", () => {
    if (socket.alpnProtocol !== "h2") socket.destroy();
  });
  return socket;
}
