/** Hears one group of NFLOG for as long as it is open. The kernel never waits for it: what finds no room is lost, and counted. */
import {
  bindLogGroup,
  configureLogGroup,
  decodeLoggedPacket,
  type LogGroup,
  type LoggedPacket,
} from "../netfilter/log.ts";
import { netfilterProtocol } from "../netfilter/message.ts";
import { decodeMessages } from "../netlink/message.ts";
import { type NamespaceReference, warmThreadPool } from "./namespace.ts";
import { openNetlinkPort } from "./netlinkPort.ts";
import { NetlinkSocket } from "./netlinkSocket.ts";

export interface LogSocketOptions extends LogGroup {
  readonly namespace?: NamespaceReference;
  readonly onPacket: (packet: LoggedPacket) => void;
  /** Packets that the kernel numbered and that never came. */
  readonly onLost?: (count: number) => void;
}

export interface LogSocket extends Disposable {
  close(): void;
}

/** Rejects with DENIED where somebody else hears the group. */
export async function openLogSocket(options: LogSocketOptions): Promise<LogSocket> {
  await warmThreadPool();
  const { namespace, group, onPacket, onLost = () => {} } = options;
  const port = openNetlinkPort({ protocol: netfilterProtocol, ...(namespace !== undefined && { namespace }) });
  const socket = new NetlinkSocket(port);
  let expected: number | null = null;
  port.onDatagram((datagram) => {
    for (const message of decodeMessages(datagram) ?? []) {
      const packet = decodeLoggedPacket(message);
      if (packet?.group !== group) continue;
      const { sequence } = packet;
      if (expected !== null && sequence !== null && sequence > expected) onLost(sequence - expected);
      if (sequence !== null) expected = (sequence + 1) >>> 0;
      onPacket(packet);
    }
  });
  try {
    const object = `log group ${group}`;
    await socket.request({ ...bindLogGroup(group), object });
    await socket.request({ ...configureLogGroup(options), object });
  } catch (error) {
    socket.close();
    throw error;
  }
  const close = (): void => socket.close();
  return { close, [Symbol.dispose]: close };
}
