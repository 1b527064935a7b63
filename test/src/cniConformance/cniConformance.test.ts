/**
 * Our plugin with an agent, a datastore and a kernel behind it: every rule in the newest version, and in the others what a
 * version decides. `npm run cni-conformance` tries all of them in each.
 */
import assert from "node:assert/strict";
import { afterAll, beforeAll, describe, it } from "vitest";
import type { Instance } from "../fixtures/instance.ts";
import { type Rule, specVersions } from "./rule.ts";
import { rules } from "./rules.ts";
import type { Subject } from "./subject.ts";
import { ourSubject } from "./subjects.ts";
import { countOf, findingsTable } from "./table.ts";
import { type Finding, isOf, tryRule } from "./trials.ts";

let subject: Subject;
let instance: Instance;

beforeAll(async () => {
  ({ subject, instance } = await ourSubject());
});

afterAll(async () => instance?.[Symbol.asyncDispose]());

/** Forms of answers, and which commands there are. */
const isOfForm = ({ name, until }: Rule): boolean =>
  until !== undefined ||
  /^(VERSION lists|an error is told|ADD answers|an address|each|DEL removes|CHECK (says nothing|fails when an ad))/.test(
    name,
  );

for (const version of specVersions) {
  describe(`our plugin in version ${version}`, () => {
    const chosen = rules.filter((rule) => isOf(rule, version) && (version === specVersions.at(-1) || isOfForm(rule)));
    for (const rule of chosen) {
      it(rule.name, async () => {
        const finding = await tryRule(rule, { subject, version, instance });
        assert(finding.kind !== "broken", finding.kind === "broken" ? finding.how : "");
      });
    }
  });
}

describe("the runner", () => {
  const rule = (name: string, rest: Partial<Rule> = {}): Rule => ({ name, run: async () => {}, ...rest });

  it("notices a plugin that breaks a rule", async () => {
    const liar: Subject = { ...subject, plugin: "/bin/true" };
    const broken: string[] = [];
    for (const one of rules.filter(({ name }) => /^(ADD answers|VERSION lists|CHECK without prevResult)/.test(name)))
      if ((await tryRule(one, { subject: liar, version: "1.1.0", instance })).kind === "broken") broken.push(one.name);
    assert.equal(broken.length, 3);
  });

  it("counts what applies, and says how the rest was broken", () => {
    const [kept, broken, newer] = [rule("kept"), rule("broken"), rule("newer", { since: "1.1.0" })];
    const of = ({ name }: Rule): Finding => (name === "broken" ? { kind: "broken", how: "it did" } : { kind: "kept" });
    const findings = { subject: "x", of: (one: Rule) => (one === newer ? { kind: "notSpoken" as const } : of(one)) };
    const count = countOf([kept, broken, newer], findings, ["1.1.0"]);
    assert.deepEqual(count, {
      subject: "x",
      kept: 1,
      of: 3,
      broken: [{ rule: "broken", version: "1.1.0", how: "it did" }],
    });
    assert.match(findingsTable([kept, broken, newer], [findings], ["1.1.0"]), /kept +│ ok[\s\S]*BROKEN[\s\S]*│ - /);
  });
});
