/**
 * What the datastore holds of the kinds that this node acts on: the newest value of each object, whatever came before.
 * What another client stored and this version cannot act on is left out, and said to be.
 */
import {
  type IPPool,
  type Item,
  isResourceKind,
  type JsonValue,
  type Key,
  type Kind,
  type Stored,
  type WorkloadEndpoint,
  whyNotActedOn,
} from "@brindle/api";
import { FloatingClaims } from "./floatingAddresses.ts";
import { missingFilters } from "./routeFilters.ts";
import { UnmanagedAddresses } from "./unmanagedAddresses.ts";
import { endpointInDoubt, readablePool, Withheld } from "./withheld.ts";

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
  /** The endpoints of one node, once they are asked for: of a large cluster they are few. */
  #ofNode: { readonly node: string; readonly endpoints: Map<string, WorkloadEndpoint> } | null = null;
  readonly #problems = new Map<string, string>();
  readonly #poolRevisions = new Map<string, string>();
  readonly floating: FloatingClaims = new FloatingClaims();
  readonly unmanaged: UnmanagedAddresses = new UnmanagedAddresses();
  readonly withheld: Withheld = new Withheld();

  /** `null` for an object that is gone. */
  receive<K extends ClusterKind>(key: Key<K>, value: Stored[K] | null): void {
    const id = idOf(key);
    const problem = value === null ? null : problemOf(key.kind, value);
    if (problem === null) this.#problems.delete(objectName(key));
    else this.#problems.set(objectName(key), problem);
    const values: Map<string, Stored[K]> = this.#values[key.kind];
    if (value === null || problem !== null) values.delete(id);
    else values.set(id, value);
    if (key.kind === "WorkloadEndpoint") {
      const endpoints = this.#values.WorkloadEndpoint;
      const endpoint = endpoints.get(id) ?? null;
      if (endpoint && endpoint.spec.node === this.#ofNode?.node) this.#ofNode.endpoints.set(id, endpoint);
      else this.#ofNode?.endpoints.delete(id);
      this.#withholdEndpoint(id, { endpoint, isWithheld: false });
    }
    // The store pairs a key with a value of its kind.
    if (key.kind === "IPPool") this.withheld.onPool(id, problem === null ? null : (value as IPPool));
  }

  /** Something is stored that does not decode: `readable` is what of it is acted on. What it had of addresses stays its own. */
  receiveUnreadable<K extends ClusterKind>(key: Key<K>, readable: Stored[K] | null, partial?: JsonValue): void {
    const id = idOf(key);
    const endpoint = this.#values.WorkloadEndpoint.get(id) ?? this.withheld.endpoints.get(id) ?? null;
    const pool = this.#values.IPPool.get(id) ?? this.withheld.pools.get(id) ?? null;
    this.receive(key, readable);
    if (key.kind === "IPPool") this.withheld.onPool(id, readablePool(id, partial, pool));
    if (key.kind === "WorkloadEndpoint")
      this.#withholdEndpoint(id, { endpoint: endpointInDoubt(key, partial, endpoint), isWithheld: true });
  }

  #withholdEndpoint(
    id: string,
    { endpoint, isWithheld }: { readonly endpoint: WorkloadEndpoint | null; readonly isWithheld: boolean },
  ): void {
    this.unmanaged.onEndpoint(id, endpoint);
    this.withheld.onEndpoint(id, isWithheld ? endpoint : null);
    // What floats to one that cannot be read floats to no other: somebody may have it there.
    this.floating.onEndpoint(id, endpoint, this.#endpointsWith(id, endpoint));
  }

  /** All that are acted on, and of the others what can be read. */
  *#endpointsWith(id: string, endpoint: WorkloadEndpoint | null): Iterable<readonly [string, WorkloadEndpoint]> {
    yield* this.#values.WorkloadEndpoint;
    yield* this.withheld.endpoints;
    if (endpoint) yield [id, endpoint];
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

  /** As `all`, of one node: each pod that comes or goes has them looked at. */
  endpointsOf(node: string): ReadonlyMap<string, WorkloadEndpoint> {
    if (this.#ofNode?.node !== node) {
      const endpoints = [...this.#values.WorkloadEndpoint].filter(([, { spec }]) => spec.node === node);
      this.#ofNode = { node, endpoints: new Map(endpoints) };
    }
    return this.#ofNode.endpoints;
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

export function isKeyOf<K extends Kind>(key: Key, kind: K): key is Key<K> {
  return key.kind === kind;
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
