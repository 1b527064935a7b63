/** What a server says for a moment only, too briefly for a test with a real one. */
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
/** What is answered beside that, by method and path. */
let answers: Readonly<Record<string, readonly [number, object]>>;
let server: Http2Server;
let store: Store;

beforeEach(async () => {
  asked = [];
  answers = {};
  server = createServer((request, response) => {
    asked.push(request.url);
    const [status, body] = answers[`${request.method} ${request.url}`] ?? answer(request.url);
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

function answer(path: string): readonly [number, object] {
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

describe("a creation", () => {
  const path = "/apis/projectcalico.org/v3/ipamhandles";
  const there = { name: "net.a", uid: "u", resourceVersion: "5" };
  const value = { block: { "10.0.0.0/26": 1 }, deleted: false };
  const create = () => store.commit([{ op: "create", key: { kind: "IPAMHandle", name: "net.a" }, value }]);
  const spec = { handleID: "net.a", block: {} };

  beforeEach(() => {
    groups = ["projectcalico.org"];
  });

  it("removes what is in its way where that is the leftover of a deletion", async () => {
    let isThere = true;
    answers = {
      get [`POST ${path}`]() {
        return isThere
          ? ([409, { reason: "AlreadyExists" }] as const)
          : ([201, { metadata: { resourceVersion: "7" } }] as const);
      },
      [`GET ${path}/net.a`]: [200, { metadata: there, spec: { ...spec, deleted: true } }],
      get [`DELETE ${path}/net.a`]() {
        isThere = false;
        return [200, {}] as const;
      },
    };
    assert.deepEqual(await create(), { kind: "committed", revision: "7" });
  });

  it("is a conflict where something else is in its way", async () => {
    answers = {
      [`POST ${path}`]: [409, { reason: "AlreadyExists" }],
      [`GET ${path}/net.a`]: [200, { metadata: there, spec }],
    };
    assert.equal((await create()).kind, "conflict");
  });

  it("is not tried again where it may have been done", async () => {
    answers = { [`POST ${path}`]: [503, { reason: "ServiceUnavailable" }] };
    await assert.rejects(create(), (error) => error instanceof StoreError && error.failure.code === "UNAVAILABLE");
    assert.deepEqual(
      asked.filter((url) => url === path),
      [path],
    );
  });

  it("is refused for ever where the namespace is missing, and no conflict", async () => {
    answers = {
      "POST /apis/projectcalico.org/v3/namespaces/prod/networksets": [
        404,
        { reason: "NotFound", message: 'namespaces "prod" not found', details: { name: "prod", kind: "namespaces" } },
      ],
    };
    const metadata = { name: "x", namespace: "prod" };
    const networkSet = { apiVersion: "projectcalico.org/v3", kind: "NetworkSet", metadata, spec: {} } as const;
    const key = { kind: "NetworkSet", ...metadata } as const;
    await assert.rejects(
      store.commit([{ op: "create", key, value: networkSet }]),
      (error) => error instanceof StoreError && error.failure.code === "REFUSED",
    );
  });
});

it("a policy is found under its own name, though one of another name stands where it would have stood before", async () => {
  groups = ["crd.projectcalico.org"];
  const path = "/apis/crd.projectcalico.org/v1/namespaces/prod/networkpolicies";
  const policy = (name: string, order: number) =>
    [200, { metadata: { name, namespace: "prod", resourceVersion: "5" }, spec: { order } }] as const;
  answers = {
    [`GET ${path}/default.web`]: policy("default.web", 1),
    [`GET ${path}/default.default.web`]: policy("default.default.web", 2),
  };
  const orderOf = async (name: string) =>
    (await store.get({ kind: "NetworkPolicy", namespace: "prod", name }))?.value.spec.order;
  assert.deepEqual(await Promise.all(["web", "default.web"].map(orderOf)), [1, 2]);
});
