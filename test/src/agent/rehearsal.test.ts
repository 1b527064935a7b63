/** What an agent does for practice leaves nothing: in the kernel, in the datastore, in its metrics, in its log, among its files. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Daemon } from "../fixtures/command.ts";
import { openNamespacesOf } from "../fixtures/openDescriptors.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { ready, type Stand, startStand } from "./stand.ts";

const words = ["pods were rehearsed", "pods were not rehearsed"];
/** Of its addresses, its pods, its policies. */
const traces = /198\.1[89]\.|rehears|cali[0-9a-f]{11}/i;

let stand: Stand;
let agent: Daemon;
/** What happened since before the agent was there. */
let inKernel: () => string;
let inDatastore: () => string;

beforeAll(async () => {
  stand = await startStand({ startsAgents: false });
  const { exec } = stand.fabric.machine("node1");
  inKernel = told("ip", "monitor", "link", "address", "route", "neigh");
  const brief = async () => {
    await exec("ip", ["link", "add", "brief0", "type", "veth"]);
    await exec("ip", ["link", "del", "brief0"]);
    return inKernel().includes("brief0");
  };
  await waitFor(brief, { what: "what comes and goes in the node's kernel is told" });
  inDatastore = told("etcdctl", "--endpoints", stand.etcd.endpoint, "watch", "--prefix", "/", "--rev=1");
  agent = stand.launch("node1", ["--log-level", "debug", "--metrics-address", "127.0.0.1:9300"]);
  await ready(stand, "node1");
  await waitFor(() => words.some((word) => agent.output().includes(word)), { what: "the rehearsal is over" });
}, 120_000);
afterAll(() => stand?.[Symbol.asyncDispose]());

it("is of a hundred pods and more, and in no other line of the log", () => {
  const lines = agent.output().split("\n");
  const [line, ...others] = lines.filter((each) => traces.test(each));
  expect(JSON.parse(line ?? "{}")).toMatchObject({ msg: "pods were rehearsed", pods: 128 });
  expect(others).toEqual([]);
});

it("leaves nothing in the node's kernel", async () => {
  const { exec } = stand.fabric.machine("node1");
  const looks = [
    ["ip", "-d", "link"],
    ["ip", "address"],
    ["ip", "neighbour"],
    ["ip", "route", "show", "table", "all"],
    ["ip", "-6", "route", "show", "table", "all"],
    ["ipset", "save"],
    ["iptables-nft-save"],
    ["ip6tables-nft-save"],
  ] as const;
  for (const [command, ...args] of looks) {
    const said = await exec(command, args);
    const found = said.split("\n").filter((line) => traces.test(line));
    expect(found, `${command} ${args.join(" ")}`).toEqual([]);
  }
  expect(await exec("iptables-nft-save")).toContain("cali+"); // The node has policy, and of interfaces no more than their beginning.
});

it("has nothing come and go in the node's kernel", () => {
  expect(inKernel()).toContain("brief0");
  expect(
    inKernel()
      .split("\n")
      .filter((line) => traces.test(line)),
  ).toEqual([]);
});

it("holds no other network namespace, and is in its own with every thread", () => {
  const own = openNamespacesOf(agent.pid);
  const threads = readdirSync(`/proc/${agent.pid}/task`).map((id) =>
    readlinkSync(`/proc/${agent.pid}/task/${id}/ns/net`),
  );
  const node = readlinkSync(`/proc/${agent.pid}/ns/net`);
  expect([...new Set([...threads, ...own])]).toEqual([node]);
});

it("leaves nothing in the datastore", async () => {
  const all = await stand.etcd.etcdctl("get", "--prefix", "/");
  expect(all).toContain("node1");
  expect(all.split("\n").filter((line) => traces.test(line))).toEqual([]);
});

it("has nothing come and go in the datastore", async () => {
  await stand.etcd.etcdctl("put", "/the-last", "of all");
  await waitFor(() => inDatastore().includes("/the-last"), { what: "all that was written is told" });
  expect(inDatastore()).toContain("node1");
  expect(
    inDatastore()
      .split("\n")
      .filter((line) => traces.test(line)),
  ).toEqual([]);
});

it("is in no metric, and in nothing that the agent tells of itself", async () => {
  const { exec } = stand.fabric.machine("node1");
  const page = await exec("curl", ["--silent", "http://127.0.0.1:9300/metrics"]);
  expect(page).toContain("brindle_policy");
  const samples = page.split("\n").filter((line) => !line.startsWith("#"));
  expect(samples.filter((line) => line.startsWith("brindle_cni_requests_total{"))).toEqual([]);
  expect(samples.filter((line) => traces.test(line))).toEqual([]);
  expect(JSON.stringify(await stand.status("node1"))).not.toMatch(traces);
});

it("leaves no file among those of deletions that are to be done", async () => {
  const kept = stand.fabric.machine("node1").outside("/var/lib/brindle/cni-pending");
  expect(readdirSync(kept)).toEqual([]);
  expect(readFileSync(`/proc/${agent.pid}/mountinfo`, "utf8")).not.toMatch(traces);
});

it("ends at once when the agent is told to end within it, and leaves nothing", async () => {
  const { exec } = stand.fabric.machine("node1");
  const rehearsed = [];
  await agent.stop();
  for (const afterMs of [0, 100, 400]) {
    const cut = stand.launch("node1", ["--log-level", "debug"]);
    const node = readlinkSync(`/proc/${cut.pid}/ns/net`);
    const holdsOthers = () => {
      cut.assertRunning();
      return openNamespacesOf(cut.pid).some((held) => held !== node);
    };
    await waitFor(holdsOthers, { what: "the stage is open" });
    await delay(afterMs);
    const toldAt = performance.now();
    cut.kill("SIGTERM");
    const { exitCode } = await cut.exited;
    // A kubelet gives it 10 s; a rehearsal that nobody has told to end takes one or two.
    expect(performance.now() - toldAt).toBeLessThan(10_000);
    expect(exitCode, cut.output()).toBe(0);
    const line = cut
      .output()
      .split("\n")
      .find((each) => words.some((word) => each.includes(word)));
    rehearsed.push(Number(JSON.parse(line ?? "{}").pods));
  }
  expect(rehearsed.some((pods) => pods < 128)).toBe(true);
  expect(await exec("ip", ["-d", "link"])).not.toMatch(traces);
  expect(await exec("ls", ["/run/brindle"])).not.toContain("cni.sock");
  expect(inKernel()).not.toMatch(traces);
});

/** All that a command on the node says from now on. */
function told(command: string, ...args: readonly string[]): () => string {
  let said = "";
  stand.fabric
    .machine("node1")
    .spawn(command, [...args])
    .onOutput((text) => {
      said += text;
    });
  return () => said;
}
