/** What a server says while it starts, which a real one says too briefly for a test. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Http2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, it } from "vitest";
import { StoreError } from "../../store/error.ts";
import type { Store } from "../../store/store.ts";
import { openKubernetesStore } from "./kubernetesStore.ts";

let isReady: boolean;
let groups: readonly string[];
let asked: string[];
let server: Http2Server;
let store: Store;

beforeEach(async () => {
  asked = [];
  server = createServer((request, response) => {
    asked.push(request.url);
    const [status, body] = answer(request.url);
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  store = openKubernetesStore({ access: { server: `http://127.0.0.1:${port}` } });
});
afterEach(async () => {
  await store.close();
  server.close();
});

function answer(path: string): [number, object] {
  if (path === "/apis") return [200, { groups: groups.map((name) => ({ name })) }];
  if (path === "/readyz") return [isReady ? 200 : 500, {}];
  return [404, { reason: "NotFound", details: { name: "pods" } }];
}

async function getPool(): Promise<unknown> {
  return store.get({ kind: "IPPool", name: "pods" });
}

describe("an API server without CRDs of Calico", () => {
  it("is not believed while it starts, and is asked again", async () => {
    groups = ["apps"];
    isReady = false;
    await assert.rejects(getPool(), (error) => error instanceof StoreError && error.failure.code === "UNAVAILABLE");
    groups = ["apps", "crd.projectcalico.org"];
    assert.equal(await getPool(), null);
    assert.equal(asked.at(-1), "/apis/crd.projectcalico.org/v1/ippools/pods");
  });

  it("is asked which it has until it has any, and then no more", async () => {
    groups = ["apps"];
    isReady = true;
    await getPool();
    assert.equal(asked.at(-1), "/apis/projectcalico.org/v3/ippools/pods");
    groups = ["apps", "crd.projectcalico.org"];
    await getPool();
    asked = [];
    await getPool();
    assert.deepEqual(asked, ["/apis/crd.projectcalico.org/v1/ippools/pods"]);
  });
});
