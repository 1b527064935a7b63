/**
 * Requests that the kernel sleeps in. It does all of a netlink request's work inside send(2), and removing interfaces
 * takes it tens of milliseconds of waiting. So these are sent on a thread of libuv's pool, from a socket of their own,
 * and the event loop goes on.
 */
import { closeSync } from "node:fs";
import { KernelError, refusal } from "../kernelError.ts";
import { deleteLinkGroup } from "../netlink/link.ts";
import { decodeAcknowledgement, decodeMessages, encodeMessage, messageFlag } from "../netlink/message.ts";
import { openSocket, receiveNow, sendAside, setSocketOption, socketDomain, socketType } from "./libc.ts";
import { insideNamespace, type NamespaceReference } from "./namespace.ts";

const solNetlink = 270;
const netlinkCapAck = 10;
const netlinkExtAck = 11;
const acknowledgementBytesMax = 8_192;

/** Deletes every interface of a group; `NOT_FOUND` when it has none. */
export async function deleteLinkGroupAside(group: number, namespace: NamespaceReference): Promise<void> {
  const object = `deleteLinkGroup ${group}`;
  const { type, flags, body } = deleteLinkGroup(group);
  const fd = insideNamespace(namespace, () =>
    openSocket(socketDomain.netlink, socketType.raw | socketType.closeOnExec),
  );
  try {
    for (const option of [netlinkCapAck, netlinkExtAck]) setSocketOption(fd, solNetlink, option, 1);
    const asked = flags | messageFlag.request | messageFlag.ack;
    await sendAside(fd, encodeMessage({ type, flags: asked, sequence: 1, port: 0, body }));
    // The acknowledgement was put into our queue before send(2) returned.
    const [reply] = decodeMessages(receiveNow(fd, acknowledgementBytesMax)) ?? [];
    const ack = reply && decodeAcknowledgement(reply);
    if (!ack) throw new KernelError({ code: "MALFORMED", object });
    if (ack.errno !== 0) throw new KernelError(refusal(ack.errno, object, ack));
  } finally {
    closeSync(fd);
  }
}
