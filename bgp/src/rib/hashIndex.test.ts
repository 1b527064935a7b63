import { describe, expect, it } from "vitest";
import { seededRandom } from "../wire/testing.ts";
import { HashIndex } from "./hashIndex.ts";

/** Above what one segment takes before it splits, and small enough for searches that go through all of them. */
const count = 6_000;

describe("HashIndex", () => {
  const hostile: readonly { readonly name: string; readonly hashOf: (id: number) => number }[] = [
    { name: "leading bits", hashOf: (id) => id },
    { name: "leading and trailing bits", hashOf: (id) => id << 12 },
    { name: "all bits", hashOf: () => -1 },
  ];

  it.each(hostile)("stays small, and finds all, where ids share $name of their hashes", ({ hashOf }) => {
    const index = new HashIndex();
    for (let id = 1; id <= count; id++) index.insert(id, hashOf(id));
    const { slots, places } = index.room;
    expect(places).toBeLessThanOrEqual(16_384);
    expect(slots).toBeLessThanOrEqual(30 * count);
    for (let id = 1; id <= count; id += 97) expect(idsOf(index, hashOf(id)), `id ${id}`).toContain(id);
    for (let id = 1; id <= count; id++) index.remove(id, hashOf(id));
    expect(index.size).toBe(0);
    expect(index.first(hashOf(1))).toBe(0);
  });

  const seed = Number(process.env.BRINDLE_SEED ?? Date.now() % 2 ** 31);
  it(`agrees with a map through random changes, of few leading bits too (BRINDLE_SEED=${seed})`, () => {
    const random = seededRandom(seed);
    const index = new HashIndex();
    const hashes = new Map<number, number>();
    let last = 0;
    for (let i = 0; i < 30_000; i++) {
      if (random(4) > 0 || hashes.size === 0) {
        last += 1;
        const hash = random(2) === 0 ? random(2 ** 16) : random(2 ** 32) | 0;
        index.insert(last, hash);
        hashes.set(last, hash);
      } else {
        const id = 1 + random(last);
        const hash = hashes.get(id);
        if (hash === undefined) continue;
        index.remove(id, hash);
        hashes.delete(id);
        expect(idsOf(index, hash)).not.toContain(id);
      }
    }
    expect(index.size).toBe(hashes.size);
    for (const [id, hash] of hashes) expect(idsOf(index, hash).includes(id), `id ${id}`).toBe(true);
  });
});

function idsOf(index: HashIndex, hash: number): number[] {
  const ids: number[] = [];
  for (let id = index.first(hash); id !== 0; id = index.next()) ids.push(id);
  return ids;
}
