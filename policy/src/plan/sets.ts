/**
 * What to change in the sets. A set in the kernel has its base name and a letter, its generation. Where changing a set
 * under the eyes of rules could let something pass that neither the old state nor the new one allows, the set is made
 * anew under the other letter, and the rules move to it in the commit that changes them.
 */
import assert from "node:assert/strict";
import { formatSetElement, type SetDefinition, type SetElement } from "@brindle/net";
import type { DesiredSet } from "../graph/desired.ts";
import { type Members, memberChanges } from "../graph/members.ts";
import { dispatchPlane } from "../render/names.ts";
import type { ActualSet } from "./actual.ts";
import { crosses } from "./crossing.ts";

export type SetChange =
  | { readonly op: "create"; readonly set: SetDefinition }
  | { readonly op: "add" | "delete"; readonly name: string; readonly elements: readonly SetElement[] }
  | { readonly op: "flush" | "destroy"; readonly name: string };

export interface SetPlan {
  /** The name in the kernel by base name: what rules have to refer to. */
  readonly names: ReadonlyMap<string, string>;
  /** To do before the tables are committed, in this order. */
  readonly before: readonly SetChange[];
  /** To do after it: only then new ends may come to their chains, and nothing refers any more to what goes. */
  readonly after: readonly SetChange[];
}

export interface SetPlanOptions {
  /** The sets that rules in the kernel refer to. Others of ours are leftovers: what is in them is not trusted. */
  readonly referenced: ReadonlySet<string>;
  /** Whether every set that changes is made anew. */
  readonly replaceChanged: boolean;
}

/** Calico's `maxIpsetSize`; the kernel's default of 65,536 is too few for the pods of a large cluster. */
const setElementsMaxMin = 1_048_576;

/** For as many again. The kernel takes memory for what is in a set alone. */
export function setElementsMax(members: number): number {
  return Math.max(setElementsMaxMin, 2 ** Math.ceil(Math.log2(2 * members)));
}

/** There is such a set for each chain of endpoints, and a node has few pods: the kernel's 1,024 buckets would be memory wasted. */
const dispatchHashSize = 64;

/** Two take turns; the third is for a set of another type that rules refer to under one of our names. */
const generations: readonly string[] = ["a", "b", "c"];

export function planSets(
  desired: ReadonlyMap<string, DesiredSet>,
  actual: ReadonlyMap<string, ActualSet>,
  { referenced, replaceChanged }: SetPlanOptions,
): SetPlan {
  const names = new Map<string, string>();
  const made: SetChange[] = [];
  const inPlace: Change[] = [];
  const changes = [...desired.values()].map((set) => {
    const current = currentSet(set, actual, referenced);
    return { set, change: current && differences(set, current) };
  });
  // One that is made anew brings a commit, and what others in place have lost or gained before it would meet old rules.
  const isAnew = ({ set, change }: (typeof changes)[number]): boolean =>
    change?.isChange === true && (set.growth === "mixed" || change.overflows);
  const renewing = new Set(changes.filter(isAnew).map(({ set }) => set.family));
  for (const family of [4, 6] as const) {
    const ofFamily = changes.filter(({ set }) => set.family === family);
    const others = ofFamily.flatMap(({ set, change }) => (change?.isChange && !isDispatch({ set }) ? [change] : []));
    if (crosses(others, { before: actual.values(), after: desired.values() })) renewing.add(family);
    if (moves(ofFamily.filter(isDispatch), { desired, actual, referenced })) renewing.add(family);
  }
  for (const { set, change } of changes) {
    const isKept = change && !(change.isChange && (replaceChanged || renewing.has(set.family)));
    const name = isKept ? change.name : freshName(set, referenced);
    names.set(set.name, name);
    if (isKept) inPlace.push(change);
    else made.push(...makeSet(set, name, actual.get(name)));
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

/**
 * Whether an end that has a chain before and afterwards goes from one to another: it is neither to be without a chain in
 * between, nor to meet the old one while sets change for the new one. That takes a commit, and new sets.
 */
function moves(
  dispatch: readonly { readonly set: DesiredSet; readonly change: Change | null }[],
  {
    desired,
    actual,
    referenced,
  }: Pick<SetPlanOptions, "referenced"> & {
    readonly desired: ReadonlyMap<string, DesiredSet>;
    readonly actual: ReadonlyMap<string, ActualSet>;
  },
): boolean {
  const changing = dispatch.filter(({ change }) => change === null || change.isChange);
  if (changing.length === 0) return false;
  const inForce = [...actual.values()].filter(({ name }) => referenced.has(name));
  const before = Map.groupBy(inForce, ({ name }) => dispatchPlane(name));
  const after = Map.groupBy(desired.values(), ({ name }) => dispatchPlane(name));
  return changing.some(({ set, change }) => {
    const plane = dispatchPlane(set.name);
    const isIn = (sets: typeof before | typeof after, element: SetElement): boolean => {
      const text = formatSetElement(element);
      return (sets.get(plane) ?? []).some(({ members }) => members.has(text));
    };
    const [added, removed] = change ? [change.added, change.removed] : [[...set.members.values()], []];
    return added.some((element) => isIn(before, element)) || removed.some((element) => isIn(after, element));
  });
}

/** The set in use for a base name. One of another type or family cannot be changed into what is wanted. */
export function currentSet(
  { name, type, family }: DesiredSet,
  actual: ReadonlyMap<string, ActualSet>,
  referenced: ReadonlySet<string>,
): ActualSet | null {
  for (const generation of generations) {
    const set = actual.get(name + generation);
    if (set && referenced.has(set.name) && set.type === type && set.family === family) return set;
  }
  return null;
}

/** A name that no rule refers to. */
export function freshName({ name }: DesiredSet, referenced: ReadonlySet<string>): string {
  const free = generations.find((generation) => !referenced.has(name + generation));
  assert(free !== undefined, `rules refer to every generation of the set ${name}`);
  return name + free;
}

interface Change {
  readonly set: DesiredSet;
  readonly name: string;
  readonly added: readonly SetElement[];
  readonly removed: readonly SetElement[];
  readonly isChange: boolean;
  /** In place it would be full: what joins comes before what leaves. */
  readonly overflows: boolean;
}

function differences(set: DesiredSet, { name, members, maxElements }: ActualSet): Change {
  const changes = memberChanges(members, set.members);
  const added = elementsOf(changes.added, set.members);
  const removed = elementsOf(changes.removed, members);
  const overflows = members.size + added.length > (maxElements ?? setElementsMaxMin);
  return { set, name, added, removed, isChange: added.length > 0 || removed.length > 0, overflows };
}

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
    const size = type === "hash:net,iface" ? { hashSize: dispatchHashSize } : {};
    changes.push({ op: "create", set: { name, type, family, maxElements: setElementsMax(members.size), ...size } });
  }
  if (members.size > 0) changes.push({ op: "add", name, elements: [...members.values()] });
  return changes;
}

/** What tightens comes before what loosens, and what allows is there before something else that allowed goes. */
function inPlaceChanges(changes: readonly Change[]): SetChange[] {
  const tightening = changes.filter(({ set }) => set.growth === "tightens");
  const loosening = changes.filter(({ set }) => set.growth !== "tightens");
  const add = ({ name, added }: Change) => elementsChange("add", name, added);
  const remove = ({ name, removed }: Change) => elementsChange("delete", name, removed);
  return [
    ...tightening.flatMap(add),
    ...loosening.flatMap(add),
    ...loosening.flatMap(remove),
    ...tightening.flatMap(remove),
  ];
}

function elementsChange(op: "add" | "delete", name: string, elements: readonly SetElement[]): SetChange[] {
  return elements.length > 0 ? [{ op, name, elements }] : [];
}
