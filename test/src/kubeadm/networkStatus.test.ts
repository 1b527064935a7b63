/**
 * A containerd that speaks CNI 1.1 with a list that says so: what our STATUS answers is what it tells a kubelet of the network,
 * which makes a node Ready or not. No cluster: one node of a lab, and the containerd of the clusters' nodes.
 */
import assert from "node:assert/strict";
import { afterAll, beforeAll, describe, it } from "vitest";
import { type Stand, startStand } from "../agent/stand.ts";
import { makeNodeRoot } from "../fixtures/kubeadm/nodeRoot.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { type Containerd, openContainerd, type PodOfContainerd } from "../runtimes/containerd.ts";

let stand: Stand;
let containerd: Containerd;
let pod: PodOfContainerd;

beforeAll(async () => {
  stand = await startStand();
  const root = await makeNodeRoot((line) => console.log(line));
  containerd = await openContainerd(stand.fabric.machine("node1"), stand.instance, { root, cniVersion: "1.1.0" });
}, 300_000);

afterAll(async () => {
  try {
    for (const sandbox of (await containerd?.sandboxes())?.keys() ?? []) await containerd.removePod(sandbox);
    await containerd?.kill();
  } finally {
    await stand?.[Symbol.asyncDispose]();
  }
});

function until(isReady: boolean, says: RegExp): Promise<boolean> {
  return waitFor(
    async (saw) => {
      const network = await containerd.network();
      saw(network);
      return network.isReady === isReady && says.test(network.message);
    },
    { what: `the network is ${isReady ? "ready" : "not ready"}`, deadlineMs: 60_000 },
  );
}

describe("a runtime that asks for STATUS", () => {
  it("has a network as long as the agent says that pods can be added, and runs them", async () => {
    await until(true, /^$/);
    pod = await containerd.runPod({ name: "web" });
    assert.match(pod.addresses.join(), /^10\.244\.[\d.]+,fd00:244:/);
  });

  it("has none while the datastore is locked, and says why", async () => {
    const setReady = async (datastoreReady: boolean): Promise<void> => {
      const information = (await stand.get("ClusterInformation", "default")) as { spec: object };
      await stand.apply({ ...information, spec: { ...information.spec, datastoreReady } });
    };
    await setReady(false);
    await until(false, /the datastore is locked/);
    await setReady(true);
    await until(true, /^$/);
  });

  it("has none where no pool gives pods an address, and says so", async () => {
    const pools = await Promise.all(
      ["10.244.0.0/16", "fd00:244::/48"].map(async (cidr) => {
        const names = await stand.etcd.etcdctl("get", "--prefix", "/calico/resources/v3/projectcalico.org/ippools/");
        const found = names.split("\n").find((line) => line.includes(`"${cidr}"`));
        return JSON.parse(found ?? "{}") as { metadata: { name: string }; spec: object };
      }),
    );
    for (const pool of pools) await stand.apply({ ...pool, spec: { ...pool.spec, disabled: true } });
    await until(false, /no IPPool gives/);
    for (const pool of pools) await stand.apply(pool);
    await until(true, /^$/);
  });

  it("has none while the agent is away, keeps its pods, and has it again with the next agent", async () => {
    stand.agent("node1").kill("SIGKILL");
    await stand.agent("node1").exited;
    await until(false, /the Brindle agent of this node does not answer/);
    assert.deepEqual((await containerd.sandboxes()).get(pod.sandbox), pod.addresses);
    stand.launch("node1");
    await until(true, /^$/);
    await containerd.removePod(pod.sandbox);
  });
});
