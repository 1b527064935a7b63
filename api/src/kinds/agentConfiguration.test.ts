import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { formatProblem } from "./problem.ts";
import { validate } from "./validate.ts";

function judged(spec: object, name = "default") {
  return validate({ apiVersion: "brindle.network/v1alpha1", kind: "AgentConfiguration", metadata: { name }, spec });
}

const wrong: { name: string; spec: object; of?: string; problem: RegExp }[] = [
  {
    name: "for a node without its prefix",
    spec: {},
    of: "node1",
    problem: /^metadata.name: "node1" is neither default/,
  },
  {
    name: "for one node about all addresses",
    spec: { ipam: {} },
    of: "node.n1",
    problem: /^spec.ipam: belongs in default/,
  },
  { name: "about an MTU too small for IPv6", spec: { podMTU: 1000 }, problem: /1280 to 65535/ },
  {
    name: "with metrics without a port",
    spec: { metrics: { address: "::" } },
    problem: /^spec.metrics.port: is missing/,
  },
  { name: "with packets over no way", spec: { bgp: { multipath: { pathsMax: 0 } } }, problem: /pathsMax: "0" is no/ },
  { name: "with a field of Calico's", spec: { logSeverityScreen: "Info" }, problem: /no known field/ },
];

describe("an AgentConfiguration", () => {
  it("may say nothing", () => {
    assert.deepEqual(judged({}), { ...judged({}), kind: "valid", warnings: [] });
  });

  it("brings a warning for each thing that nothing acts on, and says what that comes to", () => {
    const result = judged({ policy: { killEstablishedOnDeny: true, readyTimeout: "30s" }, podMTU: 9000 }, "node.n1");
    const warnings = result.kind === "valid" ? result.warnings : [];
    assert.deepEqual(
      warnings.map(({ path }) => path),
      ["spec.policy.readyTimeout", "spec.podMTU"],
    );
    assert.match(warnings[1]?.reason ?? "", /it is that of the interface/);
  });

  for (const { name, spec, of, problem } of wrong) {
    it(`is refused ${name}`, () => {
      const result = judged(spec, of);
      const problems = result.kind === "invalid" ? result.problems.map(formatProblem) : [];
      assert.equal(problems.length, 1, problems.join("\n"));
      assert.match(problems[0] ?? "", problem);
    });
  }
});
