/** Communities from the text in which people write them. */
import type { PathAttributes } from "../wire/message.ts";
import { wellKnownCommunities } from "../wire/text.ts";

export type Community =
  | { readonly kind: "standard"; readonly value: number }
  | { readonly kind: "large"; readonly value: readonly [number, number, number] };

const byName: ReadonlyMap<string, number> = new Map([...wellKnownCommunities].map(([value, name]) => [name, value]));

/** `null` for what is neither `aa:nn`, `aa:nn:mm`, nor the name of a well-known community. */
export function parseCommunity(text: string): Community | null {
  const named = byName.get(text);
  if (named !== undefined) return { kind: "standard", value: named };
  const parts = text.split(":").map(numberOf);
  if (parts.length === 2 && parts.every((part) => part <= 0xffff)) {
    const [high = 0, low = 0] = parts;
    return { kind: "standard", value: high * 0x10000 + low };
  }
  if (parts.length !== 3 || !parts.every((part) => part <= 0xffffffff)) return null;
  const [global = 0, first = 0, second = 0] = parts;
  return { kind: "large", value: [global, first, second] };
}

/** Which communities `removeCommunity` means, or `null` where its text is none. */
export interface CommunityPattern {
  matchesStandard(community: number): boolean;
  matchesLarge(community: readonly [number, number, number]): boolean;
}

export function parseCommunityPattern(text: string): CommunityPattern | null {
  if (text === "*") return { matchesStandard: () => true, matchesLarge: () => true };
  const exact = parseCommunity(text);
  if (exact?.kind === "standard") return { matchesStandard: (other) => other === exact.value, matchesLarge: never };
  if (exact) return { matchesStandard: never, matchesLarge: (other) => other.every((n, i) => n === exact.value[i]) };
  const parts = text.split(":").map((part) => (part === "*" ? null : numberOf(part)));
  if (!parts.includes(null) || parts.length < 2 || parts.length > 3) return null;
  const max = parts.length === 2 ? 0xffff : 0xffffffff;
  if (parts.some((part) => part !== null && !(part <= max))) return null;
  const matches = (numbers: readonly number[]): boolean =>
    parts.every((part, i) => part === null || part === numbers[i]);
  if (parts.length === 3) return { matchesStandard: never, matchesLarge: matches };
  return { matchesStandard: (other) => matches([other >>> 16, other & 0xffff]), matchesLarge: never };
}

export function carries({ communities, largeCommunities }: PathAttributes, wanted: Community): boolean {
  if (wanted.kind === "standard") return communities?.includes(wanted.value) ?? false;
  return largeCommunities?.some((other) => other.every((part, i) => part === wanted.value[i])) ?? false;
}

/** The two lists of attributes that these make; a list that would be empty is absent. */
export function communityLists(list: readonly Community[]): Pick<PathAttributes, "communities" | "largeCommunities"> {
  const standard = list.flatMap((each) => (each.kind === "standard" ? [each.value] : []));
  const large = list.flatMap((each) => (each.kind === "large" ? [each.value] : []));
  return {
    ...(standard.length > 0 && { communities: standard }),
    ...(large.length > 0 && { largeCommunities: large }),
  };
}

function never(): boolean {
  return false;
}

/** NaN, which is below and above nothing, for what is no plain decimal number. */
function numberOf(text: string): number {
  return /^(0|[1-9][0-9]{0,9})$/.test(text) ? Number(text) : Number.NaN;
}
