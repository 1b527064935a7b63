/** What changes of the ways from ends of pods to chains, of one family. */
import { type Family, formatSetElement, type InterfaceElement, overlaps, type SetElement } from "@brindle/net";
import type { DesiredSet } from "../graph/desired.ts";
import { dispatchPlane, dispatchSide, leadsToDecision } from "../render/names.ts";
import { lookupsFor } from "../render/setUse.ts";
import type { ActualSet } from "./actual.ts";
import type { SidedDifference } from "./apart.ts";
import type { Change } from "./sets.ts";

/** A set that is to lead to a chain, and how it differs from what is in force; `null` where there is none yet. */
export interface EndChange {
  readonly set: DesiredSet;
  readonly change: Change | null;
}

export interface SetsBeforeAndAfter {
  readonly desired: ReadonlyMap<string, DesiredSet>;
  readonly actual: ReadonlyMap<string, ActualSet>;
  /** Of the actual ones those that rules refer to which packets meet. */
  readonly referenced: ReadonlySet<string>;
}

function planesOf(sets: readonly Pick<DesiredSet, "name" | "members">[]): ReadonlyMap<string | null, Plane> {
  const byPlane = Map.groupBy(sets, ({ name }) => dispatchPlane(name));
  return new Map([...byPlane].map(([plane, members]) => [plane, new Plane(members)]));
}

/** Sets that exclude each other. */
class Plane {
  readonly #sets: readonly Pick<DesiredSet, "members">[];

  constructor(sets: readonly Pick<DesiredSet, "members">[]) {
    this.#sets = sets;
  }

  /** Whether an end is in one of them, or part of it is: a network may become a wider one, or a narrower. */
  has(element: SetElement): boolean {
    const text = formatSetElement(element);
    if (this.#sets.some(({ members }) => members.has(text))) return true;
    return "interfaceName" in element && this.#hasPartOf(element);
  }

  #hasPartOf(element: InterfaceElement): boolean {
    const isOnLink = (member: SetElement): member is InterfaceElement =>
      "interfaceName" in member && member.interfaceName === element.interfaceName;
    return this.#sets.some(({ members }) => {
      const onLink = members.ofInterface?.(element.interfaceName) ?? [...members.values()].filter(isOnLink);
      return onLink.some((member) => overlaps(member, element));
    });
  }
}

function isEnds({ name }: ActualSet, referenced: ReadonlySet<string>): boolean {
  return dispatchPlane(name) !== null && referenced.has(name);
}

export class EndChanges {
  readonly #changes: readonly EndChange[];
  readonly #desired: readonly DesiredSet[];
  readonly #inForce: readonly ActualSet[];

  constructor(family: Family, changes: readonly EndChange[], { desired, actual, referenced }: SetsBeforeAndAfter) {
    this.#changes = changes.filter(({ change }) => change === null || change.isChange);
    const isAny = this.#changes.length > 0;
    this.#desired = isAny ? [...desired.values()].filter((s) => s.family === family && s.growth === "admits") : [];
    this.#inForce = isAny ? [...actual.values()].filter((s) => s.family === family && isEnds(s, referenced)) : [];
  }

  /**
   * Whether an end that has a chain before and afterwards goes from one to another: it is neither to be without a chain in
   * between, nor to meet the old one while sets change for the new one. That takes a commit.
   */
  areMoves(): boolean {
    if (this.#changes.length === 0) return false;
    const before = planesOf(this.#inForce);
    const after = planesOf(this.#desired);
    return this.#changes.some(({ set, change }) => {
      const plane = dispatchPlane(set.name);
      const [added, removed] = change ? [change.added, change.removed] : [[...set.members.values()], []];
      return (
        added.some((element) => before.get(plane)?.has(element)) ||
        removed.some((element) => after.get(plane)?.has(element))
      );
    });
  }

  /** Of all sets that lead to what decides, with those that come or go as a whole. By which group an end comes there is no matter. */
  differences(): SidedDifference[] {
    const stay = new Set(this.#desired.map(({ name }) => name));
    const gone = this.#inForce.filter(({ name }) => leadsToDecision(name) && !stay.has(name.slice(0, -1)));
    const changes = this.#changes.filter(({ set }) => leadsToDecision(set.name));
    return [
      ...changes.map(
        ({ set, change }): SidedDifference => change ?? { set, added: [...set.members.values()], removed: [] },
      ),
      ...gone.map(
        ({ name, members }): SidedDifference => ({
          set: { growth: "admits", lookups: lookupsFor(dispatchSide(name)) },
          added: [],
          removed: [...members.values()],
        }),
      ),
    ];
  }
}
