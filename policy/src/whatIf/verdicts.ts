/**
 * What policy says at one end, for all peers and all traffic at once: `evaluate` walked once for each chain of policies
 * and stretch of ports between which no rule makes a difference. Source ports are not known, as in `explain`.
 */
import type { EntityRule, PolicyDirection, Rule } from "@brindle/api";
import type { Family } from "@brindle/net";
import { appliesTo, type Cluster, comparePolicies, type Policy } from "../cluster.ts";
import { encapsulationOf, isEncapsulated } from "../encapsulated.ts";
import { enforceableProfile, enforcedPolicy } from "../enforceable.ts";
import { isIcmp, protocolNumber, protocolNumbers } from "../packet.ts";
import { parsePorts } from "../ports.ts";
import { policyScope } from "../scope.ts";
import { serviceOf } from "../service.ts";
import { surroundingsOf } from "../surroundings.ts";
import { byTier, type Tiers } from "../tiers.ts";
import { type Bits, dropBits, isEmpty, noBits, sameBits } from "./bits.ts";
import { Peers, type Traffic } from "./peers.ts";

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

interface OwnedRule {
  readonly rule: Rule;
  readonly namespace: string | null;
}

interface ChainTier {
  readonly passesOn: boolean;
  readonly rules: readonly OwnedRule[];
}

interface Chain {
  readonly tiers: readonly ChainTier[];
  readonly profiles: readonly OwnedRule[];
}

const { tcp = 6, udp = 17, sctp = 132, udplite = 136 } = protocolNumbers;
const portProtocols: ReadonlySet<number> = new Set([tcp, udp, sctp, udplite]);
const portMax = 65_535;

export class VerdictTable {
  readonly peers: Peers;
  readonly #cluster: Cluster;
  readonly #family: Family;
  readonly #protocols: readonly number[];
  readonly #tiers: Tiers;
  readonly #policies = new Map<string, Policy>();
  readonly #chains = new Map<string, Verdicts>();

  /** `protocols` are those to tell of, in order. */
  constructor(cluster: Cluster, family: Family, protocols: readonly number[]) {
    this.#cluster = cluster;
    this.#family = family;
    this.#protocols = protocols;
    const around = surroundingsOf(cluster);
    this.#tiers = around.tiers;
    this.peers = new Peers(cluster, family);
    for (const policy of cluster.policies) {
      const enforced = enforcedPolicy(policy, around).resource;
      if (!enforced) continue;
      const key = `policy ${this.#policies.size}`;
      this.#policies.set(key, enforced);
      this.peers.enterPolicy(key, policyScope(enforced.spec, enforced.metadata.namespace ?? null));
    }
  }

  /** Equal verdicts are often one object: endpoints with the same policies share them. */
  of(peer: number, direction: PolicyDirection): Verdicts {
    const keys = [...this.peers.selecting(peer)].filter((key) => this.#policies.has(key)).sort();
    const chain = this.#chain(peer, direction, keys);
    const own = this.#ownSides(chain, peer, direction);
    const profiles = this.#endpointOf(peer)?.spec.profiles ?? [];
    const key = JSON.stringify([direction, keys, profiles, own]);
    const known = this.#chains.get(key);
    if (known) return known;
    const verdicts = this.#verdicts(chain, peer, direction);
    this.#chains.set(key, verdicts);
    return verdicts;
  }

  #endpointOf(peer: number) {
    return this.#cluster.endpoints[this.peers.list[peer]?.endpoint ?? -1];
  }

  #chain(peer: number, direction: PolicyDirection, keys: readonly string[]): Chain {
    const policies = keys
      .flatMap((key) => this.#policies.get(key) ?? [])
      .filter((policy) => appliesTo(policy, direction))
      .sort(comparePolicies);
    const tiers = byTier(policies, ({ spec }) => this.#tiers.of(spec.tier)).map(({ tier, items }) => ({
      passesOn: tier.defaultAction === "Pass",
      rules: items.flatMap(({ spec, metadata }) => owned(spec, direction, metadata.namespace ?? null)),
    }));
    const profiles = (this.#endpointOf(peer)?.spec.profiles ?? []).flatMap((name) => {
      const profile = this.#cluster.profiles.find(({ metadata }) => metadata.name === name);
      return owned((profile && enforceableProfile(profile).resource?.spec) ?? {}, direction, null);
    });
    return { tiers, profiles };
  }

  /** What in the rules depends on the endpoint itself: two with the same policies may differ there. */
  #ownSides({ tiers, profiles }: Chain, peer: number, direction: PolicyDirection): unknown[] {
    const rules = [...tiers.flatMap((tier) => tier.rules), ...profiles];
    const speaking = rules.flatMap(({ rule, namespace }) => {
      const own = ownSide(rule, direction);
      return own && dependsOnEndpoint(own) ? [{ own, namespace }] : [];
    });
    if (speaking.length === 0) return [];
    const ports = this.#endpointOf(peer)?.spec.ports ?? [];
    return [...speaking.map(({ own, namespace }) => this.peers.means(withoutPorts(own), namespace, { peer })), ports];
  }

  #verdicts(chain: Chain, peer: number, direction: PolicyDirection): Verdicts {
    const stretches: Stretch[] = [];
    const encapsulation = encapsulationOf(this.#cluster);
    for (const { first, last, ...traffic } of this.#traffic(chain)) {
      const { protocol } = traffic;
      const isTunnel = direction === "Egress" && isEncapsulated(encapsulation, { protocol, destinationPort: first });
      const allowed = isTunnel
        ? noBits(this.peers.list.length)
        : this.#walk(chain, { peer, direction, traffic: { ...traffic, port: first } });
      const before = stretches.at(-1);
      const goesOn = before?.protocol === traffic.protocol && before.last === first - 1;
      if (before && goesOn && sameBits(before.allowed, allowed)) stretches[stretches.length - 1] = { ...before, last };
      else stretches.push({ protocol: traffic.protocol, first, last, allowed });
    }
    return stretches;
  }

  /** Tier by tier, rule by rule: those whose packet a rule matches are decided, and leave. */
  #walk({ tiers, profiles }: Chain, at: WalkedEnd): Bits {
    const allowed = noBits(this.peers.list.length);
    const undecided = this.peers.all.slice();
    for (const { passesOn, rules } of tiers) {
      const asked = undecided.slice();
      for (const rule of rules) this.#ask(rule, at, { asked, undecided, allowed });
      if (!passesOn) dropBits(undecided, asked);
      if (isEmpty(undecided)) return allowed;
    }
    // A profile has nothing to pass on to: what it passes on is denied.
    for (const rule of profiles) this.#ask(rule, at, { asked: undecided, undecided, allowed });
    return allowed;
  }

  #ask(ownedRule: OwnedRule, at: WalkedEnd, { asked, undecided, allowed }: WalkState): void {
    const { action } = ownedRule.rule;
    const meant = action === "Log" ? null : this.#matching(ownedRule, at);
    if (!meant) return;
    for (let word = 0; word < asked.length; word++) {
      const matched = (asked[word] ?? 0) & (meant[word] ?? 0);
      if (matched === 0) continue;
      if (action === "Allow") allowed[word] = (allowed[word] ?? 0) | matched;
      if (action !== "Pass") undecided[word] = (undecided[word] ?? 0) & ~matched;
      asked[word] = (asked[word] ?? 0) & ~matched;
    }
  }

  /** The peers for which a rule matches; `null` for none. */
  #matching({ rule, namespace }: OwnedRule, { peer, direction, traffic }: WalkedEnd): Readonly<Bits> | null {
    if (!speaksOf(rule, traffic.protocol, this.#family)) return null;
    const { source = anyEntity, destination = anyEntity } = rule;
    if (direction === "Ingress") {
      if (!this.peers.means(destination, namespace, { peer, traffic })) return null;
      return this.peers.meantBy(source, namespace);
    }
    if (!this.peers.means(source, namespace, { peer })) return null;
    return this.peers.meantBy(destination, namespace, traffic);
  }

  /** Stretches of traffic within which no rule of the chain makes a difference. */
  #traffic({ tiers, profiles }: Chain): { protocol: number; first: number; last: number }[] {
    const ownedRules = [...tiers.flatMap((tier) => tier.rules), ...profiles];
    const rules = ownedRules.map(({ rule }) => rule);
    const { vxlanPort } = encapsulationOf(this.#cluster);
    const cuts = new Set<number>([1, vxlanPort, vxlanPort + 1]);
    for (const { rule, namespace } of ownedRules) {
      const service = serviceOf(rule.destination ?? anyEntity, namespace);
      for (const port of service ? this.peers.portsOf(service) : []) cuts.add(port).add(port + 1);
    }
    for (const { destination } of rules) {
      const { ranges, names } = parsePorts([...(destination?.ports ?? []), ...(destination?.notPorts ?? [])]) ?? none;
      const numbers = names.flatMap((name) => [...this.peers.numbersOf(name)]);
      for (const { first, last } of [...ranges, ...numbers.map((port) => ({ first: port, last: port }))]) {
        if (first >= 1) cuts.add(first);
        cuts.add(last + 1);
      }
    }
    const starts = [...cuts].filter((port) => port <= portMax).sort((a, b) => a - b);
    const stretches = starts.map((first, index) => ({ first, last: (starts[index + 1] ?? portMax + 1) - 1 }));
    return this.#protocols.flatMap((protocol) =>
      portProtocols.has(protocol)
        ? stretches.map((stretch) => ({ protocol, ...stretch }))
        : [{ protocol, first: 0, last: 0 }],
    );
  }
}

interface WalkedEnd {
  readonly peer: number;
  readonly direction: PolicyDirection;
  readonly traffic: Traffic;
}

interface WalkState {
  /** Whom the next rule of the tier is asked about. */
  readonly asked: Bits;
  readonly undecided: Bits;
  readonly allowed: Bits;
}

interface Spec {
  readonly ingress?: readonly Rule[];
  readonly egress?: readonly Rule[];
}

const anyEntity: EntityRule = {};
const none = { ranges: [], names: [] } as const;

function owned({ ingress = [], egress = [] }: Spec, direction: PolicyDirection, namespace: string | null): OwnedRule[] {
  return (direction === "Ingress" ? ingress : egress).map((rule) => ({ rule, namespace }));
}

function ownSide(rule: Rule, direction: PolicyDirection): EntityRule | undefined {
  return direction === "Ingress" ? rule.destination : rule.source;
}

function dependsOnEndpoint({ ports = [], notPorts = [], ...rest }: EntityRule): boolean {
  const isName = (spec: string | number): boolean => typeof spec === "string" && !/^[0-9:]+$/.test(spec);
  return Object.keys(rest).length > 0 || [...ports, ...notPorts].some(isName);
}

function withoutPorts({ ports: _, notPorts: __, ...rest }: EntityRule): EntityRule {
  return rest;
}

/** Of ICMP the echo request is meant, as everywhere where a person asks for a connection. */
function speaksOf(rule: Rule, protocol: number, family: Family): boolean {
  if (rule.ipVersion !== undefined && rule.ipVersion !== family) return false;
  if (rule.protocol !== undefined && protocolNumber(rule.protocol) !== protocol) return false;
  if (rule.notProtocol !== undefined && protocolNumber(rule.notProtocol) === protocol) return false;
  if (!rule.icmp && !rule.notICMP) return true;
  if (!isIcmp(protocol)) return false;
  const echo = { type: protocol === protocolNumbers.icmp ? 8 : 128, code: 0 };
  const matches = ({ type = echo.type, code = echo.code }: { readonly type?: number; readonly code?: number }) =>
    type === echo.type && code === echo.code;
  return (!rule.icmp || matches(rule.icmp)) && !(rule.notICMP && matches(rule.notICMP));
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
