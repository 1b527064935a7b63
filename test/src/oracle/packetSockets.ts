/**
 * Raw sockets in the namespaces of a test: a packet leaves with whatever addresses it has, and counts as passed once the
 * kernel of a namespace has delivered it, behind its own input chains. All of it is calls of this thread, so some ten
 * thousand packets take a second.
 */
import { Buffer } from "node:buffer";
import { type Address, addressBytes, type Family, formatAddress, KernelError } from "@brindle/net";
import {
  closeSocket,
  insideNamespace,
  openSocket,
  receiveFrom,
  sendTo,
  setSocketOption,
  socketDomain,
  socketType,
  warmThreadPool,
} from "@brindle/net/shell";
import type { Packet } from "@brindle/policy";
import { encodeProbe, probedProtocols, probeIn } from "./probePacket.ts";

/** Linux' socket(7), in SOL_SOCKET (1): a buffer beyond the limit, for root. */
const receiveBufferForce = 33;
const receiveBufferBytes = 16 << 20;
/** ip(7): what is sent has its own header. */
const rawProtocol = 255;

/** linux/netlink.h: NETLINK_NETFILTER. */
const netfilterNetlink = 12;
/** struct sockaddr_nl of the kernel. */
const kernelAddress = Buffer.from([socketDomain.netlink, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

/** IPCTNL_MSG_CT_DELETE without a tuple (linux/netfilter/nfnetlink_conntrack.h): all flows of both families. */
function flushFlows(): Buffer {
  const message = Buffer.alloc(20);
  message.writeUInt32LE(message.length, 0);
  message.writeUInt16LE((1 << 8) | 2, 4);
  message.writeUInt16LE(1, 6); // NLM_F_REQUEST
  return message;
}

/** send(2): what is sent waits in a socket's or a device's queue, and there is an end to these. */
const noRoom: ReadonlySet<string> = new Set(["EAGAIN", "ENOBUFS", "ENOMEM"]);

/** How often a flood sends each packet at least, however quick the work is. */
const turnsMin = 10;

interface Receiver {
  readonly fd: number;
  readonly family: Family;
  readonly protocol: number;
}

/** How often each packet was sent, and how often it arrived. */
export interface Flood {
  readonly sent: ReadonlyMap<Packet, number>;
  readonly passed: ReadonlyMap<Packet, number>;
}

/** What is done while packets flow; may wait until all of them have been sent once more, and have met the state that it made. */
export type FloodedWork = (allSentAgain: () => Promise<void>) => Promise<void>;

export interface SendOptions {
  readonly deadlineMs: number;
  readonly graceMs: number;
  /** Whether conntrack goes on to know what it has seen. */
  readonly keepsFlows?: boolean;
}

export class PacketSockets implements Disposable {
  /** By address. */
  readonly #senders = new Map<string, number>();
  readonly #receivers: Receiver[] = [];
  readonly #descriptors: number[] = [];
  #nextNumber = 1;
  #flowTable: number | null = null;

  /** A namespace has these addresses; packets from any of them leave it. */
  async add(path: string, addresses: readonly string[]): Promise<void> {
    await warmThreadPool();
    insideNamespace(path, () => {
      for (const family of [4, 6] as const) {
        const sender = this.#open(family, rawProtocol);
        for (const address of addresses)
          if (address.includes(":") === (family === 6)) this.#senders.set(address, sender);
        for (const protocol of probedProtocols) {
          if (protocol === (family === 4 ? 58 : 1)) continue;
          const fd = this.#open(family, protocol);
          setSocketOption(fd, 1, receiveBufferForce, receiveBufferBytes);
          this.#receivers.push({ fd, family, protocol });
        }
      }
    });
  }

  /** Of the node whose chains are probed. */
  async openFlowTable(path: string): Promise<void> {
    await warmThreadPool();
    this.#flowTable = insideNamespace(path, () => openSocket(socketDomain.netlink, socketType.raw, netfilterNetlink));
    this.#descriptors.push(this.#flowTable);
  }

  /** What was allowed once is known to conntrack, and accepted whatever policy says by now. */
  #forgetFlows(): void {
    if (this.#flowTable !== null) sendTo(this.#flowTable, flushFlows(), kernelAddress);
  }

  /** Another address that a namespace known by `known` sends from. */
  alias(known: string, address: string): void {
    this.#senders.set(address, this.#senderOf(known));
  }

  /** Sends all, and answers which came through: waits for those of `awaited`, and `graceMs` more for the others. */
  async send(
    packets: readonly Packet[],
    awaited: ReadonlySet<Packet>,
    { deadlineMs, graceMs, keepsFlows = false }: SendOptions,
  ): Promise<Set<Packet>> {
    if (!keepsFlows) this.#forgetFlows();
    this.#receive(new Map(), () => {}); // What came too late for the last call.
    const passed = new Set<Packet>();
    const onPassed = (packet: Packet): void => void passed.add(packet);
    const numbered = new Map<number, Packet>();
    for (const packet of packets) {
      const number = this.#nextNumber++;
      numbered.set(number, packet);
      while (!this.#sendOne(packet, number)) await pause(1);
      if (number % 64 === 0) this.#receive(numbered, onPassed);
    }
    const endMs = performance.now() + deadlineMs;
    const isComplete = (): boolean => [...awaited].every((packet) => passed.has(packet));
    do {
      this.#receive(numbered, onPassed);
      if (isComplete()) break;
      await pause(1);
    } while (performance.now() < endMs);
    await pause(graceMs);
    this.#receive(numbered, onPassed);
    return passed;
  }

  /**
   * Sends all of them again and again, each time as a flow of its own, until the work is done and each was sent several
   * times. What should have passed may be late on a busy machine: it is waited for, as `send` does it.
   */
  async flood(
    packets: readonly Packet[],
    work: FloodedWork,
    { awaited, deadlineMs, graceMs }: SendOptions & { readonly awaited: readonly Packet[] },
  ): Promise<Flood> {
    this.#forgetFlows();
    this.#receive(new Map(), () => {});
    const numbered = new Map<number, Packet>();
    const [sent, passed] = [new Map<Packet, number>(), new Map<Packet, number>()];
    let isOver = false;
    let waiting: (() => void)[] = [];
    const worked = work(() => new Promise((resolve) => waiting.push(resolve))).finally(() => {
      isOver = true;
    });
    for (let turn = 0; !isOver || turn < turnsMin; turn++) {
      const metByThisTurn = waiting;
      waiting = [];
      for (const packet of packets) {
        const number = this.#nextNumber++;
        numbered.set(number, packet);
        if (this.#sendOne(renewed(packet, turn), number)) count(sent, packet);
      }
      this.#receive(numbered, (packet) => count(passed, packet));
      for (const resolve of metByThisTurn) resolve();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await worked;
    const endMs = performance.now() + deadlineMs;
    const isMissing = (packet: Packet): boolean => (passed.get(packet) ?? 0) < (sent.get(packet) ?? 0);
    do {
      await pause(graceMs);
      this.#receive(numbered, (packet) => count(passed, packet));
    } while (awaited.some(isMissing) && performance.now() < endMs);
    return { sent, passed };
  }

  [Symbol.dispose](): void {
    for (const fd of this.#descriptors) closeSocket(fd);
    this.#descriptors.length = 0;
  }

  #open(family: Family, protocol: number): number {
    const domain = family === 4 ? socketDomain.inet : socketDomain.inet6;
    const fd = openSocket(domain, socketType.raw | socketType.nonBlocking | socketType.closeOnExec, protocol);
    this.#descriptors.push(fd);
    return fd;
  }

  #senderOf(address: string): number {
    const fd = this.#senders.get(address);
    if (fd === undefined) throw new Error(`no namespace sends from ${address}`);
    return fd;
  }

  /** Answers whether the chains had to do with it: not where the kernel has no room for it, which is no verdict. */
  #sendOne(packet: Packet, number: number): boolean {
    const sender = this.#senderOf(formatAddress(packet.source));
    try {
      sendTo(sender, encodeProbe(packet, number), socketAddress(packet.destination));
      return true;
    } catch (error) {
      const name = error instanceof KernelError && "name" in error.failure ? error.failure.name : null;
      // An output chain that drops says so to the sender: the packet did not pass.
      if (name === "EPERM") return true;
      if (name !== null && noRoom.has(name)) return false;
      throw error;
    }
  }

  #receive(numbered: ReadonlyMap<number, Packet>, onPassed: (packet: Packet) => void): void {
    for (const { fd, family, protocol } of this.#receivers) {
      for (let next = receiveFrom(fd, 256); next; next = receiveFrom(fd, 256)) {
        const bytes = Buffer.from(next.bytes);
        // Of IPv4 the header comes along, of IPv6 not.
        const number = probeIn(protocol, family === 4 ? bytes.subarray(((bytes[0] ?? 0) & 0xf) * 4) : bytes);
        const packet = number === null ? undefined : numbered.get(number);
        if (packet) onPassed(packet);
      }
    }
  }
}

/** struct sockaddr_in and sockaddr_in6, ports zero. */
function socketAddress(address: Address): Uint8Array {
  const bytes = Buffer.alloc(address.family === 4 ? 16 : 28);
  bytes.writeUInt16LE(address.family === 4 ? socketDomain.inet : socketDomain.inet6, 0);
  bytes.set(addressBytes(address), address.family === 4 ? 4 : 8);
  return bytes;
}

/** From another port of the same five thousand, of which policies speak. */
function renewed(packet: Packet, turn: number): Packet {
  const { sourcePort } = packet;
  if (sourcePort === undefined) return packet;
  const base = sourcePort - (sourcePort % 5_000);
  return { ...packet, sourcePort: base + ((sourcePort - base + turn * 7) % 5_000) };
}

function count(counts: Map<Packet, number>, packet: Packet): void {
  counts.set(packet, (counts.get(packet) ?? 0) + 1);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
