/**
 * What policy says at one end, for all peers and all traffic at once: `evaluate` walked once for each chain of policies
 * and stretch of ports between which no rule makes a difference. Source ports are not known, as in `explain`.
 */
import type { EntityRule, PolicyDirection, Rule } from "@brindle/api";
import type { Family } from "@brindle/net";
import { appliesTo, type Cluster, comparePolicies, type Policy } from "../cluster.ts";
import { encapsulationOf, isEncapsulated } from "../encapsulated.ts";
import { enforceableProfile, enforcedPolicy } from "../enforceable.ts";
import { isIcmp, protocolNumber } from "../packet.ts";
import { policyScope } from "../scope.ts";
import { surroundingsOf } from "../surroundings.ts";
import { byTier, type Tiers } from "../tiers.ts";
import { type Bits, dropBits, isEmpty, noBits } from "./bits.ts";
import { HostVerdicts } from "./hostVerdicts.ts";
import { Peers, type Traffic } from "./peers.ts";
import { echoOf, gathered, type OwnedRule, owned, trafficOf, type Verdicts } from "./traffic.ts";

interface ChainTier {
  readonly passesOn: boolean;
  readonly rules: readonly OwnedRule[];
}

interface Chain {
  readonly tiers: readonly ChainTier[];
  readonly profiles: readonly OwnedRule[];
}

export interface TableOptions {
  readonly family: Family;
  /** Those to tell of, in order. */
  readonly protocols: readonly number[];
  /** Those that count as ends besides. */
  readonly nodes: ReadonlySet<string>;
}

export class VerdictTable {
  readonly peers: Peers;
  /** `null` where no host endpoint has a say. */
  readonly hosts: HostVerdicts | null;
  readonly #cluster: Cluster;
  readonly #family: Family;
  readonly #protocols: readonly number[];
  readonly #tiers: Tiers;
  readonly #policies = new Map<string, Policy>();
  readonly #chains = new Map<string, Verdicts>();
  /** Of ends that are no endpoints: nothing is denied there. */
  readonly #open: Verdicts;

  constructor(cluster: Cluster, { family, protocols, nodes }: TableOptions) {
    this.#cluster = cluster;
    this.#family = family;
    this.#protocols = protocols;
    const around = surroundingsOf(cluster);
    this.#tiers = around.tiers;
    this.peers = new Peers(cluster, { family, nodes });
    const stored = new Map<string, Policy>();
    for (const policy of cluster.policies) {
      const enforced = enforcedPolicy(policy, around).resource;
      if (!enforced) continue;
      const key = `policy ${this.#policies.size}`;
      this.#policies.set(key, enforced);
      stored.set(key, policy);
      this.peers.enterPolicy(key, policyScope(enforced.spec, enforced.metadata.namespace ?? null));
    }
    this.#open = gathered(trafficOf([], { protocols, peers: this.peers, cuts: [] }), () => this.peers.all);
    this.hosts = nodes.size > 0 ? new HostVerdicts(cluster, { protocols, peers: this.peers, policies: stored }) : null;
  }

  /** Equal verdicts are often one object: endpoints with the same policies share them. */
  of(peer: number, direction: PolicyDirection): Verdicts {
    if (!this.#endpointOf(peer)) return this.#open;
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
    return [...speaking.map(({ own, namespace }) => this.peers.meansButPorts(own, namespace, peer)), ports];
  }

  #verdicts(chain: Chain, peer: number, direction: PolicyDirection): Verdicts {
    const encapsulation = encapsulationOf(this.#cluster);
    const { vxlanPort } = encapsulation;
    const rules = [...chain.tiers.flatMap((tier) => tier.rules), ...chain.profiles];
    const peers = this.peers;
    const traffic = trafficOf(rules, { protocols: this.#protocols, peers, cuts: [vxlanPort, vxlanPort + 1] });
    return gathered(traffic, ({ protocol, first }) => {
      const isTunnel = direction === "Egress" && isEncapsulated(encapsulation, { protocol, destinationPort: first });
      if (isTunnel) return noBits(peers.list.length);
      return this.#walk(chain, { peer, direction, traffic: { protocol, port: first } });
    });
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

const anyEntity: EntityRule = {};

function ownSide(rule: Rule, direction: PolicyDirection): EntityRule | undefined {
  return direction === "Ingress" ? rule.destination : rule.source;
}

function dependsOnEndpoint({ ports = [], notPorts = [], ...rest }: EntityRule): boolean {
  const isName = (spec: string | number): boolean => typeof spec === "string" && !/^[0-9:]+$/.test(spec);
  return Object.keys(rest).length > 0 || [...ports, ...notPorts].some(isName);
}

/** Of ICMP the echo request is meant, as everywhere where a person asks for a connection. */
function speaksOf(rule: Rule, protocol: number, family: Family): boolean {
  if (rule.ipVersion !== undefined && rule.ipVersion !== family) return false;
  if (rule.protocol !== undefined && protocolNumber(rule.protocol) !== protocol) return false;
  if (rule.notProtocol !== undefined && protocolNumber(rule.notProtocol) === protocol) return false;
  if (!rule.icmp && !rule.notICMP) return true;
  if (!isIcmp(protocol)) return false;
  const echo = echoOf(protocol).icmp;
  const matches = ({ type = echo.type, code = echo.code }: { readonly type?: number; readonly code?: number }) =>
    type === echo.type && code === echo.code;
  return (!rule.icmp || matches(rule.icmp)) && !(rule.notICMP && matches(rule.notICMP));
}
