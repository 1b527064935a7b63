/**
 * Whether sets may change by themselves although ends of pods go from chain to chain by a commit: no packet meets both.
 * A pod that gets another label is such a case where policies speak of what comes in alone: as a destination it goes to other
 * rules, as a source it is in other sets. The packets of a pod to itself, which would meet both, mean nothing: it reaches
 * itself without the node.
 */
import type { Prefix } from "@brindle/net";
import type { DesiredSet } from "../graph/desired.ts";
import type { Side } from "../render/ir.ts";
import { haveAny, lookupsFor } from "../render/setUse.ts";
import type { SetDifference } from "./crossing.ts";
import { areTwo, mayMeet, whom } from "./meeting.ts";

export interface SidedDifference extends Pick<SetDifference, "added" | "removed"> {
  readonly set: Pick<DesiredSet, "growth" | "lookups">;
}

/**
 * Of one family. `ends` are the differences of the sets that lead to chains, with those that come or go as a whole; `sets`
 * those of the others that would change in place.
 */
export function areApart(ends: readonly SidedDifference[], sets: readonly SidedDifference[]): boolean {
  const sides: readonly Side[] = ["source", "destination"];
  return sides.every((own) => {
    const moved = changedIn(ends, own);
    const changed = changedIn(sets, own);
    const changedFar = changedIn(sets, own === "source" ? "destination" : "source");
    return !mayMeet(moved, changed) && !areTwo(moved, changedFar);
  });
}

/** Whoever is in a set before and not afterwards, or the other way round. */
function changedIn(differences: readonly SidedDifference[], side: Side): Prefix[] {
  const ofSide = differences.filter(({ set }) => haveAny(set.lookups, lookupsFor(side)));
  return ofSide.flatMap(({ added, removed }) => [...added, ...removed].map(whom));
}
