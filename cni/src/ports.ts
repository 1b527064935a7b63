/** What the commands need of the world. The agent implements these; tests script them. */
import type { QosControls, WorkloadEndpoint } from "@brindle/api";
import type { Address, Family } from "@brindle/net";
import type { Attachment } from "./attachment.ts";
import type { BeyondOwn } from "./beyondOwn.ts";
import type { IpamConfig } from "./config.ts";
import type { Promised } from "./prevResult.ts";
import type { RelayedRequest } from "./relay.ts";
import type { Annotations } from "./requested.ts";

export interface Ports {
  readonly node: string;
  readonly pods: Pods;
  readonly addresses: Addresses;
  readonly records: Records;
  readonly links: Links;
  readonly policy: PolicyGate;
  /** Absent where nothing beyond their own addresses is for pods. */
  readonly beyond?: BeyondOwn;
  readonly readiness: () => Promise<Readiness>;
  /** Absent where the runtime's lists cannot be seen. */
  readonly lists?: NetworkLists;
  readonly pending: PendingDels;
}

/** What is known of a container beside the request. */
export interface Pods {
  /** `null` where there is no Kubernetes. */
  describe(attachment: Attachment): Promise<PodDescription | null>;
}

/** What Kubernetes says of the pod, and of its namespace. */
export interface PodDescription {
  /**
   * The endpoint that its Pod asks for, with these addresses: labels, service account, profiles, named ports. `null` where
   * the datastore is Kubernetes, and tells all of it there.
   */
  readonly endpoint: ((addresses: readonly Address[]) => WorkloadEndpoint) | null;
  readonly annotations: Annotations;
  readonly namespace: { readonly labels: Readonly<Record<string, string>>; readonly annotations: Annotations };
}

/** Failures of the datastore arrive as `StoreError`; the commands make "try again later" of them. */
export interface Addresses {
  /** The same attachment asked twice gets the same addresses, and its endpoint is written in the same transaction. */
  assign(request: AddressRequest): Promise<AssignOutcome>;
  /**
   * Frees what the attachment's handle holds, and deletes its endpoint if that is still this container's. Nothing
   * there is success.
   */
  release(attachment: Attachment): Promise<void>;
  /** Why no pod of this node would get addresses by this configuration; `null` where a pool may give some. */
  lacking(ipam: IpamConfig): Promise<string | null>;
}

export interface AddressRequest {
  readonly attachment: Attachment;
  readonly handle: string;
  readonly ipam: IpamConfig;
  /** These and no others, of the families that `ipam` has. */
  readonly addresses?: readonly Address[];
  readonly namespaceLabels?: Readonly<Record<string, string>>;
  /** These, of which no block is to hear; then there are no others. */
  readonly unmanaged?: readonly Address[];
  /** The endpoint to write once the addresses are known. */
  readonly endpoint: (addresses: readonly Address[]) => WorkloadEndpoint;
}

/** What a runtime does for a pod beside us. */
export interface NetworkLists {
  /** Whether a plugin in the list of that network takes the capability; `null` where none is known of that name. */
  takes(network: string, capability: string): Promise<boolean | null>;
}

export type AssignOutcome =
  /** `isNew` is false when the attachment had them already. */
  | { readonly kind: "assigned"; readonly addresses: readonly Address[]; readonly isNew: boolean }
  /** No pool that may be used has an address left. */
  | { readonly kind: "exhausted"; readonly reason: string }
  /** The configuration asks for what cannot be: a pool that does not exist, a family without a pool. */
  | { readonly kind: "refused"; readonly reason: string };

/** What the datastore says, read anew. */
export interface Records {
  of(attachment: Attachment): Promise<Recorded>;
  /** Those of this node and a network that hold addresses; their namespaces are not known. */
  attachments(network: string): Promise<readonly Attachment[]>;
}

export interface Recorded {
  /** What the attachment's handle holds. */
  readonly addresses: readonly Address[];
  readonly endpoint: WorkloadEndpoint | null;
}

export interface Links {
  wire(request: WireRequest): Promise<Wired>;
  /** Removes the attachment's interface and routes. What is missing, or is another container's by now, is left. */
  unwire(attachment: Attachment, onDown?: () => void): Promise<void>;
  /** What of the wiring is not as `wire` and later plugins left it, in words. */
  check(request: LinkCheck): Promise<readonly string[]>;
  /** The attachments whose interfaces are there, whoever has forgotten them. */
  marks(): Promise<readonly Mark[]>;
}

/** Whom an interface of the node was made for. */
export interface Mark {
  readonly containerId: string;
  readonly interfaceName: string;
  /** `null` where an earlier release made it. */
  readonly network: string | null;
  readonly hostInterface: string;
}

export interface LinkCheck {
  readonly attachment: Attachment & { readonly netns: string };
  readonly promised: Promised;
  /** Of bandwidth, as far as the wiring sees to them. */
  readonly limits?: QosControls | null;
  /** Whether it asks to send from addresses that are not its own; whether it may is for the cluster to say, at any time. */
  readonly asksBeyond?: boolean;
}

export interface WireRequest {
  readonly attachment: Attachment & { readonly netns: string };
  /**
   * Once they are given and their policy is in force. Before that the interface may be made, and is down; where they never come,
   * nothing stays of it.
   */
  readonly addresses: readonly Address[] | Promise<readonly Address[]>;
  /** Of which families they will be, as far as that is known. */
  readonly families?: readonly Family[];
  readonly mtu: number | null;
  /** Of each end of the pair, in each direction: one where nothing else is asked for. */
  readonly queues?: number;
  /** Of bandwidth; those of packets and connections are policy's. */
  readonly limits?: QosControls | null;
  /** Whether the pod may send over IPv4 from addresses that are not routed to it: the kernel then leaves that to policy. */
  readonly sendsBeyond?: boolean;
}

export interface Wired {
  /** False when all of it was there, as after an ADD whose answer was lost. */
  readonly isNew: boolean;
  readonly hostMac: string;
  readonly mtu: number;
  /** What the interface's routes point to, by family. */
  readonly gateways: readonly Address[];
  /** Those in which it has the container's default route; in the others another interface had it. */
  readonly defaultFamilies: readonly Family[];
}

export interface PolicyGate {
  /**
   * The endpoint is about to be written, with these addresses: what it needs in the kernel is made beside that. It lets
   * nothing in that `ready` would not. Disposing takes it back, unless the endpoint has been written.
   */
  expect(endpoint: WorkloadEndpoint): Disposable;
  /** Resolves once the endpoint's policy is in force; rejects, bounded, if it does not come to be. */
  ready(endpoint: WorkloadEndpoint, signal: AbortSignal): Promise<void>;
  /** What of it is not in the kernel now, in words. */
  check(endpoint: WorkloadEndpoint): Promise<readonly string[]>;
}

export type Readiness =
  | { readonly kind: "ready" }
  | {
      readonly kind: "notReady";
      readonly reason: string;
      /** Whether pods that exist may be cut off as well. */
      readonly connectivity: "intact" | "limited";
    };

/** DELs that were answered and are still to be done, on disk: one an attachment, named by `attachmentKey`. */
export interface PendingDels {
  keep(key: string, request: RelayedRequest): Promise<void>;
  keys(): Promise<readonly string[]>;
  /** `null` when there is none. */
  read(key: string): Promise<RelayedRequest | null>;
  remove(key: string): Promise<void>;
}
