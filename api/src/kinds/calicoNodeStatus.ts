/** A question to one node about its BGP, and the node's answer in the status. */
import * as z from "zod";
import { integer, oneOf, subdomain, text } from "./fields.ts";
import { type KindDefinition, nameColumn } from "./kind.ts";
import { apiVersion, type Resource } from "./resource.ts";
import { field, list, object, optional, set } from "./schema.ts";

export type NodeStatusClass = "Agent" | "BGP" | "Routes";

export interface CalicoNodeStatusSpec {
  readonly node: string;
  readonly classes: readonly NodeStatusClass[];
  /** 0 turns it off. */
  readonly updatePeriodSeconds?: number;
}

export interface CalicoNodeStatusStatus {
  /** `null` before the first answer: Calico stores that as it stands. */
  readonly lastUpdated: string | null;
  readonly agent?: { readonly birdV4?: DaemonStatus; readonly birdV6?: DaemonStatus };
  readonly bgp?: BgpStatus;
  readonly routes?: { readonly routesV4?: readonly RouteStatus[]; readonly routesV6?: readonly RouteStatus[] };
}

export interface DaemonStatus {
  readonly state?: "Ready" | "NotReady";
  readonly version?: string;
  readonly routerID?: string;
  readonly lastBootTime?: string;
  readonly lastReconfigurationTime?: string;
}

export interface BgpStatus {
  readonly numberEstablishedV4: number;
  readonly numberNotEstablishedV4: number;
  readonly numberEstablishedV6: number;
  readonly numberNotEstablishedV6: number;
  readonly peersV4?: readonly PeerStatus[];
  readonly peersV6?: readonly PeerStatus[];
}

export interface PeerStatus {
  readonly peerIP?: string;
  readonly type?: "NodeMesh" | "NodePeer" | "GlobalPeer";
  readonly state?: "Idle" | "Connect" | "Active" | "OpenSent" | "OpenConfirm" | "Established" | "Close";
  readonly since?: string;
}

export interface RouteStatus {
  readonly type?: "FIB" | "RIB";
  readonly destination?: string;
  readonly gateway?: string;
  readonly interface?: string;
  readonly learnedFrom?: {
    readonly sourceType?: "Kernel" | "Static" | "Direct" | "NodeMesh" | "BGPPeer";
    readonly peerIP?: string;
  };
}

export interface CalicoNodeStatus extends Resource<"CalicoNodeStatus", CalicoNodeStatusSpec> {
  readonly status?: CalicoNodeStatusStatus;
}

const daemon = object<DaemonStatus>({
  state: optional(field(oneOf("Ready", "NotReady"), "Whether it takes part in BGP.")),
  version: optional(field(text, "The version of the program.")),
  routerID: optional(field(text, "The identifier that it tells its peers.")),
  lastBootTime: optional(field(text, "When it was started.")),
  lastReconfigurationTime: optional(field(text, "When its configuration changed last.")),
});

const peers = list(
  object<PeerStatus>({
    peerIP: optional(field(text, "The address of the peer.")),
    type: optional(field(oneOf("NodeMesh", "NodePeer", "GlobalPeer"), "What made it a peer.")),
    state: optional(
      field(
        oneOf("Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established", "Close"),
        "The state of the session.",
      ),
    ),
    since: optional(field(text, "Since when it has been in that state.")),
  }),
);

const routes = list(
  object<RouteStatus>({
    type: optional(field(oneOf("FIB", "RIB"), "Whether packets follow it.")),
    destination: optional(field(text, "The network.")),
    gateway: optional(field(text, "The next hop.")),
    interface: optional(field(text, "The interface of the next hop.")),
    learnedFrom: optional(
      field(
        object<NonNullable<RouteStatus["learnedFrom"]>>({
          sourceType: optional(field(oneOf("Kernel", "Static", "Direct", "NodeMesh", "BGPPeer"), "What told it.")),
          peerIP: optional(field(text, "The peer, if one told it.")),
        }),
        "Where the route comes from.",
      ),
    ),
  }),
);

const sessions = field(z.int().default(0), "How many sessions there are of this family and state.");

/** Whoever reads a stored null drops it; it must be there again where the value is written. */
const lastUpdated = z.string().nullable().default(null) as unknown as z.ZodType<string | null>;

/** What Calico's client stores before the node has answered: its struct has no way to leave these out. */
const unanswered: CalicoNodeStatusStatus = {
  lastUpdated: null,
  agent: { birdV4: {}, birdV6: {} },
  bgp: { numberEstablishedV4: 0, numberNotEstablishedV4: 0, numberEstablishedV6: 0, numberNotEstablishedV6: 0 },
  routes: {},
};

export const calicoNodeStatusKind: KindDefinition<CalicoNodeStatus> = {
  apiVersion,
  kind: "CalicoNodeStatus",
  plural: "caliconodestatuses",
  description: "Asks a node to write the state of its BGP into the status of this resource, again and again.",
  aliases: ["nodestatus", "nodestatuses"],
  namespaced: false,
  spec: object<CalicoNodeStatusSpec>({
    node: field(subdomain, "The name of the node that is asked."),
    classes: field(
      set(oneOf("Agent", "BGP", "Routes"), { min: 1 }),
      "What it tells: of the daemon, of its sessions, of its routes.",
    ),
    updatePeriodSeconds: optional(
      field(integer(0, 86_400), "How often it writes the status anew, in seconds, at most a day; 0 is never."),
    ),
  }),
  status: object<CalicoNodeStatusStatus>({
    lastUpdated: field(lastUpdated, "When the node wrote the status last."),
    agent: optional(
      field(
        object<NonNullable<CalicoNodeStatusStatus["agent"]>>({
          birdV4: optional(field(daemon, "The daemon for IPv4.")),
          birdV6: optional(field(daemon, "The daemon for IPv6.")),
        }),
        "The BGP daemons of the node.",
      ),
    ),
    bgp: optional(
      field(
        object<BgpStatus>({
          numberEstablishedV4: sessions,
          numberNotEstablishedV4: sessions,
          numberEstablishedV6: sessions,
          numberNotEstablishedV6: sessions,
          peersV4: optional(field(peers, "The peers with which the node talks about IPv4.")),
          peersV6: optional(field(peers, "The peers with which the node talks about IPv6.")),
        }),
        "The sessions of the node.",
      ),
    ),
    routes: optional(
      field(
        object<NonNullable<CalicoNodeStatusStatus["routes"]>>({
          routesV4: optional(field(routes, "Routes of IPv4.")),
          routesV6: optional(field(routes, "Routes of IPv6.")),
        }),
        "The routes that the daemon knows.",
      ),
    ),
  }),
  unsupported: [{ effect: "ignored", path: "spec", meanwhile: "no node writes the status" }],
  withDefaults: ({ status, ...resource }) => ({ ...resource, status: status ?? unanswered }),
  columns: [nameColumn, { header: "NODE", jsonPath: ".spec.node", cell: ({ spec }) => spec.node }],
  wideColumns: [
    nameColumn,
    { header: "NODE", jsonPath: ".spec.node", cell: ({ spec }) => spec.node },
    { header: "CLASSES", jsonPath: ".spec.classes", cell: ({ spec }) => spec.classes.join(",") },
  ],
};
