/** Small values for tests: endpoints, policies and packets without what the test at hand does not care about. */
import {
  apiVersion,
  type GlobalNetworkPolicy,
  type GlobalNetworkSet,
  type GlobalPolicySpec,
  type Labels,
  type NetworkPolicy,
  type NetworkSet,
  type PolicySpec,
  type Profile,
  type Tier,
  type TierSpec,
  type WorkloadEndpoint,
  type WorkloadPort,
} from "@brindle/api";
import { type Address, parseAddress } from "@brindle/net";
import type { Packet } from "./packet.ts";

export interface EndpointSample {
  readonly labels?: Labels;
  readonly addresses: readonly string[];
  readonly namespace?: string;
  readonly node?: string;
  readonly ports?: readonly WorkloadPort[];
  readonly profiles?: readonly string[];
}

/** A pod of `node1` in the namespace `default`, unless told otherwise. Its interface is named after it. */
export function endpointSample(name: string, sample: EndpointSample): WorkloadEndpoint {
  const { labels = {}, namespace = "default", node = "node1", ports = [] } = sample;
  return {
    apiVersion,
    kind: "WorkloadEndpoint",
    metadata: { name, namespace, labels },
    spec: {
      orchestrator: "k8s",
      node,
      endpoint: "eth0",
      pod: name,
      interfaceName: `cali${name}`,
      ipNetworks: sample.addresses.map((address) => `${address}/${address.includes(":") ? 128 : 32}`),
      profiles: sample.profiles ?? [`kns.${namespace}`],
      ports,
    },
  };
}

export function policySample(name: string, spec: PolicySpec, namespace = "default"): NetworkPolicy {
  return { apiVersion, kind: "NetworkPolicy", metadata: { name, namespace }, spec };
}

export function globalPolicySample(name: string, spec: GlobalPolicySpec): GlobalNetworkPolicy {
  return { apiVersion, kind: "GlobalNetworkPolicy", metadata: { name }, spec };
}

export function tierSample(name: string, spec: TierSpec): Tier {
  return { apiVersion, kind: "Tier", metadata: { name }, spec };
}

export interface NetworkSetSample {
  readonly labels?: Labels;
  readonly nets: readonly string[];
}

export function networkSetSample(
  name: string,
  { labels = {}, nets }: NetworkSetSample,
  namespace = "default",
): NetworkSet {
  return { apiVersion, kind: "NetworkSet", metadata: { name, namespace, labels }, spec: { nets } };
}

export function globalNetworkSetSample(name: string, { labels = {}, nets }: NetworkSetSample): GlobalNetworkSet {
  return { apiVersion, kind: "GlobalNetworkSet", metadata: { name, labels }, spec: { nets } };
}

/** What Calico's controllers make of a namespace: everything is allowed, and its labels reach its pods. */
export function namespaceProfileSample(namespace: string, labels: Labels = {}): Profile {
  const inherited = Object.entries({ ...labels, "projectcalico.org/name": namespace });
  return {
    apiVersion,
    kind: "Profile",
    metadata: { name: `kns.${namespace}` },
    spec: {
      ingress: [{ action: "Allow" }],
      egress: [{ action: "Allow" }],
      labelsToApply: Object.fromEntries(inherited.map(([label, value]) => [`pcns.${label}`, value])),
    },
  };
}

export function addressSample(text: string): Address {
  const address = parseAddress(text);
  if (!address) throw new Error(`${text} is no address`);
  return address;
}

/** TCP to port 80 unless told otherwise. */
export function packetSample(source: string, destination: string, rest: Partial<Packet> = {}): Packet {
  const ports = rest.icmp ? {} : { sourcePort: 40000, destinationPort: 80 };
  return {
    source: addressSample(source),
    destination: addressSample(destination),
    protocol: 6,
    ...ports,
    ...rest,
  };
}
