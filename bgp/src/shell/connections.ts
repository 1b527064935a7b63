/** TCP connections by their numbers: what the speaker wants done to them, and what happens to them as its events. */
import { Socket } from "node:net";
import type { ConnectionId, Dial, SpeakerEvent, TransportPorts } from "../speaker/event.ts";
import type { SocketOptions } from "./socketOptions.ts";
import { transportReason } from "./transportReason.ts";

/** What libuv reads at once. After less it waits for the next round by itself. */
const chunkBytes = 65_536;

/**
 * How long our OPEN to a peer that dialled us waits for that peer's own, so that it goes with the KEEPALIVE that answers
 * it: a segment less for each of a thousand peers that come at once (RFC 4271 §8.1.1: DelayOpen).
 */
const openWaitsMs = 5;

/** How long a closed connection may take to hand over its last message. */
const lingerMs = 2_000;

export class Connections {
  readonly #dispatch: (event: SpeakerEvent) => void;
  readonly #options: SocketOptions;
  readonly #sockets = new Map<ConnectionId, Socket>();
  /** Closed by the speaker, but the last message may still be on its way. */
  readonly #lingering = new Set<Socket>();
  /** What was said first to peers that dialled us, and waits for what is said next. */
  readonly #first = new Map<ConnectionId, { readonly bytes: Uint8Array; readonly timeout: NodeJS.Timeout }>();
  #lastAccepted: ConnectionId = 0;
  /** That which the speaker is just told of: what it says there is the first. */
  #greeted: ConnectionId | null = null;

  constructor(dispatch: (event: SpeakerEvent) => void, options: SocketOptions) {
    this.#dispatch = dispatch;
    this.#options = options;
  }

  dial(connection: ConnectionId, to: Dial): void {
    try {
      this.#connect(connection, to, to.isPlain ? new Socket() : this.#options.socketTo(to.address));
    } catch (error) {
      const reason = error instanceof Error ? transportReason(error) : String(error);
      setImmediate(() => this.#dispatch({ type: "closed", connection, reason }));
    }
  }

  #connect(connection: ConnectionId, { address, port, localAddress }: Dial, socket: Socket): void {
    const local = localAddress === undefined ? {} : { localAddress };
    socket.setNoDelay(true);
    socket.connect({ host: address, port, ...local });
    this.#watch(connection, socket);
    socket.once("connect", () => {
      if (!this.#isOurs(connection, socket)) return;
      const { localAddress = "" } = socket;
      this.#dispatch({ type: "connected", connection, localAddress, ports: portsOf(socket) });
    });
  }

  accept(socket: Socket): void {
    const { localAddress, remoteAddress } = socket;
    if (!localAddress || !remoteAddress) {
      socket.destroy(); // It was reset before we looked.
      return;
    }
    try {
      if (!this.#options.accepted(socket)) {
        socket.destroy(); // Without a word: whoever is out of reach cannot hear it.
        this.#dispatch({ type: "tooFar", remoteAddress });
        return;
      }
    } catch {
      socket.destroy(); // What its peer needs cannot be had, or it was reset before we looked.
      return;
    }
    this.#lastAccepted -= 1;
    this.#watch(this.#lastAccepted, socket);
    this.#greeted = this.#lastAccepted;
    const ports = portsOf(socket);
    this.#dispatch({ type: "accepted", connection: this.#lastAccepted, localAddress, remoteAddress, ports });
  }

  send(connection: ConnectionId, bytes: Uint8Array): void {
    const first = this.#first.get(connection);
    if (first) this.#sendFirst(connection, bytes);
    else if (connection === this.#greeted) {
      this.#greeted = null;
      this.#first.set(connection, { bytes, timeout: setTimeout(() => this.#sendFirst(connection), openWaitsMs) });
    } else this.#write(connection, bytes);
  }

  /** With what comes behind it. */
  #sendFirst(connection: ConnectionId, more?: Uint8Array): void {
    const first = this.#first.get(connection);
    if (!first) return;
    clearTimeout(first.timeout);
    this.#first.delete(connection);
    this.#write(connection, more ? Buffer.concat([first.bytes, more]) : first.bytes);
  }

  #write(connection: ConnectionId, bytes: Uint8Array): void {
    const socket = this.#sockets.get(connection);
    socket?.write(bytes, () => {
      if (socket.writableLength > 0 || !this.#isOurs(connection, socket)) return;
      this.#dispatch({ type: "drained", connection });
    });
  }

  /**
   * Reads on until the peer closes too: to close with unread bytes would reset the connection (RFC 1122 §4.2.2.13), and
   * a reset may overtake the NOTIFICATION that says why.
   */
  close(connection: ConnectionId): void {
    const socket = this.#sockets.get(connection);
    if (!socket) return;
    this.#sendFirst(connection);
    this.#sockets.delete(connection);
    if (socket.connecting) {
      socket.destroy();
      return;
    }
    this.#lingering.add(socket);
    socket.end();
    const linger = setTimeout(() => socket.destroy(), lingerMs);
    socket.once("close", () => {
      clearTimeout(linger);
      this.#lingering.delete(socket);
    });
  }

  /** Resolves when the last one is gone. */
  async end(): Promise<void> {
    for (const connection of [...this.#sockets.keys()]) this.close(connection);
    await this.lingered();
  }

  /** Resolves when those that are closing now are gone: their peers have heard why. */
  async lingered(): Promise<void> {
    await Promise.all([...this.#lingering].map((socket) => new Promise((resolve) => socket.once("close", resolve))));
  }

  #watch(connection: ConnectionId, socket: Socket): void {
    this.#sockets.set(connection, socket);
    let reason = "connection closed by the peer";
    const closed = (): void => {
      if (!this.#isOurs(connection, socket)) return;
      this.#sockets.delete(connection);
      socket.destroy();
      this.#dispatch({ type: "closed", connection, reason });
    };
    socket.on("error", (error) => {
      reason = transportReason(error);
    });
    socket.on("end", closed); // Not only at `close`, which waits for what we cannot send any more.
    socket.on("close", closed);
    socket.on("data", (bytes: Buffer) => {
      if (!this.#isOurs(connection, socket)) return;
      // One full chunk a round of the event loop: libuv would read dozens before it looks at a timer.
      if (bytes.length >= chunkBytes) {
        socket.pause();
        setImmediate(() => socket.resume());
      }
      // As plain bytes, as which the framer joins chunks: what reads every byte is compiled for one kind of array.
      this.#dispatch({
        type: "bytes",
        connection,
        bytes: new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length),
      });
    });
  }

  #isOurs(connection: ConnectionId, socket: Socket): boolean {
    return this.#sockets.get(connection) === socket;
  }
}

function portsOf({ localPort = 0, remotePort = 0 }: Socket): TransportPorts {
  return { local: localPort, remote: remotePort };
}
