/** What Brindle refuses, and whether the API server can tell by itself. */
import type { Sample } from "./acceptedSamples.ts";
import { refusedSettings } from "./refusedSettings.ts";

export interface RefusedSample {
  readonly name: string;
  /** What only brindlectl and the controllers' condition tell is `false`: no schema can say it. */
  readonly isCaughtByApiServer: boolean;
  readonly resource: Sample;
}

function caught(name: string, kind: string, spec: object, of = "sample"): RefusedSample {
  return { name, isCaughtByApiServer: true, resource: resource(kind, spec, of) };
}

function uncaught(name: string, kind: string, spec: object, of = "sample"): RefusedSample {
  return { name, isCaughtByApiServer: false, resource: resource(kind, spec, of) };
}

function resource(kind: string, spec: object, name: string): Sample {
  return { apiVersion: "projectcalico.org/v3", kind, metadata: { name }, spec };
}

const rule = (fields: object): object => ({ ingress: [{ action: "Allow", ...fields }] });
const dns = { services: { name: "dns", namespace: "kube-system" } };

export const refusedSamples: readonly RefusedSample[] = [
  ...refusedSettings,
  caught("a pool without a range", "IPPool", { natOutgoing: true }),
  caught("a range that is none", "IPPool", { cidr: "10.0.0.0/33" }),
  caught("host bits", "IPPool", { cidr: "10.0.0.1/16" }),
  caught("a pool smaller than a block", "IPPool", { cidr: "10.90.0.0/28" }),
  caught("a block size of the other family", "IPPool", { cidr: "fd00::/48", blockSize: 26 }),
  caught("both encapsulations", "IPPool", { cidr: "10.0.0.0/16", ipipMode: "Always", vxlanMode: "Always" }),
  caught("IP-in-IP for IPv6", "IPPool", { cidr: "fd00::/48", ipipMode: "Always" }),
  caught("link-local addresses", "IPPool", { cidr: "169.254.0.0/16" }),
  caught("a pool around link-local addresses", "IPPool", { cidr: "169.0.0.0/8" }),
  caught("IPv6 link-local addresses", "IPPool", { cidr: "fe80:1::/64" }),
  caught("a pool around IPv6 link-local addresses", "IPPool", { cidr: "fe00::/8" }),
  caught("a use that is none", "IPPool", { cidr: "10.0.0.0/16", allowedUses: ["Pod"] }),
  caught("a use named twice", "IPPool", { cidr: "10.0.0.0/16", allowedUses: ["Workload", "Workload"] }),
  caught("LoadBalancer beside another use", "IPPool", {
    cidr: "10.0.0.0/16",
    allowedUses: ["LoadBalancer", "Workload"],
  }),
  caught("LoadBalancer that is not announced", "IPPool", {
    cidr: "10.0.0.0/16",
    allowedUses: ["LoadBalancer"],
    disableBGPExport: true,
  }),
  caught("tunnels of a namespace", "IPPool", {
    cidr: "10.0.0.0/16",
    allowedUses: ["Tunnel"],
    namespaceSelector: "has(a)",
  }),
  caught("a flag in words", "IPPool", { cidr: "10.0.0.0/16", natOutgoing: "yes" }),
  caught("a misspelt field", "IPPool", { cidr: "10.0.0.0/16", natoutgoing: true }),
  caught("a misspelt field of a rule", "GlobalNetworkPolicy", rule({ destination: { port: [80] } })),
  caught("a configuration for nobody", "BGPConfiguration", {}, "mine"),
  caught(
    "a password for a mesh that is off",
    "BGPConfiguration",
    {
      nodeToNodeMeshEnabled: false,
      nodeMeshPassword: { secretKeyRef: { key: "a" } },
    },
    "default",
  ),
  caught(
    "communities that nothing uses",
    "BGPConfiguration",
    { communities: [{ name: "a", value: "1:2" }] },
    "default",
  ),
  caught("a level that is none", "BGPConfiguration", { logSeverityScreen: "Loud" }, "default"),
  caught("a port past the last", "BGPConfiguration", { listenPort: 65536 }, "default"),
  caught("a peer of nobody", "BGPPeer", { asNumber: 64512 }),
  caught("a peer of one node and of several", "BGPPeer", { node: "a", nodeSelector: "all()", peerIP: "192.0.2.9" }),
  caught("a router and nodes", "BGPPeer", { peerIP: "192.0.2.9", peerSelector: "all()" }),
  caught("an AS for nodes", "BGPPeer", { peerSelector: "all()", asNumber: 1 }),
  caught("pods without an AS", "BGPPeer", { localWorkloadSelector: "all()" }),
  caught("two words for the next hop", "BGPPeer", {
    peerIP: "192.0.2.9",
    keepOriginalNextHop: true,
    nextHopMode: "Keep",
  }),
  caught("an AS number that is none", "BGPPeer", { peerIP: "192.0.2.9", asNumber: 4294967296 }),
  caught("an action that is none", "GlobalNetworkPolicy", { ingress: [{ action: "Alow" }] }),
  caught("HTTP", "GlobalNetworkPolicy", rule({ protocol: "TCP", http: { methods: ["GET"] } })),
  caught("a protocol that is none", "GlobalNetworkPolicy", rule({ protocol: "tcp" })),
  caught("ICMP types without ICMP", "GlobalNetworkPolicy", rule({ icmp: { type: 8 } })),
  caught("an ICMP code without a type", "GlobalNetworkPolicy", rule({ protocol: "ICMP", icmp: { code: 0 } })),
  caught("ICMP of the wrong family", "GlobalNetworkPolicy", rule({ protocol: "ICMPv6", ipVersion: 4 })),
  caught("anything but ICMP of the wrong family", "GlobalNetworkPolicy", rule({ notProtocol: 1, ipVersion: 6 })),
  caught("a Service beside networks", "GlobalNetworkPolicy", rule({ source: { ...dns, nets: ["10.0.0.0/8"] } })),
  caught("a Service without a name", "GlobalNetworkPolicy", rule({ source: { services: { namespace: "a" } } })),
  caught("a Service at the wrong end", "GlobalNetworkPolicy", rule({ destination: dns })),
  caught("a Service with ports", "GlobalNetworkPolicy", {
    egress: [{ action: "Allow", protocol: "UDP", destination: { ...dns, ports: [53] } }],
  }),
  caught("a port that is none", "GlobalNetworkPolicy", rule({ protocol: "TCP", source: { ports: [65536] } })),
  caught("a direction named twice", "GlobalNetworkPolicy", { types: ["Ingress", "Ingress"] }),
  caught("a policy before DNAT that is not for what is forwarded", "GlobalNetworkPolicy", { preDNAT: true }),
  caught("a policy before DNAT and before tracking", "GlobalNetworkPolicy", {
    preDNAT: true,
    doNotTrack: true,
    applyOnForward: true,
  }),
  caught("a second cluster information", "ClusterInformation", {}, "mine"),

  uncaught("a selector that does not parse", "GlobalNetworkPolicy", { selector: "a == " }),
  uncaught("global() outside of a rule", "GlobalNetworkPolicy", { selector: "global()" }),
  uncaught(
    "global() beside another selector",
    "GlobalNetworkPolicy",
    rule({ source: { namespaceSelector: "global() || has(a)" } }),
  ),
  uncaught("a router that is no address", "BGPPeer", { peerIP: "300.1.1.1" }),
  uncaught("a gateway of the other family", "BGPPeer", { peerIP: "192.0.2.9", reachableBy: "2001:db8::1" }),
  uncaught(
    "a name that no community has",
    "BGPConfiguration",
    {
      prefixAdvertisements: [{ cidr: "10.0.0.0/8", communities: ["a"] }],
    },
    "default",
  ),
  uncaught(
    "a community past its bounds",
    "BGPConfiguration",
    {
      communities: [{ name: "a", value: "70000:1" }],
      prefixAdvertisements: [{ cidr: "10.0.0.0/8", communities: ["a"] }],
    },
    "default",
  ),
  uncaught("host bits of a rule's network", "GlobalNetworkPolicy", rule({ source: { nets: ["10.0.0.1/8"] } })),
  uncaught(
    "networks of both families in a rule",
    "GlobalNetworkPolicy",
    rule({ source: { nets: ["10.0.0.0/8", "fd00::/8"] } }),
  ),
  uncaught("numbers of ports without a protocol", "GlobalNetworkPolicy", rule({ destination: { ports: [80] } })),
  uncaught("a range of ports backwards", "GlobalNetworkPolicy", rule({ protocol: "TCP", source: { ports: ["2:1"] } })),
  uncaught(
    "a Service without a namespace where the policy has none",
    "GlobalNetworkPolicy",
    rule({ source: { services: { name: "a" } } }),
  ),
];
