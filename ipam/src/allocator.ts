/**
 * Gives a node's pods their addresses, over the datastore. All decisions are `planAssign`'s and `planRelease`'s; here
 * they are committed, and planned again when somebody else was quicker.
 *
 * The node's own blocks are kept in memory with their revisions, so that an ADD costs one round trip. They are a guess:
 * every transaction names the revisions that it rests on, and a conflict tells the present ones. Requests of one node
 * run one after the other, since they want the same blocks.
 */
import {
  ipamConfigName,
  ipamConfigurationName,
  type Key,
  type Store,
  StoreError,
  type Write,
  whyNotActedOn,
} from "@brindle/api";
import { type AssignRequest, type ClusterView, planAssign } from "./assign.ts";
import { affinityOf, type HeldAddress } from "./block.ts";
import { keyText, violatedWrites } from "./conflict.ts";
import { goTime } from "./goTime.ts";
import type { PlaceRefusal } from "./place.ts";
import { planRelease, type ReleaseRequest } from "./release.ts";
import { ipamSettings, reservedPrefixes } from "./settings.ts";
import {
  affinityPrefix,
  emptyState,
  type Found,
  handleKey,
  type InvalidBlock,
  type IpamState,
  withFound,
} from "./state.ts";
import { Turns } from "./turns.ts";

export interface AllocatorPorts {
  readonly store: Pick<Store, "get" | "list" | "commit">;
  /** Nanoseconds since 1970. */
  readonly now: () => bigint;
  /** The pools and the node as they are now; see `readClusterView` for callers that do not watch them. */
  readonly view: () => ClusterView | Promise<ClusterView>;
}

/** The allocator adds `node` and `timestamp` to the attributes, in Calico's words. */
export interface AssignOptions extends Omit<AssignRequest, "node"> {
  /** What the caller writes in the same transaction, such as the WorkloadEndpoint with these addresses. */
  readonly extraWrites?: (addresses: readonly HeldAddress[]) => readonly Write[];
}

export interface ReleaseOptions extends Omit<ReleaseRequest, "handleId"> {
  /** What the caller writes in the same transaction, such as the deletion of the WorkloadEndpoint. */
  readonly extraWrites?: readonly Write[];
}

export type AssignResult =
  /** `isNew` is false when an earlier request of the same handle had got them all. */
  | { readonly kind: "assigned"; readonly addresses: readonly HeldAddress[]; readonly isNew: boolean }
  | PlaceRefusal
  | Setback;

export type ReleaseResult =
  /** Empty when there was nothing to release, which is as good. */
  { readonly kind: "released"; readonly addresses: readonly HeldAddress[] } | Setback;

export type Setback =
  /** The caller's own writes rest on something that is no longer so. Nothing was written. */
  | { readonly kind: "conflict"; readonly current: readonly Found[] }
  /** Others were quicker each time. Nothing was written; try again later. */
  | { readonly kind: "contended"; readonly attempts: number }
  | InvalidBlock;

/** More than any real contest needs: each attempt that fails is one that another node's pod won. */
const attemptsMax = 64;
/** etcd takes 128 operations a transaction unless told otherwise; the rest is for handle, affinities and the caller. */
const blocksPerTransactionMax = 100;

export class Allocator {
  readonly #node: string;
  readonly #ports: AllocatorPorts;
  readonly #turns: Turns = new Turns(isUnavailable);
  /** The node's own blocks and affinities as last seen. */
  #known: IpamState = emptyState;

  constructor({ node }: { readonly node: string }, ports: AllocatorPorts) {
    this.#node = node;
    this.#ports = ports;
  }

  /** The same addresses each time for the same handle, also after a crash at any point of an earlier request. */
  assign(options: AssignOptions): Promise<AssignResult> {
    return this.#inTurn(() => this.#assign(options));
  }

  /** Releases all that the handle holds, and the handle. Doing it again does nothing. */
  release(handleId: string, options: ReleaseOptions = {}): Promise<ReleaseResult> {
    return this.#inTurn(() => this.#release({ ...options, handleId }));
  }

  async #assign({ extraWrites, ...options }: AssignOptions): Promise<AssignResult> {
    const view = await this.#ports.view();
    const nowNs = this.#ports.now();
    const attributes = { node: this.#node, timestamp: goTime(nowNs), ...options.attributes };
    const request: AssignRequest = { ...options, node: this.#node, attributes };
    let state = this.#known;
    for (let attempts = 0; attempts < attemptsMax; attempts++) {
      const plan = planAssign(state, request, { view, nowNs });
      switch (plan.kind) {
        case "read":
          state = await this.#read(state, plan.keys, request);
          break;
        case "list":
          state = await this.#list(state);
          break;
        case "commit": {
          const done = await this.#commit(state, plan.writes, extraWrites?.(plan.addresses) ?? [], request);
          if (done.kind === "committed") return { kind: "assigned", addresses: plan.addresses, isNew: plan.isNew };
          if (done.kind === "conflict") return done;
          state = done.state;
          break;
        }
        default:
          return plan;
      }
    }
    return { kind: "contended", attempts: attemptsMax };
  }

  async #release({ extraWrites = [], ...request }: ReleaseOptions & ReleaseRequest): Promise<ReleaseResult> {
    const released: HeldAddress[] = [];
    let state: IpamState = { ...this.#known, handle: await this.#ports.store.get(handleKey(request.handleId)) };
    for (let attempts = 0; attempts < attemptsMax; ) {
      const plan = planRelease(state, request, blocksPerTransactionMax);
      if (plan.kind === "invalidBlock") return plan;
      if (plan.kind === "read") {
        state = await this.#read(state, plan.keys, request);
        continue;
      }
      const done = await this.#commit(state, plan.writes, plan.isLast ? extraWrites : [], request);
      if (done.kind === "conflict") return done;
      state = done.state;
      if (done.kind === "overtaken") attempts++;
      else {
        released.push(...plan.released);
        if (plan.isLast) return { kind: "released", addresses: released };
      }
    }
    return { kind: "contended", attempts: attemptsMax };
  }

  /** `overtaken`: what the plan rests on is no longer so, and the state says how it is now. */
  async #commit(
    state: IpamState,
    planned: readonly Write[],
    extra: readonly Write[],
    ids: { readonly handleId: string },
  ): Promise<{ kind: "committed" | "overtaken"; state: IpamState } | { kind: "conflict"; current: readonly Found[] }> {
    const writes = [...planned, ...extra];
    if (writes.length === 0) return { kind: "committed", state };
    const result = await this.#ports.store.commit(writes);
    if (result.kind === "committed") {
      return { kind: "committed", state: this.#learn(state, resultOf(writes, result.revision), ids) };
    }
    const overtaken = this.#learn(state, result.current, ids);
    const ofCaller = violatedWrites(extra, result.current);
    if (ofCaller.length === 0 || violatedWrites(planned, result.current).length > 0) {
      return { kind: "overtaken", state: overtaken };
    }
    const keys = new Set(ofCaller.map(({ key }) => keyText(key)));
    return { kind: "conflict", current: result.current.filter(({ key }) => keys.has(keyText(key))) };
  }

  async #read(state: IpamState, keys: readonly Key<"IPAMBlock">[], ids: { handleId: string }): Promise<IpamState> {
    const found = await Promise.all(
      keys.map(async (key): Promise<Found> => (await this.#ports.store.get(key)) ?? { key, value: null }),
    );
    return this.#learn(state, found, ids);
  }

  async #list(state: IpamState): Promise<IpamState> {
    const { store } = this.#ports;
    const affinities = await store.list("BlockAffinity", { namePrefix: affinityPrefix(this.#node) });
    const blocks = await store.list("IPAMBlock");
    const undecodable = new Set(blocks.undecodable.map(({ key }) => key.name));
    const listed: IpamState = { ...emptyState, handle: state.handle, undecodable, complete: true };
    return this.#learn(listed, [...affinities.items, ...blocks.items], { handleId: "" });
  }

  /** What was found belongs to the request in hand; of it the node's own blocks are kept for the next ones. */
  #learn(state: IpamState, found: readonly Found[], { handleId }: { readonly handleId: string }): IpamState {
    const learnt = withFound(state, found, { node: this.#node, handleId });
    const own = [...learnt.blocks].filter(([, item]) => item?.value.affinity === affinityOf(this.#node));
    this.#known = { ...emptyState, blocks: new Map(own), affinities: learnt.affinities };
    return learnt;
  }

  async #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#turns.take(task);
    if (result) return result;
    throw new StoreError({ code: "UNAVAILABLE", reason: "too many requests for addresses are waiting" });
  }
}

/** The node's labels, the pools and what is configured, read now: for callers that do not watch them. */
export async function readClusterView(store: Pick<Store, "get" | "list">, node: string): Promise<ClusterView> {
  const [pools, reservations, resource, config, configuration] = await Promise.all([
    store.list("IPPool"),
    store.list("IPReservation"),
    store.get({ kind: "Node", name: node }),
    store.get({ kind: "IPAMConfig", name: ipamConfigName }),
    store.get({ kind: "IPAMConfiguration", name: ipamConfigurationName }),
  ]);
  return {
    pools: pools.items.map(({ value }) => value).filter((pool) => whyNotActedOn(pool) === null),
    nodeLabels: resource?.value.metadata.labels ?? {},
    reserved: reservedPrefixes(reservations.items.map(({ value }) => value)),
    settings: ipamSettings({ config: config?.value, configuration: configuration?.value }),
  };
}

/** What the store holds after a transaction, as far as that can be told from its writes. */
function resultOf(writes: readonly Write[], revision: string): Found[] {
  const found: Found[] = [];
  for (const write of writes) {
    if (write.op === "delete") found.push({ key: write.key, value: null });
    else if (write.op !== "expect") found.push({ key: write.key, value: write.value, revision });
  }
  return found;
}

function isUnavailable(error: unknown): boolean {
  return error instanceof StoreError && error.failure.code === "UNAVAILABLE";
}
