/** Interfaces of nodes, which policies select like pods: what of a policy is for them, and what no policy closes. */
import type { HostEndpoint, Profile } from "@brindle/api";
import { type Address, containsAddress, type Prefix, parseAddress } from "@brindle/net";
import type { Policy } from "./cluster.ts";
import { type Packet, protocolNumbers } from "./packet.ts";
import { type Labelled, namespaceLabel } from "./scope.ts";

/**
 * When a policy is asked. `tracked`: for pods, and for what a host sends and receives itself. `forwarded`: also for what
 * comes in or leaves by a host's interface on behalf of others. The two last come first, see packets of no flow or with
 * the destination that they were sent to, and leave what they do not decide to the others.
 */
export type PolicyStage = "tracked" | "forwarded" | "preDnat" | "untracked";

export const policyStages: readonly PolicyStage[] = ["tracked", "forwarded", "preDnat", "untracked"];

export function isOfStage(policy: Policy, stage: PolicyStage): boolean {
  const { doNotTrack = false, preDNAT = false, applyOnForward = false } = globalSpec(policy);
  switch (stage) {
    case "untracked":
      return doNotTrack;
    case "preDnat":
      return preDNAT && !doNotTrack;
    case "forwarded":
      return applyOnForward && !doNotTrack && !preDNAT;
    case "tracked":
      return !doNotTrack && !preDNAT;
  }
}

/** A namespaced policy selects nothing that is in no namespace, and has none of these fields. */
function globalSpec(policy: Policy): {
  readonly doNotTrack?: boolean;
  readonly preDNAT?: boolean;
  readonly applyOnForward?: boolean;
} {
  return policy.kind === "GlobalNetworkPolicy" ? policy.spec : {};
}

/** A port that stays reachable whatever policy says, so that a mistake locks nobody out. */
export interface Failsafe {
  readonly protocol: number;
  readonly port: number;
  /** Of the other end; `null` for any. */
  readonly net: Prefix | null;
}

export interface Failsafes {
  /** By the port of the host. */
  readonly inbound: readonly Failsafe[];
  /** By the port of the other end. */
  readonly outbound: readonly Failsafe[];
}

const { tcp = 6, udp = 17 } = protocolNumbers;
const open = (protocol: number, ...ports: number[]): Failsafe[] => ports.map((port) => ({ protocol, port, net: null }));
/** BGP, etcd, Typha, Kubernetes' API server, and etcd as some installers place it: Calico's. */
const control = open(tcp, 179, 2379, 2380, 5473, 6443, 6666, 6667);

/** Calico's defaults: SSH and DHCP besides, and DNS for what the host asks. */
export const defaultFailsafes: Failsafes = {
  inbound: [...open(tcp, 22), ...open(udp, 68), ...control],
  outbound: [...open(udp, 53, 67), ...control],
};

export function isFailsafe(failsafes: readonly Failsafe[], packet: Packet, far: Address): boolean {
  return failsafes.some(
    ({ protocol, port, net }) =>
      packet.protocol === protocol && packet.destinationPort === port && (net === null || containsAddress(net, far)),
  );
}

/** By which policies know it; `HostEndpoint ` and its name, as no pod's endpoint is called. */
export function hostId({ metadata: { name } }: HostEndpoint): string {
  return `HostEndpoint ${name}`;
}

/** The name of the host endpoint that is known by an id; `null` for the id of a pod's endpoint. */
export function hostEndpointOf(id: string): string | null {
  return id.startsWith("HostEndpoint ") ? id.slice("HostEndpoint ".length) : null;
}

/** It stands for these where selectors match. */
export function hostAddresses({ spec }: HostEndpoint): readonly Address[] {
  return (spec.expectedIPs ?? []).flatMap((text) => parseAddress(text) ?? []);
}

/** Its labels as selectors see them. It is in no namespace, whatever it says. */
export function labelledHost(host: HostEndpoint, profile: (name: string) => Profile | undefined): Labelled {
  const inherited = (host.spec.profiles ?? []).map((name) => profile(name)?.spec.labelsToApply ?? {}).reverse();
  const labels: Record<string, string> = Object.assign({}, ...inherited, host.metadata.labels);
  delete labels[namespaceLabel];
  return { namespace: null, labels };
}

/** For all interfaces of a node that no other host endpoint is for. */
export const everyInterface = "*";

/** Which interfaces a node has, with their addresses. */
export type HostInterfaces = ReadonlyMap<string, readonly Address[]>;

/** The interface that a host endpoint is for: `*` for all, `null` where none of the node's has an address of it. */
export function interfaceOfHost(host: HostEndpoint, interfaces: HostInterfaces): string | null {
  if (host.spec.interfaceName) return host.spec.interfaceName;
  const expected = hostAddresses(host);
  const isExpected = ({ family, value }: Address): boolean =>
    expected.some((address) => address.family === family && address.value === value);
  const names = [...interfaces].filter(([, addresses]) => addresses.some(isExpected)).map(([name]) => name);
  return names.sort()[0] ?? null;
}

/** Of several for one interface the first by name counts, as in Calico. */
export function hostsByInterface(
  hosts: readonly HostEndpoint[],
  interfaces: HostInterfaces,
): ReadonlyMap<string, HostEndpoint> {
  const found = new Map<string, HostEndpoint>();
  for (const host of hosts.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))) {
    const name = interfaceOfHost(host, interfaces);
    if (name !== null && !found.has(name)) found.set(name, host);
  }
  return found;
}
