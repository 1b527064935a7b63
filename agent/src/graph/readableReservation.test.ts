import assert from "node:assert/strict";
import type { JsonValue } from "@brindle/api";
import { describe, it } from "vitest";
import { readableReservation } from "./readableReservation.ts";

const cases: { name: string; partial: JsonValue | undefined; nets: string[] | null }[] = [
  { name: "nothing of what is no JSON", partial: undefined, nets: null },
  { name: "nothing of what has no list", partial: { spec: { reservedCIDRs: "10.0.0.0/30" } }, nets: null },
  { name: "nothing of a list", partial: ["10.0.0.0/30"], nets: null },
  {
    name: "the networks that are right",
    partial: { spec: { reservedCIDRs: ["10.0.0.0/30", "10.0.0.0/33", 7, null, "fd00::/64"] } },
    nets: ["10.0.0.0/30", "fd00::/64"],
  },
];

describe("readableReservation", () => {
  for (const { name, partial, nets } of cases) {
    it(`takes ${name}`, () => {
      const reservation = readableReservation({ kind: "IPReservation", name: "r" }, partial);
      assert.deepEqual(reservation?.spec.reservedCIDRs ?? null, nets);
    });
  }
});
