/**
 * rtnetlink without the event loop. The kernel does all of a request's work inside send(2), on whatever thread asks, and
 * its answer is in the socket's queue before that returns: so it is read at once, and a dozen requests in a row cost no
 * turn of the loop. For short work in order; what the kernel sleeps in belongs to `slowRequest.ts`.
 */
import { type Address, formatAddress } from "../address.ts";
import { KernelError, refusal } from "../kernelError.ts";
import {
  createLink,
  decodeLink,
  decodeRunning,
  echoed,
  getLink,
  type Link,
  type LinkReference,
  type NewLink,
} from "../netlink/link.ts";
import {
  decodeAcknowledgement,
  decodeMessages,
  messageBytes,
  messageFlag,
  messageType,
  type NetlinkMessage,
  type NetlinkRequest,
  writeMessage,
} from "../netlink/message.ts";
import { describeChange, encodeChange, type KernelChange } from "../netlink/request.ts";
import { decodeLookup, lookupRoute, type RouteLookup } from "../netlink/route.ts";
import { closeSocket, openSocket, receiveInto, sendNow, setSocketOption, socketDomain, socketType } from "./libc.ts";
import { insideNamespace, type NamespaceReference } from "./namespace.ts";

const solNetlink = 270;
const netlinkCapAck = 10;
const netlinkExtAck = 11;
/** More than an interface, or a refusal, takes. One for all, since what is received is decoded before anything else is. */
const answers = new Uint8Array(8_192);

export class DirectRoutes implements Disposable {
  readonly #fd: number;
  #isOpen = true;
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
    return this.links([reference])[0] ?? null;
  }

  /** Whether an interface is operational (`Link.running`); `null` when there is none. */
  isRunning(index: number): boolean | null {
    this.#send([getLink({ index })], 0);
    const object = `get link ${index}`;
    const [reply] = this.#receive(object);
    if (reply && reply.type !== messageType.error) return decodeRunning(reply);
    const refused = reply ? linkOf(reply, object) : null;
    if (refused instanceof KernelError) throw refused;
    return null;
  }

  /** In one datagram; `null` for each that is not there. Of more than some thirty the answers find no room. */
  links(references: readonly (string | number)[]): (Link | null)[] {
    const first = this.#send(
      references.map((reference) => getLink(referenceOf(reference))),
      0,
    );
    const links: (Link | KernelError | null)[] = [];
    while (links.length < references.length) {
      for (const reply of this.#receive("get link")) {
        links.push(linkOf(reply, `get link ${references[reply.sequence - first]}`));
      }
    }
    return links.map((link) => {
      if (link instanceof KernelError) throw link;
      return link;
    });
  }

  /** Which route a packet to that address would take; `null` where it would take none. */
  lookup(destination: Address): RouteLookup | null {
    this.#send([lookupRoute(destination)], 0);
    const [reply] = this.#receive(`lookup ${formatAddress(destination)}`);
    return reply && reply.type !== messageType.error ? decodeLookup(reply) : null;
  }

  /** The interface as it is then, or the kernel's refusal. */
  create(link: NewLink): Link | KernelError {
    const { flags, ...request } = echoed(createLink(link));
    this.#send([{ ...request, flags: flags | messageFlag.ack }], 0);
    let made: Link | null = null;
    for (;;) {
      for (const message of this.#receive(link.name)) {
        if (message.type === messageType.error) return this.#created(link, message, made);
        made = decodeLink(message);
      }
    }
  }

  #created(link: NewLink, message: NetlinkMessage, made: Link | null): Link | KernelError {
    const object = describeChange({ op: "createLink", link });
    const { errno = 0, ...details } = decodeAcknowledgement(message) ?? {};
    if (errno !== 0) return new KernelError(refusal(errno, object, details));
    // Before Linux 6.2 the kernel does not say what it made.
    return made ?? this.link(link.name) ?? new KernelError(refusal(noSuchDevice, object));
  }

  /** In one datagram, in order. All are tried; what the kernel said to the first that it refused is thrown. */
  apply(changes: readonly KernelChange[]): void {
    const refused = this.tryEach(changes).find((error) => error !== null);
    if (refused) throw refused;
  }

  /** In one datagram, in order: of each the kernel's refusal, or `null`. */
  tryEach(changes: readonly KernelChange[]): (KernelError | null)[] {
    const outcomes = new Array<KernelError | null>(changes.length).fill(null);
    const first = this.#send(changes.map(encodeChange), messageFlag.ack);
    for (let answered = changes.length === 0; !answered; ) {
      // Only the last asks to be acknowledged; refusals of others come before, unasked.
      for (const message of this.#receive("changes")) {
        const index = message.sequence - first;
        const ack = decodeAcknowledgement(message);
        const change = changes[index];
        if (!ack || !change) throw new KernelError({ code: "MALFORMED", object: "changes" });
        if (ack.errno !== 0) outcomes[index] = new KernelError(refusal(ack.errno, describeChange(change), ack));
        answered ||= index === changes.length - 1;
      }
    }
    return outcomes;
  }

  /** From then on nothing can be asked. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    closeSocket(this.#fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** The sequence number of the first; the last gets `lastFlags` too. */
  #send(requests: readonly NetlinkRequest[], lastFlags: number): number {
    const { bytes, first } = this.#encode(requests, lastFlags);
    if (requests.length > 0) sendNow(this.#open("send"), bytes);
    return first;
  }

  #open(object: string): number {
    if (!this.#isOpen) throw new KernelError({ code: "CLOSED", object });
    return this.#fd;
  }

  #encode(
    requests: readonly NetlinkRequest[],
    lastFlags: number,
  ): { readonly bytes: Uint8Array; readonly first: number } {
    // A number is used again after four thousand million requests, and nothing of then is waited for.
    if (this.#lastSequence > 0xffff_0000) this.#lastSequence = 0;
    const bytes = new Uint8Array(requests.reduce((total, request) => total + messageBytes(request), 0));
    const first = this.#lastSequence + 1;
    let offset = 0;
    for (const [index, { type, flags, body }] of requests.entries()) {
      const asked = flags | messageFlag.request | (index === requests.length - 1 ? lastFlags : 0);
      this.#lastSequence = first + index;
      offset = writeMessage(bytes, offset, { type, flags: asked, sequence: this.#lastSequence, port: 0, body });
    }
    return { bytes, first };
  }

  #receive(object: string) {
    const messages = decodeMessages(receiveInto(this.#open(object), answers));
    if (!messages || messages.length === 0) throw new KernelError({ code: "MALFORMED", object });
    return messages;
  }
}

/** ENODEV */
const noSuchDevice = 19;

function linkOf(reply: NetlinkMessage, object: string): Link | KernelError | null {
  if (reply.type === messageType.error) {
    const errno = decodeAcknowledgement(reply)?.errno ?? 0;
    return errno === noSuchDevice ? null : new KernelError(refusal(errno, object));
  }
  return decodeLink(reply) ?? new KernelError({ code: "MALFORMED", object });
}

function referenceOf(reference: string | number): LinkReference {
  return typeof reference === "number" ? { index: reference } : { name: reference };
}
