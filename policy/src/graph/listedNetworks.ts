/**
 * The networks of a set that is written out. Such a list has thousands, comes whole with each change, and differs from
 * what it was in a few: those alone are read.
 */
import { type Family, formatPrefix, splitForSet } from "@brindle/net";
import { networkOfText } from "../networkSet.ts";
import { CountedMembers } from "./countedMembers.ts";
import { MemberList, type Members } from "./members.ts";
import { textChanges } from "./textChanges.ts";

/** As elements of sets, by family. */
export type NetworksByFamily = Readonly<Record<Family, Members>>;

export const noNetworks: NetworksByFamily = { 4: new MemberList().snapshot(), 6: new MemberList().snapshot() };

export class ListedNetworks {
  #texts: readonly string[] = [];
  /** Several texts may be of one network. */
  readonly #members: Readonly<Record<Family, CountedMembers>> = { 4: new CountedMembers(), 6: new CountedMembers() };

  /** `texts` is not changed by anyone afterwards. Text that is no network is left out (validation refuses it upstream). */
  read(texts: readonly string[]): NetworksByFamily {
    const { added, removed } = textChanges(this.#texts, texts);
    this.#texts = texts;
    for (const text of added) this.#replace(null, text);
    for (const text of removed) this.#replace(text, null);
    return { 4: this.#members[4].snapshot(), 6: this.#members[6].snapshot() };
  }

  #replace(before: string | null, after: string | null): void {
    const text = before ?? after ?? "";
    const network = networkOfText(text);
    if (!network) return;
    const elements = splitForSet(network).map(formatPrefix);
    const members = this.#members[network.address.family];
    if (before === null) members.replace(null, elements);
    else members.replace(elements, null);
  }
}
