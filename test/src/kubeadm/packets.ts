/** What is lost on the way between two pods while something is done to their cluster. */
import type { TaskMeta } from "vitest";
import type { Cluster } from "../fixtures/kubeadm/cluster.ts";
import { startTraffic } from "../lab/traffic/traffic.ts";
import { networkOf } from "./pods.ts";
import type { WebPod } from "./web.ts";

/** Of both directions of all flows. */
export interface PacketCount {
  readonly sent: number;
  readonly lost: number;
  readonly longestGapMs: number;
}

declare module "vitest" {
  interface TaskMeta {
    /** Told to whoever runs the tests, for the table at their end. */
    packets?: PacketCount;
  }
}

export interface Way {
  readonly from: WebPod;
  readonly to: WebPod;
  /** The test that counts. */
  readonly task: { readonly meta: TaskMeta };
}

/** A flow of TCP and one of UDP in every family, 1,000 packets a second each way. */
export async function packetsDuring(
  cluster: Cluster,
  { from, to, task }: Way,
  work: () => Promise<void>,
): Promise<PacketCount> {
  await using traffic = await startTraffic({
    from: await networkOf(cluster, from),
    to: await networkOf(cluster, to),
    addresses: to.addresses,
  });
  await work();
  const { sent, lost, longestGapMs } = await traffic.finish();
  task.meta.packets = { sent, lost, longestGapMs };
  return task.meta.packets;
}
