/** Who we are to etcd: certificates that are renewed, and tokens that expire. */
import assert from "node:assert/strict";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import type { Store } from "@brindle/api";
import { type EtcdStoreOptions, openEtcdStore } from "@brindle/api/shell/etcd";
import { afterEach, beforeEach, describe, it } from "vitest";
import { type CertificateFiles, createCertificateAuthority } from "../fixtures/certificates.ts";
import { type Etcd, startEtcd } from "../fixtures/etcd.ts";
import { processInstance } from "../fixtures/instance.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { commit, isStoreError, nodeKey, nodeWrite, Recorder } from "./subject.ts";

let stack: AsyncDisposableStack;
beforeEach(() => {
  stack = new AsyncDisposableStack();
});
afterEach(() => stack[Symbol.asyncDispose]());

function open(options: Parameters<typeof openEtcdStore>[0]): Store {
  return stack.adopt(openEtcdStore({ timeoutMs: 2_000, ...options }), (store) => store.close());
}

describe("TLS to etcd", () => {
  let directory: string;
  let etcd: Etcd;
  let client: CertificateFiles;

  beforeEach(async () => {
    directory = await (await processInstance()).createDirectory("tls");
    const authority = await createCertificateAuthority(directory);
    etcd = stack.use(await startEtcd({ tls: await authority.issue("server") }));
    client = await authority.issue("client");
  });

  it("shows a certificate, and takes etcd's from its authority alone", async () => {
    await commit(open({ endpoints: [etcd.endpoint], tls: client }), nodeWrite("node1", { op: "create" }));
    assert.match(await etcd.etcdctl("get", "--prefix", "--keys-only", "/calico"), /nodes\/node1/);
    const stranger = await createCertificateAuthority(directory, "stranger");
    const { certFile, keyFile } = client;
    for (const tls of [{ caFile: client.caFile }, { caFile: stranger.caFile, certFile, keyFile }]) {
      const store = open({ endpoints: [etcd.endpoint], tls });
      await assert.rejects(
        store.get(nodeKey("node1")),
        (error) => error instanceof Error && error.name === "StoreError",
      );
    }
  });

  it("says in words what a handshake fails for, and where to look", async () => {
    const stranger = await createCertificateAuthority(directory, "stranger");
    const rejected = await stranger.issue("rejected");
    const plain = stack.use(await startEtcd());
    const { caFile } = client;
    const trials: readonly [string, EtcdStoreOptions["tls"] & object, RegExp][] = [
      [etcd.endpoint, { ...client, caFile: rejected.caFile }, /another authority .*ETCD_CA_CERT_FILE/],
      [etcd.endpoint, { caFile }, /does not accept our certificate, or wants one .*ETCD_CERT_FILE/],
      [etcd.endpoint, { ...rejected, caFile }, /does not accept our certificate/],
      [etcd.endpoint.replace("127.0.0.1", "localhost"), client, /does not name this address/],
      [plain.endpoint.replace("http:", "https:"), client, /does not speak TLS; perhaps the endpoint is http:/],
    ];
    for (const [endpoint, tls, words] of trials) {
      const store = open({ endpoints: [endpoint], tls });
      const told = (await store.get(nodeKey("node1")).catch((error: Error) => error)) as Error;
      assert.match(told.message, words);
      assert.doesNotMatch(told.message, /openssl|\d{4}-\d\d-\d\dT/i);
    }
  });

  it("uses renewed files without being told, and the former ones while a renewal is half done", async () => {
    const used = { caFile: client.caFile, certFile: join(directory, "used.pem"), keyFile: join(directory, "used.key") };
    const stranger = await createCertificateAuthority(directory, "stranger");
    const rejected = await stranger.issue("rejected");
    await install(rejected);
    const store = open({ endpoints: [etcd.endpoint], tls: used });
    await assert.rejects(store.get(nodeKey("node1")));

    await copyFile(client.keyFile, used.keyFile);
    await assert.rejects(store.get(nodeKey("node1")));
    await copyFile(client.certFile, used.certFile);
    await waitFor(() => commit(store, nodeWrite("node1", { op: "put" })), {
      what: "the renewed certificate is used",
      deadlineMs: 60_000,
    });

    const recorder = stack.adopt(new Recorder(store, ["Node"]), (each) => each.stop());
    await recorder.untilLast("inSync Node");
    await install(rejected);
    await assert.rejects(store.get(nodeKey("node1")));
    await install(client);
    await commit(open({ endpoints: [etcd.endpoint], tls: client }), nodeWrite("node2", { op: "put" }));
    // What was under way over the former connection has gone on all the time.
    await recorder.untilLast("changed node2");
    assert.deepEqual(recorder.told, ["changed node1", "inSync Node", "changed node2"]);

    async function install({ certFile, keyFile }: CertificateFiles): Promise<void> {
      await copyFile(certFile, used.certFile);
      await copyFile(keyFile, used.keyFile);
    }
  });
});

describe("a user of etcd", () => {
  const user = { name: "brindle", password: "secret-of-brindle" };

  async function startSecured(): Promise<Etcd> {
    const etcd = stack.use(await startEtcd({ extraArgs: ["--auth-token-ttl=1"] }));
    for (const command of [
      "user add root:secret-of-root",
      "user grant-role root root",
      "role add calico",
      "role grant-permission calico readwrite --prefix=true /calico/",
      `user add ${user.name}:${user.password}`,
      `user grant-role ${user.name} calico`,
      "auth enable",
    ]) {
      await etcd.etcdctl(...command.split(" "));
    }
    return etcd;
  }

  it("asks for another token when etcd forgets its own, by time or by a restart", async () => {
    const etcd = await startSecured();
    const store = open({ endpoints: [etcd.endpoint], user });
    const recorder = stack.adopt(new Recorder(store, ["Node"]), (each) => each.stop());
    await recorder.untilLast("inSync Node");
    const idle = open({ endpoints: [etcd.endpoint], user });
    await idle.get(nodeKey("node1"));
    await tokensAreForgotten(etcd);
    await commit(idle, nodeWrite("node1", { op: "create" }));
    await recorder.untilLast("changed node1");
    await etcd.stop();
    await etcd.start();
    await waitFor(() => commit(idle, nodeWrite("node2", { op: "put" })), { what: "etcd is back" });
    await recorder.until("what came after the restart is told", (told) => told.includes("changed node2"));
  });

  it("is told so at once when it is refused, without its password", async () => {
    const etcd = await startSecured();
    for (const wrong of [
      { name: user.name, password: "wrong-secret" },
      { name: "nobody", password: "secret-too" },
    ]) {
      const store = open({ endpoints: [etcd.endpoint], user: wrong, timeoutMs: 60_000 });
      const startMs = performance.now();
      await assert.rejects(store.get(nodeKey("node1")), (error) => {
        assert.ok(error instanceof Error);
        assert.doesNotMatch(`${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`, /secret/);
        return isStoreError(error, "UNAUTHORIZED");
      });
      assert.ok(performance.now() - startMs < 30_000);
      const recorder = stack.adopt(new Recorder(store, ["Node"]), (each) => each.stop());
      await recorder.untilLast("disconnected");
      assert.doesNotMatch(JSON.stringify(recorder.events), /secret/);
    }
  });

  it("goes on without where etcd asks nobody who he is", async () => {
    const etcd = stack.use(await startEtcd());
    await commit(open({ endpoints: [etcd.endpoint], user }), nodeWrite("node1", { op: "create" }));
    assert.match(await etcd.etcdctl("get", "--prefix", "--keys-only", "/calico"), /nodes\/node1/);
  });

  /** Each of some tokens, given just now, is tried once, since to use one is to prolong it. */
  async function tokensAreForgotten(etcd: Etcd): Promise<void> {
    const ask = async (path: string, body: object, token?: string) => {
      const headers = { "content-type": "application/json", ...(token && { authorization: token }) };
      return fetch(`${etcd.endpoint}/v3/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    };
    const tokens: string[] = [];
    while (tokens.length < 12) {
      const { token } = (await (await ask("auth/authenticate", user)).json()) as { token: string };
      tokens.push(token);
    }
    const key = Buffer.from("/calico/x").toString("base64");
    const isForgotten = async () => !(await ask("kv/range", { key }, tokens.pop())).ok;
    await waitFor(isForgotten, { what: "etcd forgets a token", deadlineMs: 5_000, intervalMs: 400 });
  }
});
