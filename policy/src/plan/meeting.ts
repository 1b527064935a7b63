/** Who a change of sets is about, as networks, and whether a packet may be of two such changes at once. */
import { addressBits, hostPrefix, overlaps, type Prefix, prefixSize, type SetElement } from "@brindle/net";

/** The address of an element as a network, also of one with a port; or its network, whatever the interface. */
export function whom(element: SetElement): Prefix {
  const { address } = element;
  return "length" in element ? { address, length: element.length } : hostPrefix(address);
}

/** Of a wider network nobody knows whom it has. */
export function isHost({ address, length }: Prefix): boolean {
  return length === addressBits[address.family];
}

/** So many pairs are looked at one by one. */
const pairsMax = 64;

/** Whether somebody may be in both: of one family. */
export function mayMeet(some: readonly Prefix[], others: readonly Prefix[]): boolean {
  if (some.length === 0 || others.length === 0) return false;
  if (some.length * others.length <= pairsMax) return some.some((one) => others.some((other) => overlaps(one, other)));
  const all = [...some.map((who) => rangeOf(who, 0)), ...others.map((who) => rangeOf(who, 1))];
  const ends = [-1n, -1n];
  for (const { of, first, last } of all.sort((a, b) => (a.first < b.first ? -1 : 1))) {
    if (first <= (ends[1 - of] ?? -1n)) return true;
    if (last > (ends[of] ?? -1n)) ends[of] = last;
  }
  return false;
}

interface Range {
  readonly of: 0 | 1;
  readonly first: bigint;
  readonly last: bigint;
}

function rangeOf(who: Prefix, of: Range["of"]): Range {
  const first = who.address.value;
  return { of, first, last: first + prefixSize(who) - 1n };
}

/** Whether there may be one of the first and another of the second: a packet may be from the one to the other. */
export function areTwo(some: readonly Prefix[], others: readonly Prefix[]): boolean {
  const [one, other] = [some[0], others[0]];
  if (!one || !other) return false;
  const isOne = ({ address, length }: Prefix): boolean => address.value === one.address.value && length === one.length;
  return !isHost(one) || !some.every(isOne) || !others.every(isOne);
}
