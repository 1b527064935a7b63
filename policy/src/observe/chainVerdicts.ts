/**
 * What the chains that are in force say of a packet, worked out from the chains as data: in microseconds, for flows by the
 * thousand and for packets that the kernel says it dropped, where `evaluate` would look through the whole cluster. It
 * speaks of the first packet of a flow, for the endpoints and host endpoints of this node alone.
 */
import type { PolicyDirection } from "@brindle/api";
import { type Address, containsAddress, type Family, formatAddress, type Prefix } from "@brindle/net";
import type { Desired, TableName } from "../graph/desired.ts";
import type { PolicyStage } from "../hosts.ts";
import type { Packet } from "../packet.ts";
import { hostGates } from "../render/hostChains.ts";
import { hostAllowedMark, podInterfaces } from "../render/names.ts";
import { ChainWalk, isCalled, SetReader, type TableChains } from "./chainWalk.ts";
import {
  type HookOfPassage,
  type HostStation,
  isForMany,
  type NodeNetwork,
  noNetwork,
  type Passage,
  type Station,
  stationsOf,
} from "./passage.ts";

export interface ChainVerdict {
  readonly verdict: "allow" | "deny";
  readonly direction: PolicyDirection;
  /** `namespace/name` of the endpoint of this node whose chain decided, `HostEndpoint name` of a host's. */
  readonly endpoint: string;
  /** The comment of the rule that decided. */
  readonly rule: string;
}

/** Where the kernel was with a packet when it denied it. */
export interface DenialPlace {
  readonly hook: HookOfPassage;
  readonly passage: Passage;
  /** The packet's mark there. */
  readonly mark: number;
}

export interface FirstOfFlow {
  readonly packet: Packet;
  /** As it was sent, where its destination was another one: what host endpoints see before DNAT. */
  readonly sent?: Packet;
}

interface Way {
  readonly first: Required<FirstOfFlow>;
  readonly passage: Passage;
  readonly hook?: HookOfPassage;
  readonly mark?: number;
}

interface Asked extends Pick<Way, "first" | "passage"> {
  /** By a host endpoint, before the filter. */
  readonly isAllowedEarly: boolean;
}

interface Answer {
  /** `null` where nobody is asked there, or nobody decides. */
  readonly verdict: ChainVerdict | null;
  readonly isAllowedEarly: boolean;
}

interface EndpointChain {
  readonly endpoint: string;
  readonly interfaceName: string;
  readonly chain: string;
}

/** An endpoint that may send from the addresses of a network beside its own. */
interface WiderSender {
  readonly source: Prefix;
  readonly pod: EndpointChain;
}

const tableOfStage: Readonly<Record<PolicyStage, TableName>> = {
  untracked: "raw",
  preDnat: "mangle",
  tracked: "filter",
  forwarded: "filter",
};
const noChains: TableChains = new Map();
const nowhere: Passage = { from: null, to: null };

/** Made anew for each state; reads it where it is asked. */
export class ChainVerdicts {
  /** By table and family. */
  readonly #tables = new Map<string, TableChains>();
  readonly #sets = new Map<string, SetReader>();
  readonly #egress = new Map<string, EndpointChain>();
  readonly #ingress = new Map<string, EndpointChain>();
  readonly #wider: readonly WiderSender[];
  /** Whether host endpoints have a say here, so that it matters by which interface a packet comes and goes. */
  readonly asksHosts: boolean;

  constructor({ tables, sets, endpoints }: Pick<Desired, "tables" | "sets" | "endpoints">) {
    for (const { table, family, content } of tables) {
      this.#tables.set(`${table} ${family}`, new Map(content.chains.map(({ name, rules }) => [name, rules])));
    }
    for (const [name, { members }] of sets) this.#sets.set(name, new SetReader(members));
    for (const [endpoint, { addresses, interfaceName, chains }] of endpoints) {
      for (const address of addresses.map(formatAddress)) {
        this.#egress.set(address, { endpoint, interfaceName, chain: chains.Egress });
        this.#ingress.set(address, { endpoint, interfaceName, chain: chains.Ingress });
      }
    }
    this.#wider = [...endpoints].flatMap(([endpoint, { interfaceName, chains, sources = [] }]) =>
      sources.map((source) => ({ source, pod: { endpoint, interfaceName, chain: chains.Egress } })),
    );
    const gates = Object.values(hostGates).map(({ dispatch }) => dispatch);
    this.asksHosts = [...this.#tables.values()].some((chains) => gates.some((gate) => chains.has(gate)));
  }

  /**
   * What denies it first, else the last that allows; `null` where nobody of this node is asked. Where it may take one of
   * several ways, as routes say, it is denied if all of them deny it.
   */
  of({ packet, sent = packet }: FirstOfFlow, network: NodeNetwork = noNetwork): ChainVerdict | null {
    const passages = this.asksHosts ? this.#passagesOf(packet, network) : [];
    if (passages.length === 0) return this.#ofPods(packet, network);
    let denied: ChainVerdict | null = null;
    for (const passage of passages) {
      const verdict = this.#along({ first: { packet, sent }, passage });
      if (verdict?.verdict !== "deny") return verdict;
      denied ??= verdict;
    }
    return denied;
  }

  /** Of a packet that was denied at a place, as it looked there. */
  at({ hook, passage, mark }: DenialPlace, packet: Packet): ChainVerdict | null {
    return this.#along({ first: { packet, sent: packet }, passage, hook, mark: mark & hostAllowedMark });
  }

  #ofPods(packet: Packet, { isOwn }: NodeNetwork): ChainVerdict | null {
    const [from, to] = this.#podsOf(packet);
    const egress = from && this.#ofPod(from, "Egress", packet);
    if (egress?.verdict === "deny") return egress;
    const ingress = to && !isOwn(packet.source) ? this.#ofPod(to, "Ingress", packet) : null;
    return ingress ?? egress;
  }

  /** Over all stations of its way, or of those at one hook. */
  #along({ first, passage, hook, mark = 0 }: Way): ChainVerdict | null {
    let isAllowedEarly = mark !== 0;
    let last: ChainVerdict | null = null;
    for (const station of stationsOf(passage, isPodInterface)) {
      if (hook !== undefined && station.hook !== hook) continue;
      const asked = this.#atStation(station, { first, passage, isAllowedEarly });
      isAllowedEarly = asked.isAllowedEarly;
      if (asked.verdict?.verdict === "deny") return asked.verdict;
      last = asked.verdict ?? last;
    }
    return last;
  }

  #atStation(station: Station, asked: Asked): Answer {
    const { packet } = asked.first;
    if (station.kind === "host") return this.#atGate(station, asked);
    const [from, to] = this.#podsOf(packet, asked.passage.from);
    const verdict =
      station.kind === "fromPod"
        ? from && this.#ofPod(from, "Egress", packet)
        : to && this.#ofPod(to, "Ingress", packet);
    return { verdict, isAllowedEarly: asked.isAllowedEarly };
  }

  #podsOf(
    { source, destination }: Packet,
    by: string | null = null,
  ): readonly [EndpointChain | null, EndpointChain | null] {
    const from = this.#senderOf(source, by);
    const to = this.#ingress.get(formatAddress(destination)) ?? null;
    return from && to && from.endpoint === to.endpoint ? [null, null] : [from, to];
  }

  /** The pod with that address, or one that may send from it, where it is known by which interface that of it. */
  #senderOf(source: Address, by: string | null): EndpointChain | null {
    const own = this.#egress.get(formatAddress(source)) ?? null;
    if (this.#wider.length === 0 || (own && (by === null || by === own.interfaceName))) return own;
    const wider = this.#wider.filter((sender) => containsAddress(sender.source, source));
    return wider.find(({ pod }) => pod.interfaceName === by)?.pod ?? own ?? wider[0]?.pod ?? null;
  }

  /** Each way that it may take; none where that is not known. */
  #passagesOf({ source, destination }: Packet, network: NodeNetwork): Passage[] {
    const interfacesOf = (address: Address, pods: ReadonlyMap<string, EndpointChain>): readonly (string | null)[] => {
      if (network.isOwn(address)) return [null];
      const pod = pods.get(formatAddress(address));
      if (pod) return [pod.interfaceName];
      return isForMany(address) ? [] : network.towards(address);
    };
    const leaving = interfacesOf(destination, this.#ingress);
    return interfacesOf(source, this.#egress).flatMap((from) => leaving.map((to) => ({ from, to })));
  }

  #ofPod({ endpoint, chain }: EndpointChain, direction: PolicyDirection, packet: Packet): ChainVerdict {
    const walk = new ChainWalk(
      { packet, passage: nowhere },
      this.#chainsOf("filter", packet.source.family),
      this.#sets,
    );
    const end = walk.through(chain);
    const isDenied = end === "drop" || (end === "end" && !walk.isAllowed);
    return { verdict: isDenied ? "deny" : "allow", direction, endpoint, rule: walk.decidedBy };
  }

  #atGate({ gate }: HostStation, { first, passage, isAllowedEarly }: Asked): Answer {
    const { stage, direction, dispatch } = gate;
    const isEarly = stage === "untracked" || stage === "preDnat";
    // What was allowed before the filter is asked nothing more but what is for the interface by which it leaves.
    if (isAllowedEarly && !isEarly && !(stage === "forwarded" && direction === "Egress")) {
      return { verdict: null, isAllowedEarly };
    }
    const packet = isEarly ? first.sent : first.packet;
    const mark = isAllowedEarly ? hostAllowedMark : 0;
    const table = this.#chainsOf(tableOfStage[stage], packet.source.family);
    const walk = new ChainWalk({ packet, passage, mark }, table, this.#sets);
    const verdict = walk.through(dispatch) === "drop" ? "deny" : "allow";
    const decided = { verdict, direction, endpoint: walk.ledBy, rule: walk.decidedBy } as const;
    return { verdict: walk.decidedBy === "" ? null : decided, isAllowedEarly: walk.isAllowedEarly };
  }

  #chainsOf(table: TableName, family: Family): TableChains {
    return this.#tables.get(`${table} ${family}`) ?? noChains;
  }
}

function isPodInterface(name: string): boolean {
  return isCalled(podInterfaces, name);
}
