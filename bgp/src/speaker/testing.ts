/**
 * Speakers in one process with a network and a clock that exist only here: every run of a test is the same run. Nothing
 * but tests imports it.
 */
import type { PeerStatus } from "../control.ts";
import { decodeMessage } from "../wire/codec.ts";
import { MessageFramer } from "../wire/framing.ts";
import type { Message } from "../wire/message.ts";
import { unpackBestChanges } from "./bestChanges.ts";
import type { PeerConfig, SpeakerConfig } from "./config.ts";
import type { BestChange, ConnectionId, Dial, SpeakerAction, SpeakerEvent, SpeakerTimer } from "./event.ts";
import { Speaker } from "./speaker.ts";

interface Entry {
  readonly atMs: number;
  readonly node: SimulatedNode;
  readonly event: SpeakerEvent;
  /** Counts up. */
  readonly order: number;
}

/** One end of a connection. */
interface End {
  readonly node: SimulatedNode;
  readonly connection: ConnectionId;
}

export class SimulatedNode {
  readonly address: string;
  speaker: Speaker = new Speaker();
  /** Counts restarts: what was meant for an earlier life does not reach a later one. */
  life = 0;
  isUp = true;
  /** Whether what it sends reaches its kernel at once. */
  isDraining = true;
  accepted = 0;
  /** The most changes that one turn brought. */
  largestBatch = 0;
  readonly best: Map<string, BestChange> = new Map();
  readonly told: BestChange[] = [];
  readonly statuses: PeerStatus[] = [];
  readonly other: SpeakerAction[] = [];

  constructor(address: string) {
    this.address = address;
  }

  status(peer: string): PeerStatus {
    const status = this.speaker.peers().find(({ name }) => name === peer);
    if (!status) throw new Error(`${this.address} has no peer ${peer}`);
    return status;
  }

  /** Where packets to this prefix go: what the kernel would hold. */
  nextHops(prefix: string): readonly string[] {
    return this.best.get(prefix)?.nextHops ?? [];
  }
}

export class SimulatedNetwork {
  nowMs = 1_000;
  /** How long the next thing is under way; what goes one way over one connection keeps its order. */
  latencyMs: () => number = () => 1;
  readonly #nodes = new Map<string, SimulatedNode>();
  readonly #ends = new Map<string, End>();
  #queue: Entry[] = [];
  /** What is armed, by node and timer: the last of a key counts. */
  readonly #timers = new Map<string, Entry>();
  #entries = 0;
  /** Every byte sent over the network, for looking at. */
  readonly sent: { readonly from: string; readonly to: string; readonly bytes: Uint8Array }[] = [];

  node(address: string): SimulatedNode {
    const node: SimulatedNode = this.#nodes.get(address) ?? new SimulatedNode(address);
    this.#nodes.set(address, node);
    return node;
  }

  configure(node: SimulatedNode, asn: number, peers: PeerConfig[], parts: Partial<SpeakerConfig> = {}): void {
    this.tell(node, { type: "configure", config: speakerOf(node, asn, { ...parts, peers }) });
  }

  originate(node: SimulatedNode, ...prefixes: Extract<SpeakerEvent, { type: "originate" }>["prefixes"]): void {
    this.tell(node, { type: "originate", prefixes });
  }

  /** What came to this address, in its order; `from` one other alone. */
  messages({ from, to }: { readonly from?: string; readonly to: string }, external: boolean = true): Message[] {
    const framer = new MessageFramer();
    for (const sent of this.sent)
      if (sent.to === to && (from === undefined || sent.from === from)) framer.push(sent.bytes);
    const context = { fourOctetAs: true, external, families: [4, 6], enhancedRefresh: true } as const;
    const found: Message[] = [];
    for (let frame = framer.next(65_535); frame?.kind === "frame"; frame = framer.next(65_535)) {
      const decoded = decodeMessage(frame.bytes, context);
      if (decoded.kind === "message") found.push(decoded.message);
    }
    return found;
  }

  /** Tells a node something from outside, now. */
  tell(node: SimulatedNode, event: SpeakerEvent): void {
    const actions = node.speaker.handle(event, this.nowMs);
    for (const action of actions) this.#perform(node, action);
  }

  /** Until nothing but timers is left, and for `ms` of them. */
  run(ms: number): void {
    const endMs = this.nowMs + ms;
    while (true) {
      const next = this.#takeBefore(endMs);
      if (!next) break;
      this.nowMs = Math.max(this.nowMs, next.atMs);
      this.tell(next.node, next.event);
    }
    this.nowMs = endMs;
  }

  /** SIGKILL: its kernel closes the connections, and it remembers nothing. */
  kill(node: SimulatedNode): void {
    for (const [key, end] of this.#ends) {
      const far = end.node === node ? this.#farEnd(key) : undefined;
      if (!far) continue;
      this.#postTo(far, { type: "closed", connection: far.connection, reason: "reset" });
      this.#ends.delete(keyOf(far));
    }
    this.vanish(node);
  }

  /** The power failed: nobody is told. */
  vanish(node: SimulatedNode): void {
    for (const [key, end] of this.#ends) if (end.node === node) this.#ends.delete(key);
    this.#queue = this.#queue.filter((entry) => entry.node !== node);
    for (const [key, entry] of this.#timers) if (entry.node === node) this.#timers.delete(key);
    node.isUp = false;
    node.life += 1;
    node.speaker = new Speaker();
  }

  /** A connection from an address that is no speaker's; gives a function by which it sends. */
  intrude(to: SimulatedNode, remoteAddress: string): (bytes: Uint8Array) => void {
    to.accepted -= 1;
    const connection = to.accepted;
    const stranger = new SimulatedNode(remoteAddress);
    stranger.isUp = false;
    this.#join({ node: stranger, connection: 1 }, { node: to, connection });
    this.tell(to, { type: "accepted", connection, localAddress: to.address, remoteAddress });
    return (bytes) => this.tell(to, { type: "bytes", connection, bytes });
  }

  #perform(node: SimulatedNode, action: SpeakerAction): void {
    switch (action.type) {
      case "connect":
        this.#connect(node, action.connection, action.to);
        break;
      case "send":
        this.#send({ node, connection: action.connection }, action.bytes);
        break;
      case "close":
        this.#close({ node, connection: action.connection });
        break;
      case "arm":
        this.#arm(node, action.timer, action.seconds);
        break;
      case "disarm":
        this.#timers.delete(timerKeyOf(node, action.timer));
        break;
      case "wake":
        this.#post(node, { type: "turn" }, 0);
        break;
      case "bestChanged": {
        const changes = unpackBestChanges(action.changes);
        node.told.push(...changes);
        node.largestBatch = Math.max(node.largestBatch, changes.length);
        for (const change of changes) node.best.set(change.prefix, change);
        break;
      }
      case "peerChanged":
        node.statuses.push(action.peer);
        break;
      case "tableComplete":
      case "watch":
      case "unwatch":
        node.other.push(action);
        break;
    }
  }

  #connect(from: SimulatedNode, connection: ConnectionId, { address }: Dial): void {
    const to = this.#nodes.get(address);
    if (!to?.isUp) {
      this.#post(from, { type: "closed", connection, reason: "connection refused" });
      return;
    }
    to.accepted -= 1;
    const [near, far] = [
      { node: from, connection },
      { node: to, connection: to.accepted },
    ];
    this.#join(near, far);
    this.#postTo(near, { type: "connected", connection, localAddress: from.address });
    const addresses = { localAddress: to.address, remoteAddress: from.address };
    this.#postTo(far, { type: "accepted", connection: to.accepted, ...addresses });
  }

  readonly #pairs = new Map<string, End>();
  /** When the last of what is under way to an end arrives. */
  readonly #lastAtMs = new Map<string, number>();

  #join(a: End, b: End): void {
    this.#ends.set(keyOf(a), a);
    this.#ends.set(keyOf(b), b);
    this.#pairs.set(keyOf(a), b);
    this.#pairs.set(keyOf(b), a);
  }

  #farEnd(key: string): End | undefined {
    return this.#pairs.get(key);
  }

  #send(end: End, bytes: Uint8Array): void {
    const far = this.#farEnd(keyOf(end));
    if (!far) return;
    this.sent.push({ from: end.node.address, to: far.node.address, bytes });
    if (this.#ends.has(keyOf(far))) this.#postTo(far, { type: "bytes", connection: far.connection, bytes });
    if (end.node.isDraining) this.#post(end.node, { type: "drained", connection: end.connection });
  }

  #close(end: End): void {
    this.#ends.delete(keyOf(end));
    const far = this.#farEnd(keyOf(end));
    if (!far || !this.#ends.delete(keyOf(far))) return;
    this.#postTo(far, { type: "closed", connection: far.connection, reason: "connection closed by the peer" });
  }

  #postTo(end: End, event: SpeakerEvent): void {
    const atMs = Math.max(this.nowMs + this.latencyMs(), this.#lastAtMs.get(keyOf(end)) ?? 0);
    this.#lastAtMs.set(keyOf(end), atMs);
    this.#post(end.node, event, atMs - this.nowMs);
  }

  #post(node: SimulatedNode, event: SpeakerEvent, delayMs: number = this.latencyMs()): void {
    if (!node.isUp) return;
    this.#queue.push({ atMs: this.nowMs + delayMs, order: this.#entries++, node, event });
  }

  #arm(node: SimulatedNode, timer: SpeakerTimer, seconds: number): void {
    if (!node.isUp) return;
    const event = { type: "timer", timer } as const;
    const entry = { atMs: this.nowMs + seconds * 1000, order: this.#entries++, node, event };
    this.#timers.set(timerKeyOf(node, timer), entry);
  }

  /** The earliest entry, and of equally early ones the first. */
  #takeBefore(endMs: number): Entry | null {
    let earliest: Entry | null = null;
    let timer: string | null = null;
    for (const entry of this.#queue) if (entry.atMs <= endMs && isBefore(entry, earliest)) earliest = entry;
    for (const [key, entry] of this.#timers) {
      if (entry.atMs > endMs || !isBefore(entry, earliest)) continue;
      earliest = entry;
      timer = key;
    }
    if (timer !== null) this.#timers.delete(timer);
    else if (earliest) this.#queue.splice(this.#queue.indexOf(earliest), 1);
    return earliest;
  }
}

function isBefore(entry: Entry, other: Entry | null): boolean {
  return other === null || entry.atMs < other.atMs || (entry.atMs === other.atMs && entry.order < other.order);
}

function timerKeyOf(node: SimulatedNode, timer: SpeakerTimer): string {
  return `${node.address} ${JSON.stringify(timer)}`;
}

function keyOf({ node, connection }: End): string {
  return `${node.address} ${node.life} ${connection}`;
}

export function peerOf(address: string, asn: number, parts: Partial<PeerConfig> = {}): PeerConfig {
  return {
    name: address,
    role: "peer",
    address,
    port: 179,
    asn,
    passive: false,
    holdSeconds: 90,
    connectRetrySeconds: 5,
    families: [4, 6],
    nextHop: { 6: `fd00::${address.split(".").at(-1)}` },
    importPolicy: { accept: "all" },
    exportPolicy: { accept: "all" },
    ...parts,
  };
}

export function speakerOf(node: SimulatedNode, asn: number, parts: Partial<SpeakerConfig>): SpeakerConfig {
  const nextHop = { 6: `fd00::${node.address.split(".").at(-1)}` };
  const peers = (parts.peers ?? []).map((peer) => ({ ...peer, nextHop }));
  return { asn, bgpId: node.address, listen: [], ...parts, peers };
}
