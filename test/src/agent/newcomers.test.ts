/** How long a pod waits until other nodes let it in, as one of them measures it: two nodes, policy by labels, and the metric. */
import assert from "node:assert/strict";
import { afterAll, beforeAll, describe, it } from "vitest";
import { namespaceNamed } from "../fixtures/namespace.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import type { Pod } from "../lab/runtime.ts";
import { type Exposition, parseExposition } from "../metrics/exposition.ts";
import { removePodsOfFailedTests } from "./failedTests.ts";
import { established, resource, type Stand, startStand } from "./stand.ts";

const metric = "brindle_policy_newcomer_duration_seconds";

describe("a pod that comes to another node", () => {
  let stand: Stand;
  let guarded: Pod;

  beforeAll(async () => {
    stand = await startStand({ fabric: { racks: [{ number: 1, routers: ["tor"], nodes: ["node1", "node2"] }] } });
    await stand.apply(
      resource("FelixConfiguration", "default", { prometheusMetricsEnabled: true }),
      resource("GlobalNetworkPolicy", "guests", {
        selector: "app == 'guarded'",
        ingress: [{ action: "Allow", source: { selector: "app == 'guest'" } }],
      }),
    );
    await Promise.all(["node1", "node2"].map((node) => established(stand, node)));
    guarded = await stand.runtime.add({ name: "guarded", node: "node1", labels: { app: "guarded" } });
  });
  afterAll(() => stand?.[Symbol.asyncDispose]());
  removePodsOfFailedTests(() => stand);

  const scraped = (node: string): Promise<Exposition> =>
    waitFor(
      async () =>
        parseExposition(await stand.fabric.machine(node).exec("curl", ["-sf", "http://127.0.0.1:9091/metrics"])),
      { what: `${node} serves metrics`, deadlineMs: 30_000 },
    );
  /** Not there before the first. */
  const counted = async (node: string): Promise<number> => (await scraped(node)).samples.get(`${metric}_count`) ?? 0;
  const counts = (node: string, count: number): Promise<boolean> =>
    waitFor(
      async (saw) => {
        const seen = await counted(node);
        saw(seen);
        return seen === count;
      },
      { what: `${node} has counted ${count}`, deadlineMs: 30_000 },
    );

  it("is let in there, and how long it waited is counted there and not at home", async () => {
    await counts("node2", 1);
    assert.equal(await counted("node1"), 0);
    const guest = await stand.runtime.add({ name: "guest", node: "node2", labels: { app: "guest" } });
    await counts("node1", 1);
    const exposition = await scraped("node1");
    const waited = exposition.value(`${metric}_sum`);
    assert(waited > 0 && waited < 30, `${waited} s`);
    assert.equal(exposition.value(`${metric}_bucket{le="+Inf"}`), 1);
    const from = namespaceNamed(guest.namespace);
    for (const address of guarded.addresses)
      await waitFor(async () => (await from.run("ping", ["-n", "-c1", "-W1", address])).exitCode === 0, {
        what: `${address} is reached`,
        deadlineMs: 30_000,
      });
    assert.equal(await counted("node2"), 1);
  });

  it("without the label is counted as well, and not let in", async () => {
    const stranger = await stand.runtime.add({ name: "stranger", node: "node2", labels: { app: "stranger" } });
    await counts("node1", 2);
    const [address = ""] = guarded.addresses;
    const { exitCode } = await namespaceNamed(stranger.namespace).run("ping", ["-n", "-c2", "-i0.2", "-W1", address]);
    assert.notEqual(exitCode, 0);
  });
});
