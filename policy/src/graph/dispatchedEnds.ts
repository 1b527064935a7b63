/**
 * The way from ends of pods to their chains, of one family and one direction, and the sets with these ends. A pod that comes or
 * goes is an element more or less; where another chain comes or goes with it, so are those that are found in other sets by that.
 */
import type { PolicyDirection } from "@brindle/api";
import type { Family, InterfaceElement } from "@brindle/net";
import { type Dispatch, dispatch, endOf } from "../render/dispatch.ts";
import { lookupOf } from "../render/setUse.ts";
import type { DesiredSet } from "./desired.ts";
import { EndList } from "./endList.ts";
import { type EndpointEnds, elementsOf, hasFamily } from "./endpointEnds.ts";
import { isSameList, type ListChanges } from "./listChanges.ts";
import type { Members } from "./members.ts";
import type { Elements } from "./sourcePrefixes.ts";

/** By their texts. */
type Ends = Map<string, InterfaceElement>;

/** What ends are by which they only send, beside their own addresses. */
export type WiderEnds = ReadonlyMap<unknown, Elements>;

export class DispatchedEnds {
  readonly direction: PolicyDirection;
  readonly #family: Family;
  /** How many ends have a chain, by its name. */
  readonly #counts = new Map<string, number>();
  #dispatch: Dispatch;
  /** The ends that each set has, by its name. */
  #lists: ReadonlyMap<string, EndList> = new Map();
  /** One of ends that are the same stays one object. */
  #sets: ReadonlyMap<string, DesiredSet> = new Map();
  #isWider = false;

  constructor(family: Family, direction: PolicyDirection) {
    this.#family = family;
    this.direction = direction;
    this.#dispatch = dispatch(family, direction, []);
  }

  get dispatch(): Dispatch {
    return this.#dispatch;
  }

  /** The names of the chains to which it leads. */
  get deciding(): Iterable<string> {
    return this.#counts.keys();
  }

  get sets(): Iterable<DesiredSet> {
    return this.#sets.values();
  }

  /** `all` that there are from now on, and how they differ from those of the last call. */
  update(all: readonly EndpointEnds[], changes: ListChanges<EndpointEnds>, wider: WiderEnds): void {
    const isOfFamily = ({ addresses }: EndpointEnds): boolean => hasFamily(addresses, this.#family);
    const added = changes.added.filter(isOfFamily);
    const removed = changes.removed.filter(isOfFamily);
    const former = this.#dispatch;
    if (this.#count({ added, removed })) {
      this.#dispatch = withKept(former, dispatch(this.#family, this.direction, [...this.#counts.keys()].sort()));
    }
    // What one end is by sources that it shares says nothing of the others alone.
    const isWider = wider.size > 0 || this.#isWider;
    this.#isWider = wider.size > 0;
    if (isWider) this.#fill(all.filter(isOfFamily), wider);
    else this.#edit(all.filter(isOfFamily), { added, removed }, former);
    this.#sets = new Map([...this.#lists].map(([name, list]) => [name, this.#set(name, list.snapshot())]));
  }

  /** Answers whether there are other chains than before. */
  #count({ added, removed }: ListChanges<EndpointEnds>): boolean {
    const before = new Map<string, boolean>();
    const count = ({ chains }: EndpointEnds, change: 1 | -1): void => {
      const chain = chains[this.direction];
      const known = this.#counts.get(chain) ?? 0;
      if (!before.has(chain)) before.set(chain, known > 0);
      if (known + change === 0) this.#counts.delete(chain);
      else this.#counts.set(chain, known + change);
    };
    for (const end of added) count(end, 1);
    for (const end of removed) count(end, -1);
    return [...before].some(([chain, wasThere]) => this.#counts.has(chain) !== wasThere);
  }

  #fill(all: readonly EndpointEnds[], wider: WiderEnds): void {
    // One to which nobody comes any more, or not yet, is there all the same.
    const members = new Map<string, Ends>();
    for (const names of this.#dispatch.sets.values()) for (const name of names) members.set(name, new Map());
    for (const end of all) {
      const elements = [...elementsOf(end, this.#family), ...(wider.get(end) ?? [])];
      for (const name of this.#setsOf(end)) {
        for (const [text, element] of elements) members.get(name)?.set(text, element);
      }
    }
    const listOf = (name: string, ends: Ends): EndList => {
      const list = this.#lists.get(name) ?? new EndList();
      list.become(ends);
      return list;
    };
    this.#lists = new Map([...members].map(([name, ends]) => [name, listOf(name, ends)]));
  }

  /** Who goes goes first: another may have come with the same address and interface. */
  #edit(all: readonly EndpointEnds[], { added, removed }: ListChanges<EndpointEnds>, former: Dispatch): void {
    for (const end of removed) this.#leave(end, this.#setsOf(end, former));
    if (former !== this.#dispatch) this.#redirect(all, { added, former });
    for (const end of added) this.#join(end, this.#setsOf(end));
  }

  /** Those who stay, to the sets that lead to their chains from now on: most of these are the same as before. */
  #redirect(
    all: readonly EndpointEnds[],
    { added, former }: { added: readonly EndpointEnds[]; former: Dispatch },
  ): void {
    const names = new Set([...this.#dispatch.sets.values()].flat());
    this.#lists = new Map([...names].map((name) => [name, this.#lists.get(name) ?? new EndList()]));
    const redirected = new Set<string>();
    for (const [chain, sets] of this.#dispatch.sets) {
      if (!isSameList(sets, former.sets.get(chain) ?? [])) redirected.add(chain);
    }
    const newcomers = new Set(added);
    for (const end of all) {
      if (!redirected.has(end.chains[this.direction]) || newcomers.has(end)) continue;
      this.#leave(end, this.#setsOf(end, former));
      this.#join(end, this.#setsOf(end));
    }
  }

  #leave(end: EndpointEnds, sets: readonly string[]): void {
    const elements = elementsOf(end, this.#family);
    for (const name of sets) for (const [text] of elements) this.#lists.get(name)?.delete(text);
  }

  #join(end: EndpointEnds, sets: readonly string[]): void {
    const elements = elementsOf(end, this.#family);
    for (const name of sets) for (const [text, element] of elements) this.#lists.get(name)?.add(text, element);
  }

  #setsOf({ chains }: EndpointEnds, { sets }: Dispatch = this.#dispatch): readonly string[] {
    return sets.get(chains[this.direction]) ?? [];
  }

  #set(name: string, members: Members): DesiredSet {
    const known = this.#sets.get(name);
    if (known?.members === members) return known;
    const lookups = lookupOf(this.direction, endOf(this.direction));
    return { name, family: this.#family, type: "hash:net,iface", growth: "admits", lookups, members };
  }
}

/** A chain that stays the same stays one object, so that the plan need not look into it again. */
function withKept(former: Dispatch, made: Dispatch): Dispatch {
  const known = new Map(former.chains.map((chain) => [chain.name, chain]));
  const chains = made.chains.map((chain) => {
    const before = known.get(chain.name);
    return before && isSameList(before.rules, chain.rules) ? before : chain;
  });
  return { ...made, chains };
}
