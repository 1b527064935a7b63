/**
 * One decision on a datastore that writes one object at a time: the writes of a plan in an order of which every prefix
 * is safe, each by compare-and-swap. A conflict in the middle ends it; what was written until then is told, so that the
 * next plan starts from there.
 *
 * | stopped after              | what is left                              | who repairs it                                      |
 * | -------------------------- | ----------------------------------------- | --------------------------------------------------- |
 * | assign: handle             | a handle that counts too much             | assign counts anew, release deletes it              |
 * | assign: affinity, pending  | a claim without a block                   | the node's next claim takes it up, or drops it      |
 * | assign: block              | an address of the handle; claim not whole | assign keeps it and confirms, release frees it      |
 * | assign: affinity confirmed | an address without an endpoint            | assign writes the endpoint, release frees it        |
 * | release: endpoint          | an address without an endpoint            | release goes on                                     |
 * | release: block             | a handle that counts too much             | release deletes it                                  |
 *
 * The handle comes before the block and goes after it, so that whoever releases finds every address by its handle.
 */
import type { BlockAffinity, Key, Store, Write } from "@brindle/api";
import { keyText } from "./conflict.ts";
import type { Found } from "./state.ts";

export type Decision = "assign" | "release";

export interface DecidedWrites {
  readonly planned: readonly Write[];
  /** What the caller writes with it, such as an endpoint. */
  readonly extra: readonly Write[];
}

export interface OrderedOutcome {
  /** Whose write met something else than it rests on. */
  readonly conflict: "none" | "planned" | "extra";
  /** In the order in which it happened. */
  readonly written: readonly Write[];
  /** What the store holds now, of what was written and of what was in the way. */
  readonly found: readonly Found[];
}

export async function commitInOrder(
  store: Pick<Store, "commit">,
  writes: DecidedWrites,
  decision: Decision,
): Promise<OrderedOutcome> {
  const revisions = new Map<string, string>();
  const written: Write[] = [];
  const found: Found[] = [];
  for (const { write, by } of inOrder(writes, decision)) {
    const present = overOurOwn(write, revisions);
    const result = await store.commit([present]);
    if (result.kind === "conflict") return { conflict: by, written, found: [...found, ...result.current] };
    if (present.op === "expect") continue;
    written.push(present);
    revisions.set(keyText(present.key), result.revision);
    found.push(
      present.op === "delete"
        ? { key: present.key, value: null }
        : { key: present.key, value: present.value, revision: result.revision },
    );
  }
  return { conflict: "none", written, found };
}

interface Step {
  readonly write: Write;
  readonly by: keyof DecidedWrites;
}

/** What a plan only rests on is looked at before anything is written. */
function inOrder({ planned, extra }: DecidedWrites, decision: Decision): Step[] {
  const ranks = decision === "assign" ? assignRanks : releaseRanks;
  const steps = planned.filter(isNeeded).flatMap(claimInTwoSteps);
  const ordered = steps.map((write) => ({ write, by: "planned" as const, rank: ranks(write) }));
  const all = [...ordered, ...extra.map((write) => ({ write, by: "extra" as const, rank: extraRank[decision] }))];
  return all.sort((a, b) => a.rank - b.rank);
}

/**
 * That an affinity is still confirmed is not asked: whoever takes a block from its node clears the block before the claim
 * goes, so that the block's own write fails; and a claim that is only marked is told by the watch (`doubtfulClaims`).
 */
function isNeeded({ op, key }: Write): boolean {
  return op !== "expect" || key.kind !== "BlockAffinity";
}

/** A new claim is pending until the block is ours: two nodes may begin one for the same block. */
function claimInTwoSteps(write: Write): Write[] {
  if (write.op !== "create" || write.key.kind !== "BlockAffinity") return [write];
  const key = write.key as Key<"BlockAffinity">; // The kind was compared.
  const confirmed = write.value as BlockAffinity;
  return [
    { op: "create", key, value: { ...confirmed, state: "pending" } },
    { op: "update", key, value: confirmed, revision: "" },
  ];
}

/** The second write of a key rests on the first. */
function overOurOwn(write: Write, revisions: ReadonlyMap<string, string>): Write {
  const revision = revisions.get(keyText(write.key));
  return write.op === "update" && revision !== undefined ? { ...write, revision } : write;
}

function assignRanks({ op, key }: Write): number {
  if (op === "expect") return 0;
  if (key.kind === "IPAMHandle") return 1;
  if (key.kind === "BlockAffinity" && op === "create") return 2;
  if (key.kind === "IPAMBlock") return 3;
  return op === "delete" ? 5 : 4; // An affinity is confirmed; then those of lost claims go.
}

function releaseRanks({ op, key }: Write): number {
  if (op === "expect") return 0;
  return key.kind === "IPAMBlock" ? 2 : 3;
}

/** The endpoint comes when the address is the pod's, and goes before it is another's. */
const extraRank: Readonly<Record<Decision, number>> = { assign: 6, release: 1 };
