/**
 * The requests of one datagram, and what the kernel has answered to them so far. Only the last one asks for an
 * acknowledgement: the kernel works through a datagram in order and reports errors unasked (netlink_rcv_skb), so once
 * the last one is answered, those that it did not complain about are done. That holds while no answer is lost: whoever
 * owns the socket calls `fail` after an overrun, before it hands on anything that came later.
 */
import { KernelError, type KernelFailure } from "../kernelError.ts";
import {
  messageBytes,
  messageFlag,
  type NetlinkMessage,
  type NetlinkRequest,
  writeMessage,
} from "../netlink/message.ts";

/** A request and its name in error texts, which may be worked out only when it is asked for. */
export interface NamedRequest extends NetlinkRequest {
  readonly object: string;
}

export type RequestOutcome = { readonly kind: "done" } | { readonly kind: "failed"; readonly error: KernelError };

export interface ExchangeEnd {
  /** One a request, in their order. */
  readonly outcomes: readonly RequestOutcome[];
  /** What the kernel said besides errors and acknowledgements. */
  readonly replies: readonly NetlinkMessage[];
  /** The replies are a dump's, and not of one moment. */
  readonly isInterrupted: boolean;
}

export class NetlinkExchange {
  readonly replies: NetlinkMessage[] = [];
  isInterrupted = false;
  readonly #requests: readonly NamedRequest[];
  readonly #firstSequence: number;
  readonly #refused = new Map<number, KernelError>();
  readonly #onEnd: (end: ExchangeEnd) => void;

  /** The requests are numbered from `firstSequence` on, without a gap. */
  constructor(requests: readonly NamedRequest[], firstSequence: number, onEnd: (end: ExchangeEnd) => void) {
    this.#requests = requests;
    this.#firstSequence = firstSequence;
    this.#onEnd = onEnd;
  }

  /** The request with this sequence number, or `undefined` when it is of another datagram. */
  request(sequence: number): NamedRequest | undefined {
    return this.#requests[sequence - this.#firstSequence];
  }

  /** A dump ends with a message of its own; that it is asked to be acknowledged as well makes no difference. */
  encode(port: number): Uint8Array {
    const bytes = new Uint8Array(this.#requests.reduce((total, request) => total + messageBytes(request), 0));
    const last = this.#requests.length - 1;
    let offset = 0;
    for (let i = 0; i <= last; i++) {
      const request = this.#requests[i];
      if (!request) continue;
      const { type, body } = request;
      const flags = request.flags | messageFlag.request | (i === last ? messageFlag.ack : 0);
      offset = writeMessage(bytes, offset, { type, flags, sequence: this.#firstSequence + i, port, body });
    }
    return bytes;
  }

  /** The kernel is done with a request, or refuses it. True when that was the last one, and the exchange has ended. */
  answered(sequence: number, error: KernelError | null): boolean {
    const index = sequence - this.#firstSequence;
    if (error) this.#refused.set(index, error);
    const isLast = index === this.#requests.length - 1;
    if (isLast) this.#end(() => done);
    return isLast;
  }

  /** Nothing more is heard. What the kernel has refused by now stays refused for its own reason. */
  fail(failureOf: (object: string) => KernelFailure): void {
    this.#end(({ object }) => ({ kind: "failed", error: new KernelError(failureOf(object)) }));
  }

  #end(unanswered: (request: NamedRequest) => RequestOutcome): void {
    const outcomes = this.#requests.map((request, i): RequestOutcome => {
      const error = this.#refused.get(i);
      return error ? { kind: "failed", error } : unanswered(request);
    });
    this.#onEnd({ outcomes, replies: this.replies, isInterrupted: this.isInterrupted });
  }
}

const done: RequestOutcome = { kind: "done" };
