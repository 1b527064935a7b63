import { describe, expect, it } from "vitest";
import { packed, seededRandom } from "../wire/testing.ts";
import { PrefixTable } from "./prefixTable.ts";

describe("PrefixTable", () => {
  it("tells apart prefixes that share their words", () => {
    const table = new PrefixTable();
    const texts = ["0.0.0.0/0", "::/0", "10.0.0.0/8", "10.0.0.0/9", "a00::/8", "::/32", "0.0.0.0/32", "::1/128"];
    const ids = texts.map((text) => intern(table, text));
    expect(new Set(ids).size).toBe(texts.length);
    expect(ids.map((id) => table.text(id))).toEqual(texts);
  });

  it("uses an id again once nobody retains it", () => {
    const table = new PrefixTable();
    const first = intern(table, "10.0.0.0/8");
    table.retain(first);
    table.release(first);
    table.release(first);
    expect(table.find(packed("10.0.0.0/8"), 0)).toBe(0);
    expect(intern(table, "2001:db8::/32")).toBe(first);
    expect(table.text(first)).toBe("2001:db8::/32");
  });

  const seed = Number(process.env.BRINDLE_SEED ?? Date.now() % 2 ** 31);
  it(`agrees with a map of texts through random changes (BRINDLE_SEED=${seed})`, () => {
    const random = seededRandom(seed);
    const table = new PrefixTable();
    const model = new Map<string, number>();
    for (let i = 0; i < 20_000; i++) {
      const text = randomPrefix(random);
      const known = model.get(text);
      expect(table.find(packed(text), 0), text).toBe(known ?? 0);
      if (known === undefined) model.set(text, intern(table, text));
      else if (random(3) > 0) {
        table.release(known);
        model.delete(text);
      }
    }
    expect(table.size).toBe(model.size);
    for (const [text, id] of model) expect(table.text(id)).toBe(text);
  });
});

function intern(table: PrefixTable, text: string): number {
  const id = table.intern(packed(text), 0);
  table.retain(id);
  return id;
}

/** Few enough that each comes up several times. */
function randomPrefix(random: (limit: number) => number): string {
  const [a, b] = [random(64), random(64)];
  return random(2) === 0 ? `10.${a}.${b}.0/${24 + random(2)}` : `2001:db8:${(a + 1).toString(16)}:${b + 1}::/64`;
}
