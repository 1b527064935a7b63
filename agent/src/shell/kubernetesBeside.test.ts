import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MemoryStore, StoreError } from "@brindle/api";
import { afterEach, beforeEach, describe, it } from "vitest";
import { kubernetesBeside } from "./kubernetesBeside.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "brindle-beside-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** Of a server that nobody asks. */
async function writeKubeconfig(): Promise<string> {
  const path = join(folder, "kubeconfig");
  const clusters = [{ name: "c", cluster: { server: "https://192.0.2.1:6443" } }];
  const contexts = [{ name: "x", context: { cluster: "c", user: "u" } }];
  const users = [{ name: "u", user: { token: "t" } }];
  const kubeconfig = { apiVersion: "v1", kind: "Config", clusters, contexts, users, "current-context": "x" };
  await writeFile(path, JSON.stringify(kubeconfig));
  return path;
}

describe("the API server beside etcd", () => {
  it("is the one that was named", async () => {
    const api = await kubernetesBeside(new MemoryStore(), { environment: {}, kubeconfig: await writeKubeconfig() });
    assert(api);
    api.close();
  });

  it("is none where none was named, also where who started the agent has a kubeconfig", async () => {
    const environment = { KUBECONFIG: await writeKubeconfig() };
    assert.equal(await kubernetesBeside(new MemoryStore(), { environment }), null);
  });

  it("cannot be one whose kubeconfig is not there", async () => {
    const missing = { environment: {}, kubeconfig: join(folder, "missing") };
    await assert.rejects(kubernetesBeside(new MemoryStore(), missing), (error) => {
      return error instanceof StoreError && error.failure.code === "MISCONFIGURED";
    });
  });
});
