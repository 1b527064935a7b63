/** A listing in pages, whose moment the API server forgets half way. */
import assert from "node:assert/strict";
import { findClusterAccess, openKubernetesStore } from "@brindle/api/shell";
import { afterAll, beforeAll, describe, it } from "vitest";
import { type KubeApi, startKubeApi } from "../fixtures/kube/kubeApi.ts";
import { waitFor } from "../fixtures/waitFor.ts";

const names = Array.from({ length: 60 }, (_, i) => `account-${String(i).padStart(2, "0")}`);

describe("a listing in pages", () => {
  let cluster: KubeApi;

  beforeAll(async () => {
    // From its cache a newer server goes on with a listing whatever etcd has forgotten; several servers do not share one.
    cluster = await startKubeApi({ audit: true, extraArgs: ["--feature-gates=ListFromCacheSnapshot=false"] });
    await Promise.all(names.map(create));
  });
  afterAll(() => cluster?.[Symbol.asyncDispose]());

  function create(name: string) {
    return cluster.request("POST", "/api/v1/namespaces/default/serviceaccounts", { body: { metadata: { name } } });
  }

  /** The answers to our pages so far. */
  async function pages(): Promise<number[]> {
    const requests = await cluster.requests();
    return requests
      .filter(({ uri, userAgent }) => /^brindle/.test(userAgent) && /limit=1\b/.test(uri))
      .map(({ status }) => status);
  }

  it("is begun anew when its moment is forgotten, and lacks nothing", async () => {
    const access = await findClusterAccess({ environment: { KUBECONFIG: cluster.adminKubeconfig } });
    const store = openKubernetesStore({ access, pageSize: 1 });
    const listing = store.list("Profile", { namePrefix: "ksa.default.account-" });
    await waitFor(async () => (await pages()).length > 8, { what: "the listing is under way", intervalMs: 5 });
    await create("later");
    await cluster.compactNow();
    const { items } = await listing;
    assert.deepEqual(
      items.map(({ key }) => key.name).sort(),
      names.map((name) => `ksa.default.${name}`),
    );
    assert.ok((await pages()).includes(410));
    await store.close();
  });
});
