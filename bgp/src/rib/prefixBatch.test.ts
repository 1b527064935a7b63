import { expect, it } from "vitest";
import { PrefixBatch } from "./prefixBatch.ts";
import { PrefixTable } from "./prefixTable.ts";

it("keeps what is in it when the longest message of all comes", () => {
  const batch = new PrefixBatch();
  batch.add(Uint8Array.of(8, 10, 16, 172, 16), 0, 5);
  const bytes = 65_535;
  expect([batch.hasRoom(bytes - 2), batch.hasRoom(bytes)]).toEqual([true, false]);
  batch.add(Uint8Array.from([8, 11, ...new Uint8Array(bytes - 4)]), 0, bytes - 2);
  const table = new PrefixTable();
  table.internAll(batch);
  expect(batch.count).toBe(2 + 1 + bytes - 4);
  const texts = [0, 1, 2, 3, batch.count - 1].map((i) => table.text(batch.ids[i] ?? 0));
  expect(texts).toEqual(["10.0.0.0/8", "172.16.0.0/16", "11.0.0.0/8", "0.0.0.0/0", "0.0.0.0/0"]);
});
