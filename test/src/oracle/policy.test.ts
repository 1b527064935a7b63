/** The rendered chains, in a real kernel, mean what `evaluate` says: random policies, real packets. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compare, describeMismatch } from "./oracle.ts";
import { PolicyNode } from "./policyNode.ts";
import { listenPorts, plainEndpoints, randomCluster, randomOrders } from "./randomCase.ts";

const cases = 40;
const probesPerCase = 60;

const seed = Number(process.env.BRINDLE_SEED ?? Date.now() % 1_000_000);

describe(`random policies, BRINDLE_SEED=${seed}`, () => {
  let node: PolicyNode;
  beforeAll(async () => {
    node = await PolicyNode.create({ endpoints: plainEndpoints(), ports: listenPorts });
  });
  afterAll(() => node?.[Symbol.asyncDispose]());

  it(`pass what evaluate allows and nothing else, in ${cases} cases of ${probesPerCase} probes`, async () => {
    let denied = 0;
    for (let index = 0; index < cases; index++) {
      const cluster = randomCluster(seed * 1_000 + index);
      const comparison = await compare(node, cluster, randomOrders(seed * 1_000 + index, probesPerCase));
      const [mismatch] = comparison.mismatches;
      if (mismatch) expect.fail(`case ${index}: ${await describeMismatch(node, cluster, mismatch)}`);
      denied += comparison.denied;
    }
    // A test that sees only one verdict proves nothing about the other.
    expect(denied / (cases * probesPerCase)).toBeGreaterThan(0.3);
    expect(denied / (cases * probesPerCase)).toBeLessThan(0.7);
  });
});
