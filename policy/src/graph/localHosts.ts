/** The host endpoints of one node, and what the rest of the graph makes of them. */
import type { HostEndpoint, PolicyDirection, Profile } from "@brindle/api";
import { formatAddress } from "@brindle/net";
import {
  type HostInterfaces,
  hostAddresses,
  hostId,
  hostsByInterface,
  labelledHost,
  type PolicyStage,
} from "../hosts.ts";
import { protocolNumber } from "../packet.ts";
import type { HostChains } from "../render/hostChains.ts";
import { ownerChainName, ruleOwner } from "../render/owner.ts";
import type { TierOfEndpoint } from "./endpointEnds.ts";
import { hostNetworks, type MemberView } from "./endpointViews.ts";

export interface LocalHost {
  readonly id: string;
  /** `*` for all that no other is for. */
  readonly interfaceName: string;
  readonly profiles: readonly Profile[];
  tiers(stage: PolicyStage, direction: PolicyDirection): readonly TierOfEndpoint[];
}

/** As selectors find it, on whatever node it is. */
export function viewOfHost(host: HostEndpoint): MemberView {
  return {
    labels: labelledHost(host, () => undefined).labels,
    parents: host.spec.profiles ?? [],
    networks: hostNetworks(hostAddresses(host).map(formatAddress)),
    ports: (host.spec.ports ?? []).map(({ name, protocol, port }) => ({
      name,
      protocol: protocolNumber(protocol),
      port,
    })),
  };
}

export class LocalHosts {
  readonly #hosts = new Map<string, HostEndpoint>();
  #interfaces: HostInterfaces = new Map();

  onHost(name: string, host: HostEndpoint | null): void {
    if (host) this.#hosts.set(name, host);
    else this.#hosts.delete(name);
  }

  setInterfaces(interfaces: HostInterfaces): void {
    this.#interfaces = interfaces;
  }

  get isEmpty(): boolean {
    return this.#hosts.size === 0;
  }

  byInterface(): ReadonlyMap<string, HostEndpoint> {
    return hostsByInterface([...this.#hosts.values()], this.#interfaces);
  }

  /** Those that no interface is for, or another one is for already. */
  problems(): ReadonlyMap<string, string> {
    const used = new Set(this.byInterface().values());
    const idle = [...this.#hosts.values()].filter((host) => !used.has(host));
    return new Map(idle.map((host) => [hostId(host), reasonOf(host)]));
  }
}

function reasonOf({ spec }: HostEndpoint): string {
  if (spec.interfaceName) return `another host endpoint is for the interface ${spec.interfaceName} of its node already`;
  return `no interface of its node, or one that another host endpoint is for, has ${(spec.expectedIPs ?? []).join(" or ")}`;
}

/** With the names of chains in the place of policies. */
export function hostChains({ id, interfaceName, profiles, tiers }: LocalHost): HostChains {
  const ofProfiles = (direction: PolicyDirection): string[] =>
    profiles.map((profile) => ownerChainName(ruleOwner(profile), direction));
  return {
    id,
    interfaceName,
    profiles: { Ingress: ofProfiles("Ingress"), Egress: ofProfiles("Egress") },
    tiers: (stage, direction) =>
      tiers(stage, direction).map(({ tier: { name, defaultAction }, policies }) => ({
        name,
        defaultAction,
        policies: policies.map((policy) => ownerChainName(ruleOwner(policy), direction)),
      })),
  };
}
