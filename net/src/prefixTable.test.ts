import { describe, expect, it } from "vitest";
import { type Address, addressBits, compareAddresses, type Family } from "./address.ts";
import { containsAddress, containsPrefix, formatPrefix, networkOf, type Prefix } from "./prefix.ts";
import { PrefixTable } from "./prefixTable.ts";

/** The obvious version: a list that is searched from one end to the other. */
class NaiveTable {
  readonly #entries = new Map<string, { prefix: Prefix; value: number }>();

  get entries(): { prefix: Prefix; value: number }[] {
    const byOrder = (a: { prefix: Prefix }, b: { prefix: Prefix }): number =>
      compareAddresses(a.prefix.address, b.prefix.address) || a.prefix.length - b.prefix.length;
    return [...this.#entries.values()].sort(byOrder);
  }
  set(prefix: Prefix, value: number): void {
    this.#entries.set(formatPrefix(prefix), { prefix, value });
  }
  delete(prefix: Prefix): boolean {
    return this.#entries.delete(formatPrefix(prefix));
  }
  get(prefix: Prefix): number | undefined {
    return this.#entries.get(formatPrefix(prefix))?.value;
  }
  longestMatch(address: Address): { prefix: Prefix; value: number } | null {
    const matching = this.entries.filter(({ prefix }) => containsAddress(prefix, address));
    return matching.sort((a, b) => b.prefix.length - a.prefix.length)[0] ?? null;
  }
}

/** mulberry32: small, and the same everywhere for one seed. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Few distinct bits, at both ends of the address, so that prefixes nest and collide. */
function randomAddress(random: (below: number) => number, family: Family): Address {
  const bits = addressBits[family];
  const high = BigInt(random(8)) << BigInt(bits - 3);
  return { family, value: high | BigInt(random(16)) };
}

function randomPrefix(random: (below: number) => number): Prefix {
  const family: Family = random(2) === 0 ? 4 : 6;
  const bits = addressBits[family];
  const length = random(3) === 0 ? random(bits + 1) : random(2) === 0 ? random(5) : bits - random(5);
  return networkOf({ address: randomAddress(random, family), length });
}

describe("PrefixTable", () => {
  const seed = Number(process.env.BRINDLE_SEED ?? Date.now() % 2 ** 31);
  it(`agrees with a naive table through random operations (BRINDLE_SEED=${seed})`, () => {
    const random = randomOf(seed);
    const table = new PrefixTable<number>();
    const naive = new NaiveTable();
    for (let step = 0; step < 1500; step++) {
      const prefix = randomPrefix(random);
      if (random(5) < 3) {
        table.set(prefix, step);
        naive.set(prefix, step);
      } else {
        expect(table.delete(prefix)).toBe(naive.delete(prefix));
      }
      const probe = randomPrefix(random);
      expect(table.get(probe)).toBe(naive.get(probe));
      expect(table.has(probe)).toBe(naive.get(probe) !== undefined);
      expect(table.longestMatch(probe.address)).toEqual(naive.longestMatch(probe.address));
      if (step % 50 !== 0) continue;
      expect([...table]).toEqual(naive.entries);
      expect(table.size).toBe(naive.entries.length);
      expect([...table.covered(probe)]).toEqual(naive.entries.filter((entry) => containsPrefix(probe, entry.prefix)));
    }
    table.clear();
    expect([...table]).toEqual([]);
  });

  it("keeps the families apart", () => {
    const table = new PrefixTable<string>();
    table.set({ address: { family: 4, value: 0n }, length: 0 }, "IPv4");
    expect(table.longestMatch({ family: 6, value: 0n })).toBeNull();
    expect(table.longestMatch({ family: 4, value: 1n })?.value).toBe("IPv4");
  });

  it("keeps a value of undefined apart from nothing", () => {
    const table = new PrefixTable<undefined>();
    const prefix = { address: { family: 4, value: 0n }, length: 8 } as const;
    table.set(prefix, undefined);
    expect([table.has(prefix), table.size, table.delete(prefix), table.size]).toEqual([true, 1, true, 0]);
  });
});
