/**
 * A speaker between a hostile peer and a healthy one, in virtual time: whatever the one sends, nothing throws, every end
 * of its session is told by a NOTIFICATION, and the other keeps its session, its route, and hears each keepalive in time.
 */
import type { SpeakerConfig } from "../speaker/config.ts";
import type { SpeakerAction, SpeakerTimer } from "../speaker/event.ts";
import { Speaker } from "../speaker/speaker.ts";
import { encodeMessage } from "../wire/codec.ts";
import type { Message } from "../wire/message.ts";
import { generateMessage, type Random, randomOpen } from "./generate.ts";

export interface CampaignResult {
  readonly messages: number;
  readonly sessions: number;
  /** How often we ended a session, by `code/subcode` of what we said. */
  readonly notifications: ReadonlyMap<string, number>;
  /** What the table holds in the end beside the canary. */
  readonly left: { readonly prefixes: number; readonly routes: number; readonly attributeSets: number };
}

const hostile = "192.0.2.66";
const healthy = "192.0.2.2";
const canary = "203.0.113.0/24";
const hostileAsn = 65066;
const healthyAsn = 65002;
const holdSeconds = 90;
/** A third of the hold time, with jitter at most that. */
const keepaliveGapSeconds = 30;

const config: SpeakerConfig = {
  asn: 65001,
  bgpId: "192.0.2.1",
  listen: [],
  gracefulRestart: { restartSeconds: 2, forwardingKept: true, longLivedSeconds: 2 },
  peers: [
    { ...peer("hostile", hostile, hostileAsn), addPath: { send: true, receive: true }, extendedNextHop: true },
    peer("healthy", healthy, healthyAsn),
  ],
};

function peer(name: string, address: string, asn: number): SpeakerConfig["peers"][number] {
  const all = { accept: "all" } as const;
  return {
    name,
    role: "peer",
    address,
    port: 179,
    asn,
    passive: true,
    holdSeconds,
    connectRetrySeconds: 5,
    families: [4, 6],
    nextHop: { 4: "192.0.2.1", 6: "2001:db8::1" },
    importPolicy: all,
    exportPolicy: all,
  };
}

/** Throws an `AssertionError` of ours, or says what does not hold. */
export function runCampaign(
  messages: number,
  random: Random,
  onTurn: (sent: number) => void = () => {},
): CampaignResult {
  const world = new World(random);
  world.begin();
  let sent = 0;
  while (sent < messages) {
    sent += world.session(Math.min(200, messages - sent));
    onTurn(sent);
  }
  world.settle();
  return { messages: sent, ...world.result() };
}

class World {
  readonly #random: Random;
  readonly #speaker = new Speaker();
  readonly #timers = new Map<string, { readonly timer: SpeakerTimer; readonly atMs: number }>();
  readonly #notifications = new Map<string, number>();
  #nowMs = 0;
  #connection = 0;
  #sessions = 0;
  #healthyConnection = 0;
  /** Of the present hostile connection: whether it is closed by us, and the last that we said. */
  #isOpen = false;
  #last: Uint8Array | null = null;
  #keepaliveMs = 0;
  #wake = false;

  constructor(random: Random) {
    this.#random = random;
  }

  begin(): void {
    this.#tell({ type: "configure", config });
    this.#tell({ type: "originate", prefixes: ["198.51.100.0/24"] });
    this.#healthyConnection = this.#accept(healthy);
    this.#hearHealthy({
      type: "open",
      asn: healthyAsn,
      holdSeconds,
      bgpId: 2,
      capabilities: [{ code: 65, name: "fourOctetAs", asn: healthyAsn }],
    });
    this.#hearHealthy({ type: "keepalive" });
    this.#keepaliveMs = this.#nowMs;
    const prefixes = { family: 4, words: Uint32Array.of(0xcb007100, 24) } as const;
    const announced = [{ prefixes, nextHop: { family: 4, value: 0xc0000202n } as const }];
    const attributes = { origin: "igp", asPath: [{ type: "sequence", asns: [healthyAsn] }] } as const;
    this.#hearHealthy({ type: "update", withdrawn: [], announced, attributes, endOfRib: null, faults: [] });
    this.#advance(100);
    this.#check();
  }

  /** One connection of the hostile peer: a handshake, then up to `limit` messages. Gives how many went. */
  session(limit: number): number {
    this.#sessions += 1;
    this.#isOpen = true;
    this.#last = null;
    const connection = this.#accept(hostile);
    let sent = 0;
    const context = { fourOctetAs: true };
    if (this.#random(20) > 0) {
      this.#hear(connection, encodeMessage(randomOpen(this.#random, hostileAsn), context));
      this.#hear(connection, encodeMessage({ type: "keepalive" }, context));
      sent += 2;
    }
    while (this.#isOpen && sent < limit) {
      this.#hear(connection, generateMessage(this.#random));
      sent += 1;
      if (this.#random(8) === 0) this.#advance(this.#random(3_000));
    }
    if (this.#isOpen) this.#tell({ type: "closed", connection, reason: "reset" });
    else this.#noteNotification();
    this.#isOpen = false;
    this.#advance(61_000); // The longest wait after failures in a row.
    this.#check();
    return Math.max(1, sent);
  }

  settle(): void {
    this.#advance(400_000);
    this.#check();
  }

  result(): Omit<CampaignResult, "messages"> {
    const { prefixes, routes, attributeSets } = this.#speaker.summary().rib;
    const left = { prefixes: prefixes - 2, routes: routes - 2, attributeSets: attributeSets - 2 };
    return { sessions: this.#sessions, notifications: this.#notifications, left };
  }

  /** In pieces, as a network would cut it. */
  #hear(connection: number, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && this.#isOpen; ) {
      const size = this.#random(4) === 0 ? 1 + this.#random(40) : bytes.length;
      this.#tell({ type: "bytes", connection, bytes: bytes.slice(at, at + size) });
      at += size;
    }
  }

  #hearHealthy(message: Message): void {
    const bytes = encodeMessage(message, { fourOctetAs: true });
    this.#tell({ type: "bytes", connection: this.#healthyConnection, bytes });
  }

  #accept(remoteAddress: string): number {
    this.#connection -= 1;
    this.#tell({ type: "accepted", connection: this.#connection, localAddress: "192.0.2.1", remoteAddress });
    return this.#connection;
  }

  /** Lets time pass, with the timers and turns that fall into it, and the healthy peer's keepalives. */
  #advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (let next = this.#nextTimer(endMs); next || this.#wake; next = this.#nextTimer(endMs)) {
      if (this.#wake) {
        this.#wake = false;
        this.#tell({ type: "turn" });
        continue;
      }
      if (!next) break;
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      this.#timers.delete(JSON.stringify(next.timer));
      this.#tell({ type: "timer", timer: next.timer });
      this.#hearHealthy({ type: "keepalive" });
    }
    this.#nowMs = endMs;
  }

  #nextTimer(endMs: number): { readonly timer: SpeakerTimer; readonly atMs: number } | null {
    let first: { readonly timer: SpeakerTimer; readonly atMs: number } | null = null;
    for (const entry of this.#timers.values()) {
      if (entry.atMs <= endMs && (!first || entry.atMs < first.atMs)) first = entry;
    }
    return first;
  }

  #tell(event: Parameters<Speaker["handle"]>[0]): void {
    for (const action of this.#speaker.handle(event, this.#nowMs)) this.#perform(action);
  }

  #perform(action: SpeakerAction): void {
    if (action.type === "send") this.#onSent(action);
    else if (action.type === "close" && action.connection === this.#connection) this.#isOpen = false;
    else if (action.type === "wake") this.#wake = true;
    else if (action.type === "disarm") this.#timers.delete(JSON.stringify(action.timer));
    else if (action.type === "arm") {
      const { timer, seconds } = action;
      this.#timers.set(JSON.stringify(timer), { timer, atMs: this.#nowMs + seconds * 1000 });
    }
  }

  #onSent({ connection, bytes }: Extract<SpeakerAction, { type: "send" }>): void {
    this.#tell({ type: "drained", connection });
    if (connection === this.#healthyConnection) {
      const gapMs = this.#nowMs - this.#keepaliveMs;
      if (gapMs > keepaliveGapSeconds * 1000) throw new Error(`the healthy peer heard nothing for ${gapMs} ms`);
      this.#keepaliveMs = this.#nowMs;
    } else {
      this.#last = bytes;
    }
  }

  #noteNotification(): void {
    const bytes = this.#last;
    if (!bytes) throw new Error("a session ended without a word");
    const [type, code, subcode] = bytes.subarray(18);
    // What the peer ends by a NOTIFICATION of its own needs no answer.
    const said = type === 3 ? `${code}/${subcode}` : "by the peer";
    this.#notifications.set(said, (this.#notifications.get(said) ?? 0) + 1);
  }

  #check(): void {
    const status = this.#speaker.peers().find(({ name }) => name === "healthy");
    if (status?.phase !== "established" || status.flaps > 0) throw new Error("the healthy peer lost its session");
    const [best] = this.#speaker.routes({ prefix: canary, bestOnly: true, peer: "healthy" });
    if (!best) throw new Error(`the healthy peer's ${canary} is not the best`);
  }
}
