/** A peer for the tests of this folder: it reads what it is sent, and knows then what a router would. */
import type { PeerId } from "../rib/peerTable.ts";
import { decodeMessage } from "../wire/codec.ts";
import type { CodecContext } from "../wire/contract.ts";
import { MessageFramer } from "../wire/framing.ts";
import type { PackedPrefixes, PathAttributes } from "../wire/message.ts";
import { unpacked } from "../wire/testing.ts";
import { decodeUpdate } from "../wire/update.ts";
import type { OutSink } from "./exportGroup.ts";

export interface HeldRoute {
  readonly nextHop: bigint;
  readonly attributes: PathAttributes;
}

/** `10.0.0.0/8`, or `10.0.0.0/8#7` where there is a path identifier. */
function namesOf(prefixes: PackedPrefixes): string[] {
  const { pathIds } = prefixes;
  return unpacked(prefixes).map((text, i) => (pathIds ? `${text}#${pathIds[i]}` : text));
}

export class ListeningPeer implements OutSink {
  readonly peer: PeerId;
  /** What was said, in order: `10.0.0.0/8`, `not 10.0.0.0/8`, `end of IPv4`. */
  readonly told: string[] = [];
  readonly held: Map<string, HeldRoute> = new Map();
  /** Buffers as they were given to us. */
  readonly buffers: Uint8Array[] = [];
  isReading = true;
  undrainedBytes = 0;
  messages = 0;
  readonly #context: CodecContext;

  constructor(peer: PeerId, context: Partial<CodecContext> = {}) {
    this.peer = peer;
    this.#context = { fourOctetAs: true, external: false, families: [4, 6], ...context };
  }

  get isWritable(): boolean {
    return this.undrainedBytes < 1000;
  }

  send(bytes: Uint8Array): void {
    if (!this.isReading) this.undrainedBytes += bytes.length;
    this.buffers.push(bytes);
    const framer = new MessageFramer();
    framer.push(bytes);
    for (let frame = framer.next(); frame; frame = framer.next()) {
      if (frame.kind === "fault") throw new Error(frame.reason);
      this.messages += 1;
      this.#hear(frame.bytes);
    }
  }

  read(): void {
    this.undrainedBytes = 0;
  }

  #hear(bytes: Uint8Array): void {
    if (bytes[18] !== 2) {
      const decoded = decodeMessage(bytes, { ...this.#context, enhancedRefresh: true });
      if (decoded.kind === "message" && decoded.message.type === "routeRefresh") {
        this.told.push(`${decoded.message.demarcation} of refresh of IPv${decoded.message.family}`);
      }
      return;
    }
    const decoded = decodeUpdate(bytes, this.#context);
    if (decoded.kind === "fault") throw new Error(decoded.reason);
    const { withdrawn, announced, attributes, endOfRib, faults } = decoded.message;
    if (faults.length > 0) throw new Error(JSON.stringify(faults));
    for (const prefix of withdrawn.flatMap(namesOf)) {
      // What was never announced is not withdrawn: a peer would not mind, but it would be noise.
      if (!this.held.delete(prefix)) throw new Error(`${prefix} was withdrawn and never announced`);
      this.told.push(`not ${prefix}`);
    }
    for (const { prefixes, nextHop } of announced) {
      for (const prefix of namesOf(prefixes)) {
        if (attributes) this.held.set(prefix, { nextHop: nextHop.value, attributes });
        this.told.push(prefix);
      }
    }
    if (endOfRib !== null) this.told.push(`end of IPv${endOfRib}`);
  }
}
