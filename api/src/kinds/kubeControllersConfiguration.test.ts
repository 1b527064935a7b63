import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { formatJson } from "../json/json.ts";
import { formatProblem } from "./problem.ts";
import { validate } from "./validate.ts";

function judged(spec: object, name = "default") {
  return validate({
    apiVersion: "projectcalico.org/v3",
    kind: "KubeControllersConfiguration",
    metadata: { name },
    spec,
  });
}

const stored: { name: string; spec: object; text: string }[] = [
  {
    name: "controllers that are left out stay out",
    spec: { controllers: {} },
    text: '{"healthChecks":"Enabled","prometheusMetricsPort":9094,"controllers":{}}',
  },
  {
    name: "those that run get Calico's defaults, durations in Go's form",
    spec: { controllers: { loadBalancer: {}, migration: {}, node: { reconcilerPeriod: "5m" } } },
    text: '{"healthChecks":"Enabled","prometheusMetricsPort":9094,"controllers":{"node":{"reconcilerPeriod":"5m0s","leakGracePeriod":"15m0s"},"loadBalancer":{"assignIPs":"AllServices"},"migration":{"policyNameMigrator":"Enabled"}}}',
  },
  {
    name: "what is given is not a default's",
    spec: { healthChecks: "Disabled", prometheusMetricsPort: 0, controllers: { node: { leakGracePeriod: "0s" } } },
    text: '{"healthChecks":"Disabled","prometheusMetricsPort":0,"controllers":{"node":{"leakGracePeriod":"0s"}}}',
  },
];

const wrong: { name: string; spec: object; of?: string; problem: RegExp }[] = [
  { name: "another name", spec: { controllers: {} }, of: "mine", problem: /^metadata.name: "mine" must be default/ },
  { name: "no controllers", spec: {}, problem: /^spec.controllers: is missing/ },
  {
    name: "a level of Felix's",
    spec: { controllers: {}, logSeverityScreen: "Trace" },
    problem: /is none of None, Debug/,
  },
  { name: "an unknown controller", spec: { controllers: { nodes: {} } }, problem: /did you mean node\?/ },
];

describe("a KubeControllersConfiguration", () => {
  for (const { name, spec, text } of stored) {
    it(`is stored so that ${name}`, () => {
      const result = judged(spec);
      assert.equal(formatJson(result.kind === "valid" ? result.resource.spec : result.problems), text);
    });
  }

  it("has an empty status before any controller wrote one", () => {
    const result = judged({ controllers: {} });
    assert.match(formatJson(result.kind === "valid" ? result.resource : null), /,"status":\{\}\}$/);
  });

  for (const { name, spec, of, problem } of wrong) {
    it(`is refused with ${name}`, () => {
      const result = judged(spec, of);
      const problems = result.kind === "invalid" ? result.problems.map(formatProblem) : [];
      assert.equal(problems.length, 1, problems.join("\n"));
      assert.match(problems[0] ?? "", problem);
    });
  }
});
