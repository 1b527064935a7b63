/** What becomes of policy while the kernel refuses it: what stood stands, it is said why, and tried again until it is in force. */
import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Rule } from "@brindle/api";
import { isKernelError } from "@brindle/net";
import type { ChainRule, Desired } from "@brindle/policy";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { waitFor } from "../fixtures/waitFor.ts";
import { chains } from "./faultKit.ts";
import { desiredOf } from "./oracle.ts";
import { PolicyNode } from "./policyNode.ts";
import { clusterWith, listenPorts, plainEndpoints, relabelled } from "./randomCase.ts";

/** What p2 takes is from those with the role a, and from nobody else. */
function takingFrom(...names: readonly string[]): Desired {
  const ingress: Rule[] = [{ action: "Allow", source: { selector: "role == 'a'", namespaceSelector: "all()" } }];
  const cluster = clusterWith([{ selector: "place == 'p2'", types: ["Ingress"], ingress }]);
  const endpoints = cluster.endpoints.map((endpoint) => {
    const { name } = endpoint.metadata;
    return relabelled(endpoint, { place: name, ...(names.includes(name) ? { role: "a" } : {}) });
  });
  return desiredOf({ ...cluster, endpoints });
}

const before = takingFrom("p1");
const after = desiredOf(clusterWith([{ selector: "place == 'p2'", types: ["Ingress"], ingress: [] }]));

const deadline = { deadlineMs: 60_000 };
/** Not that of this machine, which others need. */
const lockFile = join(tmpdir(), `brindle-xtables-${process.pid}.lock`);

describe.each(["nft", "legacy"] as const)("what the kernel refuses, backend %s,", (backend) => {
  let node: PolicyNode;
  beforeAll(async () => {
    process.env.XTABLES_LOCKFILE = lockFile;
    node = await PolicyNode.create({ endpoints: plainEndpoints(), ports: listenPorts, backend, lockSeconds: 1 });
  });
  afterAll(async () => {
    await node?.[Symbol.asyncDispose]();
    delete process.env.XTABLES_LOCKFILE;
  });
  beforeEach(() => {
    node.failures.length = 0;
  });

  const rules = async (): Promise<string[]> =>
    (await node.chains()).split("\n").filter((line) => line.startsWith("-A BRDL-"));
  const failed = async (count: number): Promise<string> => {
    await waitFor(() => node.failures.length >= count, { what: `${count} attempts have failed`, ...deadline });
    return String(node.failures.at(-1));
  };

  it("because another holds the lock is in force once it lets go", async () => {
    await node.apply(before);
    const stood = await rules();
    await using _holder = await holdLock();
    const applied = node.enforcer.apply(after);
    if (backend === "legacy") {
      expect(await failed(2)).toContain("holding the xtables lock");
      expect(await rules()).toEqual(stood);
      await _holder[Symbol.asyncDispose]();
    }
    await applied;
    expect(await rules()).not.toEqual(stood);
    expect(node.enforcer.counters().failed > 0).toBe(backend === "legacy");
  });

  it("because of one rule leaves all as it was, and no new pod in, until the rule is gone", async () => {
    await node.apply(before);
    const stood = await rules();
    const late = withEndpoint(after, "ns1/late");
    const applied = node.enforcer.apply(withRefusedRule(late));
    let isInForce = false;
    const inForce = node.enforcer.inForce("ns1/late").then(() => {
      isInForce = true;
    });
    expect(await failed(2)).toMatch(/nflog-group.*70000/s);
    expect(isKernelError(node.failures.at(-1), "COMMAND_FAILED")).toBe(true);
    expect(await rules()).toEqual(stood);
    expect(isInForce).toBe(false);
    await node.enforcer.apply(late);
    await Promise.all([applied, inForce]);
    expect(await rules()).not.toEqual(stood);
  });

  it("because its command was killed is in force all the same", async () => {
    await node.apply(before);
    const pids = (await node.namespace.exec("ps", ["-o", "pid=", "--ppid", String(process.pid)])).split("\n");
    const killed = (await Promise.all(pids.map(restoreOf))).flatMap((pid) => pid ?? []);
    expect(killed.length).toBe(2);
    for (const pid of killed) process.kill(pid, "SIGKILL");
    await node.enforcer.apply(after);
    await node.enforcer.resync();
    const { tableWrites } = node.enforcer.counters();
    await node.restartEnforcer();
    await node.apply(after);
    expect(tableWrites).toBeGreaterThan(0);
    expect(node.enforcer.counters().tableWrites).toBe(0);
  });

  it("to destroy, as a rule of somebody else refers to it, goes once that is gone", async () => {
    await node.apply(before);
    const [ours = ""] = await setsOf("10.65.0.1");
    const rule = ["FORWARD", "-m", "set", "--match-set", ours, "src", "-j", "ACCEPT"];
    await node.namespace.exec(`iptables-${backend}`, ["-A", ...rule]);
    await node.apply(after);
    await node.enforcer.resync();
    expect(await setsOf("10.65.0.1")).toEqual([ours]);
    await node.namespace.exec(`iptables-${backend}`, ["-D", ...rule]);
    await waitFor(async () => (await setsOf("10.65.0.1")).length === 0, { what: "the set is gone", ...deadline });
  });

  it("to put into a set that is full goes into a larger one", async () => {
    await node.apply(before);
    const [large = ""] = await setsOf("10.65.0.1");
    const saved = await node.namespace.exec("ipset", ["save", large]);
    const small = saved.replace(/maxelem \d+/, "maxelem 1").replaceAll(large, "small");
    await node.namespace.run("ipset", ["destroy", "small"]); // Of a try before this one.
    await node.namespace.exec("ipset", ["restore"], { input: small });
    await node.namespace.exec("ipset", ["swap", "small", large]);
    await node.restartEnforcer();
    await node.apply(takingFrom("p1", "p3"));
    expect(node.failures.length).toBe(0);
    expect((await setsOf("10.65.0.3")).length).toBe(1);
    await waitFor(async () => (await node.namespace.run("ipset", ["destroy", "small"])).exitCode === 0, {
      what: "nothing refers to the small one",
      ...deadline,
    });
  });

  /** Those of ours that have a member. */
  async function setsOf(member: string): Promise<string[]> {
    const saved = await node.namespace.exec("ipset", ["save"]);
    return [...saved.matchAll(/^add (brdl\S+) (\S+)$/gm)].flatMap(([, set = "", element]) =>
      element === member ? [set] : [],
    );
  }
});

/** As another program does, for as long as it likes. */
async function holdLock(): Promise<AsyncDisposable> {
  writeFileSync(lockFile, "");
  const child: ChildProcess = spawn("flock", [lockFile, "sh", "-c", "echo held; exec cat"]);
  const gone = new Promise<void>((resolve) => child.once("close", () => resolve()));
  await new Promise((resolve) => child.stdout?.once("data", resolve));
  return {
    async [Symbol.asyncDispose]() {
      child.stdin?.end();
      await gone;
    },
  };
}

/** One that is in force as soon as the state is. */
function withEndpoint(desired: Desired, id: string): Desired {
  const endpoint = { interfaceName: "cali0", addresses: [], chains: { Ingress: "", Egress: "" } };
  return { ...desired, endpoints: new Map([...desired.endpoints, [id, endpoint]]) };
}

/** A group beyond 16 bits. */
const refusedRule: ChainRule = { matches: [], target: { kind: "tell", group: 70_000, bytes: 1 }, comment: "refused" };
const withRefusedRule = chains((chain) =>
  chain.name === "BRDL-FORWARD-END" ? { ...chain, rules: [...chain.rules, refusedRule] } : chain,
);

/** The number of a process of ours if it is a restore. */
async function restoreOf(pid: string): Promise<number | null> {
  const command = await readFile(`/proc/${pid.trim()}/cmdline`, "utf8").catch(() => "");
  return command.includes("tables") && command.includes("restore") ? Number(pid) : null;
}
