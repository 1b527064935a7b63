/** The fixture is what it says: a real API server, to which the things happen that its tests are about. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, it } from "vitest";
import { run, startDaemon } from "../fixtures/command.ts";
import { startCuttableProxy } from "../fixtures/cuttableProxy.ts";
import { registryRoot } from "../fixtures/instance.ts";
import { field } from "../fixtures/json.ts";
import type { KubeAccess } from "../fixtures/kube/access.ts";
import { type KubeApi, startKubeApi } from "../fixtures/kube/kubeApi.ts";
import { kubeVersion } from "../fixtures/kube/programs.ts";
import { sharedKubeApi } from "../fixtures/kube/shared.ts";
import { waitFor } from "../fixtures/waitFor.ts";

const namespaces = "/api/v1/namespaces";

describe("the API server that all share", () => {
  let api: KubeAccess;
  beforeAll(async () => {
    api = await sharedKubeApi();
  });

  it("is of the version that go.mod pins, and so is kubectl", async () => {
    const answer = await api.request("GET", "/version");
    assert.equal(field(JSON.parse(answer.body), "gitVersion"), kubeVersion);
    const versions = await api.kubectl(["version"]);
    assert.match(versions, new RegExp(`^Client Version: ${kubeVersion}$`, "m"));
    assert.match(versions, new RegExp(`^Server Version: ${kubeVersion}$`, "m"));
  });

  it("takes a custom resource definition, and refuses by its CEL rule what that forbids", async () => {
    await api.kubectl(["create", "-f", "-"], { input: JSON.stringify(definition) });
    await api.kubectl(["wait", "--for=condition=Established", "crd/spans.test.brindle.network", "--timeout=20s"]);
    const create = (name: string, spec: object) => {
      const input = JSON.stringify({ apiVersion: "test.brindle.network/v1", kind: "Span", metadata: { name }, spec });
      return api.runKubectl(["create", "-f", "-"], { input });
    };
    assert.equal((await create("good", { first: 1, last: 2 })).exitCode, 0);
    const refused = await create("bad", { first: 2, last: 1 });
    assert.equal(refused.exitCode, 1);
    assert.match(refused.stderr, /last must not be below first/);
    await api.kubectl(["delete", "crd", "spans.test.brindle.network"]);
  });

  it("lets a user do what its roles allow, and nothing else", async () => {
    const binding = ["rolebinding", "readers", "--clusterrole=view", "--group=readers", "--namespace=default"];
    await api.kubectl(["create", ...binding]);
    const identity = api.issueCertificate("jane", ["readers"]);
    const get = (path: string) => api.request("GET", path, { identity });
    await waitFor(async () => (await get(`${namespaces}/default/pods`)).status === 200, { what: "the binding works" });
    const refused = await get("/api/v1/nodes");
    assert.equal(refused.status, 403);
    assert.match(refused.body, /User \\"jane\\" cannot list/);
    await api.kubectl(["delete", "rolebinding", "readers", "--namespace=default"]);
  });

  it("refuses the token of a service account once its time is over", async () => {
    const identity = await api.issueToken("default", "shortlived", { lifetimeSeconds: 2 });
    const ask = async () => (await api.request("GET", `${namespaces}/default/pods`, { identity })).status;
    assert.equal(await ask(), 403, "it is known, and may do nothing");
    await waitFor(async () => (await ask()) === 401, { what: "the token is refused", deadlineMs: 30_000 });
  });

  it("refuses a client's certificate once its time is over", async () => {
    const identity = api.issueCertificate("jane", [], { lifetimeSeconds: 6 });
    const ask = async () => (await api.request("GET", "/api/v1/nodes", { identity })).status;
    assert.equal(await ask(), 403, "it is known, and may do nothing");
    await waitFor(async () => (await ask()) === 401, { what: "the certificate is refused" });
  });

  it("has controllers: what a namespace holds goes with it", async () => {
    await api.kubectl(["create", "namespace", "passing"]);
    await api.kubectl(["create", "configmap", "inside", "--namespace=passing"]);
    await api.kubectl(["delete", "namespace", "passing", "--timeout=60s"], { deadlineMs: 60_000 });
    assert.equal((await api.request("GET", `${namespaces}/passing`)).status, 404);
  });
});

describe("an API server of one's own", () => {
  let api: KubeApi;
  beforeAll(async () => {
    api = await startKubeApi({ audit: true });
  });
  afterAll(() => api?.[Symbol.asyncDispose]());

  it("streams the initial list of a watch, and marks its end", async () => {
    const events = await watch("sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true");
    const names = events.filter(({ type }) => type === "ADDED").map(({ name }) => name);
    assert.ok(names.includes("default") && names.includes("kube-system"), names.join());
    const [bookmark] = events.filter(({ type }) => type === "BOOKMARK");
    const annotations = field(bookmark?.object, "metadata", "annotations");
    assert.deepEqual(annotations, { "k8s.io/initial-events-end": "true" });
  });

  it("keeps its data, its port and its identities over a restart and over a crash", async () => {
    await api.kubectl(["create", "namespace", "lasting"]);
    const identity = await api.issueToken("lasting", "someone");
    for (const end of ["stop", "kill"] as const) {
      await api[end]();
      await assert.rejects(api.request("GET", "/version"), { code: "ECONNREFUSED" });
      await api.start();
      assert.equal((await api.request("GET", `${namespaces}/lasting`)).status, 200);
      assert.equal((await api.request("GET", `${namespaces}/lasting/pods`, { identity })).status, 403);
    }
  });

  it("forgets what came after a snapshot that is restored, and its resource versions run backwards", async () => {
    const revision = async () => Number(field(JSON.parse((await api.request("GET", namespaces)).body), ...version));
    const snapshot = await api.snapshot();
    // More than the server itself writes when it starts.
    const items = Array.from({ length: 100 }, (_, i) => namespaceNamed(`after-${i}`));
    await api.kubectl(["create", "-f", "-"], { input: JSON.stringify({ apiVersion: "v1", kind: "List", items }) });
    const late = await revision();
    await api.restore(snapshot);
    assert.equal((await api.request("GET", `${namespaces}/after-0`)).status, 404);
    assert.equal((await api.request("GET", `${namespaces}/default`)).status, 200);
    assert.ok((await revision()) < late);
  });

  it("shows a new certificate of the same authority while it runs", async () => {
    await api.renewServerCertificate();
    assert.equal((await api.request("GET", "/version")).status, 200);
  });

  it("is reached through a proxy by a kubeconfig, and notes what was asked", async () => {
    await using proxy = await startCuttableProxy({ host: "127.0.0.1", port: api.port });
    const admin = await api.writeKubeconfig("through-proxy", api.admin, { port: proxy.port });
    await api.kubectl([`--kubeconfig=${admin}`, "get", "configmaps", "--namespace=default"]);
    assert.ok(proxy.connections > 0);
    const asked = async () =>
      (await api.requests())
        .filter(({ uri }) => uri.startsWith(`${namespaces}/default/configmaps`))
        .map(({ user, verb, status }) => [user, verb, status]);
    // It notes a request after it has answered it.
    await waitFor(async () => (await asked()).length > 0, { what: "the request is noted" });
    assert.deepEqual(await asked(), [["admin", "list", 200]]);
    await proxy.cut();
    const refused = await api.runKubectl([`--kubeconfig=${admin}`, "get", "configmaps"]);
    assert.match(refused.stderr, /connection refused|was refused/);
  });

  const version = ["metadata", "resourceVersion"];
  const watch = (query: string) => watchNamespaces(api, query);
});

describe("an API server without a watch cache", () => {
  it("answers 410 for history that is compacted: to a watch, to a list of then, to the next page", async () => {
    await using api = await startKubeApi({ watchCache: false });
    const page: unknown = JSON.parse((await api.request("GET", `${namespaces}?limit=2`)).body);
    const version = field(page, "metadata", "resourceVersion");
    const next = `${namespaces}?limit=2&continue=${field(page, "metadata", "continue")}`;
    const then = `${namespaces}?resourceVersion=${version}&resourceVersionMatch=Exact`;
    await api.kubectl(["create", "namespace", "later"]);
    for (const path of [next, then]) assert.equal((await api.request("GET", path)).status, 200);
    assert.deepEqual(
      (await watchNamespaces(api, `resourceVersion=${version}`)).map(({ type, name }) => `${type} ${name}`),
      ["ADDED later"],
    );

    await api.compactNow();
    for (const path of [next, then]) assert.equal((await api.request("GET", path)).status, 410);
    const [event, ...more] = await watchNamespaces(api, `resourceVersion=${version}`);
    assert.deepEqual([event?.type, field(event?.object, "code"), more.length], ["ERROR", 410, 0]);
  });
});

describe("a test process that is killed", () => {
  it("leaves no process, no file and no registry behind", async () => {
    const program = fileURLToPath(new URL("../fixtures/kube/victim.ts", import.meta.url));
    const victim = startDaemon(process.execPath, ["--conditions=brindle-source", program]);
    const [id = "", directory = ""] = await waitFor(
      () => {
        victim.assertRunning();
        return /ready (\S+) (\S+)/.exec(victim.output())?.slice(1);
      },
      { what: "the victim has an API server" },
    );
    const running = async () => (await run("pgrep", ["--full", `/tmp/brindle-${id}-`])).stdout.trim().split("\n");
    assert.equal((await running()).length, 3, "etcd, the API server, the controllers");
    assert.equal((await stat(directory)).mode & 0o777, 0o700);
    for (const file of await readdir(directory)) assert.equal((await stat(join(directory, file))).mode & 0o777, 0o600);
    victim.kill("SIGKILL");

    await waitFor(() => !existsSync(`${registryRoot}/${id}`), { what: "the registry is gone" });
    assert.deepEqual(await running(), [""]);
    assert.deepEqual(
      (await readdir("/tmp")).filter((name) => name.startsWith(`brindle-${id}-`)),
      [],
    );
  });
});

interface WatchedEvent {
  readonly type: unknown;
  readonly name: unknown;
  readonly object: unknown;
}

/** All that a watch of one second tells. */
async function watchNamespaces(api: KubeAccess, query: string): Promise<WatchedEvent[]> {
  const { body } = await api.request("GET", `${namespaces}?watch=true&timeoutSeconds=1&${query}`);
  const lines = body.split("\n").filter((line) => line !== "");
  return lines.map((line) => {
    const event: unknown = JSON.parse(line);
    return {
      type: field(event, "type"),
      name: field(event, "object", "metadata", "name"),
      object: field(event, "object"),
    };
  });
}

function namespaceNamed(name: string): object {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name } };
}

const definition = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "spans.test.brindle.network" },
  spec: {
    group: "test.brindle.network",
    scope: "Cluster",
    names: { plural: "spans", singular: "span", kind: "Span" },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: {
              spec: {
                type: "object",
                required: ["first", "last"],
                properties: { first: { type: "integer" }, last: { type: "integer" } },
                "x-kubernetes-validations": [
                  { rule: "self.last >= self.first", message: "last must not be below first" },
                ],
              },
            },
          },
        },
      },
    ],
  },
};
