/** Recipes of NetworkPolicies as operators copy them, brought by `kubectl apply`: packets say whether each means what it says. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, it } from "vitest";
import type { Cluster } from "../fixtures/kubeadm/cluster.ts";
import { recording } from "../fixtures/recordings.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { type Connection, ownConnections, ownRecipe, recipes } from "../oracle/recipes.ts";
import { type RecipePeers, startRecipePeers } from "./recipePeers.ts";

const folder = recording("netpol-recipes");
const all = [
  { name: "of our own", text: async () => ownRecipe, connections: ownConnections },
  ...(folder === null ? [] : recipes).map(({ file, connections }) => {
    return { name: file, text: () => readFile(`${folder}/${file}`, "utf8"), connections };
  }),
];

/** Needs a route of the router to the pods, for what comes from outside. */
export function describeRecipes(cluster: () => Cluster): void {
  describe("a recipe of NetworkPolicies", () => {
    let peers: RecipePeers;
    const connections = all.flatMap((recipe) => recipe.connections);
    beforeAll(async () => {
      peers = await startRecipePeers(cluster(), connections);
    });
    afterAll(() => peers?.[Symbol.asyncDispose]());

    it("has something to forbid: without it all of the connections are there", () => untilArriving(peers, connections));

    for (const { name, text, connections: ofRecipe } of all) {
      it(`${name} lets through and holds back what it says, and nothing any more when it is deleted`, async () => {
        const input = await text();
        const { kubectl } = cluster();
        await kubectl(["apply", "-f", "-"], { input });
        try {
          await untilAsSaid(peers, ofRecipe);
          assert.deepEqual(await unlikeSaid(peers, ofRecipe), []);
        } finally {
          await kubectl(["delete", "-f", "-"], { input });
        }
        await untilArriving(peers, ofRecipe);
      });
    }
  });
}

/** Policies come into force soon after they are applied. */
async function untilAsSaid(peers: RecipePeers, connections: readonly Connection[]): Promise<void> {
  await waitFor(
    async (saw) => {
      const wrong = await unlikeSaid(peers, connections);
      saw(wrong);
      return wrong.length === 0;
    },
    { what: "each connection is let through or held back as the recipe says", deadlineMs: 20_000 },
  );
}

function untilArriving(peers: RecipePeers, connections: readonly Connection[]): Promise<void> {
  return untilAsSaid(
    peers,
    connections.map((connection) => ({ ...connection, allowed: true })),
  );
}

async function unlikeSaid(peers: RecipePeers, connections: readonly Connection[]) {
  const arrivals = await peers.arrivals(connections);
  return arrivals.filter(({ connection, arrived }) => arrived !== connection.allowed);
}
