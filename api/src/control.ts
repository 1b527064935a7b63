/** What an agent tells of itself, but for BGP (which is in `@brindle/bgp`): `brindlectl status`, health, metrics. */

export interface AgentStatus {
  readonly nodeName: string;
  readonly version: string;
  /** When the agent started, milliseconds since 1970. */
  readonly sinceMs: number;
  readonly store: StoreStatus;
  /** Pods whose interface the agent looks after on this node. */
  readonly pods: number;
  readonly blocks: readonly BlockStatus[];
  readonly health: readonly PartHealth[];
  /** What is wrong on this node, each with what to do. */
  readonly mistakes: readonly MistakeStatus[];
  /** Sessions of BGP: how many there are to be, and how many are Established. */
  readonly sessions: { readonly configured: number; readonly established: number };
  /** The network list that tells the node's container runtime of us; `null` where others put it there. */
  readonly networkList: { readonly path: string; readonly isInPlace: boolean } | null;
  /** A line for each object of the datastore that is not acted on as it is written. */
  readonly problems: readonly string[];
}

export type StoreStatus =
  | { readonly state: "connected"; readonly sinceMs: number }
  /** What the agent knew before still stands. */
  | { readonly state: "disconnected"; readonly sinceMs: number; readonly reason: string };

/** A block of addresses that belongs to this node. */
export interface BlockStatus {
  readonly cidr: string;
  readonly pool: string | null;
  readonly size: number;
  readonly inUse: number;
}

export interface MistakeStatus {
  /** `PodCidrMissing`: a section of docs/troubleshooting.md, the reason of an Event and of the Node's condition. */
  readonly code: string;
  readonly part: AgentPart;
  /** `noticed`: the agent is ready all the same. */
  readonly effect: "unready" | "noticed";
  /** What is wrong, and what to do; a sentence each. */
  readonly text: string;
  readonly remedy: string;
  readonly sinceMs: number;
}

export type AgentPart = "store" | "bgp" | "routes" | "policy" | "cni" | "ipam";

export interface PartHealth {
  readonly part: AgentPart;
  /** A part that is starting is alive and not ready: nothing is wrong yet. */
  readonly state: "ready" | "starting" | "failing";
  readonly sinceMs: number;
  /** One line for a person; `null` while it is ready. */
  readonly reason: string | null;
}

/** Ready for new pods. */
export function isReady(status: AgentStatus): boolean {
  return status.health.every(({ state }) => state === "ready");
}
