import assert from "node:assert/strict";
import { describe, it } from "vitest";
import type { Mistake } from "./node/mistakes.ts";
import { agentParts, Health } from "./status.ts";

function readyHealth(): Health {
  const health = new Health(0);
  for (const part of agentParts) health.report(part, { reason: null, nowMs: 1 });
  return health;
}

const missing: Mistake = { code: "PodCidrMissing", text: "no IPPool" };

describe("the health of an agent", () => {
  it("begins with parts that start, and is ready when all are", () => {
    assert.equal(new Health(0).firstProblem(), "store is starting");
    assert.equal(readyHealth().firstProblem(), null);
  });

  it("gives what a part says without a name that of the part, with what to do", () => {
    const health = readyHealth();
    assert.equal(health.report("store", { reason: "no answer", nowMs: 5 }), true);
    assert.equal(health.report("store", { reason: "no answer", nowMs: 6 }), false);
    const [mistake] = health.mistakes();
    assert.partialDeepStrictEqual(mistake, { code: "DatastoreAway", part: "store", text: "no answer", sinceMs: 5 });
    assert(mistake && mistake.remedy.length > 10);
    assert.equal(health.firstProblem(), "store is failing: no answer");
  });

  it("is not ready for what a check finds, and is when that is mended", () => {
    const health = readyHealth();
    assert.equal(health.found("ranges", [missing], 7), true);
    assert.equal(health.found("ranges", [missing], 8), false);
    assert.equal(health.problems(), "ipam is failing: no IPPool");
    assert.equal(health.ownProblem(["ipam"]), null);
    assert.equal(health.found("ranges", [], 9), true);
    assert.equal(health.problems(), null);
  });

  it("says what was found in place of a part's own words for it, and once", () => {
    const health = readyHealth();
    health.report("policy", { reason: "iptables-restore ended with exit code 2", nowMs: 5 });
    health.found("machine", [{ code: "KernelFeatureMissing", text: "the kernel lacks xt_set" }], 6);
    assert.equal(health.firstProblem(), "policy is failing: the kernel lacks xt_set");
    assert.deepEqual(
      health.mistakes().map(({ code }) => code),
      ["KernelFeatureMissing"],
    );
    assert.match(health.ownProblem(["policy"]) ?? "", /exit code 2/);
  });

  it("stays ready for what is only noticed, and names it last", () => {
    const health = readyHealth();
    health.found("passwords", [{ code: "BgpPasswordMissing", text: "no Secret" }], 5);
    assert.equal(health.firstProblem(), null);
    health.found("ranges", [missing], 6);
    assert.deepEqual(
      health.mistakes().map(({ code }) => code),
      ["PodCidrMissing", "BgpPasswordMissing"],
    );
  });

  it("names all parts that are not ready, a line each", () => {
    const health = readyHealth();
    health.report("bgp", { reason: "no address", nowMs: 5 });
    health.found("ranges", [missing], 6);
    assert.equal(health.problems(), "bgp is failing: no address\nipam is failing: no IPPool");
  });
});
