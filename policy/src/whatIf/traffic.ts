/** Traffic of a protocol by stretches of ports between which rules make no difference, and what is said of each. */
import type { EntityRule, PolicyDirection, Rule } from "@brindle/api";
import type { Family } from "@brindle/net";
import type { Cluster } from "../cluster.ts";
import { protocolNumber, protocolNumbers } from "../packet.ts";
import { parsePorts } from "../ports.ts";
import { serviceOf } from "../service.ts";
import { type Bits, sameBits } from "./bits.ts";
import type { Peers } from "./peers.ts";

/** Traffic of one protocol to ports `first` to `last`, and the peers to or from which it is allowed. */
export interface Stretch {
  readonly protocol: number;
  /** Both zero for a protocol without ports. */
  readonly first: number;
  readonly last: number;
  readonly allowed: Bits;
}

/** Of every protocol that is told of, in order; of one with ports, all of them. */
export type Verdicts = readonly Stretch[];

export interface OwnedRule {
  readonly rule: Rule;
  readonly namespace: string | null;
}

const { tcp = 6, udp = 17, sctp = 132, udplite = 136 } = protocolNumbers;
const portProtocols: ReadonlySet<number> = new Set([tcp, udp, sctp, udplite]);
const portMax = 65_535;

interface Spec {
  readonly ingress?: readonly Rule[];
  readonly egress?: readonly Rule[];
}

const anyEntity: EntityRule = {};
const none = { ranges: [], names: [] } as const;

export function owned(
  { ingress = [], egress = [] }: Spec,
  direction: PolicyDirection,
  namespace: string | null,
): OwnedRule[] {
  return (direction === "Ingress" ? ingress : egress).map((rule) => ({ rule, namespace }));
}

export interface TrafficOptions {
  /** In order. */
  readonly protocols: readonly number[];
  readonly peers: Peers;
  /** Ports with which a stretch begins, beside those that rules ask for. */
  readonly cuts: readonly number[];
}

/** Stretches of traffic within which no rule makes a difference. */
export function trafficOf(
  ownedRules: readonly OwnedRule[],
  { protocols, peers, cuts: others }: TrafficOptions,
): Omit<Stretch, "allowed">[] {
  const cuts = new Set([1, ...others, ...ownedRules.flatMap((rule) => cutsOf(rule, peers))]);
  const starts = [...cuts].filter((port) => port >= 1 && port <= portMax).sort((a, b) => a - b);
  const stretches = starts.map((first, index) => ({ first, last: (starts[index + 1] ?? portMax + 1) - 1 }));
  return protocols.flatMap((protocol) =>
    portProtocols.has(protocol)
      ? stretches.map((stretch) => ({ protocol, ...stretch }))
      : [{ protocol, first: 0, last: 0 }],
  );
}

function cutsOf({ rule, namespace }: OwnedRule, peers: Peers): number[] {
  const { destination = anyEntity } = rule;
  const service = serviceOf(destination, namespace);
  const served = service ? [...peers.portsOf(service)] : [];
  const { ranges, names } = parsePorts([...(destination.ports ?? []), ...(destination.notPorts ?? [])]) ?? none;
  const numbers = [...served, ...names.flatMap((name) => [...peers.numbersOf(name)])];
  return [...ranges, ...numbers.map((port) => ({ first: port, last: port }))].flatMap(({ first, last }) => [
    first,
    last + 1,
  ]);
}

/** Of ICMP the echo request is meant, as everywhere where a person asks for a connection. */
export function echoOf(protocol: number): { readonly icmp: { readonly type: number; readonly code: number } } {
  return { icmp: { type: protocol === protocolNumbers.icmp ? 8 : 128, code: 0 } };
}

/** With what is allowed of each stretch; neighbours of which the same is said become one. */
export function gathered(
  traffic: readonly Omit<Stretch, "allowed">[],
  allowedOf: (stretch: Omit<Stretch, "allowed">) => Bits,
): Verdicts {
  const stretches: Stretch[] = [];
  for (const stretch of traffic) {
    const allowed = allowedOf(stretch);
    const before = stretches.at(-1);
    const goesOn = before?.protocol === stretch.protocol && before.last === stretch.first - 1;
    if (before && goesOn && sameBits(before.allowed, allowed)) {
      stretches[stretches.length - 1] = { ...before, last: stretch.last };
    } else stretches.push({ ...stretch, allowed });
  }
  return stretches;
}

/** What rules of any of the clusters may tell apart: TCP, UDP, echo requests, and what they name. In order. */
export function protocolsIn(clusters: readonly Cluster[], family: Family): number[] {
  const specs = clusters.flatMap(({ policies, profiles }) => [...policies, ...profiles].map(({ spec }) => spec));
  const rules = specs.flatMap(({ ingress = [], egress = [] }: Spec) => [...ingress, ...egress]);
  const named = rules.flatMap(({ protocol, notProtocol }) => [protocol, notProtocol]);
  const numbers = named.flatMap((name) => (name === undefined ? [] : (protocolNumber(name) ?? [])));
  const slices = clusters.flatMap(({ endpointSlices = [] }) => endpointSlices);
  const served = rules.some(({ destination }) => destination?.services) ? slices.flatMap(({ ports }) => ports) : [];
  const ofServices = served.flatMap(({ protocol }) => protocolNumber(protocol) ?? []);
  const echo = family === 4 ? (protocolNumbers.icmp ?? 1) : (protocolNumbers.icmpv6 ?? 58);
  return [...new Set([echo, tcp, udp, ...numbers, ...ofServices])].sort((a, b) => a - b);
}
