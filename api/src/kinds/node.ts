import { parseAddress, parseCidr } from "@brindle/net";
import { address, asNumber, interfaceAddress, oneOf, prefix, text } from "./fields.ts";
import { type KindDefinition, nameColumn } from "./kind.ts";
import type { Problem } from "./problem.ts";
import { apiVersion, type Resource } from "./resource.ts";
import { checked, list, object, optional } from "./schema.ts";

export interface NodeSpec {
  readonly bgp?: NodeBgp;
  readonly ipv4VXLANTunnelAddr?: string;
  readonly vxlanTunnelMACAddr?: string;
  readonly ipv6VXLANTunnelAddr?: string;
  readonly vxlanTunnelMACAddrV6?: string;
  readonly orchRefs?: readonly OrchRef[];
  readonly wireguard?: NodeWireguard;
  readonly addresses?: readonly NodeAddress[];
  readonly interfaces?: readonly NodeInterface[];
}

export interface NodeBgp {
  readonly asNumber?: number;
  /** Address with the length of its subnet, for example `172.30.1.11/24`. */
  readonly ipv4Address?: string;
  readonly ipv6Address?: string;
  readonly ipv4IPIPTunnelAddr?: string;
  readonly routeReflectorClusterID?: string;
}

/** What another system calls this node. */
export interface OrchRef {
  readonly nodeName?: string;
  readonly orchestrator: string;
}

export interface NodeAddress {
  /** With or without a length. */
  readonly address: string;
  readonly type?: string;
}

export interface NodeWireguard {
  readonly interfaceIPv4Address?: string;
  readonly interfaceIPv6Address?: string;
}

export interface NodeInterface {
  readonly name?: string;
  readonly addresses?: readonly string[];
}

export interface NodeStatus {
  readonly wireguardPublicKey?: string;
  readonly wireguardPublicKeyV6?: string;
  readonly podCIDRs?: readonly string[];
}

export type Node = Resource<"Node", NodeSpec> & { readonly status?: NodeStatus };

const mac = checked(text, (value) => (/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(value) ? null : "is no MAC address"));
const anyAddress = checked(text, (value) => (parseAddress(value) || parseCidr(value) ? null : "is no IP address"));

const noTunnels = "there are no tunnels between nodes";
const notEncrypted = "packets between nodes are not encrypted";

export const nodeKind: KindDefinition<Node> = {
  apiVersion,
  kind: "Node",
  plural: "nodes",
  description:
    "A node of the cluster as the network sees it: its addresses, its AS number, and what of tunnels it has.",
  aliases: ["no", "nos"],
  namespaced: false,
  spec: object<NodeSpec>({
    bgp: optional(
      object<NodeBgp>({
        asNumber: optional(asNumber),
        ipv4Address: optional(interfaceAddress(4)),
        ipv6Address: optional(interfaceAddress(6)),
        ipv4IPIPTunnelAddr: optional(address),
        routeReflectorClusterID: optional(address),
      }),
    ),
    ipv4VXLANTunnelAddr: optional(address),
    vxlanTunnelMACAddr: optional(mac),
    ipv6VXLANTunnelAddr: optional(address),
    vxlanTunnelMACAddrV6: optional(mac),
    orchRefs: optional(list(object<OrchRef>({ nodeName: optional(text), orchestrator: text }))),
    wireguard: optional(
      object<NodeWireguard>({ interfaceIPv4Address: optional(address), interfaceIPv6Address: optional(address) }),
    ),
    addresses: optional(
      list(
        object<NodeAddress>({
          address: anyAddress,
          type: optional(oneOf("CalicoNodeIP", "InternalIP", "ExternalIP")),
        }),
      ),
    ),
    interfaces: optional(list(object<NodeInterface>({ name: optional(text), addresses: optional(list(anyAddress)) }))),
  }),
  status: object<NodeStatus>({
    wireguardPublicKey: optional(text),
    wireguardPublicKeyV6: optional(text),
    podCIDRs: optional(list(prefix)),
  }),
  unsupported: [
    { effect: "ignored", path: "spec.bgp.ipv4IPIPTunnelAddr", meanwhile: noTunnels },
    {
      effect: "ignored",
      path: "spec.bgp.routeReflectorClusterID",
      meanwhile: "the node passes on to its peers no route that it learned",
    },
    { effect: "ignored", path: "spec.ipv4VXLANTunnelAddr", meanwhile: noTunnels },
    { effect: "ignored", path: "spec.vxlanTunnelMACAddr", meanwhile: noTunnels },
    { effect: "ignored", path: "spec.ipv6VXLANTunnelAddr", meanwhile: noTunnels },
    { effect: "ignored", path: "spec.vxlanTunnelMACAddrV6", meanwhile: noTunnels },
    { effect: "ignored", path: "spec.wireguard", meanwhile: notEncrypted },
    { effect: "ignored", path: "spec.interfaces", meanwhile: "no host endpoint is made of it" },
    { effect: "ignored", path: "status.wireguardPublicKey", meanwhile: notEncrypted },
    { effect: "ignored", path: "status.wireguardPublicKeyV6", meanwhile: notEncrypted },
    { effect: "ignored", path: "status.podCIDRs", meanwhile: "addresses come from the blocks of the pools" },
  ],
  check: ({ spec }) => checkBgp(spec.bgp),
  withDefaults: (node) => ({ ...node, status: node.status ?? {} }),
  columns: [nameColumn],
  wideColumns: [
    nameColumn,
    {
      header: "ASN",
      cell: ({ spec }, { clusterAsNumber }) =>
        spec.bgp?.asNumber === undefined ? `(${clusterAsNumber})` : String(spec.bgp.asNumber),
    },
    { header: "IPV4", cell: ({ spec }) => spec.bgp?.ipv4Address ?? "" },
    { header: "IPV6", cell: ({ spec }) => spec.bgp?.ipv6Address ?? "" },
  ],
};

function checkBgp(bgp: NodeBgp | undefined): Problem[] {
  if (!bgp || bgp.ipv4Address || bgp.ipv6Address) return [];
  const reason = "needs ipv4Address or ipv6Address: without one no other node can peer with this one";
  return [{ path: "spec.bgp", value: bgp, reason }];
}
