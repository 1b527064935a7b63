import { parseAddress } from "@brindle/net";
import { address, asNumber, duration, flag, integer, oneOf, selector, subdomain, textUpTo } from "./fields.ts";
import { type Column, type KindDefinition, nameColumn } from "./kind.ts";
import type { Problem } from "./problem.ts";
import { apiVersion, type Resource } from "./resource.ts";
import { checked, field, list, object, optional } from "./schema.ts";
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

const exclusive = [
  ["node", "nodeSelector"],
  ["peerIP", "peerSelector"],
  ["localWorkloadSelector", "peerIP"],
  ["localWorkloadSelector", "peerSelector"],
] as const;

const isGiven = (name: string): string => `has(self.spec.${name}) && size(self.spec.${name}) > 0`;
const peerEndpoint = checked(textUpTo(64), peerEndpointFault);

const columns: readonly Column<BGPPeer>[] = [
  nameColumn,
  { header: "PEERIP", jsonPath: ".spec.peerIP", cell: ({ spec }) => spec.peerIP ?? "" },
  { header: "NODE", jsonPath: ".spec.node", cell: ({ spec }) => spec.node || spec.nodeSelector || "(global)" },
  { header: "ASN", jsonPath: ".spec.asNumber", cell: ({ spec }) => String(spec.asNumber ?? 0) },
];

export const bgpPeerKind: KindDefinition<BGPPeer> = {
  apiVersion,
  kind: "BGPPeer",
  plural: "bgppeers",
  description: "A BGP session of some or all nodes with a router, or with other nodes.",
  aliases: ["bgpp", "bgpps", "bp"],
  namespaced: false,
  spec: object<BGPPeerSpec>({
    node: optional(field(subdomain, "The one node that peers. Without it and nodeSelector all nodes do.")),
    nodeSelector: optional(field(selector, "The nodes that peer, by their labels.")),
    peerIP: optional(field(peerEndpoint, "The router: its address, address:port, or [IPv6 address]:port.")),
    asNumber: optional(
      field(
        asNumber,
        "The AS of the router, as a number or as 1.10. Without it the cluster's own; none with peerSelector.",
      ),
    ),
    localASNumber: optional(field(asNumber, "The AS as which the nodes present themselves to this router.")),
    localWorkloadSelector: optional(field(selector, "Pods of the node that peer with it, by their labels.")),
    peerSelector: optional(field(selector, "Nodes with which the nodes peer, by their labels.")),
    keepOriginalNextHop: optional(field(flag, "An older word for nextHopMode: Keep.")),
    nextHopMode: optional(
      field(
        oneOf("Auto", "Self", "Keep"),
        "The next hop that the router is told: as BGP has it, always the node itself, or always the one that was learned.",
      ),
    ),
    password: optional(field(secretReference, "The password of the sessions (RFC 2385).")),
    sourceAddress: optional(
      field(
        oneOf("UseNodeIP", "None"),
        "Whether sessions begin at the address of the node, or at the one that the kernel takes. UseNodeIP unless told.",
      ),
    ),
    maxRestartTime: optional(field(duration, "How long the router keeps the routes of a node that restarts: 120s.")),
    keepaliveTime: optional(
      field(
        duration,
        "How often the peer is told that the session lives, in whole seconds, where that is oftener than each third of the hold time.",
      ),
    ),
    numAllowedLocalASNumbers: optional(
      field(
        integer(0, 255),
        "How often the node's own AS may stand in the path of a route that it takes; 0 unless told.",
      ),
    ),
    ttlSecurity: optional(
      field(integer(0, 255), "How many hops away the router is: packets from further away are dropped (RFC 5082)."),
    ),
    reachableBy: optional(field(address, "The gateway on the way to peerIP, of its family.")),
    filters: optional(
      field(list(subdomain), "BGPFilters by name; the first rule in them that matches a route decides."),
    ),
    reversePeering: optional(
      field(
        oneOf("Auto", "Manual"),
        "Whether nodes that peerSelector names peer back by themselves. Auto unless told.",
      ),
    ),
  }),
  unsupported: [{ effect: "withheld", path: "spec.localWorkloadSelector" }],
  whileWithheld: "no node peers by this resource",
  rules: [
    ...exclusive.map(([a, b]) => ({
      rule: `!(${isGiven(a)}) || !(${isGiven(b)})`,
      message: `cannot be given together with ${a}`,
      fieldPath: `.spec.${b}`,
    })),
    {
      rule: `!(${isGiven("peerSelector")}) || !has(self.spec.asNumber)`,
      message: "cannot be given together with peerSelector: each node's own AS counts",
      fieldPath: ".spec.asNumber",
    },
    {
      rule: `${isGiven("peerIP")} || ${isGiven("peerSelector")} || ${isGiven("localWorkloadSelector")}`,
      message: "give peerIP, or peerSelector for peers that are nodes",
      fieldPath: ".spec",
    },
    {
      rule: `!(${isGiven("localWorkloadSelector")}) || has(self.spec.asNumber)`,
      message: "localWorkloadSelector needs an asNumber",
      fieldPath: ".spec",
    },
    {
      rule: "!has(self.spec.keepOriginalNextHop) || !self.spec.keepOriginalNextHop || !has(self.spec.nextHopMode)",
      message: "is older than nextHopMode; drop it",
      fieldPath: ".spec.keepOriginalNextHop",
    },
    {
      rule: `!has(self.spec.reachableBy) || ${isGiven("peerIP")}`,
      message: "needs a peerIP of its own family",
      fieldPath: ".spec.reachableBy",
    },
  ],
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
