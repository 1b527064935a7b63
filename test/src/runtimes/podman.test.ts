/** podman, a runtime that executes CNI plugins by itself, with an agent: pods, exec, restarts of both, and nothing left. */
import assert from "node:assert/strict";
import { afterAll, beforeAll, describe, it } from "vitest";
import { type Stand, startStand } from "../agent/stand.ts";
import { field, text } from "../fixtures/json.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import type { Machine } from "../lab/topology/machine.ts";
import { network, openPodman, type Podman } from "./podman.ts";

let stand: Stand;
let node: Machine;
let podman: Podman;

beforeAll(async () => {
  stand = await startStand();
  node = stand.fabric.machine("node1");
  podman = await openPodman(node, stand.instance);
}, 120_000);

afterAll(async () => {
  await podman?.run("rm", "--all", "--force", "--time", "0");
  await stand?.[Symbol.asyncDispose]();
});

async function did(...args: readonly string[]): Promise<string> {
  return succeeded(await podman.run(...args));
}

function succeeded({ exitCode, stdout, stderr }: Awaited<ReturnType<Podman["run"]>>): string {
  assert.equal(exitCode, 0, stderr);
  return stdout;
}

async function addressOf(name: string): Promise<string> {
  const [container] = JSON.parse(await did("inspect", name));
  return text(field(container, "NetworkSettings", "Networks", network, "IPAddress"));
}

async function pings(from: string, address: string): Promise<boolean> {
  return (await podman.run("exec", from, "ping", "-n", "-c", "1", "-W", "2", address)).exitCode === 0;
}

describe("podman", () => {
  it("starts containers that reach each other, with an address that it asks for", async () => {
    succeeded(await podman.start("web"));
    succeeded(await podman.start("client", ["--ip", "10.244.5.5", "--mac-address", "02:00:00:00:05:05"]));
    assert.match(await addressOf("web"), /^10\.244\./);
    assert.equal(await addressOf("client"), "10.244.5.5");
    assert.match(await did("exec", "client", "ip", "link", "show", "eth0"), /02:00:00:00:05:05/);
    assert(await pings("client", await addressOf("web")));
  });

  it("keeps them while the agent is killed, starts none meanwhile, and deletes what the next agent then frees", async () => {
    succeeded(await podman.start("other"));
    stand.agent("node1").kill("SIGKILL");
    await stand.agent("node1").exited;
    assert(await pings("other", await addressOf("web")));
    await did("rm", "--force", "--time", "0", "client");
    const refused = await podman.start("early");
    assert.notEqual(refused.exitCode, 0);
    assert.match(refused.stderr, /the Brindle agent of this node does not answer/);
    await podman.run("rm", "--force", "early");
    stand.launch("node1");
    const isFree = async (saw: (seen: unknown) => void): Promise<boolean> => {
      const next = await podman.start("next", ["--replace", "--ip", "10.244.5.5"]);
      saw(next.stderr);
      return next.exitCode === 0;
    };
    await waitFor(isFree, { what: "the deleted container's address is free" });
    assert(await pings("next", await addressOf("web")));
  });

  it("starts a container anew", async () => {
    await did("restart", "--time", "0", "web");
    assert(await pings("next", await addressOf("web")));
  });

  it("leaves nothing of them", async () => {
    await did("rm", "--all", "--force", "--time", "0");
    assert.doesNotMatch(await node.exec("ip", ["-o", "link"]), /cali/);
    const isFreed = async (saw: (seen: unknown) => void): Promise<boolean> => {
      const handles = await stand.etcd.etcdctl("get", "--prefix", "--keys-only", "/calico/ipam/v2/handle/");
      saw(handles);
      return handles.trim() === "";
    };
    await waitFor(isFreed, { what: "no container holds an address", deadlineMs: 30_000 });
  });
});
