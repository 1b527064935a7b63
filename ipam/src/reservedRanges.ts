/** What is given to nobody unasked, in the order of addresses: each pod of a StatefulSet may have some of it, and a full pool has all pods ask. */
import {
  type Address,
  compareAddresses,
  containsAddress,
  containsPrefix,
  hostPrefix,
  type Prefix,
  prefixSize,
} from "@brindle/net";

export class ReservedRanges {
  /** Prefixes nest or are apart: of those that nest only the outermost, so that no two overlap. */
  readonly #ranges: readonly Prefix[];

  constructor(reserved: readonly Prefix[]) {
    const ranges: Prefix[] = [];
    for (const prefix of reserved.toSorted(byAddress)) {
      const last = ranges.at(-1);
      if (!last || !containsPrefix(last, prefix)) ranges.push(prefix);
    }
    this.#ranges = ranges;
  }

  /** How many addresses of `whole` are reserved. */
  countWithin(whole: Prefix): bigint {
    if (this.around(whole)) return prefixSize(whole);
    let count = 0n;
    for (let i = this.#firstFrom(whole.address); i < this.#ranges.length; i++) {
      const range = this.#ranges[i];
      if (!range || !containsPrefix(whole, range)) break;
      count += prefixSize(range);
    }
    return count;
  }

  /** What is reserved and has all of the prefix; `null` where nothing has. */
  around(prefix: Prefix): Prefix | null {
    const from = this.#firstFrom(prefix.address);
    const range = [this.#ranges[from], this.#ranges[from - 1]].find((one) => one && containsPrefix(one, prefix));
    return range ?? null;
  }

  has(address: Address): boolean {
    return this.around(hostPrefix(address)) !== null;
  }

  /** Of the first range that begins at the address or after it, by bisection. */
  #firstFrom(address: Address): number {
    let [low, high] = [0, this.#ranges.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const range = this.#ranges[middle];
      if (range && compareAddresses(range.address, address) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Sorted once for each list, as a view has one. */
export function reservedRanges(reserved: readonly Prefix[]): ReservedRanges {
  const known = sorted.get(reserved);
  if (known) return known;
  const ranges = new ReservedRanges(reserved);
  sorted.set(reserved, ranges);
  return ranges;
}

const sorted = new WeakMap<readonly Prefix[], ReservedRanges>();

/** Most requests ask about one address, which is not worth sorting for; where a pool is full one asks about all that is left. */
export function reservedTest(reserved: readonly Prefix[]): (address: Address) => boolean {
  let asked = 0;
  return (address) => {
    asked += 1;
    if (asked > asksUnsortedMax) return reservedRanges(reserved).has(address);
    return reserved.some((prefix) => containsAddress(prefix, address));
  };
}

const asksUnsortedMax = 8;

function byAddress(a: Prefix, b: Prefix): number {
  return compareAddresses(a.address, b.address) || a.length - b.length;
}
