/** The members of one set, counted: two pods may briefly share an address, and it leaves with the last of them. */
import { MemberList, type Members, memberChanges } from "./members.ts";

/** What one contributor has in a set: one text, as nearly always, some (of those said twice each counts once), or a list of its own. */
export type Contribution = string | readonly string[] | Members | null;

export class CountedMembers {
  readonly #members = new MemberList();
  /** How many contribute an element, where it is more than one. */
  readonly #shared = new Map<string, number>();

  /** In the place of what a contributor had comes what it has: adding before removing, so that what stays never leaves. */
  replace(before: Contribution, after: Contribution): void {
    if (before === after) return;
    if (isList(before) && isList(after)) this.#change(memberChanges(before, after));
    else this.#change({ added: textsOf(after), removed: textsOf(before) });
  }

  /** What is in the set now. It never changes: the same object again means that nothing changed since. */
  snapshot(): Members {
    return this.#members.snapshot();
  }

  #change({ added, removed }: { readonly added: Iterable<string>; readonly removed: Iterable<string> }): void {
    for (const text of added) this.#add(text);
    for (const text of removed) this.#remove(text);
  }

  #add(text: string): void {
    if (this.#members.has(text)) this.#shared.set(text, (this.#shared.get(text) ?? 1) + 1);
    else this.#members.add(text);
  }

  #remove(text: string): void {
    const count = this.#shared.get(text) ?? 1;
    if (count > 2) this.#shared.set(text, count - 1);
    else if (count === 2) this.#shared.delete(text);
    else this.#members.delete(text);
  }
}

function isList(contribution: Contribution): contribution is Members {
  return typeof contribution === "object" && contribution !== null && "keys" in contribution && "size" in contribution;
}

function textsOf(contribution: Contribution): Iterable<string> {
  if (contribution === null) return [];
  if (typeof contribution === "string") return [contribution];
  return isList(contribution) ? contribution.keys() : new Set(contribution);
}
