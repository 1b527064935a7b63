/** The two clusters that are compared, and what is measured on them in turn. */
import { installBridgeNetwork } from "../fixtures/kubeadm/bridgeNetwork.ts";
import { type OwnCluster, startCluster } from "../fixtures/kubeadm/startCluster.ts";
import { type Applied, applyBrindle, requestsOfAgents } from "../kubeadm/brindle.ts";
import { addressesInBlocks, addressesOfHostLocal, type CrowdTimes, crowd } from "../kubeadm/crowd.ts";
import { elapsedMs } from "./row.ts";

export type Say = (line: string) => void;

export interface CrowdFigures {
  readonly upSeconds: number;
  readonly downSeconds: number;
}

export interface CrowdComparison {
  readonly bridge: CrowdFigures;
  readonly brindle: CrowdFigures;
  readonly requestsAnAdd: number;
  readonly requestsADel: number;
}

const nodes = 3;
/** A node that has nothing of the control plane. */
const crowdedNode = 2;
const pods = 60;
/** One pass is at the mercy of what else the machine does. */
const passes = 3;

/** With the reference network; and how long that took from its first file until all nodes were Ready. */
export async function bridgeCluster(say: Say): Promise<{ cluster: OwnCluster; nodesReadyMs: number }> {
  say("a cluster for the reference network");
  const cluster = await startedCluster();
  const nodesReadyMs = await elapsedMs(async () => {
    await installBridgeNetwork(cluster);
    await cluster.kubectl(["wait", "--for=condition=Ready", "node", "--all", "--timeout=60s"], { deadlineMs: 70_000 });
  });
  say(`its nodes are Ready after ${seconds(nodesReadyMs)} s`);
  await untilCoreDnsRuns(cluster);
  return { cluster, nodesReadyMs };
}

export async function brindleCluster(image: string, say: Say): Promise<{ cluster: OwnCluster; applied: Applied }> {
  say("a cluster for our own");
  const cluster = await startedCluster();
  await cluster.load([image]);
  const applied = await applyBrindle(cluster);
  const { nodesReadyMs, agentsReadyMs, controllersReadyMs } = applied;
  say(
    `its nodes are Ready after ${seconds(nodesReadyMs)} s, agents ${seconds(agentsReadyMs)} s, ` +
      `controllers ${seconds(controllersReadyMs)} s`,
  );
  await untilCoreDnsRuns(cluster);
  return { cluster, applied };
}

/** The same on both in turn, so that what else the machine does slows both. */
export async function compareCrowds(bridge: OwnCluster, brindle: OwnCluster, say: Say): Promise<CrowdComparison> {
  const times = { bridge: [] as CrowdTimes[], brindle: [] as CrowdTimes[] };
  const requests = { add: 0, del: 0 };
  const before = async () => (await requestsOfAgents(brindle)).length;
  for (let pass = 1; pass <= passes; pass += 1) {
    const inUseOfBridge = () => addressesOfHostLocal(bridge, crowdedNode);
    times.bridge.push(await crowd(bridge, { pods, node: crowdedNode, addressesInUse: inUseOfBridge }));
    say(`bridge: ${spoken(times.bridge)}`);
    const first = await before();
    let second = first;
    const noteSecond = async () => {
      second = await before();
    };
    const addressesInUse = () => addressesInBlocks(brindle);
    times.brindle.push(await crowd(brindle, { pods, node: crowdedNode, addressesInUse }, noteSecond));
    requests.add += second - first;
    requests.del += (await before()) - second;
    say(`ours: ${spoken(times.brindle)}`);
  }
  const up = middlePass(times, "upMs");
  const down = middlePass(times, "downMs");
  return {
    bridge: { upSeconds: up.bridge, downSeconds: down.bridge },
    brindle: { upSeconds: up.brindle, downSeconds: down.brindle },
    requestsAnAdd: requests.add / (passes * pods),
    requestsADel: requests.del / (passes * pods),
  };
}

/** As people have it before they bring a network: kube-proxy runs on every node. */
async function startedCluster(): Promise<OwnCluster> {
  const cluster = await startCluster({ nodes, audit: true });
  await cluster.kubectl(["rollout", "status", "daemonset/kube-proxy", "-n", "kube-system", "--timeout=60s"], {
    deadlineMs: 70_000,
  });
  return cluster;
}

async function untilCoreDnsRuns({ kubectl }: OwnCluster): Promise<void> {
  await kubectl(["rollout", "status", "deployment/coredns", "-n", "kube-system", "--timeout=60s"], {
    deadlineMs: 70_000,
  });
}

/** The two figures of the pass whose ratio is the median: what they had beside them was the same. In seconds. */
function middlePass(
  { bridge, brindle }: { readonly bridge: readonly CrowdTimes[]; readonly brindle: readonly CrowdTimes[] },
  field: keyof CrowdTimes,
): { readonly bridge: number; readonly brindle: number } {
  const all = brindle.map((ours, pass) => ({ ours: ours[field], anchor: bridge[pass]?.[field] ?? Number.NaN }));
  const sorted = all.toSorted((a, b) => a.ours / a.anchor - b.ours / b.anchor);
  const { ours, anchor } = sorted[Math.floor(sorted.length / 2)] ?? { ours: Number.NaN, anchor: Number.NaN };
  return { bridge: anchor / 1_000, brindle: ours / 1_000 };
}

function spoken(times: readonly CrowdTimes[]): string {
  const last = times.at(-1);
  return last ? `${pods} pods Running after ${seconds(last.upMs)} s, gone after ${seconds(last.downMs)} s` : "";
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(1);
}
