/**
 * What the chains that are in force say of a packet, worked out from the chains as data: in microseconds, for flows by the
 * thousand and for packets that the kernel says it dropped, where `evaluate` would look through the whole cluster. It
 * speaks of the first packet of a flow, for the endpoints of this node alone.
 */
import type { PolicyDirection } from "@brindle/api";
import { type Address, formatAddress, formatSetElement, networkOf, type SetElement } from "@brindle/net";
import type { Desired } from "../graph/desired.ts";
import type { Members } from "../graph/members.ts";
import { isIcmp, type Packet } from "../packet.ts";
import { inRanges } from "../ports.ts";
import type { ChainRule, Match } from "../render/ir.ts";
import { chains } from "../render/names.ts";

export interface ChainVerdict {
  readonly verdict: "allow" | "deny";
  readonly direction: PolicyDirection;
  /** `namespace/name` of the endpoint of this node whose chain decided. */
  readonly endpoint: string;
  /** The comment of the rule that decided. */
  readonly rule: string;
}

interface EndpointChain {
  readonly endpoint: string;
  readonly chain: string;
}

type Walk = "drop" | "accept" | "end";

/** Made anew for each state; reads it where it is asked. */
export class ChainVerdicts {
  readonly #rules: Readonly<Record<number, ReadonlyMap<string, readonly ChainRule[]>>>;
  readonly #sets = new Map<string, SetReader>();
  readonly #egress = new Map<string, EndpointChain>();
  readonly #ingress = new Map<string, EndpointChain>();

  constructor({ tables, sets, endpoints }: Pick<Desired, "tables" | "sets" | "endpoints">) {
    const filters = tables.filter(({ table }) => table === "filter");
    this.#rules = Object.fromEntries(
      filters.map(({ family, content }) => [family, new Map(content.chains.map(({ name, rules }) => [name, rules]))]),
    );
    for (const [name, { members }] of sets) this.#sets.set(name, new SetReader(members));
    for (const [endpoint, enforced] of endpoints) {
      for (const address of enforced.addresses.map(formatAddress)) {
        this.#egress.set(address, { endpoint, chain: enforced.chains.Egress });
        this.#ingress.set(address, { endpoint, chain: enforced.chains.Ingress });
      }
    }
  }

  /**
   * The end that denies, else the last end that allows; `null` where neither end is a pod of this node. `isOwn` tells the
   * node's own addresses: what it sends by itself meets no chain of a pod.
   */
  of(packet: Packet, isOwn: (address: Address) => boolean = () => false): ChainVerdict | null {
    const [source, destination] = [formatAddress(packet.source), formatAddress(packet.destination)];
    const from = this.#egress.get(source);
    const to = isOwn(packet.source) ? undefined : this.#ingress.get(destination);
    if (from && to && from.endpoint === to.endpoint) return null;
    const egress = from && this.#decide(from, "Egress", packet);
    if (egress?.verdict === "deny") return egress;
    return (to && this.#decide(to, "Ingress", packet)) ?? egress ?? null;
  }

  #decide({ endpoint, chain }: EndpointChain, direction: PolicyDirection, packet: Packet): ChainVerdict {
    const walk = new ChainWalk(packet, this.#rules[packet.source.family] ?? new Map(), this.#sets);
    const end = walk.through(chain);
    const isDenied = end === "drop" || (end === "end" && !walk.isAllowed);
    return { verdict: isDenied ? "deny" : "allow", direction, endpoint, rule: walk.decidedBy };
  }
}

/** One packet on its way through the chains of one end. */
class ChainWalk {
  decidedBy = "";
  #mark = 0;
  readonly #packet: Packet;
  readonly #chains: ReadonlyMap<string, readonly ChainRule[]>;
  readonly #sets: ReadonlyMap<string, SetReader>;

  constructor(
    packet: Packet,
    chainsOfFamily: ReadonlyMap<string, readonly ChainRule[]>,
    sets: ReadonlyMap<string, SetReader>,
  ) {
    this.#packet = packet;
    this.#chains = chainsOfFamily;
    this.#sets = sets;
  }

  /** What the chain that allows has left behind. */
  get isAllowed(): boolean {
    return this.#mark !== 0 && this.#allows;
  }
  #allows = false;

  through(chain: string): Walk {
    for (const rule of this.#chains.get(chain) ?? []) {
      if (!rule.matches.every((match) => this.#matches(match))) continue;
      const end = this.#take(rule);
      if (end !== null) return end;
    }
    return "end";
  }

  /** `null` where the packet goes on to the next rule. */
  #take({ target, comment }: ChainRule): Walk | null {
    switch (target.kind) {
      case "accept":
      case "drop":
      case "reject":
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
        this.#allows = target.chain === chains.allow;
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
      case "connection":
      case "flowMark":
        return false; // Of a packet that begins a flow.
      default:
        return true; // The interface is that of the endpoint; limits speak of how many, not of which.
    }
  }
}

/** Whether an address is in a set of networks: one look for each length that the set has. */
class SetReader {
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
