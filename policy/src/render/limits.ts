/**
 * Limits of packets and connections of single pods, before policy: what is too much is dropped whoever sent it, also of flows that
 * are known. Only pods that ask for them have chains for it; bandwidth is limited elsewhere, at their interfaces.
 *
 *     BRDL-FORWARD, BRDL-INPUT -> BRDL-LIMITS -> by the pod's interface: packets of a second -> connections
 */
import type { PolicyDirection } from "@brindle/api";
import type { Chain, ChainRule, Match } from "./ir.ts";
import { chainName, chains } from "./names.ts";

/** Of one direction; 0 for no limit. */
export interface TrafficLimits {
  readonly packetsPerSecond: number;
  readonly packetBurst: number;
  /** Of TCP, at a time. */
  readonly connections: number;
}

/** A pod's: `Ingress` is what comes to it. */
export type PodLimits = Readonly<Record<PolicyDirection, TrafficLimits>>;

export interface LimitedPod {
  readonly interfaceName: string;
  readonly limits: PodLimits;
}

/** XT_LIMIT_SCALE: the match counts no more in a second, nor at once; and times between packets in parts of a second of that many. */
const packetsMax = 10_000;
/** The match counts in 32 bits. */
const connectionsMax = 0xffff_ffff;
const tcp: Match = { kind: "protocol", protocol: 6, negated: false };

/** Empty where no pod is limited; else the first is to be jumped to. */
export function limitChains(pods: readonly LimitedPod[]): readonly Chain[] {
  const ends = pods.flatMap(({ interfaceName, limits }) => [
    { match: interfaceMatch("in", interfaceName), chains: chainsOf("e", interfaceName, limits.Egress) },
    { match: interfaceMatch("out", interfaceName), chains: chainsOf("i", interfaceName, limits.Ingress) },
  ]);
  const jumps = ends.flatMap(({ match, chains: [first] }): ChainRule[] =>
    first ? [{ matches: [match], target: { kind: "jump", chain: first.name }, comment: "limits of a pod" }] : [],
  );
  if (jumps.length === 0) return [];
  return [{ name: chains.limits, rules: jumps }, ...ends.flatMap((end) => end.chains)];
}

function interfaceMatch(direction: "in" | "out", name: string): Match {
  return { kind: "interface", direction, name };
}

/** The first is the one to begin with. */
function chainsOf(letter: "e" | "i", interfaceName: string, limits: TrafficLimits): Chain[] {
  const connections: Chain = {
    name: chainName(`lc${letter}`, interfaceName),
    rules: [
      {
        matches: [
          tcp,
          { kind: "connection", states: ["NEW"] },
          { kind: "connections", above: Math.min(connectionsMax, limits.connections) },
        ],
        target: { kind: "reset" },
        comment: "more connections than the pod may have",
      },
    ],
  };
  const counted = limits.connections > 0 ? [connections] : [];
  if (limits.packetsPerSecond === 0) return counted;
  const rate = nearestRate(limits.packetsPerSecond);
  const within: Match = {
    kind: "rate",
    rate: `${rate}/sec`,
    burst: Math.max(1, Math.min(packetsMax, limits.packetBurst)),
  };
  const [next] = counted;
  const packets: Chain = {
    name: chainName(`lp${letter}`, interfaceName),
    rules: [
      {
        matches: [within],
        target: next ? { kind: "goto", chain: next.name } : { kind: "return" },
        comment:
          rate === limits.packetsPerSecond
            ? "within the pod's packets of a second"
            : `nearest to the pod's ${limits.packetsPerSecond} packets of a second`,
      },
      { matches: [], target: { kind: "drop" }, comment: "more packets than the pod may have" },
    ],
  };
  return [packets, ...counted];
}

/** The match takes the time between two packets in whole units, and would take 6,000 a second for 10,000. */
function nearestRate(packetsPerSecond: number): number {
  const units = Math.max(1, Math.floor(packetsMax / packetsPerSecond));
  // Below a hundred a second a unit is less than one in a hundred.
  if (units >= finestUnits) return packetsPerSecond;
  const [faster, slower] = [packetsMax / units, packetsMax / (units + 1)];
  return Math.floor(faster - packetsPerSecond <= packetsPerSecond - slower ? faster : slower);
}

const finestUnits = 100;
