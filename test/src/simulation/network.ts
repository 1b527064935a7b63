/**
 * Speakers and what is between them, in virtual time: TCP connections that deliver in order and late, in pieces, that
 * stand still while their link is cut, and end with a reset; kernels that outlive their speaker or die with it.
 */
import {
  type ConnectionId,
  type Dial,
  Speaker,
  type SpeakerAction,
  type SpeakerEvent,
  type SpeakerTimer,
  unpackBestChanges,
} from "@brindle/bgp";
import { Random } from "../oracle/random.ts";
import { Agenda } from "./agenda.ts";

/** One end of a connection. */
interface End {
  readonly host: Host;
  /** Of the process that has the connection. */
  readonly life: number;
  readonly connection: ConnectionId;
  isOpen: boolean;
  far: End | null;
  /** When the last that is under way to this end arrives. */
  lastAtMs: number;
  /** What is under way to this end, in its order. */
  readonly inbox: SpeakerEvent[];
  /** How many of them have come as far as a link that is cut. */
  stalled: number;
  /** Its own, so that what happens elsewhere does not change what happens here. */
  readonly random: Random;
}

interface Host {
  readonly address: string;
  speaker: Speaker;
  /** By prefix, as its owner was told: what a kernel would have. */
  used: Map<string, readonly string[]>;
  isUp: boolean;
  /** Counts starts: what was meant for an earlier process does not reach a later one. */
  life: number;
  accepted: number;
  readonly ends: Map<ConnectionId, End>;
  /** By key: which of the entries in the agenda is the one that counts. */
  readonly timers: Map<string, number>;
  /** Connections with each other host, ever. */
  readonly dials: Map<string, number>;
  readonly random: Random;
}

const synRetryMs = 1_000;
/** RFC 4271 §10, as the shell has it. */
const jittered: ReadonlySet<string> = new Set(["connectRetry", "keepalive", "idleHold", "retry"]);

export class Network {
  readonly agenda: Agenda = new Agenda();
  readonly #seed: number;
  readonly #delayMsMax: number;
  readonly #hosts = new Map<string, Host>();
  readonly #cuts = new Set<string>();
  #armed = 0;

  constructor(seed: number, { delayMsMax }: { readonly delayMsMax: number }) {
    this.#seed = seed;
    this.#delayMsMax = delayMsMax;
  }

  /** A new process, which knows nothing. */
  start(address: string): void {
    const host = this.#host(address);
    host.isUp = true;
    host.speaker = new Speaker();
    host.used = new Map();
  }

  /** The next hops of each prefix that has any. */
  used(address: string): ReadonlyMap<string, readonly string[]> {
    return this.#host(address).used;
  }

  isUp(address: string): boolean {
    return this.#host(address).isUp;
  }

  speaker(address: string): Speaker {
    return this.#host(address).speaker;
  }

  tell(address: string, event: SpeakerEvent): void {
    const host = this.#host(address);
    if (!host.isUp) return;
    for (const action of host.speaker.handle(event, this.agenda.nowMs)) this.#perform(host, action);
  }

  /** SIGKILL: the kernel resets the connections. */
  kill(address: string): void {
    const host = this.#host(address);
    for (const end of host.ends.values()) this.#hangUp(end, "reset by the kernel of a process that died");
    this.#die(host);
  }

  /** The power fails: nobody is told. */
  vanish(address: string): void {
    const host = this.#host(address);
    for (const end of host.ends.values()) end.isOpen = false;
    this.#die(host);
  }

  /** All connections between the two are reset, as by a firewall that lost its state. */
  lose(a: string, b: string): void {
    for (const end of [...this.#host(a).ends.values()]) {
      if (end.far?.host.address !== b) continue;
      this.#deliver(end, { type: "closed", connection: end.connection, reason: "reset" });
      this.#deliver(end.far, { type: "closed", connection: end.far.connection, reason: "reset" });
    }
  }

  cut(a: string, b: string): void {
    this.#cuts.add(linkOf(a, b));
  }

  mend(a: string, b: string): void {
    this.#cuts.delete(linkOf(a, b));
    for (const end of [...this.#host(a).ends.values(), ...this.#host(b).ends.values()]) {
      if (this.#isCut(end)) continue;
      const { stalled } = end;
      end.stalled = 0;
      for (let i = 0; i < stalled; i++) this.#schedule(end);
    }
  }

  #host(address: string): Host {
    const known = this.#hosts.get(address);
    if (known) return known;
    const random = new Random(hashOf(`${this.#seed} ${address}`));
    const facts = { isUp: false, life: 0, accepted: 0, ends: new Map(), timers: new Map(), dials: new Map(), random };
    const host: Host = { address, speaker: new Speaker(), used: new Map(), ...facts };
    this.#hosts.set(address, host);
    return host;
  }

  #die(host: Host): void {
    host.isUp = false;
    host.life += 1;
    host.accepted = 0;
    host.ends.clear();
    host.timers.clear();
  }

  #perform(host: Host, action: SpeakerAction): void {
    switch (action.type) {
      case "connect":
        this.#dial(this.#newEnd(host, action.connection, action.to.address), action.to);
        break;
      case "send":
        this.#send(host.ends.get(action.connection), action.bytes);
        break;
      case "close":
        this.#close(host.ends.get(action.connection));
        break;
      case "arm":
        this.#arm(host, action.timer, action.seconds);
        break;
      case "disarm":
        host.timers.delete(JSON.stringify(action.timer));
        break;
      case "wake":
        this.#later(host, host.random.integer(3), { type: "turn" });
        break;
      case "bestChanged":
        for (const { prefix, nextHops } of unpackBestChanges(action.changes)) {
          if (nextHops.length === 0) host.used.delete(prefix);
          else host.used.set(prefix, nextHops);
        }
        break;
      default:
        break; // What a kernel and an operator are told.
    }
  }

  #dial(near: End, to: Dial): void {
    const { host } = near;
    const target = this.#host(to.address);
    const attempt = (): void => {
      if (!near.isOpen || near.life !== host.life) return;
      if (this.#cuts.has(linkOf(host.address, to.address))) this.agenda.after(synRetryMs, attempt);
      else if (!target.isUp) this.#deliver(near, { type: "closed", connection: near.connection, reason: "refused" });
      else this.#establish(near, target);
    };
    this.agenda.after(this.#delayMs(near), attempt);
  }

  #establish(near: End, target: Host): void {
    target.accepted -= 1;
    const far = this.#newEnd(target, target.accepted, near.host.address);
    [near.far, far.far] = [far, near];
    const addresses = { localAddress: target.address, remoteAddress: near.host.address };
    this.#deliver(near, { type: "connected", connection: near.connection, localAddress: near.host.address });
    this.#deliver(far, { type: "accepted", connection: far.connection, ...addresses });
  }

  #newEnd(host: Host, connection: ConnectionId, farAddress: string): End {
    const { address, life } = host;
    const number = (host.dials.get(farAddress) ?? 0) + 1;
    host.dials.set(farAddress, number);
    const random = new Random(hashOf(`${this.#seed} ${address} ${farAddress} ${number}`));
    const end: End = { host, life, connection, isOpen: true, far: null, lastAtMs: 0, inbox: [], stalled: 0, random };
    host.ends.set(connection, end);
    return end;
  }

  #send(end: End | undefined, bytes: Uint8Array): void {
    if (!end?.far) return;
    const cut = end.random.chance(0.2) ? end.random.integer(bytes.length) : 0;
    if (cut > 0) this.#deliver(end.far, { type: "bytes", connection: end.far.connection, bytes: bytes.slice(0, cut) });
    this.#deliver(end.far, { type: "bytes", connection: end.far.connection, bytes: bytes.slice(cut) });
    // The kernel takes it, whatever becomes of it.
    this.agenda.after(1 + end.random.integer(5), () => {
      if (end.isOpen && end.life === end.host.life)
        this.tell(end.host.address, { type: "drained", connection: end.connection });
    });
  }

  #close(end: End | undefined): void {
    if (!end) return;
    end.host.ends.delete(end.connection);
    this.#hangUp(end, "closed by the peer");
  }

  #hangUp(end: End, reason: string): void {
    end.isOpen = false;
    if (end.far) this.#deliver(end.far, { type: "closed", connection: end.far.connection, reason });
  }

  /** Late, but behind what went before. */
  #deliver(end: End, event: SpeakerEvent): void {
    end.inbox.push(event);
    this.#schedule(end);
  }

  /** Where nobody is left to have what arrives, whoever sent it hears that. */
  #schedule(end: End): void {
    end.lastAtMs = Math.max(this.agenda.nowMs + this.#delayMs(end), end.lastAtMs);
    this.agenda.after(end.lastAtMs - this.agenda.nowMs, () => {
      if (this.#isCut(end)) {
        end.stalled += 1;
        return;
      }
      const event = end.inbox.shift();
      if (!event) return;
      if (end.isOpen && end.life === end.host.life) this.#arrive(end, event);
      else if (event.type === "bytes" && end.host.isUp && end.far?.isOpen) this.#reset(end.far);
    });
  }

  #arrive(end: End, event: SpeakerEvent): void {
    if (event.type === "closed") {
      end.isOpen = false;
      end.host.ends.delete(end.connection);
    }
    this.tell(end.host.address, event);
  }

  #reset(end: End): void {
    this.#deliver(end, { type: "closed", connection: end.connection, reason: "reset" });
  }

  #isCut({ host, far }: End): boolean {
    return far !== null && this.#cuts.has(linkOf(host.address, far.host.address));
  }

  #arm(host: Host, timer: SpeakerTimer, seconds: number): void {
    const key = JSON.stringify(timer);
    this.#armed += 1;
    const number = this.#armed;
    host.timers.set(key, number);
    const factor = jittered.has(timer.timer) ? 0.75 + host.random.fraction() / 4 : 1;
    this.agenda.after(seconds * 1000 * factor, () => {
      if (host.timers.get(key) !== number) return;
      host.timers.delete(key);
      this.tell(host.address, { type: "timer", timer });
    });
  }

  #later(host: Host, ms: number, event: SpeakerEvent): void {
    const { life } = host;
    this.agenda.after(ms, () => {
      if (host.life === life) this.tell(host.address, event);
    });
  }

  /** Mostly short. */
  #delayMs({ random }: End): number {
    const most = random.chance(0.1) ? this.#delayMsMax : this.#delayMsMax / 20;
    return 1 + random.integer(most);
  }
}

function linkOf(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
