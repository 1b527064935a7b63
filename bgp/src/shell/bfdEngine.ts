/** All sessions of BFD with their sockets, timers and clock. Decisions are `step`'s: here they are carried out. */
import { randomInt } from "node:crypto";
import type { ControlPacket } from "../bfd/packet.ts";
import { decodeControlPacket } from "../bfd/packet.ts";
import { type BfdPath, Demultiplexer, pathKey, zonedAddress } from "../bfd/paths.ts";
import { faultyPath, type PathStatus } from "../bfd/status.ts";
import { messageOf } from "../error.ts";
import { BfdListeners } from "./bfdListeners.ts";
import { LiveBfdSession } from "./liveBfdSession.ts";

/** When a socket could not be had: another program has the port, or our address is not there yet. */
const retryMs = 2000;

interface Watched {
  readonly path: BfdPath;
  /** `null` while there is none to be had. */
  readonly session: LiveBfdSession | null;
  readonly retry: NodeJS.Timeout | null;
}

export class BfdEngine {
  readonly #tell: (peer: string, status: PathStatus) => void;
  readonly #watched = new Map<string, Watched>();
  readonly #sessions = new Demultiplexer<LiveBfdSession>();
  readonly #listeners = new BfdListeners((bytes, key) => this.#onDatagram(bytes, key));

  constructor(tell: (peer: string, status: PathStatus) => void) {
    this.#tell = tell;
  }

  watch(peer: string, path: BfdPath): void {
    const known = this.#watched.get(peer);
    if (known?.session && placeOf(known.path) === placeOf(path)) {
      this.#watched.set(peer, { ...known, path });
      known.session.configure(path);
      return;
    }
    this.unwatch(peer);
    this.#begin(peer, path);
  }

  unwatch(peer: string): void {
    const known = this.#watched.get(peer);
    if (known) this.#forget(peer, known, { quietly: false });
    this.#listeners.keep([...this.#watched.values()].map(({ path }) => path));
  }

  end({ quietly }: { readonly quietly: boolean }): void {
    for (const [peer, known] of this.#watched) this.#forget(peer, known, { quietly });
    this.#listeners.keep([]);
  }

  #forget(peer: string, { session, retry }: Watched, { quietly }: { readonly quietly: boolean }): void {
    this.#watched.delete(peer);
    if (retry) clearTimeout(retry);
    if (!session) return;
    this.#sessions.remove(session);
    session.end({ quietly });
  }

  #begin(peer: string, path: BfdPath): void {
    try {
      this.#listeners.open(path);
      const key = pathKey(zonedAddress(path), path.multihop ?? false);
      const options = { path, key, discriminator: this.#newDiscriminator() };
      const session = new LiveBfdSession(options, (status) => this.#tell(peer, status));
      this.#watched.set(peer, { path, session, retry: null });
      this.#sessions.add(session);
      session.start();
    } catch (error) {
      const retry = setTimeout(() => this.#begin(peer, path), retryMs);
      this.#watched.set(peer, { path, session: null, retry });
      this.#tell(peer, faultyPath(messageOf(error)));
    }
  }

  #onDatagram(bytes: Uint8Array, key: string): void {
    const decoded = decodeControlPacket(bytes);
    if (decoded.kind === "packet") this.#sessionOf(decoded.packet, key)?.receive(decoded.packet);
  }

  #sessionOf(packet: ControlPacket, key: string): LiveBfdSession | null {
    return this.#sessions.find(packet, key);
  }

  #newDiscriminator(): number {
    for (;;) {
      const discriminator = randomInt(1, 0x100000000);
      if (!this.#sessions.isTaken(discriminator)) return discriminator;
    }
  }
}

/** What cannot change in a session. */
function placeOf(path: BfdPath): string {
  return JSON.stringify([zonedAddress(path), path.localAddress, path.multihop ?? false]);
}
