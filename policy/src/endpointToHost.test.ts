import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { endpointToHostAction } from "./endpointToHost.ts";

const cases: { name: string; asked?: string; action: string }[] = [
  { name: "dropped where nothing is said", action: "Drop" },
  { name: "accepted, in whatever case it is written", asked: "ACCEPT", action: "Accept" },
  { name: "left to others", asked: "Return", action: "Return" },
  { name: "dropped where an unknown word is stored", asked: "Forward", action: "Drop" },
];

describe("packets from pods to their node are", () => {
  for (const { name, asked, action } of cases) {
    it(name, () => {
      assert.equal(endpointToHostAction(asked === undefined ? {} : { defaultEndpointToHostAction: asked }), action);
    });
  }
});
