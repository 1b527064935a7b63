/** Who the store is to a real API server: how it comes by that, how it keeps it, and what it never repeats. */
import assert from "node:assert/strict";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inspect } from "node:util";
import type { ClusterAccess, Store } from "@brindle/api";
import { findClusterAccess, openKubernetesStore } from "@brindle/api/shell";
import { afterAll, beforeAll, describe, it } from "vitest";
import { run } from "../fixtures/command.ts";
import { startCuttableProxy } from "../fixtures/cuttableProxy.ts";
import type { Identity } from "../fixtures/kube/identity.ts";
import { type KubeApi, startKubeApi } from "../fixtures/kube/kubeApi.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { createAuthority } from "../fixtures/x509.ts";
import { isStoreError, Recorder } from "../storeContract/subject.ts";

const deadlineMs = 60_000;
let cluster: KubeApi;

beforeAll(async () => {
  cluster = await startKubeApi();
});
afterAll(() => cluster?.[Symbol.asyncDispose]());

/** A file of the test, beside those of the cluster. */
async function write(name: string, content: string): Promise<string> {
  const path = join(cluster.directory, name);
  await writeFile(path, content, { mode: 0o600 });
  return path;
}

async function permit(user: string, ...rights: string[]): Promise<void> {
  await cluster.kubectl(["create", "clusterrole", user.replaceAll(":", "-"), ...rights]);
  const role = `--clusterrole=${user.replaceAll(":", "-")}`;
  await cluster.kubectl(["create", "clusterrolebinding", user.replaceAll(":", "-"), role, `--user=${user}`]);
}

function textOf(identity: Identity): string {
  return "token" in identity ? identity.token : "";
}

async function using(access: ClusterAccess, work: (store: Store) => Promise<void>): Promise<void> {
  const store = openKubernetesStore({ access, rereadMs: 500 });
  try {
    await work(store);
  } finally {
    await store.close();
  }
}

describe("credentials", () => {
  it("go on as the token's file is replaced, whatever became of the token before", async () => {
    const path = await write("token", textOf(await cluster.issueToken("default", "rotated", { lifetimeSeconds: 5 })));
    await permit(
      "system:serviceaccount:default:rotated",
      "--verb=get,list,watch",
      "--resource=namespaces,serviceaccounts",
    );
    const access = { server: cluster.url, ca: { file: cluster.authorityFile }, token: { file: path } };
    await using(access, async (store) => {
      const watch = new Recorder(store, ["Profile"]);
      await watch.until("it is in sync", (told) => told.includes("inSync Profile"));
      await waitFor(() => store.get({ kind: "Profile", name: "kns.default" }).then(() => false, isUnauthorized), {
        what: "the token has expired",
        deadlineMs,
      });
      await write("token", textOf(await cluster.issueToken("default", "rotated")));
      assert.ok(await store.get({ kind: "Profile", name: "kns.default" }));
      await watch.stop();
    });
  });

  it("are those of the certificate's file as it is now", async () => {
    const allowed = cluster.issueCertificate("certified", []);
    const other = cluster.issueCertificate("nobody-in-particular", []);
    assert.ok("certificate" in allowed && "certificate" in other);
    await permit("certified", "--verb=get,list,watch", "--resource=namespaces");
    const access = {
      server: cluster.url,
      ca: { file: cluster.authorityFile },
      certificate: { file: await write("client.crt", other.certificate) },
      key: { file: await write("client.key", other.key) },
    };
    await using(access, async (store) => {
      const get = () => store.get({ kind: "Profile", name: "kns.default" });
      await assert.rejects(get(), /a role with the verb get on namespaces is missing: .*nobody-in-particular/);
      await write("client.crt", allowed.certificate);
      await write("client.key", allowed.key);
      await waitFor(get, { what: "the new certificate counts", deadlineMs });
    });
  });

  it("trust whom the file of authorities says now, whoever it was before", async () => {
    const stranger = createAuthority("stranger").certificate;
    const path = await write("authorities.crt", stranger);
    const admin = await write("admin.token", textOf(await cluster.issueToken("default", "trusting")));
    await permit("system:serviceaccount:default:trusting", "--verb=get,list,watch", "--resource=namespaces");
    await using relay = await startCuttableProxy({ host: "127.0.0.1", port: cluster.port });
    const access = { server: `https://127.0.0.1:${relay.port}`, ca: { file: path }, token: { file: admin } };
    await using(access, async (store) => {
      const get = () => store.get({ kind: "Profile", name: "kns.default" });
      await assert.rejects(get(), /signed by nobody that we trust/);
      // As in the middle of a rotation: both of them.
      await write("authorities.crt", `${stranger}${cluster.authority}`);
      assert.ok(await get());
      await write("authorities.crt", stranger);
      relay.reset();
      await waitFor(() => get().then(() => false, isUntrusted), { what: "the server is trusted no more", deadlineMs });
      await write("authorities.crt", cluster.authority);
      assert.ok(await get());
    });
  });

  it("name the verb and the resource of a right that is missing, and work once it is there", async () => {
    const kubeconfig = await cluster.writeKubeconfig("poor", await cluster.issueToken("default", "poor"));
    const access = await findClusterAccess({ environment: { KUBECONFIG: kubeconfig } });
    await using(access, async (store) => {
      const watch = new Recorder(store, ["Node"]);
      await watch.untilLast("disconnected");
      assert.match(inspect(watch.events), /a role with the verb watch on nodes is missing/);
      await permit("system:serviceaccount:default:poor", "--verb=list,watch", "--resource=nodes");
      await watch.until("it is in sync", (told) => told.includes("inSync Node"), deadlineMs);
      await watch.untilLast("connected");
      await watch.stop();
    });
  });

  it("come of a plugin that the kubeconfig names, which is asked again when its token has expired", async () => {
    const first = textOf(await cluster.issueToken("default", "plugged", { lifetimeSeconds: 5 }));
    await permit("system:serviceaccount:default:plugged", "--verb=get,list", "--resource=namespaces");
    const answer = (token: string) =>
      JSON.stringify({ apiVersion: "client.authentication.k8s.io/v1", kind: "ExecCredential", status: { token } });
    const given = await write("given.json", answer(first));
    const plugin = await write("plugin", `#!/bin/sh\nexec cat ${given}\n`);
    await chmod(plugin, 0o700);
    const access = {
      server: cluster.url,
      ca: { file: cluster.authorityFile },
      plugin: { name: "test", exec: { apiVersion: "client.authentication.k8s.io/v1", command: plugin } },
    };
    await using(access, async (store) => {
      const get = () => store.get({ kind: "Profile", name: "kns.default" });
      assert.ok(await get());
      await waitFor(() => get().then(() => false, isUnauthorized), { what: "the token has expired", deadlineMs });
      await write("given.json", answer(textOf(await cluster.issueToken("default", "plugged"))));
      assert.ok(await get());
    });
  });

  it("appear in no error: not a token, not a key, not what a plugin said", async () => {
    const secret = "s3cret-token";
    const failing = await write("failing", `#!/bin/sh\necho ${secret} >&2\nexit 1\n`);
    await chmod(failing, 0o700);
    const at = { server: cluster.url, ca: { file: cluster.authorityFile } };
    for (const access of [
      { ...at, token: { text: secret } },
      { ...at, plugin: { name: "test", exec: { command: failing } } },
      { ...at, server: "https://127.0.0.1:1", token: { text: secret } },
    ]) {
      await using(access, async (store) => {
        const error: unknown = await store.get({ kind: "Node", name: "x" }).catch((thrown: unknown) => thrown);
        assert.ok(
          isStoreError(error, "server" in access && access.server.endsWith(":1") ? "UNAVAILABLE" : "UNAUTHORIZED"),
        );
        assert.doesNotMatch(inspect(error, { depth: 10, showHidden: true }), /s3cret/);
        assert.doesNotMatch(inspect(store, { depth: 10, showHidden: true }), /s3cret/);
      });
    }
  });

  it("do not load the Kubernetes client where no plugin is named", async () => {
    const script = `
      import { registerHooks } from "node:module";
      const loaded = [];
      registerHooks({ resolve: (name, context, next) => { loaded.push(name); return next(name, context); } });
      const { findClusterAccess, openKubernetesStore } = await import("@brindle/api/shell");
      const access = await findClusterAccess({ environment: { KUBECONFIG: ${JSON.stringify(cluster.adminKubeconfig)} } });
      const store = openKubernetesStore({ access });
      await store.get({ kind: "Node", name: "x" });
      await store.close();
      console.log(JSON.stringify({ client: loaded.some((name) => name.includes("client-node")), count: loaded.length }));
    `;
    const args = ["--conditions=brindle-source", "--input-type=module", "--eval", script];
    const { stdout, stderr } = await run(process.execPath, args, { cwd: import.meta.dirname });
    assert.match(stdout, /"client":false/, stderr);
    assert.ok(JSON.parse(stdout).count > 50);
  });
});

function isUntrusted(error: unknown): boolean {
  return isStoreError(error, "UNAVAILABLE") && /signed by nobody that we trust/.test(`${error}`);
}

function isUnauthorized(error: unknown): boolean {
  return isStoreError(error, "UNAUTHORIZED");
}
