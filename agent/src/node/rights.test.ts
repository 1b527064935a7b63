import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { agentRights, lackingRights, type Rule, rightMistakes } from "./rights.ts";

function without(resource: string, ...verbs: readonly string[]): Rule[] {
  return agentRights.map((rule) =>
    rule.resources.includes(resource)
      ? { ...rule, verbs: rule.verbs.filter((verb) => verbs.length > 0 && !verbs.includes(verb)) }
      : rule,
  );
}

describe("the rights of an agent", () => {
  it("lack nothing where a role gives them, or all of everything", () => {
    assert.deepEqual(lackingRights(agentRights), []);
    assert.deepEqual(lackingRights([{ apiGroups: ["*"], resources: ["*"], verbs: ["*"] }]), []);
  });

  it("lack what no rule gives, named by verb and resource", () => {
    assert.deepEqual(lackingRights(without("ipamblocks", "create", "update")), [
      "create, update on ipamblocks.projectcalico.org",
    ]);
    assert.deepEqual(lackingRights(without("nodes/status")), ["patch on nodes/status"]);
  });

  it("are not given by a rule for some objects alone", () => {
    const named = agentRights.map((rule) =>
      rule.resources.includes("pods") ? { ...rule, resourceNames: ["a"] } : rule,
    );
    assert.deepEqual(lackingRights(named), ["get, list, watch on pods"]);
  });

  it("name the CRDs where all that lacks is theirs", () => {
    const [older] = rightMistakes(agentRights, "crd.projectcalico.org");
    assert.equal(older?.code, "OlderCrds");
    assert.match(
      older?.text ?? "",
      /^the agent may not list, watch on networkpolicies\.crd\.projectcalico\.org; .* and \d+ more$/,
    );
    const [none] = rightMistakes([], "projectcalico.org");
    assert.equal(none?.code, "RightMissing");
    assert.deepEqual(rightMistakes(agentRights, "projectcalico.org"), []);
  });
});
