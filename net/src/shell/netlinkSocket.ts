/**
 * Requests and answers over one netlink socket: sequence numbers, acknowledgements, dumps that are repeated when the
 * kernel says that they were interrupted, lost answers, time limits. It knows no message's content.
 */
import { KernelError, type KernelFailure, type Refusal, refusal } from "../kernelError.ts";
import {
  type Acknowledgement,
  decodeAcknowledgement,
  decodeMessages,
  messageBytes,
  messageFlag,
  messageType,
  type NetlinkMessage,
} from "../netlink/message.ts";
import { type ExchangeEnd, type NamedRequest, NetlinkExchange, type RequestOutcome } from "./netlinkExchange.ts";
import type { NetlinkPort } from "./netlinkPort.ts";

export interface NetlinkSocketOptions {
  /** How long one datagram's answers may take. */
  readonly timeoutMs?: number;
  /** What the kernel's errno and text amount to; ipset has numbers of its own. */
  readonly toRefusal?: (ack: Acknowledgement, object: string) => Refusal;
}

/** Measured: beyond 64 messages a datagram the kernel is the limit. */
const messagesPerDatagram = 64;
/** The kernel refuses (EMSGSIZE) what does not fit into the send buffer, which is at least this by four. */
const datagramBytesMax = 32 * 1024;
/** Bounds a turn's work, and what the kernel may have to say to us at once: well within the receive buffer. */
const datagramsInFlightMax = 8;
const dumpAttemptsMax = 10;
const sequenceMax = 0xffffffff;

type LostAnswer = "TIMEOUT" | "OVERRUN" | "CLOSED" | "MALFORMED";

export class NetlinkSocket {
  readonly #port: NetlinkPort;
  readonly #timeoutMs: number;
  readonly #toRefusal: (ack: Acknowledgement, object: string) => Refusal;
  readonly #exchanges = new Set<NetlinkExchange>();
  readonly #waiting: (() => void)[] = [];
  #lastSequence = 0;
  #isClosed = false;
  /** The kernel runs one dump at a time on a socket (EBUSY otherwise), so that they queue here. */
  #lastDump: Promise<unknown> = Promise.resolve();

  constructor(port: NetlinkPort, { timeoutMs = 10_000, toRefusal = plainRefusal }: NetlinkSocketOptions = {}) {
    this.#port = port;
    this.#timeoutMs = timeoutMs;
    this.#toRefusal = toRefusal;
    port.onDatagram((datagram) => this.#onDatagram(datagram));
    port.onOverrun(() => this.#failAll("OVERRUN"));
    port.onError(() => this.close());
  }

  /** One request; answers what the kernel replied besides the acknowledgement. */
  async request(request: NamedRequest): Promise<readonly NetlinkMessage[]> {
    const end = await this.#exchange([request]);
    requireDone(end);
    return end.replies;
  }

  /**
   * Many requests, in order, with an outcome for each: one that fails does not stop the others. They are taken from
   * `requests` as there is room, so that a caller who encodes them on the way never holds up the event loop for long.
   */
  async apply(requests: Iterable<NamedRequest>): Promise<RequestOutcome[]> {
    const ends: Promise<ExchangeEnd>[] = [];
    for (const datagram of datagramsOf(requests)) {
      while (this.#exchanges.size >= datagramsInFlightMax) await this.#room();
      ends.push(this.#send(datagram));
    }
    return (await Promise.all(ends)).flatMap(({ outcomes }) => outcomes);
  }

  /** All that a dump tells, of one moment: when the kernel says that it changed meanwhile, it is read again. */
  async dump(request: NamedRequest): Promise<readonly NetlinkMessage[]> {
    const turn = this.#lastDump.then(() => this.#dumpUninterrupted(request));
    this.#lastDump = turn.catch(() => {});
    return turn;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#port.close();
    this.#failAll("CLOSED");
    this.#isClosed = true;
  }

  async #dumpUninterrupted(request: NamedRequest): Promise<readonly NetlinkMessage[]> {
    for (let attempt = 1; attempt <= dumpAttemptsMax; attempt++) {
      const end = await this.#exchange([request]);
      const [outcome] = end.outcomes;
      if (outcome?.kind === "failed" && outcome.error.failure.code === "OVERRUN") continue;
      requireDone(end);
      if (!end.isInterrupted) return end.replies;
    }
    throw new KernelError({ code: "INTERRUPTED", object: request.object, attempts: dumpAttemptsMax });
  }

  async #exchange(requests: readonly NamedRequest[]): Promise<ExchangeEnd> {
    while (this.#exchanges.size >= datagramsInFlightMax) await this.#room();
    return this.#send(requests);
  }

  #room(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #send(requests: readonly NamedRequest[]): Promise<ExchangeEnd> {
    return new Promise((resolve) => {
      const exchange = new NetlinkExchange(requests, this.#number(requests.length), (end) => {
        clearTimeout(timer);
        this.#exchanges.delete(exchange);
        this.#waiting.shift()?.();
        resolve(end);
      });
      // When the loop was busy, the answer is there but not read yet: the immediate runs after sockets had their turn.
      const timer = setTimeout(() => setImmediate(() => this.#fail(exchange, "TIMEOUT")), this.#timeoutMs);
      this.#exchanges.add(exchange);
      if (this.#isClosed) this.#fail(exchange, "CLOSED");
      else this.#port.send(exchange.encode(this.#port.port), () => this.#fail(exchange, "CLOSED"));
    });
  }

  /** The first of `count` sequence numbers without a gap. Zero is what notifications carry, so it is none. */
  #number(count: number): number {
    const first = this.#lastSequence + count > sequenceMax ? 1 : this.#lastSequence + 1;
    this.#lastSequence = first + count - 1;
    return first;
  }

  #onDatagram(datagram: Uint8Array): void {
    const messages = decodeMessages(datagram);
    if (messages) for (const message of messages) this.#onMessage(message);
    else this.#failAll("MALFORMED");
  }

  #onMessage(message: NetlinkMessage): void {
    const { sequence } = message;
    const exchange = this.#exchangeOf(sequence);
    const request = exchange?.request(sequence);
    // An answer that came after its time limit, or to another socket's request.
    if (!exchange || !request || message.port !== this.#port.port) return;
    if ((message.flags & messageFlag.dumpInterrupted) !== 0) exchange.isInterrupted = true;
    if (message.type !== messageType.error && message.type !== messageType.done) {
      exchange.replies.push(message);
      return;
    }
    const ack = decodeAcknowledgement(message);
    if (!ack) this.#fail(exchange, "MALFORMED");
    else exchange.answered(sequence, this.#errorOf(request, ack));
  }

  /** There are few at a time. */
  #exchangeOf(sequence: number): NetlinkExchange | undefined {
    for (const exchange of this.#exchanges) if (exchange.request(sequence)) return exchange;
    return undefined;
  }

  #errorOf({ object }: NamedRequest, ack: Acknowledgement): KernelError | null {
    return ack.errno === 0 ? null : new KernelError(this.#toRefusal(ack, object));
  }

  #failAll(code: LostAnswer): void {
    for (const exchange of [...this.#exchanges]) this.#fail(exchange, code);
  }

  /** Nothing happens to one that has ended. */
  #fail(exchange: NetlinkExchange, code: LostAnswer): void {
    if (!this.#exchanges.has(exchange)) return;
    const timeoutMs = this.#timeoutMs;
    exchange.fail((object): KernelFailure => (code === "TIMEOUT" ? { code, object, timeoutMs } : { code, object }));
  }
}

function* datagramsOf(requests: Iterable<NamedRequest>): Generator<readonly NamedRequest[]> {
  let datagram: NamedRequest[] = [];
  let bytes = 0;
  for (const request of requests) {
    const size = messageBytes(request);
    const isFull = datagram.length === messagesPerDatagram || bytes + size > datagramBytesMax;
    if (isFull && datagram.length > 0) {
      yield datagram;
      datagram = [];
      bytes = 0;
    }
    datagram.push(request);
    bytes += size;
  }
  if (datagram.length > 0) yield datagram;
}

function requireDone({ outcomes }: ExchangeEnd): void {
  for (const outcome of outcomes) if (outcome.kind === "failed") throw outcome.error;
}

function plainRefusal(ack: Acknowledgement, object: string): Refusal {
  return refusal(ack.errno, object, ack);
}
