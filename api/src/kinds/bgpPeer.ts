import { parseAddress } from "@brindle/net";
import { address, asNumber, duration, flag, integer, oneOf, selector, subdomain, text } from "./fields.ts";
import { type Column, type KindDefinition, nameColumn } from "./kind.ts";
import type { Problem } from "./problem.ts";
import { apiVersion, type Resource } from "./resource.ts";
import { checked, list, object, optional } from "./schema.ts";
import { type SecretReference, secretReference } from "./secret.ts";

export interface BGPPeerSpec {
  /** The nodes that peer: one by name, several by selector, all where neither is given. */
  readonly node?: string;
  readonly nodeSelector?: string;
  /** `address`, `address:port` or `[v6]:port`. */
  readonly peerIP?: string;
  readonly asNumber?: number;
  readonly localASNumber?: number;
  readonly localWorkloadSelector?: string;
  readonly peerSelector?: string;
  readonly keepOriginalNextHop?: boolean;
  readonly nextHopMode?: "Auto" | "Self" | "Keep";
  readonly password?: SecretReference;
  readonly sourceAddress?: "UseNodeIP" | "None";
  readonly maxRestartTime?: string;
  readonly keepaliveTime?: string;
  readonly numAllowedLocalASNumbers?: number;
  /** In hops (RFC 5082). */
  readonly ttlSecurity?: number;
  readonly reachableBy?: string;
  readonly filters?: readonly string[];
  readonly reversePeering?: "Auto" | "Manual";
}

export type BGPPeer = Resource<"BGPPeer", BGPPeerSpec>;

const columns: readonly Column<BGPPeer>[] = [
  nameColumn,
  { header: "PEERIP", cell: ({ spec }) => spec.peerIP ?? "" },
  { header: "NODE", cell: ({ spec }) => spec.node || spec.nodeSelector || "(global)" },
  { header: "ASN", cell: ({ spec }) => String(spec.asNumber ?? 0) },
];

export const bgpPeerKind: KindDefinition<BGPPeer> = {
  apiVersion,
  kind: "BGPPeer",
  plural: "bgppeers",
  description: "A BGP session of some or all nodes with a router, or with other nodes.",
  aliases: ["bgpp", "bgpps", "bp"],
  namespaced: false,
  spec: object<BGPPeerSpec>({
    node: optional(subdomain),
    nodeSelector: optional(selector),
    peerIP: optional(checked(text, peerEndpointFault)),
    asNumber: optional(asNumber),
    localASNumber: optional(asNumber),
    localWorkloadSelector: optional(selector),
    peerSelector: optional(selector),
    keepOriginalNextHop: optional(flag),
    nextHopMode: optional(oneOf("Auto", "Self", "Keep")),
    password: optional(secretReference),
    sourceAddress: optional(oneOf("UseNodeIP", "None")),
    maxRestartTime: optional(duration),
    keepaliveTime: optional(duration),
    numAllowedLocalASNumbers: optional(integer(0, 255)),
    ttlSecurity: optional(integer(0, 255)),
    reachableBy: optional(address),
    filters: optional(list(subdomain)),
    reversePeering: optional(oneOf("Auto", "Manual")),
  }),
  unsupported: [
    { effect: "withheld", path: "spec.localASNumber" },
    { effect: "withheld", path: "spec.localWorkloadSelector" },
    { effect: "withheld", path: "spec.keepOriginalNextHop", accepted: [false] },
    { effect: "withheld", path: "spec.nextHopMode", accepted: ["Auto"] },
    { effect: "withheld", path: "spec.password" },
    {
      effect: "ignored",
      path: "spec.sourceAddress",
      accepted: ["UseNodeIP"],
      meanwhile: "sessions begin at the address of the node",
    },
    {
      effect: "ignored",
      path: "spec.maxRestartTime",
      meanwhile: "the peer holds the routes of a restarting node for as long as the node asks",
    },
    {
      effect: "ignored",
      path: "spec.keepaliveTime",
      meanwhile: "keepalives follow from the hold time that both ends agree on",
    },
    {
      effect: "ignored",
      path: "spec.numAllowedLocalASNumbers",
      accepted: [0],
      meanwhile: "routes that went through the node's own AS are not taken",
    },
    { effect: "withheld", path: "spec.ttlSecurity", accepted: [0] },
    {
      effect: "ignored",
      path: "spec.reachableBy",
      meanwhile: "the node needs a route to the peer from elsewhere",
    },
    { effect: "withheld", path: "spec.filters" },
    { effect: "withheld", path: "spec.reversePeering", accepted: ["Auto"] },
  ],
  whileWithheld: "no node peers by this resource",
  check: ({ spec }) => [...checkExclusive(spec), ...checkPeer(spec)],
  withDefaults: (peer) => peer,
  columns,
  wideColumns: columns,
};

export interface PeerEndpoint {
  readonly address: string;
  readonly port?: number;
}

/** `null` for what is neither an address nor an address with a port. */
export function parsePeerIp(peerIP: string): PeerEndpoint | null {
  if (parseAddress(peerIP)) return { address: peerIP };
  const match = /^\[(?<v6>[^\]]+)\]:(?<v6port>\d{1,5})$|^(?<v4>[^:]+):(?<v4port>\d{1,5})$/.exec(peerIP)?.groups;
  const host = match?.v6 ?? match?.v4 ?? "";
  const port = Number(match?.v6port ?? match?.v4port);
  const family = match?.v6 ? 6 : 4;
  return parseAddress(host)?.family === family && port >= 1 && port <= 65535 ? { address: host, port } : null;
}

function peerEndpointFault(peerIP: string): string | null {
  return parsePeerIp(peerIP) ? null : "is no address, address:port or [IPv6 address]:port";
}

const exclusive = [
  ["node", "nodeSelector"],
  ["peerIP", "peerSelector"],
  ["localWorkloadSelector", "peerIP"],
  ["localWorkloadSelector", "peerSelector"],
] as const;

function checkExclusive(spec: BGPPeerSpec): Problem[] {
  return exclusive
    .filter(([a, b]) => spec[a] && spec[b])
    .map(([a, b]) => ({
      path: `spec.${b}`,
      value: spec[b],
      reason: `cannot be given together with ${a}`,
    }));
}

function checkPeer(spec: BGPPeerSpec): Problem[] {
  const problems: Problem[] = [];
  const refuse = (field: keyof BGPPeerSpec, reason: string) =>
    problems.push({ path: `spec.${field}`, value: spec[field], reason });
  if (spec.peerSelector && spec.asNumber !== undefined) {
    refuse("asNumber", "cannot be given together with peerSelector: each node's own AS counts");
  }
  if (!spec.peerIP && !spec.peerSelector && !spec.localWorkloadSelector) {
    refuse("peerIP", "is missing: give peerIP, or peerSelector for peers that are nodes");
  }
  if (spec.localWorkloadSelector && spec.asNumber === undefined) refuse("asNumber", "is missing");
  if (spec.keepOriginalNextHop && spec.nextHopMode) refuse("keepOriginalNextHop", "is older than nextHopMode; drop it");
  const peer = spec.peerIP ? parseAddress(parsePeerIp(spec.peerIP)?.address ?? "") : null;
  if (spec.reachableBy && peer?.family !== parseAddress(spec.reachableBy)?.family) {
    refuse("reachableBy", "needs a peerIP of its own family");
  }
  return problems;
}
