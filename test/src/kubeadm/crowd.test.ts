/** What 60 pods on one node at once ask of the API server, up and down, and what an idle node asks. No figure of time. */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, it } from "vitest";
import { field, list } from "../fixtures/json.ts";
import { type BrindleCluster, requestsOfAgents, startBrindleCluster } from "./brindle.ts";
import { addressesInBlocks, crowd } from "./crowd.ts";

const pods = 60;
/** Whatever asks by the minute is seen in it; listings beside streams come every twenty, of some kinds in this time. */
const idleMinutes = 2;

let cluster: BrindleCluster;

beforeAll(async () => {
  cluster = await startBrindleCluster({ nodes: 1, audit: true, dualStack: true });
});
afterAll(() => cluster?.[Symbol.asyncDispose]());

describe("60 pods of both families on one node at once", () => {
  it("come and go with four requests a pod each way, and leave no address and no handle behind", async () => {
    const handlesBefore = await handles();
    const from = (await requestsOfAgents(cluster)).length;
    let between = from;
    const addressesInUse = () => addressesInBlocks(cluster);
    await crowd(cluster, { pods, node: 1, addressesInUse }, async () => {
      between = (await requestsOfAgents(cluster)).length;
    });
    const all = await requestsOfAgents(cluster);
    const asked = { forAdds: between - from, forDels: all.length - between };
    console.log(asked);
    assert(asked.forAdds <= 4 * pods + blockClaims, JSON.stringify(inWords(all.slice(from, between))));
    assert(asked.forDels <= 4 * pods, JSON.stringify(inWords(all.slice(between))));
    assert.deepEqual(await handles(), handlesBefore);
  });
});

describe("an idle node", () => {
  it("asks twice a minute at most, watches aside", async () => {
    const from = (await requestsOfAgents(cluster)).length;
    await delay(idleMinutes * 60_000); // What does not happen in a time is the subject.
    const asked = (await requestsOfAgents(cluster)).slice(from);
    assert(asked.length <= 2 * idleMinutes, JSON.stringify(inWords(asked)));
  });
});

/** A block of IPv4 has 64 addresses: a second one is claimed on the way, by a listing and three writes. */
const blockClaims = 8;

async function handles(): Promise<readonly unknown[]> {
  const found = JSON.parse(await cluster.kubectl(["get", "--raw", "/apis/projectcalico.org/v3/ipamhandles"]));
  return list(field(found, "items")).map((handle) => field(handle, "metadata", "name"));
}

function inWords(requests: Awaited<ReturnType<typeof requestsOfAgents>>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { verb, uri } of requests) {
    const what = `${verb} ${uri.split("?")[0]?.split("/").slice(1, 6).join("/")}`;
    counts[what] = (counts[what] ?? 0) + 1;
  }
  return counts;
}
