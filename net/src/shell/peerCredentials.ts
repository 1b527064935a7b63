/** Who is at the other end of a Unix socket, as the kernel noted it at connect(2): it cannot be made up. */
import { endianness } from "node:os";
import { getSocketOption } from "./libc.ts";
import { descriptorOf } from "./tcpSocket.ts";

const socketLevel = 1; // SOL_SOCKET
const peerCredentials = 17; // SO_PEERCRED
/** struct ucred: process, user and group, in the machine's order of bytes. */
const credentialsBytes = 12;
const userAt = 4;

/** The user's number. Throws where the socket is none of this kind, or closed. */
export function peerUser(socket: object): number {
  const bytes = getSocketOption(descriptorOf(socket), socketLevel, peerCredentials, credentialsBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return view.getUint32(userAt, endianness() === "LE");
}
