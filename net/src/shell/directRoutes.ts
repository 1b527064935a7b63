/**
 * rtnetlink without the event loop. The kernel does all of a request's work inside send(2), on whatever thread asks, and
 * its answer is in the socket's queue before that returns: so it is read at once, and a dozen requests in a row cost no
 * turn of the loop. For short work in order; what the kernel sleeps in belongs to `slowRequest.ts`.
 */
import { closeSync } from "node:fs";
import { KernelError, refusal } from "../kernelError.ts";
import { decodeLink, getLink, type Link, type LinkReference } from "../netlink/link.ts";
import {
  type Acknowledgement,
  decodeAcknowledgement,
  decodeMessages,
  messageBytes,
  messageFlag,
  messageType,
  type NetlinkRequest,
  writeMessage,
} from "../netlink/message.ts";
import { describeChange, encodeChange, type KernelChange } from "../netlink/request.ts";
import { openSocket, receiveNow, sendNow, setSocketOption, socketDomain, socketType } from "./libc.ts";
import { insideNamespace, type NamespaceReference } from "./namespace.ts";

const solNetlink = 270;
const netlinkCapAck = 10;
const netlinkExtAck = 11;
/** More than an interface, or a refusal, takes. */
const answerBytesMax = 8_192;

export class DirectRoutes implements Disposable {
  readonly #fd: number;
  #lastSequence = 0;

  /** The socket stays in the namespace. `warmThreadPool()` comes before. */
  constructor(namespace: NamespaceReference) {
    this.#fd = insideNamespace(namespace, () =>
      openSocket(socketDomain.netlink, socketType.raw | socketType.closeOnExec),
    );
    for (const option of [netlinkCapAck, netlinkExtAck]) setSocketOption(this.#fd, solNetlink, option, 1);
  }

  /** `null` when there is none. */
  link(reference: string | number): Link | null {
    const request = getLink(referenceOf(reference));
    const object = `get link ${reference}`;
    this.#send([request], 0);
    const [reply] = this.#receive(object);
    if (reply?.type === messageType.error) {
      const errno = decodeAcknowledgement(reply)?.errno ?? 0;
      if (errno === noSuchDevice) return null;
      throw new KernelError(refusal(errno, object));
    }
    const link = reply && decodeLink(reply);
    if (!link) throw new KernelError({ code: "MALFORMED", object });
    return link;
  }

  /** In one datagram, in order. All are tried; what the kernel said to the first that it refused is thrown. */
  apply(changes: readonly KernelChange[]): void {
    const first = this.#send(changes.map(encodeChange), messageFlag.ack);
    const last = first + changes.length - 1;
    let failure: { readonly ack: Acknowledgement; readonly object: string } | null = null;
    for (let answered = false; changes.length > 0 && !answered; ) {
      // Only the last asks to be acknowledged; refusals of others come before, unasked.
      for (const message of this.#receive("changes")) {
        const ack = decodeAcknowledgement(message);
        const change = changes[message.sequence - first];
        if (!ack || !change) throw new KernelError({ code: "MALFORMED", object: "changes" });
        if (ack.errno !== 0) failure ??= { ack, object: describeChange(change) };
        answered ||= message.sequence === last;
      }
    }
    if (failure) throw new KernelError(refusal(failure.ack.errno, failure.object, failure.ack));
  }

  close(): void {
    closeSync(this.#fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** The sequence number of the first; the last gets `lastFlags` too. */
  #send(requests: readonly NetlinkRequest[], lastFlags: number): number {
    const bytes = new Uint8Array(requests.reduce((total, request) => total + messageBytes(request), 0));
    const first = this.#lastSequence + 1;
    let offset = 0;
    for (const [index, { type, flags, body }] of requests.entries()) {
      const asked = flags | messageFlag.request | (index === requests.length - 1 ? lastFlags : 0);
      this.#lastSequence = first + index;
      offset = writeMessage(bytes, offset, { type, flags: asked, sequence: this.#lastSequence, port: 0, body });
    }
    if (requests.length > 0) sendNow(this.#fd, bytes);
    // A number is used again after four thousand million requests, and nothing of then is waited for.
    if (this.#lastSequence > 0xffff_0000) this.#lastSequence = 0;
    return first;
  }

  #receive(object: string) {
    const messages = decodeMessages(receiveNow(this.#fd, answerBytesMax));
    if (!messages || messages.length === 0) throw new KernelError({ code: "MALFORMED", object });
    return messages;
  }
}

/** ENODEV */
const noSuchDevice = 19;

function referenceOf(reference: string | number): LinkReference {
  return typeof reference === "number" ? { index: reference } : { name: reference };
}
