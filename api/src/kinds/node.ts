import { parseAddress, parseCidr } from "@brindle/net";
import { address, asNumber, interfaceAddress, oneOf, prefix, text } from "./fields.ts";
import { type KindDefinition, nameColumn } from "./kind.ts";
import type { Problem } from "./problem.ts";
import { apiVersion, type Resource } from "./resource.ts";
import { checked, field, list, object, optional } from "./schema.ts";

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
      field(
        object<NodeBgp>({
          asNumber: optional(field(asNumber, "The AS of this node; that of the BGPConfiguration, if left out.")),
          ipv4Address: optional(
            field(interfaceAddress(4), "The IPv4 address of the node, with the length of its network."),
          ),
          ipv6Address: optional(
            field(interfaceAddress(6), "The IPv6 address of the node, with the length of its network."),
          ),
          ipv4IPIPTunnelAddr: optional(field(address, "The address of the node's IP-in-IP tunnel.")),
          routeReflectorClusterID: optional(
            field(address, "Makes the node a route reflector of this cluster (RFC 4456), written as an IPv4 address."),
          ),
        }),
        "The node as a speaker of BGP. A node without it has no sessions.",
      ),
    ),
    ipv4VXLANTunnelAddr: optional(field(address, "The IPv4 address of the node's VXLAN device.")),
    vxlanTunnelMACAddr: optional(field(mac, "The hardware address of the node's VXLAN device for IPv4.")),
    ipv6VXLANTunnelAddr: optional(field(address, "The IPv6 address of the node's VXLAN device.")),
    vxlanTunnelMACAddrV6: optional(field(mac, "The hardware address of the node's VXLAN device for IPv6.")),
    orchRefs: optional(
      field(
        list(
          object<OrchRef>({
            nodeName: optional(field(text, "The name of the node there.")),
            orchestrator: field(text, "The system, as k8s."),
          }),
        ),
        "What other systems call this node.",
      ),
    ),
    wireguard: optional(
      field(
        object<NodeWireguard>({
          interfaceIPv4Address: optional(field(address, "The IPv4 address of the WireGuard device.")),
          interfaceIPv6Address: optional(field(address, "The IPv6 address of the WireGuard device.")),
        }),
        "The node's WireGuard devices.",
      ),
    ),
    addresses: optional(
      field(
        list(
          object<NodeAddress>({
            address: field(anyAddress, "The address, with or without a length."),
            type: optional(field(oneOf("CalicoNodeIP", "InternalIP", "ExternalIP"), "What the address is.")),
          }),
        ),
        "All addresses by which the node is known.",
      ),
    ),
    interfaces: optional(
      field(
        list(
          object<NodeInterface>({
            name: optional(field(text, "The name of the interface.")),
            addresses: optional(field(list(anyAddress), "Its addresses.")),
          }),
        ),
        "The interfaces of the node that are its own, as its agent found them when it started.",
      ),
    ),
  }),
  status: object<NodeStatus>({
    wireguardPublicKey: optional(field(text, "The public key of the node's WireGuard device for IPv4.")),
    wireguardPublicKeyV6: optional(field(text, "The public key of the node's WireGuard device for IPv6.")),
    podCIDRs: optional(field(list(prefix), "The ranges that Kubernetes set aside for the node's pods.")),
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
    { effect: "ignored", path: "status.wireguardPublicKey", meanwhile: notEncrypted },
    { effect: "ignored", path: "status.wireguardPublicKeyV6", meanwhile: notEncrypted },
  ],
  check: ({ spec }) => checkBgp(spec.bgp),
  advise: ({ spec: { bgp } }) =>
    !bgp || bgp.ipv4Address || bgp.ipv6Address
      ? []
      : [
          {
            effect: "advice",
            path: "spec.bgp",
            value: bgp,
            reason: "has neither ipv4Address nor ipv6Address: no other node can peer with this one",
          },
        ],
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
  if (!bgp || Object.keys(bgp).length > 0) return [];
  return [{ path: "spec.bgp", value: bgp, reason: "is empty; leave it out, or give ipv4Address or ipv6Address" }];
}
