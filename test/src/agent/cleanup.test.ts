/** `brindle cleanup` on a node of the lab: what it refuses, what it takes, and that the node then is as it was before. */
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, it } from "vitest";
import type { Pod } from "../lab/runtime.ts";
import { removePodsOfFailedTests } from "./failedTests.ts";
import { established, ready, resource, type Stand, sees, startStand } from "./stand.ts";

const agentEntry = fileURLToPath(new URL("../../../agent/src/main.ts", import.meta.url));
const folders = ["--cni-config-directory=/run/cni-lists", "--bin-directory=/run/cni-executables"];
const networkList = '{"name": "k8s-pod-network", "plugins": [{"type": "brindle"}]}';
const others = '{"name": "others", "plugins": [{"type": "bridge"}]}';

let stand: Stand;
let before: Readonly<Record<string, readonly string[]>>;

beforeAll(async () => {
  stand = await startStand({ startsAgents: false });
  const { outside, exec } = stand.fabric.machine("node1");
  for (const folder of ["/run/cni-lists", "/run/cni-executables"]) await mkdir(outside(folder));
  await writeFile(outside("/run/cni-lists/20-others.conflist"), others);
  // Rules of somebody else in both forms, which are to stay.
  for (const form of ["nft", "legacy"]) {
    for (const command of ["iptables", "ip6tables"]) {
      await exec(`${command}-${form}`, ["-N", "OTHERS"]);
      await exec(`${command}-${form}`, ["-A", "FORWARD", "-j", "OTHERS"]);
    }
  }
  await exec("ipset", ["create", "others", "hash:ip"]);
  await exec("sysctl", ["-w", "net.ipv4.ip_forward=0", "net.ipv6.conf.all.forwarding=0"]);
  const ingress = [{ action: "Allow", source: { selector: "app == 'b'" } }];
  const policy = { selector: "all()", types: ["Ingress"], ingress };
  await stand.apply(resource("NetworkPolicy", "a", policy, { namespace: "default" }));
  before = await nodeAsItIs();
}, 120_000);
afterAll(() => stand?.[Symbol.asyncDispose]());
removePodsOfFailedTests(() => stand);

interface Ended {
  readonly exitCode: number | null;
  readonly output: string;
}

async function cleanup(...args: readonly string[]): Promise<Ended> {
  const all = ["--conditions=brindle-source", agentEntry, "cleanup", "--node=node1", ...folders, ...args];
  const run = stand.fabric.machine("node1").spawn(process.execPath, [...all, `--etcd=${stand.etcd.endpoint}`]);
  const { exitCode } = await run.exited;
  return { exitCode, output: run.output() };
}

/** With what a node has of an agent's: the files that an init step and the agent put in their places. */
async function agentRuns(): Promise<void> {
  const { outside } = stand.fabric.machine("node1");
  await writeFile(outside("/run/cni-lists/10-brindle.conflist"), networkList);
  await writeFile(outside("/run/cni-executables/brindle"), "");
  stand.launch("node1");
  await ready(stand, "node1");
  await established(stand, "node1");
}

async function agentEnds(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
  const agent = stand.agent("node1");
  agent.kill(signal);
  await agent.exited;
}

/** The end of its sandbox takes the node's end of the pair along, but when the kernel comes to it. */
async function goes(pod: Pod): Promise<void> {
  await stand.runtime.remove(pod);
  const ends = async () => (await nodeAsItIs()).links?.filter((link) => link.startsWith("cali"));
  await sees("the node's ends of pods", ends, []);
}

/** Without what counts; empty chains of the kernel's own stay where somebody has once asked for a table. */
async function nodeAsItIs(): Promise<Readonly<Record<string, readonly string[]>>> {
  const { exec } = stand.fabric.machine("node1");
  const lines = async (command: string, ...args: readonly string[]): Promise<string[]> =>
    (await exec(command, args))
      .split("\n")
      .map((line) => line.trim())
      .filter(Boolean);
  const rules = async (command: string): Promise<string[]> =>
    (await lines(command)).filter((line) => /^(-A|:OTHERS|:BRDL)/.test(line));
  return {
    links: await lines("ip", "-brief", "link"),
    routes: await lines("ip", "-4", "route", "show", "table", "all"),
    routes6: await lines("ip", "-6", "route", "show", "table", "main"),
    nft: await rules("iptables-nft-save"),
    nft6: await rules("ip6tables-nft-save"),
    legacy: await rules("iptables-legacy-save"),
    legacy6: await rules("ip6tables-legacy-save"),
    sets: await lines("ipset", "save"),
    sysctls: await lines("sysctl", "net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"),
    files: (
      await lines("find", "/run/brindle", "/run/cni-lists", "/run/cni-executables", "/var/lib/brindle").catch(() =>
        filesOneByOne(),
      )
    ).toSorted(),
  };
}

/** find fails where one of the folders is missing. */
async function filesOneByOne(): Promise<string[]> {
  const { exec } = stand.fabric.machine("node1");
  const found = await exec("sh", [
    "-c",
    "find /run/brindle /run/cni-lists /run/cni-executables /var/lib/brindle 2>/dev/null || true",
  ]);
  return found.split("\n").filter(Boolean);
}

async function addressesInUse(): Promise<number> {
  const keys = await stand.fabric
    .machine("node1")
    .exec("etcdctl", [
      `--endpoints=${stand.etcd.endpoint}`,
      "get",
      "--prefix",
      "/calico/ipam/v2/handle/",
      "--keys-only",
    ]);
  return keys.split("\n").filter(Boolean).length;
}

describe("brindle cleanup", () => {
  let pod: Pod;

  it("refuses beside a running agent, and then under a pod that runs, and changes nothing", async () => {
    await agentRuns();
    pod = await stand.runtime.add({ name: "a", node: "node1", labels: {} });
    const beside = await cleanup("--pods");
    assert.equal(beside.exitCode, 1);
    assert.match(beside.output, /an agent runs on this node \(\/run\/brindle\/agent\.sock\): end it for good first/);

    await agentEnds("SIGTERM");
    const present = await nodeAsItIs();
    const under = await cleanup();
    assert.equal(under.exitCode, 1);
    assert.match(under.output, /1 pods of this node still have their network of Brindle \(cali\w+\): drain the node/);
    assert.deepEqual(await nodeAsItIs(), present);
    assert.equal(await addressesInUse(), 1);
  });

  it("says in a dry run what it would do, and does nothing", async () => {
    await goes(pod); // Nobody answers: the executable keeps it.
    const present = await nodeAsItIs();
    const { exitCode, output } = await cleanup("--dry-run");
    assert.equal(exitCode, 0, output);
    for (const words of [
      "would do the kept deletion of ",
      "would remove file /run/cni-lists/10-brindle.conflist",
      "would remove file /run/cni-executables/brindle",
      "would remove set brdl",
      "would remove folder /var/lib/brindle",
      "would restore kernel setting net/ipv4/ip_forward back to 0",
    ]) {
      assert(output.includes(words), `${words}\n${output}`);
    }
    assert.match(output, /would remove \d+ chains and \d+ rules that lead to them, in table filter of ip6tables-/);
    assert.deepEqual(await nodeAsItIs(), present);
  });

  it("gives back the addresses of deletions that were kept, and leaves the node as it was before", async () => {
    assert.equal(await addressesInUse(), 1);
    const { exitCode, output } = await cleanup();
    assert.equal(exitCode, 0, output);
    assert.match(output, /^did the kept deletion of \w+@eth0$/m);
    assert.equal(await addressesInUse(), 0);
    assert.deepEqual(await nodeAsItIs(), before);
  });

  it("does nothing the second time", async () => {
    const { exitCode, output } = await cleanup();
    assert.deepEqual([exitCode, output.trim()], [0, "nothing of Brindle is on this node"]);
  });

  it("cuts off pods where it is told to, also after an agent that was killed", async () => {
    await agentRuns();
    await stand.runtime.add({ name: "b", node: "node1", labels: {} });
    await agentEnds("SIGKILL");
    const { exitCode, output } = await cleanup("--pods");
    assert.equal(exitCode, 0, output);
    assert.deepEqual(await nodeAsItIs(), before);
    await stand.runtime.endSandbox(await stand.runtime.pod("b"));
  });

  it("keeps all as it is where kept deletions cannot be done, unless they are given up", async () => {
    await agentRuns();
    const last = await stand.runtime.add({ name: "c", node: "node1", labels: {} });
    await agentEnds("SIGTERM");
    await goes(last);
    const present = await nodeAsItIs();
    await using undo = new AsyncDisposableStack();
    await stand.etcd.kill();
    undo.defer(() => stand.etcd.start());
    const refused = await cleanup();
    assert.equal(refused.exitCode, 1);
    assert.match(refused.output, /1 kept deletions of pods cannot be done: .*--abandon goes on all the same/);
    assert.deepEqual(await nodeAsItIs(), present);
    const { exitCode, output } = await cleanup("--abandon");
    assert.equal(exitCode, 0, output);
    assert.match(output, /^dropped the kept deletion of /m);
    assert.deepEqual(await nodeAsItIs(), before);
  });
});
