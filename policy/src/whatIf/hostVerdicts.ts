/**
 * What host endpoints say of all traffic between two ends: the walk of `evaluateHosts`, once for all pairs between which
 * nothing that it asks about makes a difference.
 */
import { containsAddress } from "@brindle/net";
import type { Cluster, Policy } from "../cluster.ts";
import { enforceableProfile, enforcedPolicy } from "../enforceable.ts";
import { evaluateHosts } from "../evaluateHosts.ts";
import { defaultFailsafes, type Failsafe } from "../hosts.ts";
import { isIcmp, type Packet } from "../packet.ts";
import { surroundingsOf } from "../surroundings.ts";
import type { Peer, Peers } from "./peers.ts";
import { echoOf, gathered, type OwnedRule, owned, type Stretch, trafficOf, type Verdicts } from "./traffic.ts";

/** Of these verdicts there is one bit: whether the pair is allowed. */
const allowedBits = Int32Array.of(1);
const deniedBits = Int32Array.of(0);

export interface HostVerdictOptions {
  /** Those to tell of, in order. */
  readonly protocols: readonly number[];
  readonly peers: Peers;
  /** As stored, by the keys that they were entered under. */
  readonly policies: ReadonlyMap<string, Policy>;
}

export class HostVerdicts {
  readonly #cluster: Cluster;
  readonly #peers: Peers;
  readonly #rules: readonly OwnedRule[];
  readonly #traffic: readonly Omit<Stretch, "allowed">[];
  readonly #failsafes: readonly Failsafe[];
  /** By the peer's number. */
  readonly #kinds = new Map<number, number>();
  readonly #numbers = new Map<string, number>();
  readonly #hostKinds = new Map<string, string>();
  readonly #verdicts = new Map<string, Verdicts>();

  constructor(cluster: Cluster, { protocols, peers, policies }: HostVerdictOptions) {
    this.#peers = peers;
    const keys = (cluster.hostEndpoints ?? []).flatMap((_, host) => [...peers.selectingHost(host)]);
    this.#cluster = { ...cluster, policies: [...new Set(keys)].flatMap((key) => policies.get(key) ?? []) };
    this.#rules = rulesForHosts(this.#cluster);
    const { inbound, outbound } = cluster.failsafes ?? defaultFailsafes;
    this.#failsafes = [...inbound, ...outbound];
    const cuts = this.#failsafes.flatMap(({ port }) => [port, port + 1]);
    this.#traffic = trafficOf(this.#rules, { protocols, peers, cuts });
  }

  /** By the numbers of peers. Equal verdicts are often one object. */
  of(from: number, to: number): Verdicts {
    const [source, destination] = [this.#peers.list[from], this.#peers.list[to]];
    if (!source || !destination) return [];
    const isOneNode = source.node === destination.node;
    const key = `${this.#kindOf(from, source)} ${this.#kindOf(to, destination)} ${isOneNode}`;
    const known = this.#verdicts.get(key);
    if (known) return known;
    const verdicts = this.#walk(source, destination);
    this.#verdicts.set(key, verdicts);
    return verdicts;
  }

  #walk(source: Peer, destination: Peer): Verdicts {
    // The walk looks for those who have the two addresses, and for nobody else.
    const ends = [source, destination].flatMap(({ endpoint }) => this.#cluster.endpoints[endpoint] ?? []);
    const cluster = { ...this.#cluster, endpoints: ends };
    const addresses = { source: source.address, destination: destination.address };
    return gathered(this.#traffic, ({ protocol, first }) => {
      const header = isIcmp(protocol) ? echoOf(protocol) : first === 0 ? {} : { destinationPort: first };
      const packet: Packet = { ...addresses, protocol, ...header };
      const isAllowed = evaluateHosts(cluster, packet).every(({ verdict }) => verdict === "allow");
      return isAllowed ? allowedBits : deniedBits;
    });
  }

  /** Equal for peers that no rule, no failsafe port and no host endpoint tells apart. */
  #kindOf(number: number, peer: Peer): number {
    const known = this.#kinds.get(number);
    if (known !== undefined) return known;
    const text = JSON.stringify([
      peer.endpoint < 0,
      this.#hostKindOf(peer.node),
      this.#rules.flatMap(({ rule: { source, destination }, namespace }) =>
        [source, destination].map((entity) => (entity ? this.#peers.traits(entity, namespace, number) : null)),
      ),
      this.#failsafes.map(({ net }) => net === null || containsAddress(net, peer.address)),
    ]);
    const kind = this.#numbers.get(text) ?? this.#numbers.size;
    this.#numbers.set(text, kind);
    this.#kinds.set(number, kind);
    return kind;
  }

  /** Equal for nodes with host endpoints for the same interfaces, to which the same policies and profiles apply. */
  #hostKindOf(node: string): string {
    const known = this.#hostKinds.get(node);
    if (known !== undefined) return known;
    const { hostEndpoints = [], interfaces, uplinks } = this.#cluster;
    const hosts = hostEndpoints.flatMap(({ metadata: { name }, spec }, index) => {
      if (spec.node !== node) return [];
      const { interfaceName = `of ${name}`, profiles = [] } = spec;
      return [[interfaceName, profiles, [...this.#peers.selectingHost(index)].sort()]];
    });
    const where = hosts.length === 0 ? [] : [uplinks?.get(node) ?? null, interfaces?.has(node) ? node : null];
    const kind = JSON.stringify([hosts, where]);
    this.#hostKinds.set(node, kind);
    return kind;
  }
}

/** Of both directions: of policies that select host endpoints, and of host endpoints' profiles. */
function rulesForHosts(cluster: Cluster): OwnedRule[] {
  const around = surroundingsOf(cluster);
  const names = new Set((cluster.hostEndpoints ?? []).flatMap(({ spec }) => spec.profiles ?? []));
  const profiles = cluster.profiles.filter(({ metadata }) => names.has(metadata.name));
  const enforced = [
    ...cluster.policies.map((policy) => enforcedPolicy(policy, around).resource),
    ...profiles.map((profile) => enforceableProfile(profile).resource),
  ];
  return enforced.flatMap((resource) => {
    if (!resource) return [];
    const { spec, metadata } = resource;
    const namespace = metadata.namespace ?? null;
    return [...owned(spec, "Ingress", namespace), ...owned(spec, "Egress", namespace)];
  });
}
