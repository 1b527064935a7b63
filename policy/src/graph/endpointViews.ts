/**
 * Endpoints as the rest of the graph sees them: addresses read, ports by number; and sets of networks, which are to
 * selectors what endpoints are. A view goes out again whenever the endpoint or the set changes, `null` when it is gone.
 * What it inherits of its profiles is not in it: that goes out by itself, whenever the labels of a profile change.
 */
import { apiVersion, type Labels, type Profile, type WorkloadEndpoint } from "@brindle/api";
import { type Address, formatPrefix, hostPrefix, type Prefix } from "@brindle/net";
import { endpointAddresses, labelled } from "../cluster.ts";
import type { RuleEndpoint } from "../matchRule.ts";
import { type AnyNetworkSet, labelledSet, networksOf, profileOfNetworkSet } from "../networkSet.ts";
import { protocolNumber } from "../packet.ts";
import { namespaceLabel } from "../scope.ts";

/** What rules find by their selectors. */
export interface MemberView {
  /** Its own. Those of its profiles stand behind them, an earlier profile's before a later one's. */
  readonly labels: Labels;
  /** Its profiles. */
  readonly parents: readonly string[];
  /** An endpoint's are addresses. */
  readonly networks: readonly Prefix[];
  readonly ports: RuleEndpoint["ports"];
}

export interface EndpointView extends MemberView {
  readonly node: string;
  /** `null` for one that is not wired yet, and for one of another node. */
  readonly interfaceName: string | null;
}

export interface ViewListeners {
  readonly onEndpoint: (id: string, view: EndpointView | null) => void;
  readonly onNetworkSet: (id: string, view: MemberView | null) => void;
  /** `null`: the profile is gone, and nothing is inherited of it. */
  readonly onProfileLabels: (name: string, labels: Labels | null) => void;
}

export function addressesOf({ networks }: MemberView): Address[] {
  return networks.map(({ address }) => address);
}

export class EndpointViews {
  readonly #node: string;
  readonly #nodes = new Map<string, string>();
  readonly #profileLabels = new Map<string, string>();
  readonly #listeners: ViewListeners;

  /** `node` is the one whose interfaces are of interest. */
  constructor(node: string, listeners: ViewListeners) {
    this.#node = node;
    this.#listeners = listeners;
  }

  onEndpoint(id: string, endpoint: WorkloadEndpoint | null): void {
    this.#listeners.onEndpoint(id, endpoint && this.#view(endpoint));
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

  #view(endpoint: WorkloadEndpoint): EndpointView {
    const { node, interfaceName, profiles = noProfiles, ports = [] } = endpoint.spec;
    return {
      labels: sameOrEqual(endpoint.metadata.labels, labelled(endpoint, ownProfiles).labels),
      parents: profiles,
      networks: endpointAddresses(endpoint).map(hostPrefix),
      ports:
        ports.length === 0
          ? noPorts
          : ports.map(({ name, protocol, port }) => ({ name, protocol: protocolNumber(protocol), port })),
      node: this.#sameNode(node),
      interfaceName: (node === this.#node && interfaceName) || null,
    };
  }

  /** One text for all endpoints of a node. */
  #sameNode(node: string): string {
    const known = this.#nodes.get(node);
    if (known === undefined) this.#nodes.set(node, node);
    return known ?? node;
  }
}

/** As much of an endpoint as a view has kept of it. */
export function endpointOfView(id: string, { labels, parents, networks, ports, node }: EndpointView): WorkloadEndpoint {
  const [namespace = "", name = ""] = id.split("/");
  const { [orchestratorLabel]: orchestrator = "k8s", [namespaceLabel]: _, ...own } = labels;
  return {
    apiVersion,
    kind: "WorkloadEndpoint",
    metadata: { name, namespace, labels: own },
    spec: {
      orchestrator,
      node,
      endpoint: "eth0",
      ipNetworks: networks.map(formatPrefix),
      profiles: parents,
      ports: ports.flatMap(({ name: ofPort, protocol, port }) =>
        protocol === null ? [] : [{ name: ofPort, protocol, port }],
      ),
    },
  };
}

const orchestratorLabel = "projectcalico.org/orchestrator";
const noPorts: RuleEndpoint["ports"] = [];
const noProfiles: readonly string[] = [];
const ownProfiles = (): undefined => undefined;

function viewOfSet(set: AnyNetworkSet): MemberView {
  const { labels } = labelledSet(set, ownProfiles);
  const profile = profileOfNetworkSet(set);
  return {
    labels,
    parents: profile === null ? [] : [profile],
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
