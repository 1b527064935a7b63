/** What agents take that have nothing to do. */
import type { Cluster } from "../fixtures/kubeadm/cluster.ts";
import { requestsOfAgents } from "../kubeadm/brindle.ts";

export interface IdleFigures {
  readonly idleRequestsAMinute: number;
  readonly agentMegabytes: number;
  readonly agentPercent: number;
}

/** Longer than any interval but those of the listings beside the streams, of which some fall into any time. */
const minutes = 3;
const clockTicksASecond = 100;

/** Of a node, the mean of all. The time that passes is what is measured. */
export async function idleFigures(cluster: Cluster, say: (line: string) => void): Promise<IdleFigures> {
  say(`${minutes} minutes in which nothing happens`);
  const requestsBefore = (await requestsOfAgents(cluster)).length;
  const before = await agentsOf(cluster);
  await new Promise((resolve) => setTimeout(resolve, minutes * 60_000));
  const after = await agentsOf(cluster);
  const requests = (await requestsOfAgents(cluster)).length - requestsBefore;
  const nodes = cluster.nodes.length;
  const ticks = after.reduce((sum, agent, index) => sum + agent.ticks - (before[index]?.ticks ?? 0), 0);
  return {
    idleRequestsAMinute: requests / minutes / nodes,
    agentMegabytes: after.reduce((sum, { kilobytes }) => sum + kilobytes, 0) / nodes / 1_000,
    agentPercent: ((ticks / clockTicksASecond) * 100) / (minutes * 60) / nodes,
  };
}

interface AgentProcesses {
  readonly kilobytes: number;
  /** Of user and system. */
  readonly ticks: number;
}

/** The agent and the programs that it keeps running, of each node. */
function agentsOf({ nodes }: Cluster): Promise<AgentProcesses[]> {
  const script =
    'for agent in $(pgrep -f "^[^ ]*node [^ ]*brindle agent"); do for pid in $agent $(pgrep -P $agent); do ' +
    "awk '/^VmRSS/ { print \"rss\", $2 }' /proc/$pid/status; awk '{ print \"ticks\", $14 + $15 }' /proc/$pid/stat; done; done";
  return Promise.all(
    nodes.map(async (node) => {
      const lines = (await node.exec("sh", ["-c", script])).trim().split("\n");
      const sum = (name: string): number =>
        lines.reduce((total, line) => total + (line.startsWith(`${name} `) ? Number(line.split(" ")[1]) : 0), 0);
      return { kilobytes: sum("rss"), ticks: sum("ticks") };
    }),
  );
}
