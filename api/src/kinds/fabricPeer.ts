/**
 * A BGP session with the fabric: all that Calico's BGPPeer has, under the same names, and what routers of a fabric have
 * besides. Empty text does not stand for a field that is left out, as it does there.
 */
import { parsePeerIp } from "./bgpPeer.ts";
import { type AcceptedRoutes, type AnnouncedRoutes, acceptedRoutes, announcedRoutes } from "./fabricPeer/routes.ts";
import { fabricPeerRules } from "./fabricPeer/rules.ts";
import {
  type AdministrativeShutdown,
  administrativeShutdown,
  type BfdSettings,
  bfd,
  type GracefulRestartSettings,
  gracefulRestart,
  type MaxPrefixes,
  maxPrefixes,
  type PeerRole,
} from "./fabricPeer/session.ts";
import {
  address,
  asNumber,
  durationWithin,
  flag,
  integer,
  interfaceName,
  labelKey,
  oneOf,
  prefix,
  selector,
  subdomain,
  textUpTo,
} from "./fields.ts";
import { type Column, type KindDefinition, nameColumn } from "./kind.ts";
import { brindleApiVersion, type Resource } from "./resource.ts";
import { checked, field, list, object, optional, set } from "./schema.ts";
import { type SecretReference, secretReference } from "./secret.ts";
import { brokenRules, celRules } from "./specRule.ts";

export interface FabricPeerSpec {
  readonly description?: string;
  readonly node?: string;
  readonly nodeSelector?: string;
  /** `address`, `address:port` or `[v6]:port`. */
  readonly peerIP?: string;
  readonly interface?: string;
  readonly range?: string;
  readonly defaultGateway?: "IPv4" | "IPv6";
  readonly peerSelector?: string;
  readonly localWorkloadSelector?: string;
  readonly asNumber?: number;
  readonly asNumberFromNodeLabel?: string;
  readonly peerType?: "External" | "Internal";
  readonly localASNumber?: number;
  readonly localASNumberFromNodeLabel?: string;
  readonly passive?: boolean;
  readonly sourceAddress?: "UseNodeIP" | "None";
  readonly reachableBy?: string;
  readonly reversePeering?: "Auto" | "Manual";
  readonly password?: SecretReference;
  /** In hops (RFC 5082). */
  readonly ttlSecurity?: number;
  readonly holdTime?: string;
  readonly keepaliveTime?: string;
  readonly connectRetryTime?: string;
  readonly bfd?: BfdSettings;
  readonly gracefulRestart?: GracefulRestartSettings;
  readonly families?: readonly ("IPv4" | "IPv6")[];
  readonly addPath?: "Disabled" | "Receive" | "Send" | "Both";
  readonly role?: PeerRole;
  readonly strictRole?: boolean;
  readonly nextHopMode?: "Auto" | "Self" | "Keep";
  readonly numAllowedLocalASNumbers?: number;
  readonly maxPrefixes?: MaxPrefixes;
  readonly filters?: readonly string[];
  readonly announced?: AnnouncedRoutes;
  readonly accepted?: AcceptedRoutes;
  readonly gracefulShutdown?: boolean;
  readonly administrativeShutdown?: AdministrativeShutdown;
}

export type FabricPeer = Resource<"FabricPeer", FabricPeerSpec, typeof brindleApiVersion>;

const peerEndpoint = checked(textUpTo(64), (value) =>
  parsePeerIp(value) ? null : "is no address, address:port or [IPv6 address]:port",
);

const columns: readonly Column<FabricPeer>[] = [
  nameColumn,
  { header: "PEER", cell: ({ spec }) => peerText(spec) },
  { header: "NODE", cell: ({ spec }) => spec.node ?? spec.nodeSelector ?? "(global)" },
  { header: "ASN", cell: ({ spec }) => asText(spec) },
];

export const fabricPeerKind: KindDefinition<FabricPeer> = {
  apiVersion: brindleApiVersion,
  kind: "FabricPeer",
  plural: "fabricpeers",
  description: "A BGP session of some or all nodes with a router of the fabric, with all that such a session can have.",
  aliases: ["fp", "fps"],
  namespaced: false,
  spec: object<FabricPeerSpec>({
    description: optional(field(textUpTo(255), "What a person calls the session.")),
    node: optional(field(subdomain, "The one node that peers. Without it and nodeSelector all nodes do.")),
    nodeSelector: optional(field(selector, "The nodes that peer, by their labels.")),
    peerIP: optional(field(peerEndpoint, "The router: its address, address:port, or [IPv6 address]:port.")),
    interface: optional(
      field(interfaceName, "The router at the other end of this interface, found by its router advertisements."),
    ),
    range: optional(field(prefix, "Every router of this network that dials the node.")),
    defaultGateway: optional(
      field(oneOf("IPv4", "IPv6"), "The node's gateway of the default route of this family, whichever it is."),
    ),
    peerSelector: optional(field(selector, "Other nodes, by their labels.")),
    localWorkloadSelector: optional(field(selector, "Pods of the node, by their labels.")),
    asNumber: optional(
      field(asNumber, "The AS of the peer, as a number or as 1.10. With peerIP alone, where left out: the cluster's."),
    ),
    asNumberFromNodeLabel: optional(field(labelKey, "The label of the node whose value is the AS of the peer.")),
    peerType: optional(
      field(oneOf("External", "Internal"), "Any AS but the node's own, or the node's own, whichever number it has."),
    ),
    localASNumber: optional(field(asNumber, "The AS as which the node presents itself to this peer.")),
    localASNumberFromNodeLabel: optional(field(labelKey, "The label of the node whose value is that AS.")),
    passive: optional(field(flag, "The node waits until the peer dials. With a range it always does.")),
    sourceAddress: optional(
      field(
        oneOf("UseNodeIP", "None"),
        "Whether sessions begin at the address of the node, or at the one that the kernel takes. Where left out: UseNodeIP.",
      ),
    ),
    reachableBy: optional(field(address, "The gateway on the way to peerIP, of its family.")),
    reversePeering: optional(
      field(
        oneOf("Auto", "Manual"),
        "Whether nodes that peerSelector names peer back by themselves. Where left out: Auto.",
      ),
    ),
    password: optional(field(secretReference, "The password of the sessions (RFC 2385).")),
    ttlSecurity: optional(
      field(integer(1, 254), "How many hops away the peer is: packets from further away are dropped (RFC 5082)."),
    ),
    holdTime: optional(
      field(
        durationWithin("3s", "65535s", "0s"),
        "After which silence the peer is gone; 0s for never. Where left out: 1m30s.",
      ),
    ),
    keepaliveTime: optional(
      field(
        durationWithin("1s", "21845s"),
        "How often the peer hears of us. Where left out: a third of the hold time.",
      ),
    ),
    connectRetryTime: optional(
      field(durationWithin("1s", "65535s"), "How long the node waits before it dials again. Where left out: 5s."),
    ),
    bfd: optional(field(bfd, "Finds out within a second that the peer is gone (RFC 5880).")),
    gracefulRestart: optional(field(gracefulRestart, "Keeps routes while one end restarts.")),
    families: optional(
      field(
        set(oneOf("IPv4", "IPv6"), { min: 1 }),
        "The families whose routes the session carries. Where left out: those of the cluster.",
      ),
    ),
    addPath: optional(
      field(
        oneOf("Disabled", "Receive", "Send", "Both"),
        "Whether a network may have several routes in one session (RFC 7911). Where left out: Disabled.",
      ),
    ),
    role: optional(
      field(
        oneOf("Provider", "Customer", "Peer", "RouteServer", "RouteServerClient"),
        "What the node is to the peer (RFC 9234): routes of one such neighbour do not leak to another.",
      ),
    ),
    strictRole: optional(field(flag, "There is no session with a peer that does not know of roles.")),
    nextHopMode: optional(
      field(
        oneOf("Auto", "Self", "Keep"),
        "The next hop that the peer is told: as BGP has it, always the node itself, or always the one that was learned.",
      ),
    ),
    numAllowedLocalASNumbers: optional(
      field(
        integer(0, 255),
        "How often the node's own AS may stand in the path of a route that it takes. Where left out: 0.",
      ),
    ),
    maxPrefixes: optional(field(maxPrefixes, "How many routes the peer may send, and what becomes of more.")),
    filters: optional(
      field(list(subdomain), "BGPFilters by name; the first rule in them that matches a route decides."),
    ),
    announced: optional(field(announcedRoutes, "What is changed in all routes that the peer is told.")),
    accepted: optional(field(acceptedRoutes, "What is changed in all routes that the peer tells.")),
    gracefulShutdown: optional(
      field(flag, "Routes of this session are the last resort of both ends (RFC 8326), before work on it."),
    ),
    administrativeShutdown: optional(field(administrativeShutdown, "There is no session, while this stands here.")),
  }),
  unsupported: [{ effect: "withheld", path: "spec.localWorkloadSelector" }],
  whileWithheld: "no node speaks with the peer",
  rules: celRules(fabricPeerRules),
  check: (draft) => brokenRules(fabricPeerRules, draft),
  withDefaults: (peer) => peer,
  columns,
  wideColumns: columns,
};

/** The AS that the value of a label is; `null` for one that is none. */
export function asNumberOfLabel(value: string): number | null {
  const parsed = asNumber.safeParse(value);
  return parsed.success ? parsed.data : null;
}

function peerText({ peerIP, interface: name, range, defaultGateway, ...selectors }: FabricPeerSpec): string {
  if (name !== undefined) return `interface ${name}`;
  if (defaultGateway !== undefined) return `gateway of ${defaultGateway}`;
  return peerIP ?? range ?? selectors.peerSelector ?? selectors.localWorkloadSelector ?? "";
}

function asText({ asNumber, asNumberFromNodeLabel, peerType }: FabricPeerSpec): string {
  if (asNumberFromNodeLabel !== undefined) return `label ${asNumberFromNodeLabel}`;
  return peerType ?? String(asNumber ?? "");
}
