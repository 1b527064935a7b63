/**
 * Prefixes (all host bits zero) and CIDRs (an address with the length of its network). They have one shape; the names
 * say which is meant, and only `parsePrefix` and `networkOf` make prefixes.
 */
import { type Address, addressBits, formatAddress, parseAddress } from "./address.ts";

export interface Prefix {
  readonly address: Address;
  /** In bits, 0 to 32 or 0 to 128. */
  readonly length: number;
}

/** An address with a length, as on an interface: host bits may be set. */
export type Cidr = Prefix;

/** `address/length`; host bits may be set. `null` when it does not parse. */
export function parseCidr(text: string): Cidr | null {
  const slash = text.indexOf("/");
  if (slash < 0) return null;
  const address = parseAddress(text.slice(0, slash));
  const digits = text.slice(slash + 1);
  if (!address || !/^(0|[1-9][0-9]{0,2})$/.test(digits)) return null;
  const length = Number(digits);
  return length > addressBits[address.family] ? null : { address, length };
}

/** `address/length` with no host bit set, or `null`. */
export function parsePrefix(text: string): Prefix | null {
  const cidr = parseCidr(text);
  if (!cidr) return null;
  return networkOf(cidr).address.value === cidr.address.value ? cidr : null;
}

/** The canonical text, which is also the key of a prefix in maps. */
export function formatPrefix(prefix: Prefix): string {
  return `${formatAddress(prefix.address)}/${prefix.length}`;
}

/** The prefix that holds nothing but this address. */
export function hostPrefix(address: Address): Prefix {
  return { address, length: addressBits[address.family] };
}

/** The same length with the host bits cleared. */
export function networkOf(cidr: Cidr): Prefix {
  const { family, value } = cidr.address;
  const hostBits = BigInt(addressBits[family] - cidr.length);
  return { address: { family, value: (value >> hostBits) << hostBits }, length: cidr.length };
}

/** How many addresses a prefix holds. */
export function prefixSize(prefix: Prefix): bigint {
  return 1n << BigInt(addressBits[prefix.address.family] - prefix.length);
}

export function containsAddress(prefix: Prefix, address: Address): boolean {
  if (prefix.address.family !== address.family) return false;
  const hostBits = BigInt(addressBits[address.family] - prefix.length);
  return prefix.address.value >> hostBits === address.value >> hostBits;
}

/** Whether every address of `inner` lies in `outer`. */
export function containsPrefix(outer: Prefix, inner: Prefix): boolean {
  return outer.length <= inner.length && containsAddress(outer, inner.address);
}

export function overlaps(a: Prefix, b: Prefix): boolean {
  return containsPrefix(a, b) || containsPrefix(b, a);
}
