import assert from "node:assert/strict";
import { it } from "vitest";
import { practise } from "./practice.ts";

it("goes through whole sessions, also with a peer that it had before", () => {
  assert.equal(practise(40), 40);
});
