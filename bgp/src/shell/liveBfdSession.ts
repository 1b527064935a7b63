/** One session of BFD: the machine, the socket that its packets leave from, and its two timers. */

import { randomInt } from "node:crypto";
import { networkInterfaces } from "node:os";
import { isDeepStrictEqual } from "node:util";
import { type Address, parseAddress } from "@brindle/net";
import { anyAddress, closeSocket, openUdpSocket, sendDatagram, udpDestination } from "@brindle/net/shell";
import { type ControlPacket, encodeControlPacket } from "../bfd/packet.ts";
import type { BfdPath } from "../bfd/paths.ts";
import {
  type BfdAction,
  type BfdConfig,
  type BfdEvent,
  type BfdSession,
  type BfdTimer,
  initialBfdSession,
  step,
} from "../bfd/session.ts";
import { type PathStatus, pathStatus } from "../bfd/status.ts";
import { bfdPorts } from "./bfdPorts.ts";
import { hopLimitFull } from "./peerSocketNeeds.ts";

export interface LiveBfdOptions {
  readonly path: BfdPath;
  readonly key: string;
  readonly discriminator: number;
}

export class LiveBfdSession {
  readonly key: string;
  readonly discriminator: number;
  readonly #onStatus: (status: PathStatus) => void;
  readonly #fd: number;
  readonly #destination: Uint8Array;
  readonly #timers = new Map<BfdTimer, NodeJS.Timeout>();
  #config: BfdConfig;
  #session: BfdSession;
  #told: PathStatus | null = null;
  /** How many packets have come: whether one did since a timer fired. */
  #received = 0;

  /** Throws where there is no socket to be had. */
  constructor({ path, key, discriminator }: LiveBfdOptions, onStatus: (status: PathStatus) => void) {
    this.key = key;
    this.discriminator = discriminator;
    this.#onStatus = onStatus;
    this.#config = configOf(path, discriminator);
    this.#session = initialBfdSession(this.#config);
    this.#destination = destinationOf(path);
    this.#fd = openSource(path);
  }

  start(): void {
    this.#handle({ type: "start" });
  }

  receive(packet: ControlPacket): void {
    this.#received += 1;
    this.#handle({ type: "received", packet });
  }

  configure(path: BfdPath): void {
    this.#config = configOf(path, this.discriminator);
    this.#handle({ type: "configured" });
  }

  end({ quietly }: { readonly quietly: boolean }): void {
    if (!quietly) this.#handle({ type: "stop" });
    for (const timeout of this.#timers.values()) clearTimeout(timeout);
    this.#timers.clear();
    closeSocket(this.#fd);
  }

  #handle(event: BfdEvent): void {
    const { state, actions } = step(this.#session, event, this.#config);
    this.#session = state;
    for (const action of actions) this.#perform(action);
    const status = pathStatus(state);
    if (event.type === "stop" || isDeepStrictEqual(status, this.#told)) return;
    this.#told = status;
    this.#onStatus(status);
  }

  #perform(action: BfdAction): void {
    switch (action.type) {
      case "send":
        this.#send(action.packet);
        break;
      case "arm": {
        const { from, to } = action.jitter;
        this.#arm(action.timer, (action.micros / 1000) * (from + Math.random() * (to - from)));
        break;
      }
      case "disarm":
        clearTimeout(this.#timers.get(action.timer));
        this.#timers.delete(action.timer);
        break;
    }
  }

  /** What cannot be sent is lost as on the way, and found out by the other side. */
  #send(packet: ControlPacket): void {
    try {
      sendDatagram(this.#fd, encodeControlPacket(packet), this.#destination);
    } catch {
      // No route, no neighbour, a packet filter of this host: the path is broken, and that is being told.
    }
  }

  #arm(timer: BfdTimer, ms: number): void {
    clearTimeout(this.#timers.get(timer));
    this.#timers.set(
      timer,
      setTimeout(() => this.#onTimer(timer), ms),
    );
  }

  #onTimer(timer: BfdTimer): void {
    if (timer === "transmit") this.#handle({ type: "timerFired", timer });
    else this.#confirmSilence();
  }

  /** This thread may have been kept from running: packets that lie in the socket were not late, but we. */
  #confirmSilence(): void {
    const received = this.#received;
    // Timers come before sockets in a turn of the event loop, and what is immediate comes after.
    setImmediate(() => {
      if (this.#received === received && this.#timers.has("detect")) {
        this.#handle({ type: "timerFired", timer: "detect" });
      }
    });
  }
}

function configOf({ minTxMs, minRxMs, multiplier }: BfdPath, localDiscriminator: number): BfdConfig {
  return { localDiscriminator, minTxMicros: minTxMs * 1000, minRxMicros: minRxMs * 1000, multiplier };
}

function destinationOf({ address: text, interface: name, multihop }: BfdPath): Uint8Array {
  const address = addressOf(text);
  const port = multihop ? bfdPorts.multihop : bfdPorts.singleHop;
  return udpDestination({ address, port, ...(name !== undefined && { scope: interfaceIndex(name) }) });
}

/** Of an interface with a link-local address. */
function interfaceIndex(name: string): number {
  const index = networkInterfaces()[name]?.find(({ scopeid }) => scopeid)?.scopeid;
  if (!index) throw new Error(`the interface ${name} has no link-local address`);
  return index;
}

function openSource({ address, localAddress }: BfdPath): number {
  const from = localAddress === undefined ? anyAddress[addressOf(address).family] : addressOf(localAddress);
  const { from: first, to: last } = bfdPorts.source;
  const attemptsMax = 32;
  for (let attempt = 1; ; attempt += 1) {
    try {
      // Packets come to the listeners; what comes here nobody reads.
      const options = { hopLimit: hopLimitFull, accepts: "nothing" } as const;
      return openUdpSocket(from, randomInt(first, last + 1), options);
    } catch (error) {
      if (attempt >= attemptsMax) throw error;
    }
  }
}

function addressOf(text: string): Address {
  const address = parseAddress(text);
  if (!address) throw new TypeError(`${text} is no address`);
  return address;
}
