/** The sockets on which packets of BFD arrive: one of each family for single hop, and one for multihop. */
import { createSocket, type Socket } from "node:dgram";
import { type Family, parseAddress } from "@brindle/net";
import { anyAddress, openUdpSocket } from "@brindle/net/shell";
import { type BfdPath, pathKey } from "../bfd/paths.ts";
import { messageOf } from "../error.ts";
import { bfdPorts } from "./bfdPorts.ts";
import { hopLimitFull } from "./peerSocketNeeds.ts";

type Kind = `${"single hop" | "multihop"} ${Family}`;

export class BfdListeners {
  readonly #onDatagram: (bytes: Uint8Array, key: string) => void;
  readonly #sockets = new Map<Kind, Socket>();

  constructor(onDatagram: (bytes: Uint8Array, key: string) => void) {
    this.#onDatagram = onDatagram;
  }

  /** Opens what packets of this path arrive on. Throws where another program has the port. */
  open(path: BfdPath): void {
    const kind = kindOf(path);
    if (this.#sockets.has(kind)) return;
    const multihop = path.multihop ?? false;
    const fd = listen(familyOf(path), multihop);
    const socket = createSocket(familyOf(path) === 4 ? "udp4" : "udp6");
    socket.on("message", (bytes, { address }) => this.#onDatagram(bytes, pathKey(address, multihop)));
    // Of a datagram that could not be read: the next one will be.
    socket.on("error", () => {});
    socket.bind({ fd });
    this.#sockets.set(kind, socket);
  }

  /** Closes what no path needs. */
  keep(paths: readonly BfdPath[]): void {
    const kinds = new Set(paths.map(kindOf));
    for (const [kind, socket] of this.#sockets) {
      if (kinds.has(kind)) continue;
      this.#sockets.delete(kind);
      socket.close();
    }
  }
}

function listen(family: Family, multihop: boolean): number {
  const port = multihop ? bfdPorts.multihop : bfdPorts.singleHop;
  // RFC 5881 §5: who sends from further away cannot send with all hops left. Over several hops there is no such proof.
  const accepts = multihop ? "any" : hopLimitFull;
  try {
    return openUdpSocket(anyAddress[family], port, { hopLimit: hopLimitFull, accepts });
  } catch (error) {
    throw new Error(`cannot listen on UDP port ${port}: ${messageOf(error)}`, { cause: error });
  }
}

function kindOf(path: BfdPath): Kind {
  return `${path.multihop ? "multihop" : "single hop"} ${familyOf(path)}`;
}

function familyOf({ address }: BfdPath): Family {
  return parseAddress(address)?.family ?? 4;
}
