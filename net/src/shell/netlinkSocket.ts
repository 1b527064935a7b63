/**
 * Requests and answers over one netlink socket: sequence numbers, acknowledgements, dumps that are repeated when the
 * kernel says that they were interrupted, lost answers, time limits. It knows no message's content.
 */
import { KernelError, type Refusal, refusal } from "../kernelError.ts";
import {
  type Acknowledgement,
  decodeAcknowledgement,
  decodeMessages,
  encodeMessages,
  messageFlag,
  messageHeaderBytes,
  messageType,
  type NetlinkMessage,
  type NetlinkRequest,
} from "../netlink/message.ts";
import type { NetlinkPort } from "./netlinkPort.ts";

/** A request and its name in error texts. */
export interface NamedRequest extends NetlinkRequest {
  readonly object: string;
}

export type RequestOutcome =
  | { readonly kind: "done"; readonly replies: readonly NetlinkMessage[]; readonly isInterrupted: boolean }
  | { readonly kind: "failed"; readonly error: KernelError };

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

interface Pending {
  readonly request: NamedRequest;
  readonly replies: NetlinkMessage[];
  isInterrupted: boolean;
  settle(outcome: RequestOutcome): void;
}

export class NetlinkSocket {
  readonly #port: NetlinkPort;
  readonly #timeoutMs: number;
  readonly #toRefusal: (ack: Acknowledgement, object: string) => Refusal;
  readonly #pending = new Map<number, Pending>();
  readonly #waiting: (() => void)[] = [];
  #datagramsInFlight = 0;
  #sequence = 0;
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
    const [outcome] = await this.#exchange([request], messageFlag.ack);
    return doneOf(outcome).replies;
  }

  /**
   * Many requests, in order, with an outcome for each: one that fails does not stop the others. They are taken from
   * `requests` as there is room, so that a caller who encodes them on the way never holds up the event loop for long.
   */
  async apply(requests: Iterable<NamedRequest>): Promise<RequestOutcome[]> {
    const batches: Promise<RequestOutcome[]>[] = [];
    for (const datagram of datagramsOf(requests)) {
      await this.#slot();
      batches.push(this.#send(datagram, messageFlag.ack));
    }
    return (await Promise.all(batches)).flat();
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
      const [outcome] = await this.#exchange([request], 0);
      if (outcome?.kind === "failed" && outcome.error.failure.code === "OVERRUN") continue;
      const { replies, isInterrupted } = doneOf(outcome);
      if (!isInterrupted) return replies;
    }
    throw new KernelError({ code: "INTERRUPTED", object: request.object, attempts: dumpAttemptsMax });
  }

  async #exchange(requests: readonly NamedRequest[], flags: number): Promise<RequestOutcome[]> {
    await this.#slot();
    return this.#send(requests, flags);
  }

  async #slot(): Promise<void> {
    while (this.#datagramsInFlight >= datagramsInFlightMax) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#datagramsInFlight += 1;
  }

  /** Gives the slot back when all outcomes are known. */
  #send(requests: readonly NamedRequest[], flags: number): Promise<RequestOutcome[]> {
    const messages = requests.map((request) => this.#number(request, flags));
    const sequences = messages.map((message) => message.sequence);
    const outcomes = requests.map((request, i) => this.#expect(sequences[i] ?? 0, request));
    const fail = (code: "TIMEOUT" | "CLOSED"): void => {
      for (const sequence of sequences) this.#fail(sequence, code);
    };
    // When the loop was busy, the answer is there but not read yet: the immediate runs after sockets had their turn.
    const timer = setTimeout(() => setImmediate(() => fail("TIMEOUT")), this.#timeoutMs);
    if (this.#isClosed) fail("CLOSED");
    else this.#port.send(encodeMessages(messages), () => fail("CLOSED"));
    return Promise.all(outcomes).finally(() => {
      clearTimeout(timer);
      this.#datagramsInFlight -= 1;
      this.#waiting.shift()?.();
    });
  }

  #number(request: NamedRequest, flags: number): NetlinkMessage {
    this.#sequence = (this.#sequence + 1) >>> 0 || 1; // Zero is what notifications carry.
    const allFlags = messageFlag.request | flags | request.flags;
    return { type: request.type, flags: allFlags, sequence: this.#sequence, port: this.#port.port, body: request.body };
  }

  #expect(sequence: number, request: NamedRequest): Promise<RequestOutcome> {
    return new Promise((settle) => this.#pending.set(sequence, { request, replies: [], isInterrupted: false, settle }));
  }

  #onDatagram(datagram: Uint8Array): void {
    const messages = decodeMessages(datagram);
    if (messages) for (const message of messages) this.#onMessage(message);
    else this.#failAll("MALFORMED");
  }

  #onMessage(message: NetlinkMessage): void {
    const pending = this.#pending.get(message.sequence);
    // An answer that came after its time limit, or to another socket's request.
    if (!pending || message.port !== this.#port.port) return;
    if ((message.flags & messageFlag.dumpInterrupted) !== 0) pending.isInterrupted = true;
    if (message.type !== messageType.error && message.type !== messageType.done) {
      pending.replies.push(message);
      return;
    }
    const ack = decodeAcknowledgement(message);
    if (!ack) this.#fail(message.sequence, "MALFORMED");
    else this.#settle(message.sequence, this.#outcomeOf(pending, ack));
  }

  #outcomeOf({ request, replies, isInterrupted }: Pending, ack: Acknowledgement): RequestOutcome {
    if (ack.errno === 0) return { kind: "done", replies, isInterrupted };
    return { kind: "failed", error: new KernelError(this.#toRefusal(ack, request.object)) };
  }

  #failAll(code: "OVERRUN" | "CLOSED" | "MALFORMED"): void {
    for (const sequence of [...this.#pending.keys()]) this.#fail(sequence, code);
  }

  #fail(sequence: number, code: "TIMEOUT" | "OVERRUN" | "CLOSED" | "MALFORMED"): void {
    const object = this.#pending.get(sequence)?.request.object ?? "";
    const error = new KernelError(code === "TIMEOUT" ? { code, object, timeoutMs: this.#timeoutMs } : { code, object });
    this.#settle(sequence, { kind: "failed", error });
  }

  #settle(sequence: number, outcome: RequestOutcome): void {
    this.#pending.get(sequence)?.settle(outcome);
    this.#pending.delete(sequence);
  }
}

function* datagramsOf(requests: Iterable<NamedRequest>): Generator<readonly NamedRequest[]> {
  let datagram: NamedRequest[] = [];
  let bytes = 0;
  for (const request of requests) {
    const size = messageHeaderBytes + request.body.length;
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

function doneOf(outcome: RequestOutcome | undefined): Extract<RequestOutcome, { kind: "done" }> {
  if (outcome?.kind === "done") return outcome;
  throw outcome?.error ?? new Error("a request without an outcome");
}

function plainRefusal(ack: Acknowledgement, object: string): Refusal {
  return refusal(ack.errno, object, ack);
}
