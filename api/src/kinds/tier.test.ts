import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { kinds } from "./kinds.ts";
import { documentOf, problemsOf, type RefusedCase, resourceOf, storedTextOf } from "./testing.ts";

const noName = 'is no name of a tier: at most 63 lower case letters, digits and "-", without "."';

const refused: RefusedCase[] = [
  {
    name: "an action of rules",
    spec: { defaultAction: "Allow" },
    problems: ['spec.defaultAction: "Allow" is none of Deny, Pass'],
  },
  { name: "an order in words", spec: { order: "first" }, problems: ['spec.order: "first" is not a number'] },
  { name: "a name of two parts", spec: {}, metadata: { name: "a.b" }, problems: [`metadata.name: "a.b" ${noName}`] },
  {
    name: "a name that no label takes",
    spec: {},
    metadata: { name: "a".repeat(64) },
    problems: [`metadata.name: "${"a".repeat(64)}" ${noName}`],
  },
  {
    name: "default in another place",
    spec: { order: 5 },
    metadata: { name: "default" },
    problems: ['spec.order: "5" must be 1000000 in tier default'],
  },
  {
    name: "default with another action",
    spec: { defaultAction: "Pass" },
    metadata: { name: "default" },
    problems: ['spec.defaultAction: "Pass" must be Deny in tier default'],
  },
  {
    name: "kube-admin without its order and action",
    spec: {},
    metadata: { name: "kube-admin" },
    problems: ["spec.order: must be 1000 in tier kube-admin", "spec.defaultAction: must be Pass in tier kube-admin"],
  },
  {
    name: "kube-baseline before the others",
    spec: { order: 1, defaultAction: "Pass" },
    metadata: { name: "kube-baseline" },
    problems: ['spec.order: "1" must be 10000000 in tier kube-baseline'],
  },
];

describe("a Tier", () => {
  for (const { name, spec, metadata, problems } of refused) {
    it(`is refused: ${name}`, () => assert.deepEqual(problemsOf(documentOf("Tier", spec, metadata)), problems));
  }

  it("is stored with what holds where nothing was said, and with a status", () => {
    const text = storedTextOf(documentOf("Tier", {}, { name: "default" }));
    assert.match(text, /"spec":\{"order":1000000,"defaultAction":"Deny"\},"status":\{\}\}$/);
  });

  it("is listed by its order, and shows it as Go writes numbers", () => {
    const tiers = [7.5, 1e7, undefined, -1].map((order, i) => {
      const tier = resourceOf(documentOf("Tier", order === undefined ? {} : { order }, { name: `t${i}` }));
      assert.ok(tier.kind === "Tier");
      return tier;
    });
    const context = { clusterAsNumber: 64512 };
    const sorted = tiers.sort((a, b) => kinds.Tier.compare?.(a, b) ?? 0);
    assert.deepEqual(
      sorted.map((tier) => kinds.Tier.columns.map(({ cell }) => cell(tier, context))),
      [
        ["t3", "-1"],
        ["t0", "7.5"],
        ["t2", "1e+06"],
        ["t1", "1e+07"],
      ],
    );
  });
});
