/**
 * Gives a node's pods their addresses, over the datastore. All decisions are `planAssign`'s and `planRelease`'s; here
 * they are committed, and planned again when somebody else was quicker.
 *
 * The node's own blocks are kept in memory with their revisions, so that an ADD costs one round trip. They are a guess:
 * every transaction names the revisions that it rests on, and a conflict tells the present ones. Requests of one node
 * run one after the other, since they want the same blocks.
 *
 * Where the datastore writes one object at a time, a request takes several steps (`orderedCommit.ts`), and what a stopped
 * one left is repaired by the next of the same handle.
 */
import type { Key, Store, Write } from "@brindle/api";
import type { Family } from "@brindle/net";
import { type AssignRequest, type ClusterView, planAssign } from "./assign.ts";
import { affinityOf, type HeldAddress, loadBalancer, type Resting } from "./block.ts";
import { commitDecided } from "./commit.ts";
import { keyText, violatedWrites } from "./conflict.ts";
import { type Facts, Gathered, type JointPlanner } from "./gathered.ts";
import { goTime } from "./goTime.ts";
import { namespaceLabelsFor } from "./namespaceLabels.ts";
import type { DecidedWrites, Decision } from "./orderedCommit.ts";
import type { PlaceRefusal } from "./placement.ts";
import { choosePoolsOfNode, type PoolQuery, type RefusedPool } from "./pools.ts";
import { planRelease, type ReleaseRequest } from "./release.ts";
import { RememberedHandles } from "./rememberedHandles.ts";
import { reservedTest } from "./reservedRanges.ts";
import {
  affinityPrefix,
  blockKey,
  emptyState,
  type Found,
  handleKey,
  type InvalidBlock,
  type IpamState,
  withFound,
  withLostClaim,
  withoutClaims,
} from "./state.ts";

export interface AllocatorPorts {
  readonly store: Pick<Store, "get" | "list" | "commit" | "transactions">;
  /** Nanoseconds since 1970. */
  readonly now: () => bigint;
  /** The pools and the node as they are now; see `readClusterView` for callers that do not watch them. */
  readonly view: () => ClusterView | Promise<ClusterView>;
  /** Resolves in the next turn of the caller's loop: what is asked for until then goes to the datastore together. */
  readonly gathering?: () => Promise<void>;
}

/** The allocator adds `node` and `timestamp` to the attributes, in Calico's words. */
export interface AssignOptions extends Omit<AssignRequest, "node"> {
  /** What the caller writes with it, such as the WorkloadEndpoint with these addresses. */
  readonly extraWrites?: (addresses: readonly HeldAddress[]) => readonly Write[];
}

export interface ReleaseOptions extends Omit<ReleaseRequest, "handleId"> {
  /** What the caller writes with it, such as the deletion of the WorkloadEndpoint. */
  readonly extraWrites?: readonly Write[];
}

export type AssignResult =
  /** `isNew` is false when an earlier request of the same handle had got them all. */
  | {
      readonly kind: "assigned";
      readonly addresses: readonly HeldAddress[];
      readonly isNew: boolean;
      /** What the store now has of the caller's own writes. */
      readonly extra: readonly Found[];
    }
  | PlaceRefusal
  | Setback;

export type ReleaseResult =
  /** Empty when there was nothing to release, which is as good. */
  { readonly kind: "released"; readonly addresses: readonly HeldAddress[] } | Setback;

export type Setback =
  /** The caller's own writes rest on something that is no longer so. Nothing of an assignment stays. */
  | { readonly kind: "conflict"; readonly current: readonly Found[] }
  /** Others were quicker each time; try again later. */
  | { readonly kind: "contended"; readonly attempts: number }
  | InvalidBlock;

/** More than any real contest needs: each attempt that fails is one that another node's pod won. */
const attemptsMax = 64;
/** etcd takes 128 operations a transaction unless told otherwise; the rest is for handle, affinities and the caller. */
const blocksPerTransactionMax = 100;

export class Allocator {
  readonly #node: string;
  readonly #ports: AllocatorPorts;
  readonly #requests: Gathered;
  /** The node's own blocks and affinities as last seen. */
  #known: IpamState = emptyState;
  /** Whether all blocks were listed once: what a handle holds without existing is then among the known ones. */
  #hasListed = false;
  readonly #handles = new RememberedHandles();

  constructor({ node }: { readonly node: string }, ports: AllocatorPorts) {
    this.#node = node;
    this.#ports = ports;
    this.#requests = new Gathered({
      node,
      gathering: ports.gathering,
      isJoint: () => ports.store.transactions === "many",
      facts: () => this.#facts(),
      known: ({ view }) => withoutClaims(this.#known, view.doubtfulClaims ?? []),
      commit: (writes) => this.#commitJointly(writes),
    });
  }

  /** The same addresses each time for the same handle, also after a crash at any point of an earlier request. */
  assign(options: AssignOptions): Promise<AssignResult> {
    return this.#requests.ask<AssignResult>({
      handleId: options.handleId,
      prepare: (facts) => this.#prepareAssign(options, facts),
      alone: () => this.#assignOrNothing(options),
    });
  }

  /** Releases all that the handle holds, and the handle. Doing it again does nothing. */
  release(handleId: string, options: ReleaseOptions = {}): Promise<ReleaseResult> {
    const request = { ...options, handleId };
    return this.#requests.ask<ReleaseResult>({
      handleId,
      prepare: (facts) => this.#prepareRelease(request, facts),
      alone: () => this.#release(request),
    });
  }

  /** Why the pools give no pod of this node an address, one each; `null` where one may. */
  async lacking(
    family: Family,
    confined: Pick<PoolQuery, "asked" | "within"> = {},
  ): Promise<readonly RefusedPool[] | null> {
    const { pools, nodeLabels } = await this.#ports.view();
    const { usable, refused } = choosePoolsOfNode(pools, { family, nodeLabels, ...confined });
    return usable.length > 0 ? null : refused;
  }

  async #facts(): Promise<Facts> {
    return { view: await this.#ports.view(), nowNs: this.#ports.now() };
  }

  async #requestOf(options: Omit<AssignOptions, "extraWrites">, { view, nowNs }: Facts): Promise<AssignRequest> {
    // What is Services' is no node's.
    const where = this.#node === loadBalancer ? {} : { node: this.#node };
    const attributes = { ...where, timestamp: goTime(nowNs), ...options.attributes };
    const { store } = this.#ports;
    const namespace = await namespaceLabelsFor({ ...options, attributes }, { pools: view.pools, store });
    return { ...options, ...namespace, node: this.#node, attributes };
  }

  async #prepareAssign({ extraWrites, ...options }: AssignOptions, facts: Facts): Promise<JointPlanner<AssignResult>> {
    this.#handles.forgetRelease(options.handleId);
    const request = await this.#requestOf(options, facts);
    return (state) => {
      const handle = this.#handles.get(options.handleId) ?? undefined;
      const plan = planAssign({ ...state, handle }, request, facts);
      if (plan.kind !== "commit") return null;
      const { addresses, isNew } = plan;
      const extra = extraWrites?.(addresses) ?? [];
      return {
        writes: [...plan.writes, ...extra],
        answer: (found) => ({ kind: "assigned", addresses, isNew, extra: foundOf(extra, found) }),
      };
    };
  }

  async #prepareRelease(
    { extraWrites = [], ...request }: ReleaseOptions & ReleaseRequest,
    { view, nowNs }: Facts,
  ): Promise<JointPlanner<ReleaseResult> | null> {
    const { handleId, sequenceNumbers } = request;
    const remembered = this.#handles.get(handleId);
    const handle = remembered === undefined ? await this.#ports.store.get(handleKey(handleId)) : remembered;
    if (!handle) return null;
    return (state) => {
      const resting = restingOf(view, nowNs);
      const plan = planRelease({ ...state, handle }, { ...request, resting }, blocksPerTransactionMax);
      if (plan.kind !== "commit" || !plan.isLast) return null;
      return {
        writes: [...plan.writes, ...extraWrites],
        answer: () => {
          if (remembered && !sequenceNumbers) this.#handles.noteRelease(handleId);
          return { kind: "released", addresses: plan.released };
        },
      };
    };
  }

  async #commitJointly(writes: readonly Write[]): Promise<readonly Found[] | null> {
    const { conflict, found } = await commitDecided(this.#ports.store, { planned: writes, extra: [] }, "assign");
    this.#learn(this.#known, found, { handleId: "" });
    return conflict === "none" ? found : null;
  }

  /** What began to be given and could not be is taken back, unless it was there before. */
  async #assignOrNothing(options: AssignOptions): Promise<AssignResult> {
    const began: Write[] = [];
    this.#handles.forgetRelease(options.handleId);
    const result = await this.#assign(options, began);
    const isOurs = began.some(({ op, key }) => op === "create" && key.kind === "IPAMHandle");
    if (result.kind !== "assigned" && isOurs) await this.#release({ handleId: options.handleId });
    return result;
  }

  /** `began` gets what is written, also by an attempt that others overtake. */
  async #assign({ extraWrites, ...options }: AssignOptions, began: Write[]): Promise<AssignResult> {
    const { view, nowNs } = await this.#facts();
    const request = await this.#requestOf(options, { view, nowNs });
    let state = withoutClaims(this.#known, view.doubtfulClaims ?? []);
    let isNew = false;
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
          const writes = { planned: plan.writes, extra: extraWrites?.(plan.addresses) ?? [] };
          const done = await this.#commit(state, writes, { decision: "assign", handleId: request.handleId });
          began.push(...done.written);
          if (done.kind === "conflict") return { kind: "conflict", current: done.current };
          // What was held before is written anew, too.
          isNew ||= plan.isNew && hasBlock(done.written);
          if (done.kind === "committed")
            return { kind: "assigned", addresses: plan.addresses, isNew, extra: foundOf(writes.extra, done.found) };
          state = hasLostClaim(plan.writes, done.state) ? withLostClaim(done.state) : done.state;
          break;
        }
        default:
          // Who has its addresses already is refused nothing, whatever the pools say by now.
          if (state.handle !== undefined) return plan;
          state = { ...state, handle: await this.#ports.store.get(handleKey(options.handleId)) };
      }
    }
    return { kind: "contended", attempts: attemptsMax };
  }

  async #release({ extraWrites = [], ...request }: ReleaseOptions & ReleaseRequest): Promise<ReleaseResult> {
    const released: HeldAddress[] = [];
    const wasRemembered = this.#handles.get(request.handleId) !== undefined;
    let state = await this.#beforeRelease(request.handleId);
    const resting = restingOf(await this.#ports.view(), this.#ports.now());
    let extra = extraWrites;
    for (let attempts = 0; attempts < attemptsMax; ) {
      const plan = planRelease(state, { ...request, resting }, blocksPerTransactionMax);
      if (plan.kind === "invalidBlock") return plan;
      if (plan.kind === "read") {
        state = await this.#read(state, plan.keys, request);
        continue;
      }
      const writes = { planned: plan.writes, extra: plan.isLast ? extra : [] };
      const done = await this.#commit(state, writes, { decision: "release", handleId: request.handleId });
      if (done.kind === "conflict") return { kind: "conflict", current: done.current };
      state = done.state;
      released.push(...plan.released.filter(({ block }) => hasWritten(done.written, blockKey(block))));
      if (writes.extra.some(({ key }) => hasWritten(done.written, key))) extra = [];
      if (done.kind === "overtaken") attempts++;
      else if (plan.isLast) {
        // Of one whose ADD was never answered, a write may still be under way.
        if (wasRemembered && !request.sequenceNumbers) this.#handles.noteRelease(request.handleId);
        return { kind: "released", addresses: released };
      }
    }
    return { kind: "contended", attempts: attemptsMax };
  }

  /** With the handle. Where it may be gone before what it held, the node's own blocks have to be known too. */
  async #beforeRelease(handleId: string): Promise<IpamState> {
    const { store } = this.#ports;
    const isSingle = store.transactions === "single";
    const remembered = this.#handles.get(handleId);
    const handle = remembered === undefined ? await store.get(handleKey(handleId)) : remembered;
    const state: IpamState = { ...this.#known, handle };
    if (handle || remembered === null || this.#hasListed || !isSingle) return state;
    return { ...(await this.#list(state)), complete: false };
  }

  /** `overtaken`: what the plan rests on is no longer so, and the state says how it is now. */
  async #commit(
    state: IpamState,
    writes: DecidedWrites,
    { decision, handleId }: { readonly decision: Decision; readonly handleId: string },
  ): Promise<
    | {
        readonly kind: "committed" | "overtaken";
        readonly state: IpamState;
        readonly written: readonly Write[];
        readonly found: readonly Found[];
      }
    | { readonly kind: "conflict"; readonly current: readonly Found[]; readonly written: readonly Write[] }
  > {
    const { conflict, written, found } = await commitDecided(this.#ports.store, writes, decision);
    const learnt = this.#learn(state, found, { handleId });
    if (conflict === "none") return { kind: "committed", state: learnt, written, found };
    if (conflict === "planned") return { kind: "overtaken", state: learnt, written, found };
    return { kind: "conflict", current: foundOf(violatedWrites(writes.extra, found), found), written };
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
    this.#hasListed = true;
    const undecodable = new Set(blocks.undecodable.map(({ key }) => key.name));
    const { handle, lostClaims } = state;
    const listed: IpamState = { ...emptyState, handle, undecodable, complete: true, lostClaims };
    return this.#learn(listed, [...affinities.items, ...blocks.items], { handleId: "" });
  }

  /** What was found belongs to the request in hand; of it the node's own blocks are kept for the next ones. */
  #learn(state: IpamState, found: readonly Found[], { handleId }: { readonly handleId: string }): IpamState {
    const learnt = withFound(state, found, { node: this.#node, handleId });
    const own = [...learnt.blocks].filter(([, item]) => item?.value.affinity === affinityOf(this.#node));
    this.#known = { ...emptyState, blocks: new Map(own), affinities: learnt.affinities };
    this.#handles.learn(found);
    return learnt;
  }
}

/** What nobody is given unasked need not rest: who asks for it by name is to have it back at once. */
function restingOf({ reserved, settings }: ClusterView, nowNs: bigint): Resting {
  const isReserved = reservedTest(reserved);
  return { rests: (address) => settings.restSeconds > 0 && !isReserved(address), nowNs };
}

/** Whether a block that was to be made is another's by now. */
function hasLostClaim(writes: readonly Write[], { blocks }: IpamState): boolean {
  return writes.some(({ op, key }) => op === "create" && key.kind === "IPAMBlock" && blocks.get(key.name));
}

function foundOf(writes: readonly Write[], found: readonly Found[]): Found[] {
  const keys = new Set(writes.map(({ key }) => keyText(key)));
  return found.filter(({ key }) => keys.has(keyText(key)));
}

function hasWritten(written: readonly Write[], wanted: Key): boolean {
  return written.some(({ key }) => keyText(key) === keyText(wanted));
}

function hasBlock(written: readonly Write[]): boolean {
  return written.some(({ key }) => key.kind === "IPAMBlock");
}
