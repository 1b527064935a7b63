/** What a node writes about itself and its cluster, as calico/node does at its start. */
import {
  apiVersion,
  type ClusterInformation,
  type IPPool,
  type Node,
  type NodeAddress,
  type NodeInterface,
  type OrchRef,
} from "@brindle/api";
import { type Cidr, type Family, formatPrefix, parsePrefix } from "@brindle/net";

export interface NodeFacts {
  readonly name: string;
  readonly addresses: Readonly<Partial<Record<Family, Cidr>>>;
  /** Its own, with their addresses. */
  readonly interfaces: readonly NodeInterface[];
  /** What Kubernetes calls it, where its Node is another object: controllers go by it. */
  readonly kubernetesName?: string;
}

/** The node's resource with its present addresses; everything else of it is the operator's and stays. */
export function registeredNode(before: Node | null, { name, addresses, interfaces, kubernetesName }: NodeFacts): Node {
  const { interfaces: _before, ...spec } = before?.spec ?? {};
  const { ipv4Address: _v4, ipv6Address: _v6, ...bgp } = before?.spec.bgp ?? {};
  const texts = Object.values(addresses).map(formatPrefix);
  const others = (before?.spec.addresses ?? []).filter(({ type }) => type !== nodeIp);
  return {
    ...before,
    apiVersion,
    kind: "Node",
    metadata: before?.metadata ?? { name },
    spec: {
      ...spec,
      bgp: {
        ...bgp,
        ...(addresses[4] && { ipv4Address: formatPrefix(addresses[4]) }),
        ...(addresses[6] && { ipv6Address: formatPrefix(addresses[6]) }),
      },
      ...(kubernetesName !== undefined && { orchRefs: orchRefs(before, kubernetesName) }),
      addresses: [...texts.map((address): NodeAddress => ({ address, type: nodeIp })), ...others],
      ...(interfaces.length > 0 && { interfaces }),
    },
  };
}

function orchRefs(before: Node | null, nodeName: string): OrchRef[] {
  const others = (before?.spec.orchRefs ?? []).filter(({ orchestrator }) => orchestrator !== "k8s");
  return [{ nodeName, orchestrator: "k8s" }, ...others];
}

const nodeIp = "CalicoNodeIP";

/** The pools of a cluster that has none of a family: named and sized as Calico's. */
export function defaultPools(existing: readonly IPPool[], cidrs: Readonly<Partial<Record<Family, string>>>): IPPool[] {
  const present = new Set(existing.map(({ spec }) => parsePrefix(spec.cidr)?.address.family));
  return ([4, 6] as const).flatMap((family) => {
    const cidr = cidrs[family];
    return cidr === undefined || present.has(family) ? [] : [defaultPool(family, cidr)];
  });
}

function defaultPool(family: Family, cidr: string): IPPool {
  return {
    apiVersion,
    kind: "IPPool",
    metadata: { name: `default-ipv${family}-ippool` },
    // IPv6 is not translated unless somebody asks for it (Calico's defaults).
    spec: { cidr, ipipMode: "Never", vxlanMode: "Never", ...(family === 4 && { natOutgoing: true }) },
  };
}

export const defaultIpv4PoolCidr = "192.168.0.0/16";

/** `random` is five bytes: RFC 4193 §3.2 makes a network nobody else has out of them. */
export function uniqueLocalPool(random: Uint8Array): string {
  const digits = Buffer.from(random.subarray(0, 5)).toString("hex");
  const prefix = parsePrefix(`fd${digits.slice(0, 2)}:${digits.slice(2, 6)}:${digits.slice(6, 10)}::/48`);
  if (!prefix) throw new RangeError("five random bytes are needed");
  return formatPrefix(prefix);
}

export function newClusterInformation(guid: string): ClusterInformation {
  return {
    apiVersion,
    kind: "ClusterInformation",
    metadata: { name: "default" },
    spec: { clusterGUID: guid, clusterType: "bgp", datastoreReady: true },
  };
}
