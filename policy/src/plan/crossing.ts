/** Whether sets can change one after the other without a packet being dropped that both the old and the new state allow. */
import { formatSetElement, hostPrefix, type SetElement } from "@brindle/net";
import type { DesiredSet } from "../graph/desired.ts";
import type { Members } from "../graph/members.ts";
import type { ActualSet } from "./actual.ts";

export interface SetDifference {
  readonly set: Pick<DesiredSet, "growth">;
  readonly added: readonly SetElement[];
  readonly removed: readonly SetElement[];
}

/**
 * Of the sets of one family. What loses one reason to be allowed and gains another is denied in between, unless the new
 * reason can be there first; and that it can not where something tightens before it (what denies must be there first), or
 * where it is that something which denied lets go (that comes last). Whoever is in no set before, or afterwards, is taken for
 * a pod that comes or goes, of which nothing is interrupted.
 */
export function crosses(
  changes: readonly SetDifference[],
  sets: { readonly before: Iterable<ActualSet>; readonly after: Iterable<DesiredSet> },
): boolean {
  const tightening = changes.filter(({ set }) => set.growth === "tightens");
  if (tightening.length === 0) return false;
  const loosening = changes.filter(({ set }) => set.growth !== "tightens");
  const of = (among: readonly SetDifference[], what: "added" | "removed"): Set<string> =>
    new Set(among.flatMap((change) => change[what].map(whom)));
  const [denied, released] = [of(tightening, "added"), of(tightening, "removed")];
  const [admitted, dismissed] = [of(loosening, "added"), of(loosening, "removed")];
  const crossing = [
    ...[...denied].filter((who) => released.has(who) || admitted.has(who)),
    ...[...released].filter((who) => dismissed.has(who)),
  ];
  if (crossing.length === 0) return false;
  const [before, after] = [addressesIn(sets.before), addressesIn(sets.after)];
  return crossing.some((who) => !isHost(who) || (before.has(who) && after.has(who)));
}

function addressesIn(sets: Iterable<{ readonly members: Pick<Members, "has"> }>): {
  has(address: string): boolean;
} {
  const all = [...sets];
  const known = new Map<string, boolean>();
  return {
    has: (address) => {
      const found = known.get(address) ?? all.some(({ members }) => members.has(address));
      known.set(address, found);
      return found;
    },
  };
}

/** The address of an element as a network, also of one with a port; or the network. */
function whom(element: SetElement): string {
  return formatSetElement("length" in element ? element : hostPrefix(element.address));
}

/** Of a network nobody knows whom it has. */
function isHost(who: string): boolean {
  return who.endsWith(who.includes(":") ? "/128" : "/32");
}
