/** A packet on its way through chains as data: what the kernel would do with the first packet of a flow. */
import { type Address, formatSetElement, networkOf, type SetElement } from "@brindle/net";
import type { Members } from "../graph/members.ts";
import { isIcmp, type Packet } from "../packet.ts";
import { inRanges } from "../ports.ts";
import type { ChainRule, Match } from "../render/ir.ts";
import { allowedMark, chains, hostAllowedMark } from "../render/names.ts";
import type { Passage } from "./passage.ts";

export type WalkEnd = "drop" | "accept" | "end";

/** The chains of one table, by name. */
export type TableChains = ReadonlyMap<string, readonly ChainRule[]>;

/** A packet and what is told of it beside its headers. */
export interface Walker {
  readonly packet: Packet;
  readonly passage: Passage;
  /** Marks that it has already. */
  readonly mark?: number;
}

/** Through the chains of one end, or of one gate of a host. */
export class ChainWalk {
  /** The comment of the rule that decided. */
  decidedBy = "";
  /** The comment of the rule that led to the chain which decides: at a gate, whose chain that is. */
  ledBy = "";
  #mark: number;
  readonly #packet: Packet;
  readonly #passage: Passage;
  readonly #chains: TableChains;
  readonly #sets: ReadonlyMap<string, SetReader>;

  constructor({ packet, passage, mark = 0 }: Walker, chainsOfTable: TableChains, sets: ReadonlyMap<string, SetReader>) {
    this.#packet = packet;
    this.#passage = passage;
    this.#mark = mark;
    this.#chains = chainsOfTable;
    this.#sets = sets;
  }

  /** What the chain that allows has left behind. */
  get isAllowed(): boolean {
    return (this.#mark & allowedMark) !== 0;
  }

  /** Asked nothing more at the interface by which it came in. */
  get isAllowedEarly(): boolean {
    return (this.#mark & hostAllowedMark) !== 0;
  }

  through(chain: string): WalkEnd {
    for (const rule of this.#chains.get(chain) ?? []) {
      if (!rule.matches.every((match) => this.#matches(match))) continue;
      const end = this.#take(rule);
      if (end !== null) return end;
    }
    return "end";
  }

  /** `null` where the packet goes on to the next rule. */
  #take({ target, comment }: ChainRule): WalkEnd | null {
    switch (target.kind) {
      case "accept":
      case "drop":
      case "reject":
      case "reset":
        this.decidedBy ||= comment;
        return target.kind === "accept" ? "accept" : "drop";
      case "return":
        return "end";
      case "jump": {
        const end = this.through(target.chain);
        return end === "end" ? null : end;
      }
      case "goto":
        if (target.chain === chains.allow || target.chain === chains.denied) this.decidedBy = comment;
        else this.ledBy ||= comment;
        return this.through(target.chain);
      case "setMark":
        this.#mark |= target.mark;
        return null;
      case "clearMark":
        this.#mark &= ~target.mark;
        return null;
      default:
        return null; // Logging and the like.
    }
  }

  #matches(match: Match): boolean {
    const packet = this.#packet;
    switch (match.kind) {
      case "protocol":
        return (packet.protocol === match.protocol) !== match.negated;
      case "net": {
        const { family, value } = packet[match.side];
        const { address, length } = match.net;
        const network = networkOf({ address: { family, value }, length });
        return (address.family === family && network.address.value === address.value) !== match.negated;
      }
      case "set": {
        const port = match.side === "source" ? packet.sourcePort : packet.destinationPort;
        const set = this.#sets.get(match.set);
        const { protocol } = packet;
        const holds = match.withPort
          ? port !== undefined && set?.has({ address: packet[match.side], protocol, port })
          : set?.holds(packet[match.side]);
        return (holds ?? false) !== match.negated;
      }
      case "ports": {
        const port = match.side === "source" ? packet.sourcePort : packet.destinationPort;
        return port !== undefined && inRanges(match.ranges, port) !== match.negated;
      }
      case "icmp": {
        const { icmp } = packet;
        if (!icmp || !isIcmp(packet.protocol)) return false;
        return (icmp.type === match.type && (match.code === null || icmp.code === match.code)) !== match.negated;
      }
      case "mark":
        return ((this.#mark & match.mark) === match.mark) !== match.negated;
      case "interface": {
        const name = match.direction === "in" ? this.#passage.from : this.#passage.to;
        return name !== null && isCalled(match.name, name);
      }
      case "connection":
      case "flowMark":
        return false; // Of a packet that begins a flow.
      default:
        return true; // Limits speak of how many, not of which.
    }
  }
}

/** As iptables reads a name that ends in `+`. */
export function isCalled(pattern: string, name: string): boolean {
  return pattern.endsWith("+") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

/** Whether an address is in a set of networks: one look for each length that the set has. */
export class SetReader {
  readonly #members: Members;
  #lengths: readonly number[] | null = null;

  constructor(members: Members) {
    this.#members = members;
  }

  has(element: SetElement): boolean {
    return this.#members.has(formatSetElement(element));
  }

  holds(address: Address): boolean {
    this.#lengths ??= [...new Set([...this.#members.values()].flatMap((one) => ("length" in one ? [one.length] : [])))];
    return this.#lengths.some((length) => this.has(networkOf({ address, length })));
  }
}
