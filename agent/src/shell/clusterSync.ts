/** Follows the datastore: what it says goes to those who act on it, and nobody acts before all of it has been told. */
import { isDeepStrictEqual } from "node:util";
import {
  EndpointTrimmer,
  type Item,
  isItemOf,
  type Key,
  type Kind,
  type Node,
  namespaceOfProfile,
  type Profile,
  type Store,
  type Undecodable,
  type Watch,
  type WatchEvent,
  type WatchTrouble,
  type WorkloadEndpoint,
} from "@brindle/api";
import { type PolicyResource, type PolicyUpdate, policyKinds } from "@brindle/policy";
import { AddedPods } from "../graph/addedPods.ts";
import { ClusterState, clusterKinds, isClusterKey, isKeyOf, objectName } from "../graph/clusterState.ts";
import { floatingAddresses } from "../graph/floatingAddresses.ts";
import { ipamInDoubt, reservationMistakes } from "../graph/ipamInDoubt.ts";
import { NodePeers } from "../graph/nodePeers.ts";
import type { Mistake } from "../node/mistakes.ts";

export interface ClusterSyncPorts {
  /** `isNewcomer`: a pod of another node has addresses now, and had none before. */
  readonly onPolicy: (update: PolicyUpdate, isNewcomer: boolean) => void;
  /** Once: all that existed at the start is known. */
  readonly onInSync: () => void;
  /** Something changed since, or at that moment: of that kind, or anything where it is `null`. */
  readonly onChanged: (kind: Kind | null) => void;
  readonly onConnection: (problem: string | null) => void;
  /** What was told is whole, and how that came is for people to know. */
  readonly onTrouble: (trouble: WatchTrouble, reason: string) => void;
}

export class ClusterSync {
  readonly state: ClusterState = new ClusterState();
  readonly #node: string;
  readonly #trimmer = new EndpointTrimmer();
  readonly #ports: ClusterSyncPorts;
  readonly #undecodable = new Map<string, string>();
  readonly #added = new AddedPods();
  readonly #nodePeers = new NodePeers();
  readonly #awaited = new Set<Kind>([...clusterKinds, ...policyKinds]);
  /** Of namespaces alone, by their names. The policy graph keeps the same objects. */
  readonly #namespaceProfiles = new Map<string, Profile>();
  #watch: Watch | null = null;

  constructor(node: string, ports: ClusterSyncPorts) {
    this.#node = node;
    this.#ports = ports;
  }

  start(store: Store): void {
    // What selects endpoints comes before them (`policyKinds`); of all else the cluster's own order holds.
    const others = [...this.#awaited].filter((kind) => kind !== "WorkloadEndpoint");
    this.#watch = store.watch([...others, "WorkloadEndpoint"], (event) => this.#onEvent(event));
  }

  /** An endpoint of this node with the addresses that it was just given, told before it is waited for. */
  added(endpoint: WorkloadEndpoint): void {
    const { namespace = "", name } = endpoint.metadata;
    this.#added.note(endpoint);
    const told = this.state.all("WorkloadEndpoint").get(`${namespace}/${name}`);
    if (!told) return;
    this.#receive({ kind: "WorkloadEndpoint", namespace, name }, told);
    if (this.isInSync) this.#ports.onChanged("WorkloadEndpoint");
  }

  /** The profile that is a namespace, as it was told last. */
  namespaceProfile(namespace: string): Profile | null {
    return this.#namespaceProfiles.get(namespace) ?? null;
  }

  /** Objects that are not acted on, each with the reason. */
  problems(): ReadonlyMap<string, string> {
    const { problems } = floatingAddresses(this.#node, this.state);
    return new Map([...problems, ...this.state.problems(), ...this.#undecodable]);
  }

  /** What of it keeps pods from being made. */
  mistakes(): Mistake[] {
    return reservationMistakes(this.state, this.#undecodable);
  }

  get isInSync(): boolean {
    return this.#awaited.size === 0;
  }

  /** How long the datastore was last heard of ago; `null` before its first word. */
  stalenessMs(): number | null {
    return this.#watch?.stalenessMs() ?? null;
  }

  async end(): Promise<void> {
    await this.#watch?.stop();
  }

  #onEvent(event: WatchEvent): void {
    switch (event.type) {
      case "changed":
        if (isItemOf(event.item, "IPPool")) this.state.noteRevision(event.item);
        if (!this.#receive(event.item.key, this.#kept(event.item))) return;
        break;
      case "deleted":
        this.#receive(event.key, null);
        break;
      case "undecodable":
        this.#receive(event.key, ipamInDoubt(event, this.state), event);
        this.#undecodable.set(objectName(event.key), event.reason);
        break;
      case "inSync":
        this.#awaited.delete(event.kind);
        if (this.isInSync) {
          this.#tellOfNodes();
          this.#ports.onInSync();
        }
        break;
      case "disconnected":
        this.#ports.onConnection(event.reason);
        return;
      case "connected":
        this.#ports.onConnection(null);
        return;
      case "trouble":
        this.#ports.onTrouble(event.trouble, event.reason);
        return;
    }
    if (this.isInSync) this.#ports.onChanged(kindOf(event));
  }

  /** Only of its own pods does a node need all. */
  #kept(item: Item): unknown {
    if (!isItemOf(item, "WorkloadEndpoint") || item.value.spec.node === this.#node) return item.value;
    return this.#trimmer.trim(item.value);
  }

  /**
   * `unreadable`: something is stored under the key of which this is known. A policy is closed then, not gone. False where
   * the node acts on the very same already: a Pod changes five times while it starts, and its endpoint twice.
   */
  #receive(key: Key, told: unknown, unreadable?: Undecodable): boolean {
    const wasUndecodable = this.#undecodable.delete(objectName(key));
    const value = isEndpointKey(key) ? this.#added.corrected(key, told as WorkloadEndpoint | null) : told;
    if (!wasUndecodable && isClusterKey(key) && value !== null) {
      if (isDeepStrictEqual(this.state.get(key), value)) return false;
    }
    const isNewcomer = isEndpointKey(key) && this.#isNewcomer(key, value as WorkloadEndpoint | null);
    // The store pairs each key with a value of its kind; the compiler sees two unions.
    if (isClusterKey(key) && unreadable) this.state.receiveUnreadable(key, value as never, unreadable.partial);
    else if (isClusterKey(key)) this.state.receive(key, value as never);
    if (key.kind === "Profile") this.#keepProfile(key.name, value as Profile | null);
    if (isPolicyKey(key)) {
      const update = { key, value: value as PolicyResource | null, ...(unreadable && { unreadable }) };
      this.#ports.onPolicy(this.#nodePeers.receive(update), isNewcomer);
    }
    if (isKeyOf(key, "Node")) {
      this.#nodePeers.onNode(key.name, value as Node | null, unreadable);
      if (this.isInSync) this.#tellOfNodes();
    }
    return true;
  }

  #tellOfNodes(): void {
    for (const update of this.#nodePeers.changes()) this.#ports.onPolicy(update, false);
  }

  /** Those that were there at the start are none. */
  #isNewcomer(key: Key<"WorkloadEndpoint">, value: WorkloadEndpoint | null): boolean {
    if (!value || !this.isInSync || value.spec.node === this.#node) return false;
    const before = this.state.get(key)?.spec.ipNetworks ?? [];
    return before.length === 0 && (value.spec.ipNetworks ?? []).length > 0;
  }

  #keepProfile(name: string, value: Profile | null): void {
    const namespace = namespaceOfProfile(name);
    if (namespace === null) return;
    if (value) this.#namespaceProfiles.set(namespace, value);
    else this.#namespaceProfiles.delete(namespace);
  }
}

/** When the last kind is in sync, all is news. */
function kindOf(event: WatchEvent): Kind | null {
  if (event.type === "changed") return event.item.key.kind;
  return event.type === "deleted" || event.type === "undecodable" ? event.key.kind : null;
}

function isEndpointKey(key: Key): key is Key<"WorkloadEndpoint"> {
  return isKeyOf(key, "WorkloadEndpoint");
}

function isPolicyKey(key: Key): key is PolicyUpdate["key"] {
  return policyKinds.some((kind) => kind === key.kind);
}
