/** Traffic between pods of two nodes while all agents are replaced, and as long without that. */
import type { Cluster } from "../fixtures/kubeadm/cluster.ts";
import { namespace } from "../kubeadm/brindle.ts";
import { addressOf, networkOf, podOfNode, podsOnAllNodes } from "../kubeadm/pods.ts";
import { webManifest } from "../kubeadm/web.ts";
import { startTraffic, type TrafficReport } from "../lab/traffic/traffic.ts";

export interface UpdateFigures {
  readonly undisturbed: TrafficFigures;
  readonly disturbed: TrafficFigures;
}

export interface TrafficFigures {
  readonly lost: number;
  readonly udpGapMs: number;
  readonly tcpGapMs: number;
}

/** 1,000 UDP packets a second and as many records of a TCP stream, each way. */
export async function updateFigures(cluster: Cluster, say: (line: string) => void): Promise<UpdateFigures> {
  await cluster.kubectl(["apply", "-f", "-"], { input: webManifest });
  const pods = await podsOnAllNodes(cluster);
  const [from, to] = [podOfNode(pods, "node2"), podOfNode(pods, "node3")];
  const ends = {
    from: await networkOf(cluster, from),
    to: await networkOf(cluster, to),
    addresses: [addressOf(to)],
    isUrgent: true,
  };
  const during = async (what: string, work: () => Promise<unknown>): Promise<TrafficFigures> => {
    await using traffic = await startTraffic(ends);
    await work();
    const figures = figuresOf(await traffic.finish());
    say(`${what}: ${figures.lost} lost, longest gaps ${figures.udpGapMs} ms (UDP), ${figures.tcpGapMs} ms (TCP)`);
    return figures;
  };

  let updateMs = 0;
  const disturbed = await during("an update", async () => {
    const startMs = performance.now();
    await replaceAgents(cluster);
    updateMs = performance.now() - startMs;
  });
  const undisturbed = await during(
    `${(updateMs / 1_000).toFixed(1)} s without one`,
    () => new Promise((resolve) => setTimeout(resolve, updateMs)),
  );
  await cluster.kubectl(["delete", "-f", "-"], { input: webManifest });
  return { undisturbed, disturbed };
}

async function replaceAgents({ kubectl }: Cluster): Promise<void> {
  await kubectl(["rollout", "restart", "daemonset/brindle-agent", "-n", namespace]);
  await kubectl(["rollout", "status", "daemonset/brindle-agent", "-n", namespace, "--timeout=120s"], {
    deadlineMs: 130_000,
  });
}

function figuresOf({ flows, lost }: TrafficReport): TrafficFigures {
  const gap = (protocol: string): number =>
    Math.max(...flows.filter(({ name }) => name.startsWith(protocol)).map(({ longestGapMs }) => longestGapMs));
  return { lost, udpGapMs: gap("udp"), tcpGapMs: gap("tcp") };
}
