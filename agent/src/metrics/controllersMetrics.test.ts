import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { controllersMetrics } from "./controllersMetrics.ts";
import { ControllersTally } from "./controllersTally.ts";
import { tell } from "./metric.ts";

function told(tally: ControllersTally, problems: ReadonlyMap<string, string> = new Map()): string[] {
  return tell(controllersMetrics, { version: "1.2.3", tally, problems }).flatMap(({ name, samples }) =>
    samples.map(({ labels, value }) => [name.replace("brindle_", ""), ...Object.values(labels), value].join(" ")),
  );
}

describe("metrics of the controllers tell", () => {
  it("who leads, and what does not do all of its work", () => {
    const tally = new ControllersTally();
    const problems = new Map([["lease", "the API server is away"]]);
    const always = [
      "build_info 1.2.3 1",
      "controllers_leader 0",
      "controllers_problems lease 1",
      "conditions_written_total 0",
    ];
    assert.deepEqual(told(tally, problems), always);
    tally.isLeader = true;
    assert(told(tally).includes("controllers_leader 1"));
  });

  it("what is wrong with addresses, as long as somebody looks", () => {
    const tally = new ControllersTally();
    tally.found("ipamCollection", { duplicates: 1, leaks: 2, orphanHandles: 3 });
    tally.found("ipamCollection", { duplicates: 0, leaks: 2, orphanHandles: 3 });
    const findings = () => told(tally).filter((line) => line.startsWith("ipam_findings"));
    assert.deepEqual(findings(), [
      "ipam_findings ipamCollection duplicate 0",
      "ipam_findings ipamCollection leak 2",
      "ipam_findings ipamCollection orphan_handle 3",
    ]);
    tally.ended("ipamCollection");
    assert.deepEqual(findings(), []);
  });

  it("what was done, each by itself", () => {
    const tally = new ControllersTally();
    tally.runs.add(["pods"]);
    tally.runs.add(["pods"]);
    tally.failures.add(["pods"]);
    tally.carried.add(["pods", "update"]);
    tally.carried.add(["namespaces", "create"]);
    tally.repairs.add(["nodeRemoval"], 4);
    for (const line of [
      "controller_runs_total pods 2",
      "controller_failures_total pods 1",
      "carried_objects_total pods update 1",
      "carried_objects_total namespaces create 1",
      "ipam_repairs_total nodeRemoval 4",
    ]) {
      assert(told(tally).includes(line), line);
    }
  });
});
