/**
 * What to change in the sets. A set in the kernel has its base name and a letter, its generation. Where changing a set
 * under the eyes of rules could let something pass that neither the old state nor the new one allows, the set is made
 * anew under the other letter, and the rules move to it in the commit that changes them.
 */
import assert from "node:assert/strict";
import type { SetChange, SetElement } from "@brindle/net";
import type { DesiredSet } from "../graph/desired.ts";
import { type Members, memberChanges } from "../graph/members.ts";
import type { ActualSet } from "./actual.ts";
import { areApart } from "./apart.ts";
import { Crossing } from "./crossing.ts";
import { EndChanges } from "./endChanges.ts";
import type { SetReferences } from "./met.ts";

export type PlannedChange = SetChange & {
  /** Only once all before it are done. Others may be done though one of these was refused. */
  readonly waits?: true;
};

export interface SetPlan {
  /** The name in the kernel by base name: what rules have to refer to. */
  readonly names: ReadonlyMap<string, string>;
  /** To do before the tables are committed, in this order. */
  readonly before: readonly PlannedChange[];
  /** To do after it: only then new ends may come to their chains, and nothing refers any more to what goes. */
  readonly after: readonly SetChange[];
}

export interface SetPlanOptions {
  /** Sets of ours to which no rule in the kernel refers are leftovers: what is in them is not trusted. */
  readonly references: SetReferences;
  /** Whether every set that changes is made anew. */
  readonly replaceChanged: boolean;
  /** What packets are looked for in now, of each desired set. */
  readonly found: ReadonlyMap<DesiredSet, ActualSet | null>;
}

/** Calico's `maxIpsetSize`; the kernel's default of 65,536 is too few for the pods of a large cluster. */
const setElementsMaxMin = 1_048_576;

/** For as many again. The kernel takes memory for what is in a set alone. */
export function setElementsMax(members: number): number {
  return Math.max(setElementsMaxMin, 2 ** Math.ceil(Math.log2(2 * members)));
}

const usualHashSize = 1_024;
/** There is such a set for each chain of endpoints, and a node has few pods: the usual buckets would be memory wasted. */
const dispatchHashSize = 64;

/**
 * Two members a bucket. Where one has more than twelve the kernel makes twice as many, and whoever adds to the set stands still until
 * each packet under way has left the former ones.
 */
export function bucketsFor(type: DesiredSet["type"], members: number): { readonly hashSize?: number } {
  const least = type === "hash:net,iface" ? dispatchHashSize : usualHashSize;
  const hashSize = Math.max(least, 2 ** Math.ceil(Math.log2(members / 2)));
  return hashSize === usualHashSize ? {} : { hashSize };
}

/** Two take turns; the third is for a set of another type that rules refer to under one of our names. */
const generations: readonly string[] = ["a", "b", "c"];

export function planSets(
  desired: ReadonlyMap<string, DesiredSet>,
  actual: ReadonlyMap<string, ActualSet>,
  { references, replaceChanged, found }: SetPlanOptions,
): SetPlan {
  const names = new Map<string, string>();
  const made: SetChange[] = [];
  const inPlace: Change[] = [];
  const changes = [...desired.values()].map((set) => {
    const current = found.get(set) ?? null;
    return { set, change: current && differences(set, current) };
  });
  // One that is made anew brings a commit, and what others in place have lost or gained before it would meet old rules.
  const isAnew = ({ set, change }: (typeof changes)[number]): boolean =>
    change?.isChange === true && (set.growth === "mixed" || change.overflows);
  const renewing = new Set(changes.filter(isAnew).map(({ set }) => set.family));
  const moving = new Set<DesiredSet["family"]>();
  for (const family of [4, 6] as const) {
    const ofFamily = changes.filter(({ set }) => set.family === family);
    const others = ofFamily.flatMap(({ set, change }) => (change?.isChange && !isDispatch({ set }) ? [change] : []));
    const crossing = new Crossing(others, { before: actual.values(), after: desired.values() });
    if (crossing.interrupts() || crossing.opens()) renewing.add(family);
    const ends = new EndChanges(family, ofFamily.filter(isDispatch), { desired, actual, referenced: references.met });
    if (!ends.areMoves()) continue;
    moving.add(family);
    if (!areApart(ends.differences(), others)) renewing.add(family);
  }
  const isRenewed = (set: DesiredSet): boolean =>
    replaceChanged || renewing.has(set.family) || (isDispatch({ set }) && moving.has(set.family));
  for (const { set, change } of changes) {
    const isKept = change && !(change.isChange && isRenewed(set));
    if (isKept) {
      names.set(set.name, change.name);
      inPlace.push(change);
      continue;
    }
    const { name, unmet } = replacement(set, actual, references);
    names.set(set.name, name);
    made.push(...(unmet ? fillSet(differences(set, unmet)) : makeSet(set, name, actual.get(name))));
  }
  const used = new Set(names.values());
  const unused = [...actual.keys()].filter((name) => !used.has(name));
  const dispatch = inPlace.filter(isDispatch);
  return {
    names,
    // An end that goes goes first, and one that comes comes last: all else is as it should be while it has a chain.
    before: [
      ...dispatch.flatMap(({ name, removed }) => elementsChange("delete", name, removed)),
      ...made,
      ...inPlaceChanges(inPlace.filter((change) => !isDispatch(change))),
    ],
    after: [
      ...dispatch.flatMap(({ name, added }) => elementsChange("add", name, added)),
      ...unused.map((name): SetChange => ({ op: "destroy", name })),
    ],
  };
}

function isDispatch({ set }: { readonly set: DesiredSet }): boolean {
  return set.growth === "admits";
}

/** The set that packets are looked for in, for a base name. One of another type or family cannot be changed into what is wanted. */
export function currentSet(
  set: DesiredSet,
  actual: ReadonlyMap<string, ActualSet>,
  { met }: Pick<SetReferences, "met">,
): ActualSet | null {
  for (const name of namesOf(set)) {
    const found = met.has(name) ? actual.get(name) : undefined;
    if (found && isOfKind(found, set)) return found;
  }
  return null;
}

function isOfKind({ type, family }: ActualSet, set: DesiredSet): boolean {
  return type === set.type && family === set.family;
}

/** In the kernel, in the order of the generations. */
function namesOf({ name }: DesiredSet): readonly string[] {
  const known = kernelNames.get(name);
  if (known) return known;
  if (kernelNames.size >= kernelNamesMax) kernelNames.clear();
  const names = generations.map((generation) => name + generation);
  kernelNames.set(name, names);
  return names;
}

/** By base names. Each plan asks for those of all sets: to make and to hash them anew was half of its time. */
const kernelNames = new Map<string, readonly string[]>();
const kernelNamesMax = 20_000;

/** What rules are to refer to from a commit on. */
export interface Replacement {
  readonly name: string;
  /** The set of that name, if chains refer to it that no packet meets: else it is made anew. */
  readonly unmet: ActualSet | null;
}

/** Whoever tries again takes what the last attempt has begun, so that they are no more at each. */
export function replacement(
  set: DesiredSet,
  actual: ReadonlyMap<string, ActualSet>,
  { all, met }: SetReferences,
): Replacement {
  const isBegun = ({ name, maxElements }: ActualSet): boolean =>
    all.has(name) && !met.has(name) && (maxElements ?? setElementsMaxMin) >= set.members.size;
  const names = namesOf(set);
  const ofKind = names.flatMap((name) => actual.get(name) ?? []).filter((found) => isOfKind(found, set));
  const unmet = ofKind.find(isBegun);
  if (unmet) return { name: unmet.name, unmet };
  const free = names.find((name) => !all.has(name));
  assert(free !== undefined, `rules refer to every generation of the set ${set.name}`);
  return { name: free, unmet: null };
}

export interface Change {
  readonly set: DesiredSet;
  readonly name: string;
  readonly added: readonly SetElement[];
  readonly removed: readonly SetElement[];
  readonly isChange: boolean;
  /** In place it would be full: what joins comes before what leaves. */
  readonly overflows: boolean;
}

function differences(set: DesiredSet, { name, members, maxElements }: ActualSet): Change {
  const max = maxElements ?? setElementsMaxMin;
  if (members === set.members) return { set, name, ...noDifference, overflows: members.size > max };
  const changes = memberChanges(members, set.members);
  const added = elementsOf(changes.added, set.members);
  const removed = elementsOf(changes.removed, members);
  const overflows = members.size + added.length > max;
  return { set, name, added, removed, isChange: added.length > 0 || removed.length > 0, overflows };
}

const noDifference: Pick<Change, "added" | "removed" | "isChange"> = { added: [], removed: [], isChange: false };

function elementsOf(texts: readonly string[], members: Members): SetElement[] {
  return texts.flatMap((text) => members.get(text) ?? []);
}

/**
 * A leftover of the same kind is emptied and used: nf_tables lets go of the sets of deleted rules only a while after
 * the commit, and until then a set cannot be destroyed.
 */
function makeSet({ family, type, members }: DesiredSet, name: string, leftover: ActualSet | undefined): SetChange[] {
  const changes: SetChange[] = [];
  const holds = (leftover?.maxElements ?? setElementsMaxMin) >= members.size;
  if (leftover?.type === type && leftover.family === family && holds) {
    changes.push({ op: "flush", name });
  } else {
    if (leftover) changes.push({ op: "destroy", name });
    const maxElements = setElementsMax(members.size);
    changes.push({ op: "create", set: { name, type, family, maxElements, ...bucketsFor(type, members.size) } });
  }
  if (members.size > 0) changes.push({ op: "add", name, elements: [...members.values()] });
  return changes;
}

/** Where nobody looks: in any order, but what leaves makes room. */
function fillSet({ name, added, removed }: Change): SetChange[] {
  return [...elementsChange("delete", name, removed), ...elementsChange("add", name, added)];
}

/** What tightens comes before what loosens, and what allows is there before something else that allowed goes. */
function inPlaceChanges(changes: readonly Change[]): PlannedChange[] {
  const tightening = changes.filter(({ set }) => set.growth === "tightens");
  const loosening = changes.filter(({ set }) => set.growth !== "tightens");
  const add = ({ name, added }: Change) => elementsChange("add", name, added);
  const remove = ({ name, removed }: Change) => elementsChange("delete", name, removed);
  const steps = [tightening.map(add), loosening.map(add), loosening.map(remove), tightening.map(remove)];
  return steps.flatMap((step) => inTurn(step.flat()));
}

function inTurn([first, ...others]: readonly SetChange[]): PlannedChange[] {
  return first ? [{ ...first, waits: true }, ...others] : [];
}

function elementsChange(op: "add" | "delete", name: string, elements: readonly SetElement[]): SetChange[] {
  return elements.length > 0 ? [{ op, name, elements }] : [];
}
