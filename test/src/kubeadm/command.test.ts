/** `npm run cluster` as a person uses it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, it } from "vitest";
import { exec, type Outcome, run, startDaemon } from "../fixtures/command.ts";
import { processInstance } from "../fixtures/instance.ts";
import { testImage } from "../fixtures/kubeadm/images.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { writeImage } from "../oci/archive.ts";
import { textEntry } from "../oci/entries.ts";
import { machineSettings, tracesOf } from "./traces.ts";

const name = `command${process.pid}`;
const program = fileURLToPath(new URL("../cluster/main.ts", import.meta.url));
const settingsBefore = await machineSettings();

function cluster(args: readonly string[], input?: string): Promise<Outcome> {
  const env = { BRINDLE_CLUSTER: name };
  const options = input === undefined ? { env } : { env, input };
  return run(process.execPath, ["--conditions=brindle-source", program, ...args], { ...options, deadlineMs: 180_000 });
}

let up: Outcome;
beforeAll(async () => {
  up = await cluster(["up", "--nodes", "1"]);
});
afterAll(async () => {
  await cluster(["down"]);
  await (await processInstance())[Symbol.asyncDispose]();
});

describe("npm run cluster", () => {
  it("says how far it is, which checks it passed over and why, and how to go on", () => {
    assert.equal(up.exitCode, 0, up.stderr);
    assert.match(up.stdout, /^\[ +\d+\.\d s\] kubeadm's check SystemVerification is passed over: .*cgroup v1/m);
    assert.match(up.stdout, /^\[ +\d+\.\d s\] kubeadm init is done$/m);
    assert.match(up.stdout, /^export KUBECONFIG=\S+/m);
  });

  it("refuses a second of that name in words", async () => {
    const second = await cluster(["up"]);
    assert.equal(second.exitCode, 1);
    assert.match(
      second.stderr,
      /There is one cluster of the name .*down ends it\n.*\nsaw: one that is up, kept by process \d+/,
    );
  });

  it("leaves a kubeconfig for root alone, good for anybody's kubectl of root's", async () => {
    const [, kubeconfig = "", path = ""] = /^export KUBECONFIG=(\S+) PATH=(\S+):/m.exec(up.stdout) ?? [];
    assert.equal((await exec("stat", ["-c", "%a", kubeconfig])).trim(), "600");
    const names = await exec(join(path, "kubectl"), ["get", "nodes", "-o", "name"], {
      env: { KUBECONFIG: kubeconfig },
    });
    assert.equal(names, "node/node1\n");
  });

  it("shows its nodes and the sessions of their router", async () => {
    const { stdout } = await cluster(["status"]);
    assert.match(stdout, /^ {2}node1 {2}172\.30\.0\.1 {2}\S+ {2}runs {2}not Ready: .*cni plugin not initialized/m);
    assert.match(stdout, /^ {2}tor to 172\.30\.0\.1: \w+, 0 routes$/m);
  });

  it("hands everything behind kubectl to kubectl, its input and its exit code too", async () => {
    const manifest = JSON.stringify({ apiVersion: "v1", kind: "Namespace", metadata: { name: "given" } });
    assert.equal((await cluster(["kubectl", "apply", "-f", "-"], manifest)).stdout, "namespace/given created\n");
    const missing = await cluster(["kubectl", "-n", "given", "get", "pod", "nobody", "--no-headers"]);
    assert.equal(missing.exitCode, 1);
    assert.match(missing.stderr, /pods "nobody" not found/);
  });

  it("loads an archive into the nodes, and says so when there is none", async () => {
    const path = join(await (await processInstance()).createDirectory("load"), "image.tar");
    await writeImage({ name: "localhost/given:7", layers: [[textEntry("file", "text")]] }, path);
    assert.equal((await cluster(["load", path])).exitCode, 0);
    const listed = (await cluster(["shell", "1", "ctr", "-n", "k8s.io", "images", "list", "-q"])).stdout.split("\n");
    assert(listed.includes("localhost/given:7"));
    assert(listed.includes(testImage));
    const none = await cluster(["load", "/nowhere/image.tar"]);
    assert.equal(none.exitCode, 1);
    assert.match(none.stderr, /\/nowhere\/image\.tar/);
  });

  it("reaches the nodes from the client outside", async () => {
    assert.equal((await cluster(["shell", "client", "ping", "-c1", "-W2", "172.30.0.1"])).exitCode, 0);
    assert.equal((await cluster(["shell", "9", "true"])).exitCode, 1);
  });

  it("is gone after down, and says so when there is nothing", async () => {
    assert.match((await cluster(["down"])).stdout, /^The cluster is gone, after \d+\.\d s\.$/m);
    assert.deepEqual(await tracesOf(name), []);
    assert.deepEqual(await machineSettings(), settingsBefore);
    assert.equal((await cluster(["down"])).stdout, "No cluster is up.\n");
    assert.match((await cluster(["status"])).stderr, /npm run cluster -- up makes one/);
  });

  it("removes what it had made when it is interrupted", async () => {
    const args = ["--conditions=brindle-source", program, "up", "--nodes", "1"];
    const interrupted = startDaemon(process.execPath, args, { env: { BRINDLE_CLUSTER: name } });
    await waitFor(() => interrupted.output().includes("booted"), { what: "a node has booted", deadlineMs: 60_000 });
    interrupted.kill("SIGINT");
    assert.equal((await interrupted.exited).exitCode, 130);
    assert.deepEqual(await tracesOf(name), []);
  });
});
