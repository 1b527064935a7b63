/**
 * What host endpoints say about a packet, on each node that it passes. A packet is taken to come from afar, and to leave
 * for afar, by the node's uplink; its addresses are those after translation, also for policies that come before it.
 */
import type { HostEndpoint, PolicyDirection } from "@brindle/api";
import { type Address, sameAddress } from "@brindle/net";
import { type Cluster, endpointAddresses } from "./cluster.ts";
import { Decision, type Subject } from "./decision.ts";
import { tiersFor } from "./effective.ts";
import type { DirectionResult } from "./evaluate.ts";
import {
  defaultFailsafes,
  everyInterface,
  hostId,
  hostsByInterface,
  isFailsafe,
  labelledHost,
  type PolicyStage,
} from "./hosts.ts";
import type { Packet } from "./packet.ts";

/** How a packet meets a node. */
interface Passage {
  readonly node: string;
  /** Of the node by which it comes in; `null` for what a process of the node sends. `pod` for the interface of a pod. */
  readonly from: "uplink" | "pod" | null;
  /** `null` for what a process of the node gets. */
  readonly to: "uplink" | "pod" | null;
}

/** In the order in which they are asked. Empty where no host endpoint has a say. */
export function evaluateHosts(cluster: Cluster, packet: Packet): DirectionResult[] {
  if (!cluster.hostEndpoints?.length) return [];
  const results: DirectionResult[] = [];
  for (const passage of passagesOf(cluster, packet)) {
    results.push(...new HostWalk(cluster, packet, passage).run());
    if (results.at(-1)?.verdict === "deny") return results;
  }
  return results;
}

interface Place {
  readonly node: string;
  readonly isPod: boolean;
}

function passagesOf(cluster: Cluster, { source, destination }: Packet): Passage[] {
  const from = placeOf(cluster, source);
  const to = placeOf(cluster, destination);
  const into = (place: Place): "pod" | null => (place.isPod ? "pod" : null);
  if (from && to && from.node === to.node) return [{ node: from.node, from: into(from), to: into(to) }];
  return [
    ...(from ? [{ node: from.node, from: into(from), to: "uplink" as const }] : []),
    ...(to ? [{ node: to.node, from: "uplink" as const, to: into(to) }] : []),
  ];
}

function placeOf(cluster: Cluster, address: Address): Place | null {
  const pod = cluster.endpoints.find((endpoint) =>
    endpointAddresses(endpoint).some((own) => sameAddress(own, address)),
  );
  if (pod) return { node: pod.spec.node, isPod: true };
  for (const [node, addresses] of cluster.nodes ?? []) {
    if (addresses.some((own) => sameAddress(own, address))) return { node, isPod: false };
  }
  return null;
}

/** The walk of a packet through the host endpoints of one node. */
class HostWalk {
  readonly #cluster: Cluster;
  readonly #packet: Packet;
  readonly #passage: Passage;
  readonly #hosts: ReadonlyMap<string, HostEndpoint>;

  constructor(cluster: Cluster, packet: Packet, passage: Passage) {
    this.#cluster = cluster;
    this.#packet = packet;
    this.#passage = passage;
    const own = (cluster.hostEndpoints ?? []).filter(({ spec }) => spec.node === passage.node);
    this.#hosts = hostsByInterface(own, cluster.interfaces?.get(passage.node) ?? new Map());
  }

  run(): DirectionResult[] {
    const { from, to } = this.#passage;
    const results: DirectionResult[] = [];
    // What a node and its processes send each other does not leave it.
    if (from === null && to === null) return results;
    const incoming = from === null ? null : this.#hostAt(from);
    const early = incoming && this.#early(incoming, from === "pod" ? ["preDnat"] : ["untracked", "preDnat"], "Ingress");
    if (early) results.push(early);
    if (early?.verdict === "deny") return results;
    if (incoming && !early) results.push(...this.#incoming(incoming));
    if (results.at(-1)?.verdict === "deny") return results;
    const outgoing = to === null ? null : this.#hostAt(to);
    if (outgoing) results.push(...this.#outgoing(outgoing));
    return results;
  }

  #incoming(host: HostEndpoint): DirectionResult[] {
    const { from, to } = this.#passage;
    if (to !== null) return this.#forwarded(host, "Ingress");
    // From a pod to its own node: the pod's policy and `endpointToHostAction` decide.
    return from === "pod" ? [] : [this.#local(host, "Ingress")];
  }

  #outgoing(host: HostEndpoint): DirectionResult[] {
    const { from, to } = this.#passage;
    if (from !== null) return this.#forwarded(host, "Egress");
    // A node always reaches its own pods.
    if (to === "pod") return [];
    const early = this.#early(host, ["untracked"], "Egress");
    return [early ?? this.#local(host, "Egress")];
  }

  /** Pods' interfaces have no host endpoint of their own: what is for all is for them too. */
  #hostAt(side: "uplink" | "pod"): HostEndpoint | null {
    const uplink = this.#cluster.uplinks?.get(this.#passage.node);
    const named = side === "uplink" ? this.#named(uplink) : undefined;
    return named ?? this.#hosts.get(everyInterface) ?? null;
  }

  /** Where it is not known by which interface a node speaks with others, the only one that is named. */
  #named(uplink: string | undefined): HostEndpoint | undefined {
    if (uplink !== undefined) return this.#hosts.get(uplink);
    const named = [...this.#hosts].filter(([name]) => name !== everyInterface);
    return named.length === 1 ? named[0]?.[1] : undefined;
  }

  /** What is decided before the rest is asked; `null` for nothing. */
  #early(host: HostEndpoint, stages: readonly PolicyStage[], direction: PolicyDirection): DirectionResult | null {
    for (const stage of stages) {
      if (this.#isFailsafe(direction) || (stage === "untracked" && this.#isFailsafeReply(direction))) return null;
      const decided = this.#decision(host, direction, stage).explicit();
      if (decided) return decided;
    }
    return null;
  }

  /** A process of the node is at this end. */
  #local(host: HostEndpoint, direction: PolicyDirection): DirectionResult {
    if (!this.#isFailsafe(direction)) return this.#decision(host, direction, "tracked").run();
    const decidedBy = { kind: "failsafe" } as const;
    return { direction, endpoint: hostId(host), verdict: "allow", decidedBy, passedOver: [] };
  }

  /** Nothing where no policy is for what is forwarded: that is allowed. */
  #forwarded(host: HostEndpoint, direction: PolicyDirection): DirectionResult[] {
    const decided = this.#decision(host, direction, "forwarded").ofTiers();
    return decided ? [decided] : [];
  }

  #isFailsafe(direction: PolicyDirection): boolean {
    const { inbound, outbound } = this.#cluster.failsafes ?? defaultFailsafes;
    const { source, destination } = this.#packet;
    return direction === "Ingress"
      ? isFailsafe(inbound, this.#packet, source)
      : isFailsafe(outbound, this.#packet, destination);
  }

  /** Without a flow a reply is known by the port that it comes from. */
  #isFailsafeReply(direction: PolicyDirection): boolean {
    const { source, destination, sourcePort, destinationPort } = this.#packet;
    const asked: Packet = {
      ...this.#packet,
      ...(sourcePort !== undefined && { destinationPort: sourcePort }),
      ...(destinationPort !== undefined && { sourcePort: destinationPort }),
    };
    const { inbound, outbound } = this.#cluster.failsafes ?? defaultFailsafes;
    return direction === "Ingress" ? isFailsafe(outbound, asked, source) : isFailsafe(inbound, asked, destination);
  }

  #decision(host: HostEndpoint, direction: PolicyDirection, stage: PolicyStage): Decision {
    const profileOf = (name: string) => this.#cluster.profiles.find((profile) => profile.metadata.name === name);
    const subject: Subject = {
      id: hostId(host),
      tiers: tiersFor(this.#cluster, labelledHost(host, profileOf), { direction, stage }),
      profiles: host.spec.profiles ?? [],
    };
    return new Decision(this.#cluster, this.#packet, subject, direction);
  }
}
