/** containerd as a kubelet drives it, with an agent: pods, exec, restarts of both, what annotations ask for, and nothing left. */
import assert from "node:assert/strict";
import { afterAll, beforeAll, describe, it } from "vitest";
import { type Stand, startStand } from "../agent/stand.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import type { Machine } from "../lab/topology/machine.ts";
import { type Containerd, openContainerd, type PodOfContainerd } from "./containerd.ts";

let stand: Stand;
let node: Machine;
let containerd: Containerd;
let web: PodOfContainerd;
let client: PodOfContainerd;

beforeAll(async () => {
  stand = await startStand();
  node = stand.fabric.machine("node1");
  containerd = await openContainerd(node, stand.instance);
}, 120_000);

afterAll(async () => {
  try {
    for (const sandbox of (await containerd?.sandboxes())?.keys() ?? []) await containerd.removePod(sandbox);
    await containerd?.kill();
  } finally {
    await stand?.[Symbol.asyncDispose]();
  }
});

async function pings(from: PodOfContainerd, to: PodOfContainerd): Promise<void> {
  for (const address of to.addresses) {
    const { exitCode, output } = await containerd.exec(from, "/bin/ping", "-n", "-c", "1", "-W", "5", address);
    assert.equal(exitCode, 0, output);
  }
}

describe("containerd", () => {
  it("has a network by our list, and runs pods of both families that reach each other", async () => {
    assert((await containerd.network()).isReady);
    [web, client] = await Promise.all([containerd.runPod({ name: "web" }), containerd.runPod({ name: "client" })]);
    assert.match(web.addresses.join(), /^10\.244\.[\d.]+,fd00:244:/);
    await pings(client, web);
    const { output } = await containerd.exec(web, "/bin/ip", "-o", "address", "show", "eth0");
    for (const address of web.addresses) assert(output.includes(`${address}/`), output);
  });

  it("hands on a port of the node to the plugin behind ours, and limits of bandwidth to us", async () => {
    const annotations = { "kubernetes.io/ingress-bandwidth": "80M", "kubernetes.io/egress-bandwidth": "40M" };
    const limited = await containerd.runPod({ name: "limited", annotations, hostPorts: { 80: 8080 } });
    const queues = await node.exec("tc", ["qdisc", "show"]);
    assert.match(queues, /tbf d6: dev cali\S+ root .*rate 80Mbit/);
    assert.match(queues, /tbf d6: dev brdl\S+ root .*rate 40Mbit/);
    assert.match(await node.exec("iptables-save", ["-t", "nat"]), /dport 8080 .*10\.244\./);
    await containerd.removePod(limited.sandbox);
    assert.doesNotMatch(await node.exec("tc", ["qdisc", "show"]), /tbf/);
    assert.doesNotMatch(await node.exec("iptables-save", ["-t", "nat"]), /dport 8080/);
  });

  it("that is killed finds its pods again with their network, and removes them", async () => {
    await containerd.kill();
    await containerd.start();
    assert.deepEqual((await containerd.sandboxes()).get(web.sandbox), web.addresses);
    await pings(client, web);
    const next = await containerd.runPod({ name: "next" });
    await pings(next, web);
    await containerd.removePod(next.sandbox);
  });

  it("starts none while the agent is away, in words, and removes what the next agent then frees", async () => {
    stand.agent("node1").kill("SIGKILL");
    await stand.agent("node1").exited;
    await pings(client, web);
    await assert.rejects(containerd.runPod({ name: "early" }), /the Brindle agent of this node does not answer/);
    await containerd.removePod(client.sandbox);
    stand.launch("node1");
    // As a kubelet, which tries again.
    const starts = async (saw: (seen: unknown) => void): Promise<PodOfContainerd | undefined> =>
      containerd.runPod({ name: "client" }).catch((error: unknown) => void saw(error));
    client = await waitFor(starts, { what: "a pod starts" });
    await pings(client, web);
  });

  it("leaves nothing of them", async () => {
    for (const { sandbox } of [web, client]) await containerd.removePod(sandbox);
    assert.doesNotMatch(await node.exec("ip", ["-o", "link"]), /cali/);
    const isFreed = async (saw: (seen: unknown) => void): Promise<boolean> => {
      const handles = await stand.etcd.etcdctl("get", "--prefix", "--keys-only", "/calico/ipam/v2/handle/");
      saw(handles);
      return handles.trim() === "";
    };
    await waitFor(isFreed, { what: "no container holds an address", deadlineMs: 30_000 });
  });
});
