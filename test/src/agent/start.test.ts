import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { AgentStatus } from "@brindle/api";
import { callControl } from "@brindle/net/shell";
import { afterAll, beforeAll, describe, it } from "vitest";
import type { CommandOptions, Outcome } from "../fixtures/command.ts";
import { type Instance, openInstance } from "../fixtures/instance.ts";
import { createNamespace } from "../fixtures/namespace.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { holdMounts, type Machine, machineAt } from "../lab/topology/machine.ts";

const agentEntry = fileURLToPath(new URL("../../../agent/src/main.ts", import.meta.url));
/** Nobody is there: an agent that may run waits for it. */
const noEtcd = "http://127.0.0.1:1";
const command = ["--conditions=brindle-source", agentEntry, "agent", "--node", "node1", "--etcd", noEtcd];

describe("an agent refuses in one sentence to start", () => {
  let instance: Instance;
  let node: Machine;

  beforeAll(async () => {
    instance = await openInstance();
    const namespace = await createNamespace("start", { instance });
    const holder = await holdMounts(namespace, await instance.createDirectory("start"));
    node = machineAt("start", namespace, holder.pid);
  });
  afterAll(() => instance[Symbol.asyncDispose]());

  const start = (args = command, options: CommandOptions = {}): Promise<Outcome> =>
    node.run(process.execPath, args, options);

  it("beside another of the same node, which goes on", async () => {
    await using first = node.spawn(process.execPath, command);
    await waitFor(
      async () => {
        first.assertRunning();
        await callControl(node.outside("/run/brindle/agent.sock"), "status", null, { timeoutMs: 5_000 });
        return true;
      },
      { what: "the first agent answers" },
    );
    refuses(await start(), /another agent runs on this node/);
    await callControl(node.outside("/run/brindle/agent.sock"), "status", null, { timeoutMs: 5_000 });
    first.kill("SIGTERM");
    assert.equal((await first.exited).exitCode, 0, "waiting for the datastore it ends when it is told to");
  });

  it("without root", async () => {
    // It may read the sources, wherever they lie; that is not what is tried here.
    const nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    const readsAll = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"];
    const outcome = await node.run("setpriv", [...nobody, ...readsAll, "--", process.execPath, ...command]);
    refuses(outcome, /run it as root/);
  });

  const wrong: { name: string; flags: readonly string[]; says: RegExp; exitCode?: number }[] = [
    { name: "with an address that is none", flags: ["--ip", "172.30.1"], says: /no IPv4 address/ },
    {
      name: "with a pool that is none",
      flags: ["--ipv4-pool", "10.0.0.0"],
      says: /no IPv4 prefix, as 10\.244\.0\.0\/16/,
    },
    {
      name: "with an endpoint of etcd that is none",
      flags: ["--etcd", "10.0.0.1:2379"],
      says: /http:\/\/10\.0\.0\.1:2379/,
      exitCode: misconfigured,
    },
    {
      name: "with a certificate that is not there",
      flags: ["--etcd", "https://x:1", "--etcd-ca", "/no"],
      says: /cannot read \/no/,
      exitCode: misconfigured,
    },
  ];
  for (const { name, flags, says, exitCode } of wrong) {
    it(name, async () => refuses(await start([...command, ...flags]), says, exitCode));
  }
});

describe("an agent that is missing something", () => {
  it("stays, and says which commands it lacks and what to do, until they are there", async () => {
    await using instance = await openInstance();
    const namespace = await createNamespace("lacking", { instance });
    const holder = await holdMounts(namespace, await instance.createDirectory("lacking"));
    const node = machineAt("lacking", namespace, holder.pid);
    await node.exec("mkdir", ["/run/bin"]);
    await using agent = node.spawn("/usr/bin/env", ["PATH=/run/bin", process.execPath, ...command]);
    const untilSaid = (isMissing: boolean): Promise<unknown> =>
      waitFor(
        async (saw) => {
          agent.assertRunning();
          const socket = node.outside("/run/brindle/agent.sock");
          const { mistakes } = (await callControl(socket, "status", null, { timeoutMs: 5_000 })) as AgentStatus;
          saw(mistakes);
          const found = mistakes.find(({ code }) => code === "CommandMissing");
          if (found) assert.match(`${found.text}. ${found.remedy}`, /^iptables, .* cannot be found\. .*install/);
          return (found !== undefined) === isMissing;
        },
        { what: `commands are ${isMissing ? "missing" : "there"}`, deadlineMs: 30_000 },
      );
    await untilSaid(true);
    const names = ["", "-save", "-restore"].flatMap((action) => [`iptables${action}`, `ip6tables${action}`]);
    for (const name of names) await node.exec("ln", ["-s", `/usr/sbin/${name}`, "/run/bin"]);
    await untilSaid(false);
  });
});

/** What no waiting mends: the datastore cannot be reached as it was named. */
const misconfigured = 2;

function refuses({ exitCode, stdout, stderr }: Outcome, says: RegExp, expectedCode = 1): void {
  assert.equal(exitCode, expectedCode, stderr);
  assert.match(stderr, says);
  assert.equal(stderr.trimEnd().split("\n").length, 1, stderr);
  assert.equal(stdout, "");
}
