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

/** The packet that began a flow, or tried to. */
export interface FirstPacket {
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly source: FlowEnd;
  readonly destination: FlowEnd;
  /** `tcp`, `udp`, `icmp`, or a number. */
  readonly protocol: string;
  readonly icmp?: { readonly type: number; readonly code: number };
}

/** One that policy denied, and what denied it. */
export interface DeniedFlow extends FirstPacket {
  /** Whose policy denied it: the source's egress or the destination's ingress. `null` where that has changed meanwhile. */
  readonly direction: "ingress" | "egress" | null;
  /** The name of the host endpoint whose policy it was, in the place of a pod's at either end. */
  readonly hostEndpoint?: string;
  /** In words: `NetworkPolicy shop/db, ingress rule 2`, `no policy allows it`. */
  readonly deniedBy: string;
  /** Where a rule denied it. */
  readonly rule?: {
    readonly kind: string;
    readonly namespace?: string;
    readonly name: string;
    /** From zero. */
    readonly index: number;
  };
  /** Where staged policies would allow it, or would be what denies it. */
  readonly staged?: StagedEffect;
}

/** One that policy allowed, and staged policies would deny. */
export interface FlowToDeny extends FirstPacket {
  readonly staged: StagedEffect;
}

export interface StagedEffect {
  readonly verdict: "allow" | "deny";
  /** At which end: the source's egress or the destination's ingress. */
  readonly direction: "ingress" | "egress";
  /** The name of the host endpoint whose policy it is, in the place of a pod's at that end. */
  readonly hostEndpoint?: string;
  /** In words: `StagedNetworkPolicy shop/db, ingress rule 1`, `StagedNetworkPolicy shop/db: no policy allows it`. */
  readonly by: string;
  /** What is staged, each `StagedNetworkPolicy shop/db`. */
  readonly policies: readonly string[];
}

export interface FlowEnd {
  readonly address: string;
  readonly port?: number;
  /** `namespace/name` of the pod; absent where the address is of none. */
  readonly pod?: string;
}

/** One line of the stream `flows.denied`. */
export type DeniedFlowLine =
  | { readonly flow: DeniedFlow }
  | { readonly wouldDeny: FlowToDeny }
  /** What was denied, or would be, and is not told: more than may be told in a second, or than the reader took. */
  | { readonly missed: number };

/** The answer to `policy.hits`. */
export interface PolicyHit {
  /** `NetworkPolicy`, `GlobalNetworkPolicy`, `Profile`; `Endpoint` and `HostEndpoint` for what no rule decided. */
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  /** Of kind `Endpoint`: `namespace/name` of those with the same policies, which are counted together with it. */
  readonly others?: readonly string[];
  readonly direction: "ingress" | "egress";
  /** From zero; `null` for what no rule decided. */
  readonly rule: number | null;
  readonly action: "allow" | "deny" | "pass" | "log";
  /** What the rule says, in words. */
  readonly text: string;
  /** `packets` of rules that are asked before connections are tracked. */
  readonly counts: "flows" | "packets";
  readonly hits: number;
}
