import { expect, it } from "vitest";
import { dispatch } from "./dispatch.ts";
import type { TableContent } from "./ir.ts";
import { quietSettings } from "./settings.ts";
import { renderFilter } from "./tables.ts";

const deciding = Array.from({ length: 40 }, (_, index) => `BRDL-from-_${String.fromCharCode(48 + index)}`);

function rendered(chains: readonly string[], insertMode: "Insert" | "Append" = "Insert"): TableContent {
  const [from, to] = [dispatch(4, "Egress", chains), dispatch(4, "Ingress", chains)];
  return renderFilter({
    family: 4,
    dispatches: [...from.chains, ...to.chains],
    known: { Egress: from.known, Ingress: to.known },
    decisions: [],
    endpointToHostAction: "Drop",
    settings: { ...quietSettings, insertMode },
  });
}

function commentsOf(name: string, chains: readonly string[]): string[] {
  const chain = rendered(chains).chains.find((one) => one.name === name);
  return (chain?.rules ?? []).map(({ comment }) => comment);
}

it("lets known flows pass before the dispatch, but those to pods only behind what no pod may send", () => {
  expect(commentsOf("BRDL-FORWARD", deciding)).toEqual(["known flow", "from pods", "known flow", "to pods"]);
});

it("asks for known flows where there is a pod", () => {
  expect(commentsOf("BRDL-FORWARD", [])).toEqual(["from pods", "to pods"]);
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

it("lets what a pod says to its node in a known flow pass before the dispatch, too", () => {
  expect(commentsOf("BRDL-PODS-TO-HOST", deciding)[0]).toBe("known flow");
});

it("has packets of known flows meet no comment", () => {
  const { chains, hooks } = rendered(deciding);
  const met = chains.filter(({ name }) => name === "BRDL-FORWARD").flatMap(({ rules }) => rules);
  expect(met.map(({ comment, isBare = false }) => [comment, isBare])).toEqual([
    ["known flow", true],
    ["from pods", false],
    ["known flow", true],
    ["to pods", false],
  ]);
  expect(hooks.flatMap(({ chain, rule }) => (chain === "FORWARD" ? [rule.isBare ?? false] : []))).toEqual([
    true,
    false,
  ]);
});

it("tells a hook that stands behind others from one that is first", () => {
  const first = rendered(deciding).hooks.find(({ chain }) => chain === "FORWARD");
  const last = rendered(deciding, "Append").hooks.find(({ chain }) => chain === "FORWARD");
  expect([first?.place, first?.rule.isBare, last?.place, last?.rule.isBare]).toEqual([
    "first",
    true,
    "last",
    undefined,
  ]);
});
