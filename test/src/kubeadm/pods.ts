/** What pods of tests do to each other. */
import { startDaemon } from "../fixtures/command.ts";
import { type Cluster, nodeOf } from "../fixtures/kubeadm/cluster.ts";
import type { Namespace } from "../fixtures/namespace.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { type WebPod, webPods } from "./web.ts";

/** A pod that is Ready on every node. */
export function podsOnAllNodes(cluster: Cluster): Promise<WebPod[]> {
  return waitFor(
    async (saw) => {
      const ready = await webPods(cluster);
      saw(ready);
      return new Set(ready.map(({ node }) => node)).size === cluster.nodes.length && ready;
    },
    { what: "a pod is Ready on every node", deadlineMs: 60_000, intervalMs: 200 },
  );
}

export function url(host: string, port = 80): string {
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}/`;
}

export function fetchFromPod({ kubectl }: Cluster, pod: WebPod, target: string): Promise<string> {
  return kubectl(["exec", pod.name, "--", "wget", "-q", "-T", "2", "-O", "-", target]);
}

/** False where packets go unanswered; any other reason not to answer is thrown. */
export async function reaches(cluster: Cluster, pod: WebPod, target: string): Promise<boolean> {
  try {
    await fetchFromPod(cluster, pod, target);
    return true;
  } catch (error) {
    if (/wget: (download timed out|can't connect .*: Connection timed out)/.test(String(error))) return false;
    throw error;
  }
}

/** The network of a pod, with the programs of this machine: for traffic that is counted. */
export async function networkOf(cluster: Cluster, pod: WebPod): Promise<Pick<Namespace, "spawn">> {
  const node = nodeOf(cluster, cluster.nodes.findIndex(({ name }) => name === pod.node) + 1);
  const [address = ""] = pod.addresses;
  const script =
    'for path in /run/netns/*; do ! nsenter --net=$path ip -o address | grep -q " $1/" || echo $path; done';
  const path = (await node.exec("sh", ["-c", script, "sh", address])).trim();
  const enter = [`--net=${node.outside(path)}`, "--"];
  return { spawn: (command, args = [], options) => startDaemon("nsenter", [...enter, command, ...args], options) };
}
