/** Many pods on one node at once, and what a network takes for them. */

import { field, list } from "../fixtures/json.ts";
import { type Cluster, nodeOf } from "../fixtures/kubeadm/cluster.ts";
import { testImage } from "../fixtures/kubeadm/images.ts";
import { waitFor } from "../fixtures/waitFor.ts";

export interface CrowdOptions {
  readonly pods: number;
  /** The number of the node. */
  readonly node: number;
  /** How many addresses are in use, as the network itself has it written. */
  readonly addressesInUse: () => Promise<number>;
}

export interface CrowdTimes {
  /** From the call of `kubectl create` until all are Running. */
  readonly upMs: number;
  /** From the call of `kubectl delete` until none is left and as many addresses are in use as before. */
  readonly downMs: number;
}

const label = "crowd=yes";
const deadlineMs = 180_000;

/** `between` is called when all are Running. */
export async function crowd(
  cluster: Cluster,
  options: CrowdOptions,
  between: () => Promise<void> = async () => {},
): Promise<CrowdTimes> {
  const { kubectl } = cluster;
  const before = await options.addressesInUse();
  const manifest = crowdManifest(options.pods, nodeOf(cluster, options.node).name);
  const upMs = await elapsed(async () => {
    await kubectl(["create", "-f", "-"], { input: manifest, deadlineMs });
    await kubectl(["wait", "--for=jsonpath={.status.phase}=Running", "pod", "-l", label, "--timeout=170s"], {
      deadlineMs,
    });
  });
  await between();
  const downMs = await elapsed(async () => {
    await kubectl(["delete", "pod", "-l", label, "--wait=true", "--timeout=170s"], { deadlineMs });
    await waitFor(
      async (saw) => {
        const now = await options.addressesInUse();
        saw(now);
        return now === before;
      },
      { what: `${before} addresses are in use, as before`, deadlineMs: 30_000, intervalMs: 100 },
    );
  });
  return { upMs, downMs };
}

/** Of Brindle: what its blocks hold. */
export async function addressesInBlocks(cluster: Cluster): Promise<number> {
  const blocks = JSON.parse(await cluster.kubectl(["get", "--raw", "/apis/projectcalico.org/v3/ipamblocks"]));
  const allocations = list(field(blocks, "items")).flatMap((block) => list(field(block, "spec", "allocations")));
  return allocations.filter((allocation) => allocation !== null).length;
}

/** Of the reference network: the files that host-local keeps, one an address. */
export async function addressesOfHostLocal(cluster: Cluster, node: number): Promise<number> {
  const { stdout } = await nodeOf(cluster, node).run("ls", ["/var/lib/cni/networks/reference"]);
  return stdout.split("\n").filter((name) => /^[0-9a-f]*[.:]/.test(name)).length;
}

async function elapsed(work: () => Promise<void>): Promise<number> {
  const startMs = performance.now();
  await work();
  return Math.round(performance.now() - startMs);
}

/** Their one process ends when it is told to, and none is asked whether it is ready: the network is what is measured. */
function crowdManifest(pods: number, node: string): string {
  const command = ["sh", "-c", "trap 'exit 0' TERM; sleep 86400 & wait"];
  const containers = [{ name: "one", image: testImage, imagePullPolicy: "Never", command }];
  const items = Array.from({ length: pods }, (_, index) => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: `crowd-${index + 1}`, labels: { crowd: "yes" } },
    spec: { nodeName: node, containers },
  }));
  return JSON.stringify({ apiVersion: "v1", kind: "List", items });
}
