/** What pods of tests do to each other. */
import assert from "node:assert/strict";
import { type Cluster, nodeOf } from "../fixtures/kubeadm/cluster.ts";
import { testImage } from "../fixtures/kubeadm/images.ts";
import { underlay } from "../fixtures/kubeadm/plan.ts";
import { parseSessions } from "../fixtures/routers/bird.ts";
import type { RouterSession } from "../fixtures/routers/router.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { type Place, placeAt } from "./places.ts";
import { type WebPod, webCommand, webPods } from "./web.ts";

/** The router of the cluster, as an operator writes it. */
export const torPeer: object = {
  apiVersion: "projectcalico.org/v3",
  kind: "BGPPeer",
  metadata: { name: "tor" },
  spec: { peerIP: underlay.gateways[0], asNumber: underlay.torAsn },
};

export async function apply({ kubectl }: Cluster, ...objects: readonly object[]): Promise<void> {
  await kubectl(["apply", "-f", "-"], { input: JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }) });
}

export interface LonePod {
  readonly name: string;
  readonly node: string;
  /** A port of the node that leads to the pod's. */
  readonly hostPort?: number;
  readonly labels?: Readonly<Record<string, string>>;
}

/** Answers HTTP as those of `webManifest` do. */
export function lonePod({ name, node, hostPort, labels = {} }: LonePod): object {
  const ports = [{ containerPort: 80, ...(hostPort !== undefined && { hostPort }) }];
  const web = { name: "web", image: testImage, imagePullPolicy: "Never", command: webCommand, ports };
  const containers = [{ ...web, readinessProbe: { httpGet: { port: 80 }, periodSeconds: 1 } }];
  // With 0 it would be gone from the API before its node has heard of it.
  const spec = { nodeName: node, terminationGracePeriodSeconds: 1, containers };
  return { apiVersion: "v1", kind: "Pod", metadata: { name, namespace: "default", labels }, spec };
}

/** Its primary one. */
export async function addressWhenReady({ kubectl }: Cluster, name: string): Promise<string> {
  await kubectl(["wait", "--for=condition=Ready", `pod/${name}`, "--timeout=30s"], { deadlineMs: 40_000 });
  return kubectl(["get", "pod", name, "-o", "jsonpath={.status.podIP}"]);
}

export function podOfNode(pods: readonly WebPod[], node: string): WebPod {
  const found = pods.find((pod) => pod.node === node);
  assert(found, `a pod on ${node}`);
  return found;
}

/** Its primary one. */
export function addressOf({ addresses: [address] }: WebPod): string {
  assert(address);
  return address;
}

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

/** Soon after its pods are Ready: CoreDNS starts, and kube-proxy writes what it was told. */
export async function serviceAnswersByName(cluster: Cluster, pods: readonly WebPod[]): Promise<void> {
  const [from] = pods;
  assert(from);
  const names = pods.map(({ name }) => `${name}\n`);
  await waitFor(async () => names.includes(await fetchFromPod(cluster, from, url("web.default.svc.cluster.local"))), {
    what: "CoreDNS and kube-proxy know the Service",
    deadlineMs: 60_000,
    intervalMs: 200,
  });
}

/** Of every family that pods have, of every node. */
export async function routerHasRoutes({ tor, nodes, plan }: Cluster): Promise<void> {
  await waitFor(
    async (saw) => {
      const sessions = parseSessions(await tor.birdc("show protocols all"));
      saw(sessions);
      const isUp = ({ established, received }: RouterSession) => established && received >= plan.podSubnets.length;
      return sessions.length === nodes.length && sessions.every(isUp);
    },
    { what: "the router has routes of every family of every node", deadlineMs: 30_000 },
  );
}

/** What of the routes that the router has at the beginning it was without at any look, while `work` was under way. */
export async function missedByRouter({ tor }: Cluster, work: () => Promise<void>): Promise<string[]> {
  const routes = async (): Promise<Set<string>> =>
    new Set((await tor.birdc("show route primary")).matchAll(/^(\S+\/\d+) /gm).map(([, prefix = ""]) => prefix));
  const before = await routes();
  assert(before.size > 0);
  const missed = new Set<string>();
  let isOver = false;
  const looking = (async () => {
    while (!isOver) for (const prefix of before.difference(await routes())) missed.add(prefix);
  })();
  try {
    await work();
  } finally {
    isOver = true;
    await looking;
  }
  return [...missed];
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

/** The network of a pod, with the programs of this machine. */
export async function networkOf(cluster: Cluster, pod: WebPod): Promise<Place> {
  const node = nodeOf(cluster, cluster.nodes.findIndex(({ name }) => name === pod.node) + 1);
  const [address = ""] = pod.addresses;
  const script =
    'for path in /run/netns/*; do ! nsenter --net=$path ip -o address | grep -q " $1/" || echo $path; done';
  const path = (await node.exec("sh", ["-c", script, "sh", address])).trim();
  return placeAt(`pod ${pod.name}`, node.outside(path));
}
