/** Which range a stranger's address is in, and what its peer is then (`DynamicPeers`). */
import { type Address, formatAddress, parsePrefix } from "@brindle/net";
import type { DynamicPeers, PeerConfig } from "./config.ts";

interface Range {
  readonly first: bigint;
  readonly last: bigint;
  readonly family: 4 | 6;
  readonly of: DynamicPeers;
}

export class DynamicRanges {
  readonly #ranges: readonly Range[];

  constructor(ranges: readonly DynamicPeers[]) {
    this.#ranges = ranges.flatMap((of) => rangeOf(of) ?? []).sort((a, b) => Number(size(a) - size(b)));
  }

  /** The narrowest range that holds the address. */
  find(address: Address): DynamicPeers | null {
    const { family, value } = address;
    const found = this.#ranges.find((range) => range.family === family && range.first <= value && value <= range.last);
    return found?.of ?? null;
  }
}

/** Passive: nobody dials whom nobody named. */
export function dynamicPeerConfig({ name, template }: DynamicPeers, address: Address): PeerConfig {
  const text = formatAddress(address);
  return { ...template, name: `${name}/${text}`, address: text, passive: true };
}

function rangeOf(of: DynamicPeers): Range | null {
  const prefix = parsePrefix(of.range);
  if (!prefix) return null; // `checkConfig` lets none pass.
  const { family, value: first } = prefix.address;
  const free = BigInt((family === 4 ? 32 : 128) - prefix.length);
  return { first, last: first + (1n << free) - 1n, family, of };
}

function size({ first, last }: Range): bigint {
  return last - first;
}
