/**
 * Endpoints as the rest of the graph sees them: with the labels of their profiles, addresses read, ports by number.
 * A view goes out again whenever the endpoint or the labels of one of its profiles change, `null` when it is gone.
 */
import type { Profile, WorkloadEndpoint } from "@brindle/api";
import type { Address } from "@brindle/net";
import { endpointAddresses, labelled } from "../cluster.ts";
import type { RuleEndpoint } from "../matchRule.ts";
import { protocolNumber } from "../packet.ts";

export interface EndpointView extends RuleEndpoint {
  readonly node: string;
  /** `null` for one that is not wired yet. */
  readonly interfaceName: string | null;
  readonly addresses: readonly Address[];
  readonly profiles: readonly string[];
}

export class EndpointViews {
  readonly #endpoints = new Map<string, WorkloadEndpoint>();
  readonly #profiles = new Map<string, Profile>();
  /** By profile: which endpoints have it, whether it exists or not. */
  readonly #users = new Map<string, Set<string>>();
  readonly #onView: (id: string, view: EndpointView | null) => void;

  constructor(onView: (id: string, view: EndpointView | null) => void) {
    this.#onView = onView;
  }

  onEndpoint(id: string, endpoint: WorkloadEndpoint | null): void {
    for (const profile of this.#endpoints.get(id)?.spec.profiles ?? []) this.#removeUser(profile, id);
    if (endpoint) this.#endpoints.set(id, endpoint);
    else this.#endpoints.delete(id);
    for (const profile of endpoint?.spec.profiles ?? []) this.#addUser(profile, id);
    this.#onView(id, endpoint && this.#view(endpoint));
  }

  onProfile(name: string, profile: Profile | null): void {
    const before = JSON.stringify(this.#profiles.get(name)?.spec.labelsToApply);
    if (profile) this.#profiles.set(name, profile);
    else this.#profiles.delete(name);
    if (JSON.stringify(profile?.spec.labelsToApply) === before) return;
    for (const id of this.#users.get(name) ?? []) {
      const endpoint = this.#endpoints.get(id);
      if (endpoint) this.#onView(id, this.#view(endpoint));
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
