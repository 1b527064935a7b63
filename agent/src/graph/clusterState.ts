/**
 * What the datastore holds of the kinds that this node acts on: the newest value of each object, whatever came before.
 * What another client stored and this version cannot act on is left out, and said to be.
 */
import { type Item, isResourceKind, type Key, type Kind, type Stored, whyNotActedOn } from "@brindle/api";
import { missingFilters } from "./routeFilters.ts";

/** The kinds that shape a node's sessions, routes and addresses. */
export type ClusterKind =
  | "Node"
  | "IPPool"
  | "IPReservation"
  | "IPAMConfig"
  | "IPAMConfiguration"
  | "BGPConfiguration"
  | "BGPPeer"
  | "BGPFilter"
  | "FabricPeer"
  | "FelixConfiguration"
  | "AgentConfiguration"
  | "ClusterInformation"
  | "BlockAffinity"
  | "WorkloadEndpoint";

export class ClusterState {
  readonly #values: { readonly [K in ClusterKind]: Map<string, Stored[K]> } = {
    Node: new Map(),
    IPPool: new Map(),
    IPReservation: new Map(),
    IPAMConfig: new Map(),
    IPAMConfiguration: new Map(),
    BGPConfiguration: new Map(),
    BGPPeer: new Map(),
    BGPFilter: new Map(),
    FabricPeer: new Map(),
    FelixConfiguration: new Map(),
    AgentConfiguration: new Map(),
    ClusterInformation: new Map(),
    BlockAffinity: new Map(),
    WorkloadEndpoint: new Map(),
  };
  readonly #problems = new Map<string, string>();
  readonly #poolRevisions = new Map<string, string>();

  /** `null` for an object that is gone. */
  receive<K extends ClusterKind>(key: Key<K>, value: Stored[K] | null): void {
    const id = idOf(key);
    const problem = value === null ? null : problemOf(key.kind, value);
    if (problem === null) this.#problems.delete(objectName(key));
    else this.#problems.set(objectName(key), problem);
    const values: Map<string, Stored[K]> = this.#values[key.kind];
    if (value === null || problem !== null) values.delete(id);
    else values.set(id, value);
  }

  /** Of a pool, also where only its status is news. */
  noteRevision({ key, revision }: Item<"IPPool">): void {
    this.#poolRevisions.set(key.name, revision);
  }

  /** By the pool's name, as of the last word of it. */
  get poolRevisions(): ReadonlyMap<string, string> {
    return this.#poolRevisions;
  }

  get<K extends ClusterKind>(key: Key<K>): Stored[K] | undefined {
    const values: ReadonlyMap<string, Stored[K]> = this.#values[key.kind];
    return values.get(idOf(key));
  }

  /** By name, or `namespace/name`. */
  all<K extends ClusterKind>(kind: K): ReadonlyMap<string, Stored[K]> {
    return this.#values[kind];
  }

  /** Objects that are not acted on, each with the reason. */
  problems(): ReadonlyMap<string, string> {
    return new Map([...this.#problems, ...this.#peersWithoutFilters()]);
  }

  #peersWithoutFilters(): [string, string][] {
    return (["BGPPeer", "FabricPeer"] as const).flatMap((kind) =>
      [...this.#values[kind]].flatMap(([name, { spec }]): [string, string][] => {
        const missing = missingFilters(spec.filters ?? [], this.#values.BGPFilter);
        if (missing.length === 0) return [];
        const which = `spec.filters: ${missing.join(", ")} is missing or not understood`;
        return [[`${kind} ${name}`, `${which}: its sessions exchange no routes`]];
      }),
    );
  }
}

export const clusterKinds: readonly ClusterKind[] = [
  "Node",
  "IPPool",
  "IPReservation",
  "IPAMConfig",
  "IPAMConfiguration",
  "BGPConfiguration",
  "BGPPeer",
  "BGPFilter",
  "FabricPeer",
  "FelixConfiguration",
  "AgentConfiguration",
  "ClusterInformation",
  "BlockAffinity",
  "WorkloadEndpoint",
];

export function isClusterKey(key: Key): key is Key<ClusterKind> {
  return clusterKinds.some((kind) => kind === key.kind);
}

/**
 * Configuration with a field without which it would be wrong or open to act is not acted on at all: a peer with a
 * password, for one, must not be dialled without. Nodes and endpoints are taken as they are; what Calico notes there for itself changes nothing here.
 */
const judgedKinds: ReadonlySet<Kind> = new Set<Kind>([
  "IPPool",
  "BGPConfiguration",
  "BGPPeer",
  "BGPFilter",
  "FabricPeer",
  "FelixConfiguration",
]);

function problemOf(kind: ClusterKind, value: unknown): string | null {
  if (!judgedKinds.has(kind) || !isResourceKind(kind)) return null;
  return whyNotActedOn(value);
}

/** As problems name it: `BGPPeer tor`, `NetworkPolicy default/web`. */
export function objectName(key: Key): string {
  return `${key.kind} ${idOf(key)}`;
}

function idOf({ namespace, name }: Key): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}
