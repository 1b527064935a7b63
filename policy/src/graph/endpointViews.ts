/**
 * Endpoints as the rest of the graph sees them: addresses read, ports by number; and sets of networks, which are to
 * selectors what endpoints are. A view goes out again whenever the endpoint or the set changes, `null` when it is gone.
 * What it inherits of its profiles is not in it: that goes out by itself, whenever the labels of a profile change.
 */
import {
  apiVersion,
  codepointOf,
  type Labels,
  type Profile,
  type QosControls,
  type WorkloadEndpoint,
} from "@brindle/api";
import {
  type Address,
  type Family,
  formatPrefix,
  hostPrefix,
  type Prefix,
  parseAddress,
  parseCidr,
} from "@brindle/net";
import { labelled } from "../cluster.ts";
import type { RuleEndpoint } from "../matchRule.ts";
import { type AnyNetworkSet, labelledSet, profileOfNetworkSet } from "../networkSet.ts";
import { protocolNumber } from "../packet.ts";
import type { PodLimits } from "../render/limits.ts";
import { namespaceLabel } from "../scope.ts";
import { ListedNetworks, type NetworksByFamily } from "./listedNetworks.ts";
import { readSources } from "./sourcePrefixes.ts";

/** What rules find by their selectors. */
export interface MemberView {
  /** Its own. Those of its profiles stand behind them, an earlier profile's before a later one's. */
  readonly labels: Labels;
  /** Its profiles. */
  readonly parents: readonly string[];
  /** As elements of sets: an endpoint's are its addresses, mostly one alone. */
  readonly networks: string | readonly string[] | NetworksByFamily;
  readonly ports: RuleEndpoint["ports"];
}

export interface EndpointView extends MemberView {
  readonly node: string;
  /** `null` for one that is not wired yet, and for one of another node. */
  readonly interfaceName: string | null;
  /** Of packets and connections; there for endpoints of this node that have some. */
  readonly limits?: PodLimits;
  /** Of what it sends out of the cluster; there for endpoints of this node that ask for one. */
  readonly codepoint?: number;
  /** From whose addresses it asks to send beside its own; there for endpoints of this node that do. */
  readonly sources?: readonly Prefix[];
}

export interface ViewListeners {
  readonly onEndpoint: (id: string, view: EndpointView | null) => void;
  readonly onNetworkSet: (id: string, view: MemberView | null) => void;
  /** `null`: the profile is gone, and nothing is inherited of it. */
  readonly onProfileLabels: (name: string, labels: Labels | null) => void;
}

/** An endpoint's. */
export function addressesOf(view: MemberView): readonly Address[] {
  const known = addresses.get(view);
  if (known) return known;
  const { networks } = view;
  const texts = typeof networks === "string" ? [networks] : isList(networks) ? networks : [];
  const read = texts.flatMap((text) => parseCidr(text)?.address ?? []);
  addresses.set(view, read);
  return read;
}

/** Of those that somebody asked about, as of a node's own. */
const addresses = new WeakMap<MemberView, readonly Address[]>();

function isList(networks: readonly string[] | NetworksByFamily): networks is readonly string[] {
  return Array.isArray(networks);
}

export function familyOfText(network: string): Family {
  return network.includes(":") ? 6 : 4;
}

/** Hosts as elements of sets. Text that is no address, or no network, is left out. */
export function hostNetworks(texts: readonly string[] = []): string | readonly string[] {
  const [only] = texts;
  if (only !== undefined && texts.length === 1 && isHostV4(only)) return only;
  const networks = texts.flatMap((text) => {
    const address = parseCidr(text)?.address ?? parseAddress(text);
    return address ? formatPrefix(hostPrefix(address)) : [];
  });
  const [first] = networks;
  return first !== undefined && networks.length === 1 ? first : networks;
}

/** Whether a text is an IPv4 address as `formatPrefix` writes it: those of pods are, and come by the hundred thousand. */
function isHostV4(text: string): boolean {
  return hostV4.test(text);
}

const octet = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
const hostV4 = new RegExp(`^${octet}\\.${octet}\\.${octet}\\.${octet}/32$`);

export class EndpointViews {
  readonly #node: string;
  readonly #nodes = new Map<string, string>();
  readonly #profileLabels = new Map<string, string>();
  readonly #lists = new Map<string, ListedNetworks>();
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
    const list = this.#lists.get(id) ?? new ListedNetworks();
    const networks = list.read(set?.spec.nets ?? []);
    if (set) this.#lists.set(id, list);
    else this.#lists.delete(id);
    this.#listeners.onNetworkSet(id, set && viewOfSet(set, networks));
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
    const { node, interfaceName, profiles = noProfiles, ports = [], ipNetworks, qosControls } = endpoint.spec;
    const limits = qosControls && node === this.#node ? trafficLimits(qosControls) : null;
    const codepoint = node === this.#node ? codepointOf(qosControls?.dscp) : null;
    const sources = node === this.#node ? readSources(endpoint.spec.allowSpoofedSourcePrefixes) : [];
    return {
      labels: labelsOf(endpoint),
      parents: profiles,
      networks: hostNetworks(ipNetworks),
      ports:
        ports.length === 0
          ? noPorts
          : ports.map(({ name, protocol, port }) => ({ name, protocol: protocolNumber(protocol), port })),
      node: this.#sameNode(node),
      interfaceName: (node === this.#node && interfaceName) || null,
      ...(limits && { limits }),
      ...(codepoint !== null && { codepoint }),
      ...(sources.length > 0 && { sources }),
    };
  }

  /** One text for all endpoints of a node. */
  #sameNode(node: string): string {
    const known = this.#nodes.get(node);
    if (known === undefined) this.#nodes.set(node, node);
    return known ?? node;
  }
}

/** `null` where neither packets nor connections are limited. */
function trafficLimits(controls: QosControls): PodLimits | null {
  const ofDirection = (direction: "ingress" | "egress") => ({
    packetsPerSecond: controls[`${direction}PacketRate`] ?? 0,
    packetBurst: controls[`${direction}PacketBurst`] ?? packetBurstByDefault,
    connections: controls[`${direction}MaxConnections`] ?? 0,
  });
  const limits = { Ingress: ofDirection("ingress"), Egress: ofDirection("egress") };
  const isLimited = Object.values(limits).some((one) => one.packetsPerSecond > 0 || one.connections > 0);
  return isLimited ? limits : null;
}

/** Calico's. */
const packetBurstByDefault = 5;

/** As much of an endpoint as a view has kept of it. */
export function endpointOfView(id: string, view: EndpointView): WorkloadEndpoint {
  const { labels, parents, ports, node } = view;
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
      ipNetworks: addressesOf(view).map(hostPrefix).map(formatPrefix),
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

function viewOfSet(set: AnyNetworkSet, networks: NetworksByFamily): MemberView {
  const { labels } = labelledSet(set, ownProfiles);
  const profile = profileOfNetworkSet(set);
  return { labels, parents: profile === null ? [] : [profile], networks, ports: noPorts };
}

/** Calico's clients write all of them into the endpoint, whose labels many share: one object for all these. */
function labelsOf(endpoint: WorkloadEndpoint): Labels {
  const { namespace, labels } = endpoint.metadata;
  const isWhole = labels?.[orchestratorLabel] === endpoint.spec.orchestrator && labels[namespaceLabel] === namespace;
  return isWhole && namespace !== undefined ? labels : labelled(endpoint, ownProfiles).labels;
}
