/**
 * One session machine with its transport: bytes become messages and events, and its actions become the speaker's. What
 * they mean for the peer, it tells its owner.
 */
import type { Address, Family } from "@brindle/net";
import type { Side } from "../session/collision.ts";
import type { SessionConfig } from "../session/config.ts";
import type { Negotiated } from "../session/negotiate.ts";
import type {
  NotificationSeen,
  Past,
  SessionAction,
  SessionEvent,
  SessionState,
  SessionTimer,
} from "../session/state.ts";
import { step } from "../session/step.ts";
import { decodeMessage, encodeMessage } from "../wire/codec.ts";
import type { CodecContext } from "../wire/contract.ts";
import type { Fault } from "../wire/fault.ts";
import { MessageFramer } from "../wire/framing.ts";
import { messageBytesMax } from "../wire/limits.ts";
import type { Capability, Message, Open, Update } from "../wire/message.ts";
import { UpdateScanner } from "../wire/updateScan.ts";
import type { ConnectionId, Dial, TransportPorts } from "./event.ts";
import type { MessageCounters } from "./messageCounters.ts";
import type { SpeakerPorts } from "./ports.ts";
import type { OpenAnswer } from "./rivals.ts";
import { SessionWords } from "./sessionWords.ts";

export interface SessionOptions {
  /** Unique among the sessions of the peer, ever. */
  readonly number: number;
  readonly peer: string;
  /** As of now: what we offer may change between two attempts of one machine. */
  readonly config: () => SessionConfig;
  readonly dial: Dial;
  /** What the machine before it knew. */
  readonly past?: Past;
}

export interface SessionOwner {
  readonly messages: MessageCounters;
  /** The peer's OPEN is here, and nothing has been made of it. */
  onOpen(session: PeerSession, open: Open): OpenAnswer;
  onEstablished(session: PeerSession): void;
  onUpdate(update: Update): void;
  /** An ordinary UPDATE in `bytes`, which `scan` has just been through. */
  onScanned(scan: UpdateScanner, bytes: Uint8Array): void;
  /** Behind the last of those that came one after the other. */
  onScannedAll(): void;
  onRefresh(family: Family): void;
  onRefreshed(family: Family, demarcation: "begin" | "end"): void;
  onFailed(session: PeerSession, text: string, notification?: NotificationSeen): void;
  /** The machine has come to rest after a failure; the next attempt is not to begin before that time. */
  onEnded(session: PeerSession, retrySeconds: number): void;
}

/** How much may wait in the shell for a slow peer before we stop making more (the rest waits as prefixes, once each). */
const windowBytes = 256 * 1024;

/** RFC 7911: the families of which we take several paths; absent for none, which most sessions have. */
function withPathIds(negotiated: Negotiated | null): Pick<CodecContext, "addPath"> {
  const families = negotiated?.addPath.filter(({ receive }) => receive).map(({ family }) => family) ?? [];
  return families.length > 0 ? { addPath: families } : {};
}

/** What it found is used before it scans again, by whatever session. */
const scanner = new UpdateScanner();

const timerBits: Readonly<Record<SessionTimer, number>> = {
  connectRetry: 1,
  hold: 2,
  keepalive: 4,
  idleHold: 8,
  sendHold: 16,
};
const sessionTimers = Object.keys(timerBits) as readonly SessionTimer[];

/** To the machine one UPDATE is as another. */
const someUpdate: Update = {
  type: "update",
  withdrawn: [],
  announced: [],
  attributes: null,
  endOfRib: null,
  faults: [],
};

export class PeerSession {
  readonly options: SessionOptions;
  readonly #owner: SessionOwner;
  readonly #ports: SpeakerPorts;
  /** Those that run, a bit each (`timerBits`). */
  #timers = 0;
  #config: SessionConfig;
  #state: SessionState;
  #side: Side = "active";
  #connection: ConnectionId | null = null;
  #localAddress: Address | null = null;
  #framer = new MessageFramer();
  #undrainedBytes = 0;
  #heardNow = false;
  /** As they went over the wire, for the stations that want to see them. */
  readonly #words = new SessionWords();
  /** The peer's OPEN, not answered yet, and what it said after it. */
  #held: readonly Message[] = [];
  #context: CodecContext | null = null;
  #contextOf: Negotiated | null = null;

  constructor(options: SessionOptions, owner: SessionOwner, ports: SpeakerPorts) {
    this.options = options;
    this.#owner = owner;
    this.#ports = ports;
    this.#config = options.config();
    this.#state = options.past ? { phase: "idle", past: options.past } : { phase: "idle" };
  }

  get state(): SessionState {
    return this.#state;
  }

  /** Who dialled. */
  get side(): Side {
    return this.#side;
  }

  get localAddress(): Address | null {
    return this.#localAddress;
  }

  /** `null` before the peer's OPEN. */
  get negotiated(): Negotiated | null {
    return "negotiated" in this.#state ? this.#state.negotiated : null;
  }

  /** What our last OPEN offered, or the next one will. */
  get offered(): readonly Capability[] {
    return this.#config.capabilities;
  }

  get words(): SessionWords {
    return this.#words;
  }

  get hasConnection(): boolean {
    return this.#connection !== null;
  }

  /** Whether the peer's OPEN waits for other connections, see `rivals.ts`. */
  get isHeld(): boolean {
    return this.#held.length > 0;
  }

  get isWritable(): boolean {
    return this.#undrainedBytes < windowBytes;
  }

  /** What waits in the shell. */
  get undrainedBytes(): number {
    return this.#undrainedBytes;
  }

  start(): void {
    this.handle({ type: "start" });
  }

  /** A connection that the peer opened: the machine waits for one (Active) and gets it. */
  accept(connection: ConnectionId, localAddress: Address | null, ports?: TransportPorts): void {
    this.#side = "passive";
    this.#state = { ...this.#state, phase: "active" };
    this.#bind(connection);
    this.connected(localAddress, ports);
  }

  connected(localAddress: Address | null, ports?: TransportPorts): void {
    this.#words.begin(ports);
    this.#localAddress = localAddress;
    this.#config = this.options.config();
    this.handle({ type: "connected" });
  }

  /** The transport is gone, or never came to be. */
  closed(reason: string): void {
    this.#unbind();
    const isDialling = this.#state.phase === "connect";
    this.handle(isDialling ? { type: "connectFailed", reason } : { type: "disconnected", reason });
  }

  bytes(bytes: Uint8Array): void {
    this.#framer.push(bytes);
    const framer = this.#framer;
    // A message may end the session, and with it the connection and its framer.
    this.#heardNow = false;
    const take = (chunk: Uint8Array, start: number, end: number): boolean => {
      return this.#framer === framer && this.#connection !== null && this.#takeUpdate(chunk, start, end);
    };
    while (this.#connection !== null && this.#framer === framer) {
      if (this.#state.phase === "established" && !this.#config.role) {
        framer.takeUpdates(this.#receivedBytesMax(), take);
        this.#owner.onScannedAll();
      }
      const frame = framer.next(this.#receivedBytesMax());
      if (frame === null) return;
      if (frame.kind === "fault") this.#onFault(frame);
      else this.#onFrame(frame.bytes);
    }
  }

  drained(): void {
    this.#undrainedBytes = 0;
    this.handle({ type: "sendResumed" });
  }

  timerFired(timer: SessionTimer): void {
    this.#timers &= ~timerBits[timer];
    if (this.#state.phase === "connect" || this.#state.phase === "active") this.#config = this.options.config();
    this.handle({ type: "timerFired", timer });
  }

  /** Answers the OPEN that was held back. */
  confirm(): void {
    const held = this.#held;
    this.#held = [];
    for (const message of held) this.handle({ type: "received", message });
  }

  send(bytes: Uint8Array): void {
    if (this.#connection === null) return;
    const wasDrained = this.#undrainedBytes === 0;
    this.#undrainedBytes += bytes.length;
    this.#owner.messages.sent(bytes);
    this.#ports.emit({ type: "send", connection: this.#connection, bytes });
    if (wasDrained) this.handle({ type: "sendBlocked" });
  }

  /** With a Cease where the peer is there to hear it. */
  stop(subcode: number, saying: { readonly text?: string; readonly data?: Uint8Array } = {}): void {
    this.handle({ type: "stop", subcode, ...saying });
    this.drop();
  }

  /** Without a word. */
  drop(): void {
    if (this.#connection !== null) this.#ports.emit({ type: "close", connection: this.#connection });
    this.#unbind();
    for (const timer of sessionTimers) this.#disarm(timer);
    this.#state = { phase: "idle" };
  }

  handle(event: SessionEvent): void {
    const { state, actions } = step(this.#state, event, this.#config);
    this.#state = state;
    for (const action of actions) this.#perform(action);
  }

  /** All that came at once came at one time: the machine need hear of it but once. */
  #takeUpdate(bytes: Uint8Array, start: number, end: number): boolean {
    if (!scanner.scan(bytes, start, end, this.#codecContext())) return false;
    if (!this.#heardNow) this.handle({ type: "received", message: someUpdate });
    this.#heardNow = true;
    this.#owner.messages.received("update");
    this.#owner.onScanned(scanner, bytes);
    return true;
  }

  #onFrame(bytes: Uint8Array): void {
    const decoded = decodeMessage(bytes, this.#codecContext());
    if (decoded.kind === "ignored") return;
    if (decoded.kind === "fault") {
      this.#onFault(decoded);
      return;
    }
    const { message } = decoded;
    this.#words.heard(message.type, bytes);
    this.#owner.messages.received(message.type);
    if (this.isHeld ? this.#waitsToo(message) : this.#waitsAsOpen(message)) return;
    this.handle({ type: "received", message });
    if (message.type === "update" && this.#state.phase === "established") this.#owner.onUpdate(message);
  }

  /** Of the first OPEN: whether it is held back, or the connection dropped for another. */
  #waitsAsOpen(message: Message): boolean {
    if (message.type !== "open" || this.#state.phase !== "openSent") return false;
    const answer = this.#owner.onOpen(this, message);
    if (answer === "hold") this.#held = [message];
    return answer !== "confirm";
  }

  /** A peer that has our OPEN says KEEPALIVE, or that it goes. What else it says has no place yet, and is told so. */
  #waitsToo(message: Message): boolean {
    if (message.type === "keepalive") this.#held = [...this.#held.slice(0, 1), message];
    else if (message.type === "notification") this.#held = [];
    else this.confirm();
    return message.type === "keepalive";
  }

  #onFault({ notification, reason }: Fault): void {
    this.handle({ type: "malformed", notification, reason });
  }

  #receivedBytesMax(): number {
    return this.negotiated?.receivedBytesMax ?? messageBytesMax;
  }

  /** One for as long as nothing else is agreed on: it is asked for at each message. */
  #codecContext(): CodecContext {
    if (this.#context === null || this.#contextOf !== this.negotiated) {
      this.#context = this.#makeCodecContext();
      this.#contextOf = this.negotiated;
    }
    return this.#context;
  }

  #makeCodecContext(): CodecContext {
    const { localAsn, peerAsn } = this.#config;
    return {
      fourOctetAs: this.negotiated?.fourOctetAs ?? false,
      external: localAsn !== peerAsn,
      families: this.negotiated?.families ?? [],
      extendedNextHop: this.negotiated?.extendedNextHop ?? false,
      enhancedRefresh: this.negotiated?.enhancedRefresh ?? false,
      ...withPathIds(this.negotiated),
    };
  }

  #perform(action: SessionAction): void {
    switch (action.type) {
      case "connect":
        this.#bind(this.#ports.newConnection());
        if (this.#connection === null) return;
        this.#ports.emit({ type: "connect", connection: this.#connection, to: this.options.dial });
        return;
      case "disconnect":
        if (this.#connection !== null) this.#ports.emit({ type: "close", connection: this.#connection });
        this.#unbind();
        return;
      case "send":
        this.#sendMessage(action.message);
        return;
      case "arm":
        // In Idle the machine would try again by itself; here its keeper does, who knows of other connections.
        if (action.timer === "idleHold" && this.#state.phase === "idle") {
          this.#owner.onEnded(this, action.seconds);
          return;
        }
        this.#timers |= timerBits[action.timer];
        this.#ports.emit({ type: "arm", timer: this.#timerOf(action.timer), seconds: action.seconds });
        return;
      case "disarm":
        this.#disarm(action.timer);
        return;
      case "established":
        if (this.#undrainedBytes > 0) this.handle({ type: "sendBlocked" }); // The last words of the handshake.
        this.#owner.onEstablished(this);
        return;
      case "failed":
        this.#owner.onFailed(this, action.text, action.notification);
        return;
      case "refresh":
        this.#owner.onRefresh(action.family);
        return;
      case "refreshed":
        this.#owner.onRefreshed(action.family, action.demarcation);
        return;
    }
  }

  #sendMessage(message: Message): void {
    const bytes = encodeMessage(message, { fourOctetAs: this.negotiated?.fourOctetAs ?? false });
    this.#words.said(message.type, bytes);
    this.send(bytes);
  }

  #disarm(timer: SessionTimer): void {
    if ((this.#timers & timerBits[timer]) === 0) return;
    this.#timers &= ~timerBits[timer];
    this.#ports.emit({ type: "disarm", timer: this.#timerOf(timer) });
  }

  #timerOf(timer: SessionTimer): { of: "session"; peer: string; session: number; timer: SessionTimer } {
    return { of: "session", peer: this.options.peer, session: this.options.number, timer };
  }

  #bind(connection: ConnectionId): void {
    this.#connection = connection;
    this.#framer = new MessageFramer();
    this.#held = [];
    this.#undrainedBytes = 0;
    this.#ports.bind(connection, this);
  }

  #unbind(): void {
    if (this.#connection !== null) this.#ports.unbind(this.#connection);
    this.#connection = null;
    this.#held = [];
  }
}
