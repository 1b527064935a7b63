/**
 * A made-up table through a speaker that nobody else knows, from one peer to another: code that has run a few thousand
 * times is compiled by the engine, and the first real table need not wait for that. It is done in steps, so that it holds
 * up nothing, and leaves nothing behind.
 */
import type { SpeakerSummary } from "../control.ts";
import { encodeMessage } from "../wire/codec.ts";
import type { Capability, Message } from "../wire/message.ts";
import type { PeerConfig, SpeakerConfig } from "./config.ts";
import type { ConnectionId, SpeakerEvent } from "./event.ts";
import { Speaker } from "./speaker.ts";

/** In as many chunks as a socket might bring: compilation goes on beside, and what is compiled is used by the next one. */
const chunks = 40;
const updatesOfChunk = 64;
const prefixesOfUpdate = 8;
/** Established some milliseconds ago, as far as anybody knows. */
const nowMs = 0;

const teller: PeerConfig = {
  name: "teller",
  role: "peer",
  address: "192.0.2.2",
  port: 179,
  asn: 64_497,
  passive: true,
  holdSeconds: 240,
  connectRetrySeconds: 5,
  families: [4],
  nextHop: {},
  importPolicy: { accept: "all" },
  exportPolicy: { accept: [] },
};
const hearer: PeerConfig = {
  ...teller,
  name: "hearer",
  address: "192.0.2.3",
  asn: 64_498,
  exportPolicy: { accept: "all" },
};
const config: SpeakerConfig = { asn: 64_496, bgpId: "192.0.2.1", listen: [], peers: [teller, hearer] };

export class WarmUp {
  readonly #speaker: Speaker;
  #told = 0;
  #wakes = false;

  /** `tellsBest`: as the speaker that it is done for. */
  constructor(tellsBest: boolean) {
    this.#speaker = new Speaker({ tellsBest });
    this.#handle({ type: "configure", config });
    for (const [index, peer] of config.peers.entries()) this.#connect(1 + index, peer);
  }

  /** A millisecond or more of work. `false`: that was all. */
  step(): boolean {
    if (this.#told < chunks) this.#handle({ type: "bytes", connection: 1, bytes: updatesOf(this.#told++) });
    if (this.#wakes) {
      this.#wakes = false;
      this.#handle({ type: "turn" });
    }
    return this.#wakes || this.#told < chunks;
  }

  /** What its speaker holds and tells by now. */
  summary(): SpeakerSummary {
    return this.#speaker.summary();
  }

  #connect(connection: ConnectionId, { address, asn, holdSeconds }: PeerConfig): void {
    const ports = { local: 179, remote: 1_024 };
    this.#handle({ type: "accepted", connection, localAddress: config.bgpId, remoteAddress: address, ports });
    const capabilities: Capability[] = [
      { code: 1, name: "multiprotocol", family: 4 },
      { code: 65, name: "fourOctetAs", asn },
    ];
    this.#say(connection, { type: "open", asn, holdSeconds, bgpId: 0xc0000201 + connection, capabilities });
    this.#say(connection, { type: "keepalive" });
  }

  #say(connection: ConnectionId, message: Message): void {
    const bytes = encodeMessage(message, { fourOctetAs: true });
    this.#handle({ type: "bytes", connection, bytes });
  }

  /** The hearer reads at once whatever it is sent. */
  #handle(event: SpeakerEvent): void {
    let sentTo: ConnectionId | null = null;
    for (const action of this.#speaker.handle(event, nowMs)) {
      if (action.type === "wake") this.#wakes = true;
      if (action.type === "send") sentTo = action.connection;
    }
    if (sentTo !== null) this.#speaker.handle({ type: "drained", connection: sentTo }, nowMs);
  }
}

/** ORIGIN, AS_PATH of two ASes, NEXT_HOP, and in every second one MULTI_EXIT_DISC and COMMUNITIES. */
const attributes: readonly number[] = [
  ...[0x40, 1, 1, 0, 0x40, 2, 10, 2, 2, 0, 0, 0xfb, 0xf1, 0, 0, 0, 0, 0x40, 3, 4, 192, 0, 2, 2],
  ...[0x80, 4, 4, 0, 0, 0, 9, 0xc0, 8, 4, 0xfb, 0xf1, 0, 1],
];
/** The second AS of the path. */
const asnAt = 13;
const shortLength = 24;

/** Prefixes and a path that no other chunk has, so that there is all to do that a new route takes. */
function updatesOf(chunk: number): Uint8Array {
  const bytes: number[] = [];
  for (let i = 0; i < updatesOfChunk; i++) {
    const number = chunk * updatesOfChunk + i;
    const length = number % 2 === 0 ? shortLength : attributes.length;
    const nlri = Array.from({ length: prefixesOfUpdate }, (_, j) => [24, 11, number >>> 5, (number << 3) + j]).flat();
    const total = 23 + length + nlri.length;
    bytes.push(...Array<number>(16).fill(0xff), total >>> 8, total, 2, 0, 0, 0, length);
    const path = bytes.length + asnAt;
    bytes.push(...attributes.slice(0, length), ...nlri);
    bytes[path + 1] = 1;
    bytes[path + 2] = number >>> 8;
    bytes[path + 3] = number;
  }
  return Uint8Array.from(bytes);
}
