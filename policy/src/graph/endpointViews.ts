/**
 * Endpoints as the rest of the graph sees them: addresses read, ports by number; and sets of networks, which are to
 * selectors what endpoints are. A view goes out again whenever the endpoint or the set changes, `null` when it is gone.
 * What it inherits of its profiles is not in it: that goes out by itself, whenever the labels of a profile change.
 */
import type { Labels, Profile, WorkloadEndpoint } from "@brindle/api";
import { type Address, hostPrefix, type Prefix } from "@brindle/net";
import { endpointAddresses, labelled } from "../cluster.ts";
import type { RuleEndpoint } from "../matchRule.ts";
import { type AnyNetworkSet, labelledSet, networksOf, profileOfNetworkSet } from "../networkSet.ts";
import { protocolNumber } from "../packet.ts";

/** What rules find by their selectors. */
export interface MemberView {
  /** Its own. Those of its profiles stand behind them, an earlier profile's before a later one's. */
  readonly labels: Labels;
  readonly profiles: readonly string[];
  readonly addresses: readonly Address[];
  /** Of a set; an endpoint has addresses alone. */
  readonly networks?: readonly Prefix[];
  readonly ports: RuleEndpoint["ports"];
}

export interface EndpointView extends MemberView {
  readonly node: string;
  /** `null` for one that is not wired yet. */
  readonly interfaceName: string | null;
}

export interface ViewListeners {
  readonly onEndpoint: (id: string, view: EndpointView | null) => void;
  readonly onNetworkSet: (id: string, view: MemberView | null) => void;
  /** `null`: the profile is gone, and nothing is inherited of it. */
  readonly onProfileLabels: (name: string, labels: Labels | null) => void;
}

export function networksOfView({ addresses, networks }: MemberView): readonly Prefix[] {
  return networks ?? addresses.map(hostPrefix);
}

export class EndpointViews {
  readonly #endpoints = new Map<string, WorkloadEndpoint>();
  readonly #profileLabels = new Map<string, string>();
  readonly #listeners: ViewListeners;

  constructor(listeners: ViewListeners) {
    this.#listeners = listeners;
  }

  /** As it was told last. */
  endpoint(id: string): WorkloadEndpoint | null {
    return this.#endpoints.get(id) ?? null;
  }

  onEndpoint(id: string, endpoint: WorkloadEndpoint | null): void {
    if (endpoint) this.#endpoints.set(id, endpoint);
    else this.#endpoints.delete(id);
    this.#listeners.onEndpoint(id, endpoint && viewOf(endpoint));
  }

  /** `id` is one that no endpoint has. */
  onNetworkSet(id: string, set: AnyNetworkSet | null): void {
    this.#listeners.onNetworkSet(id, set && viewOfSet(set));
  }

  onProfile(name: string, profile: Profile | null): void {
    const labels = profile && (profile.spec.labelsToApply ?? {});
    const text = JSON.stringify(labels);
    if ((this.#profileLabels.get(name) ?? "null") === text) return;
    if (labels) this.#profileLabels.set(name, text);
    else this.#profileLabels.delete(name);
    this.#listeners.onProfileLabels(name, labels);
  }
}

const noPorts: RuleEndpoint["ports"] = [];
const noProfiles: readonly string[] = [];
const ownProfiles = (): undefined => undefined;

function viewOf(endpoint: WorkloadEndpoint): EndpointView {
  const { node, interfaceName, profiles = noProfiles, ports = [] } = endpoint.spec;
  return {
    labels: sameOrEqual(endpoint.metadata.labels, labelled(endpoint, ownProfiles).labels),
    profiles,
    addresses: endpointAddresses(endpoint),
    ports:
      ports.length === 0
        ? noPorts
        : ports.map(({ name, protocol, port }) => ({ name, protocol: protocolNumber(protocol), port })),
    node,
    interfaceName: interfaceName || null,
  };
}

function viewOfSet(set: AnyNetworkSet): MemberView {
  const { labels } = labelledSet(set, ownProfiles);
  const profile = profileOfNetworkSet(set);
  return {
    labels,
    profiles: profile === null ? [] : [profile],
    addresses: [],
    networks: networksOf(set),
    ports: noPorts,
  };
}

/** Calico's clients write all of them into the endpoint, whose labels many share: one object for all these. */
function sameOrEqual(own: Labels | undefined, all: Labels): Labels {
  if (!own) return all;
  for (const label in all) if (own[label] !== all[label]) return all;
  return own;
}
