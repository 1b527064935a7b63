import assert from "node:assert/strict";
import { describe, it } from "vitest";
import type { EndpointToHostAction } from "../cluster.ts";
import type { Target } from "./ir.ts";
import { chains } from "./names.ts";
import { renderFilter } from "./tables.ts";

const cases: { name: string; action: EndpointToHostAction; last: Target }[] = [
  { name: "is dropped", action: "Drop", last: { kind: "drop" } },
  { name: "is accepted", action: "Accept", last: { kind: "accept" } },
  { name: "goes on to the rules of others", action: "Return", last: { kind: "jump", chain: chains.fromPods } },
];

describe("what a pod sends to its node, once policy allowed it,", () => {
  for (const { name, action, last } of cases) {
    it(`${name} with ${action}`, () => {
      const { chains: rendered } = renderFilter({
        family: 4,
        dispatches: [],
        decisions: [],
        endpointToHostAction: action,
      });
      const podsToHost = rendered.find((chain) => chain.name === chains.podsToHost);
      assert.deepEqual(podsToHost?.rules.at(-1)?.target, last);
    });
  }
});
