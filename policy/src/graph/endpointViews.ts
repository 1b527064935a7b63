/**
 * Endpoints as the rest of the graph sees them: with the labels of their profiles, addresses read, ports by number; and
 * sets of networks, which are to selectors what endpoints are. A view goes out again whenever the endpoint or the set,
 * or the labels of one of its profiles, change, `null` when it is gone.
 */
import type { Profile, WorkloadEndpoint } from "@brindle/api";
import { type Address, hostPrefix, type Prefix } from "@brindle/net";
import { endpointAddresses, labelled } from "../cluster.ts";
import type { RuleEndpoint } from "../matchRule.ts";
import { type AnyNetworkSet, labelledSet, networksOf, profileOfNetworkSet } from "../networkSet.ts";
import { protocolNumber } from "../packet.ts";

/** What rules find by their selectors. */
export interface MemberView extends RuleEndpoint {
  readonly addresses: readonly Address[];
  /** Of a set; an endpoint has addresses alone. */
  readonly networks?: readonly Prefix[];
}

export interface EndpointView extends MemberView {
  readonly node: string;
  /** `null` for one that is not wired yet. */
  readonly interfaceName: string | null;
  readonly profiles: readonly string[];
}

export interface ViewListeners {
  readonly onEndpoint: (id: string, view: EndpointView | null) => void;
  readonly onNetworkSet: (id: string, view: MemberView | null) => void;
}

export function networksOfView({ addresses, networks }: MemberView): readonly Prefix[] {
  return networks ?? addresses.map(hostPrefix);
}

export class EndpointViews {
  readonly #endpoints = new Map<string, WorkloadEndpoint>();
  readonly #networkSets = new Map<string, AnyNetworkSet>();
  readonly #profiles = new Map<string, Profile>();
  /** By profile: what has it, whether it exists or not. */
  readonly #users = new Map<string, Set<string>>();
  readonly #listeners: ViewListeners;

  constructor(listeners: ViewListeners) {
    this.#listeners = listeners;
  }

  /** As it was told last. */
  endpoint(id: string): WorkloadEndpoint | null {
    return this.#endpoints.get(id) ?? null;
  }

  onEndpoint(id: string, endpoint: WorkloadEndpoint | null): void {
    this.#setUser(id, this.#endpoints.get(id)?.spec.profiles, endpoint?.spec.profiles);
    if (endpoint) this.#endpoints.set(id, endpoint);
    else this.#endpoints.delete(id);
    this.#listeners.onEndpoint(id, endpoint && this.#view(endpoint));
  }

  /** `id` is one that no endpoint has. */
  onNetworkSet(id: string, set: AnyNetworkSet | null): void {
    const before = this.#networkSets.get(id);
    this.#setUser(id, before && profilesOf(before), set ? profilesOf(set) : []);
    if (set) this.#networkSets.set(id, set);
    else this.#networkSets.delete(id);
    this.#listeners.onNetworkSet(id, set && this.#viewOfSet(set));
  }

  onProfile(name: string, profile: Profile | null): void {
    const before = JSON.stringify(this.#profiles.get(name)?.spec.labelsToApply);
    if (profile) this.#profiles.set(name, profile);
    else this.#profiles.delete(name);
    if (JSON.stringify(profile?.spec.labelsToApply) === before) return;
    for (const id of this.#users.get(name) ?? []) {
      const endpoint = this.#endpoints.get(id);
      if (endpoint) this.#listeners.onEndpoint(id, this.#view(endpoint));
      const set = this.#networkSets.get(id);
      if (set) this.#listeners.onNetworkSet(id, this.#viewOfSet(set));
    }
  }

  #view(endpoint: WorkloadEndpoint): EndpointView {
    const { node, interfaceName, profiles = [], ports = [] } = endpoint.spec;
    return {
      ...labelled(endpoint, (name) => this.#profiles.get(name)),
      node,
      interfaceName: interfaceName || null,
      addresses: endpointAddresses(endpoint),
      profiles,
      ports: ports.map(({ name, protocol, port }) => ({ name, protocol: protocolNumber(protocol), port })),
    };
  }

  #viewOfSet(set: AnyNetworkSet): MemberView {
    const { namespace, labels } = labelledSet(set, (name) => this.#profiles.get(name));
    return { namespace, labels, addresses: [], networks: networksOf(set), ports: [] };
  }

  #setUser(id: string, before: readonly string[] = [], after: readonly string[] = []): void {
    for (const profile of before) this.#removeUser(profile, id);
    for (const profile of after) this.#addUser(profile, id);
  }

  #addUser(profile: string, id: string): void {
    const users = this.#users.get(profile);
    if (users) users.add(id);
    else this.#users.set(profile, new Set([id]));
  }

  #removeUser(profile: string, id: string): void {
    const users = this.#users.get(profile);
    users?.delete(id);
    if (users?.size === 0) this.#users.delete(profile);
  }
}

function profilesOf(set: AnyNetworkSet): string[] {
  const profile = profileOfNetworkSet(set);
  return profile === null ? [] : [profile];
}
