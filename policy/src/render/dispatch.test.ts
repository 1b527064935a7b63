import { expect, it } from "vitest";
import { dispatch } from "./dispatch.ts";
import { renderFilter } from "./tables.ts";

const deciding = Array.from({ length: 40 }, (_, index) => `BRDL-from-_${String.fromCharCode(48 + index)}`);

function forwardOf(chains: readonly string[]): string[] {
  const [from, to] = [dispatch(4, "Egress", chains), dispatch(4, "Ingress", chains)];
  const { chains: rendered } = renderFilter({
    family: 4,
    dispatches: [...from.chains, ...to.chains],
    known: { Egress: from.known, Ingress: to.known },
    decisions: [],
    endpointToHostAction: "Drop",
  });
  const forward = rendered.find(({ name }) => name === "BRDL-FORWARD");
  return (forward?.rules ?? []).map(({ comment }) => comment ?? "");
}

it("lets known flows pass before the dispatch, but those to pods only behind what no pod may send", () => {
  expect(forwardOf(deciding)).toEqual(["known flow", "from pods", "known flow", "to pods"]);
});

it("asks for known flows where there is a pod", () => {
  expect(forwardOf([])).toEqual(["from pods", "to pods"]);
});

it("knows a flow by its state before it looks into a set, and by an end that has a chain", () => {
  const { known, sets } = dispatch(6, "Ingress", deciding);
  const [rule] = known;
  expect(rule?.matches).toEqual([
    { kind: "interface", direction: "out", name: "cali+" },
    { kind: "connection", states: ["RELATED", "ESTABLISHED"] },
    { kind: "ends", side: "destination", set: "brdl6d_ends" },
  ]);
  expect([...sets.keys()].sort()).toEqual(deciding.toSorted());
  for (const names of sets.values()) expect(names).toContain("brdl6d_ends");
});
