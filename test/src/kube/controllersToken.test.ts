/** The controllers' own token: what a kubelet replaces before it expires, and they go on by the new one. */
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, it } from "vitest";
import { type Daemon, startDaemon } from "../fixtures/command.ts";
import { processInstance } from "../fixtures/instance.ts";
import { field, list, text } from "../fixtures/json.ts";
import { type KubeApi, startKubeApi } from "../fixtures/kube/kubeApi.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { applyCrds } from "./crds.ts";

const program = fileURLToPath(new URL("../../../agent/src/main.ts", import.meta.url));
const account = "system:serviceaccount:kube-system:carrier";
const lifetimeSeconds = 20;

let cluster: KubeApi;
let replica: Daemon | undefined;
let tokenFile = "";

beforeAll(async () => {
  cluster = await startKubeApi({ audit: true });
  await applyCrds(cluster);
  tokenFile = join(cluster.directory, "token");
  await giveToken(lifetimeSeconds);
  const binding = ["carrier", "--clusterrole=cluster-admin", "--serviceaccount=kube-system:carrier"];
  await cluster.kubectl(["create", "clusterrolebinding", ...binding]);
}, 180_000);
afterAll(async () => {
  await replica?.stop({ graceMs: 20_000 });
  if (replica) await (await processInstance()).forgetProcess(replica.pid);
  await cluster?.[Symbol.asyncDispose]();
});

/** As a kubelet does it: the file is another one from one moment to the next. */
async function giveToken(seconds: number): Promise<void> {
  const identity = await cluster.issueToken("kube-system", "carrier", { lifetimeSeconds: seconds });
  await writeFile(`${tokenFile}.next`, "token" in identity ? identity.token : "", { mode: 0o600 });
  await rename(`${tokenFile}.next`, tokenFile);
}

async function kubeconfig(): Promise<string> {
  const path = join(cluster.directory, "carrier.kubeconfig");
  const config = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "a",
    contexts: [{ name: "a", context: { cluster: "a", user: "a" } }],
    clusters: [{ name: "a", cluster: { server: cluster.url, "certificate-authority": cluster.authorityFile } }],
    users: [{ name: "a", user: { tokenFile } }],
  };
  await writeFile(path, JSON.stringify(config), { mode: 0o600 });
  return path;
}

async function conditionOf(name: string): Promise<void> {
  const spec = { cidr: name === "before" ? "10.60.0.0/16" : "10.61.0.0/16" };
  const pool = { apiVersion: "projectcalico.org/v3", kind: "IPPool", metadata: { name }, spec };
  await cluster.kubectl(["apply", "-f", "-"], { input: JSON.stringify(pool) });
  await waitFor(
    async () => {
      replica?.assertRunning();
      const object: unknown = JSON.parse(
        await cluster.kubectl(["get", "ippools.projectcalico.org", name, "-o", "json"]),
      );
      const conditions = list(field(object, "status", "conditions") ?? []);
      return conditions.some((each) => text(field(each, "type")) === "Accepted");
    },
    { what: `the pool ${name} has its condition` },
  );
}

async function ownRequests(): Promise<number> {
  return (await cluster.requests()).filter(({ user }) => user === account).length;
}

describe("controllers whose token is replaced", () => {
  it("watch and write on, long after the first one has run out", async () => {
    const args = ["--conditions=brindle-source", program, "controllers", "--datastore=kubernetes"];
    replica = startDaemon(process.execPath, [...args, `--kubeconfig=${await kubeconfig()}`]);
    await (await processInstance()).registerProcess(replica.pid);
    await waitFor(async () => (await ownRequests()) > 0, { what: "they ask by the first token" });
    await giveToken(600);
    await conditionOf("before");
    const expired = Date.now() + (lifetimeSeconds + 10) * 1_000;
    await waitFor(() => Date.now() > expired, {
      what: "the first token has run out",
      deadlineMs: 60_000,
      intervalMs: 500,
    });
    // All is asked anew: what watched by the old token would be refused.
    await cluster.restart();
    await conditionOf("after");
  });
});
