/** The methods of the agent's control interface. `brindlectl` is their caller. */
import type { AgentStatus, Store } from "@brindle/api";
import { bgpHandlers } from "@brindle/bgp/shell";
import { ControlError } from "@brindle/net";
import type { ControlHandler } from "@brindle/net/shell";
import type { Health } from "../status.ts";
import { blockStatus } from "./blockStatus.ts";
import type { ClusterSync } from "./clusterSync.ts";
import type { PodRouteSync } from "./podRouteSync.ts";
import type { PolicyFlows } from "./policyFlows.ts";
import type { PolicySync } from "./policySync.ts";
import type { RouteSync } from "./routeSync.ts";
import type { SpeakerSync } from "./speakerSync.ts";

export interface ControlContext {
  readonly node: string;
  readonly version: string;
  readonly sinceMs: number;
  readonly health: Health;
  readonly networkList: () => AgentStatus["networkList"];
}

export interface ControlParts {
  readonly store: Store;
  readonly cluster: ClusterSync;
  readonly speaker: SpeakerSync;
  readonly policy: PolicySync;
  readonly routes: RouteSync;
  readonly podRoutes: PodRouteSync;
  readonly flows: PolicyFlows;
  /** Reads back what the kernel has and repairs it; resolves when that is done. */
  readonly resync: () => Promise<void>;
}

/** `running` answers `null` as long as the machine does not let the agent begin: then it tells its status alone. */
export function controlHandlers(
  context: ControlContext,
  running: () => ControlParts | null,
): Record<string, ControlHandler> {
  const parts = (): ControlParts => {
    const begun = running();
    if (begun) return begun;
    throw new ControlError("NOT_READY", `the agent has not begun: ${context.health.firstProblem() ?? "it starts"}`);
  };
  return {
    status: () => {
      const begun = running();
      return begun ? agentStatus(context, begun) : statusBefore(context);
    },
    ...bgpHandlers(() => parts().speaker.running),
    "policy.hits": (params) => parts().policy.hits({ all: isAll(params) }),
    "flows.denied": (_, { signal }) => {
      const { denied } = parts().flows;
      if (!denied.isOn) throw new ControlError("DISABLED", `${disabled} AgentConfiguration node.${context.node}`);
      return denied.watch(signal);
    },
    resync: () => parts().resync(),
    counters: () => ({
      routes: parts().routes.counters(),
      podRoutes: parts().podRoutes.counters(),
      policy: parts().policy.counters(),
      flows: { ...parts().flows.denied.counts(), ended: parts().flows.ending.count },
    }),
  };
}

function isAll(params: unknown): boolean {
  return typeof params === "object" && params !== null && "all" in params && params.all === true;
}

const disabled = "denied flows are not told: set policy.deniedFlows.mode to Enabled in AgentConfiguration default or";

function statusBefore({ node, version, sinceMs, health, networkList }: ControlContext): AgentStatus {
  return {
    nodeName: node,
    version,
    sinceMs,
    store: { state: "disconnected", sinceMs, reason: "not connected yet" },
    pods: 0,
    blocks: [],
    health: health.all(),
    mistakes: health.mistakes(),
    sessions: { configured: 0, established: 0 },
    networkList: networkList(),
    problems: [],
  };
}

async function agentStatus(
  context: ControlContext,
  { store, cluster, policy, speaker }: ControlParts,
): Promise<AgentStatus> {
  const { node, version, sinceMs, health, networkList } = context;
  const peers = await speaker.peers();
  const parts = health.all();
  const storeHealth = parts.find(({ part }) => part === "store");
  const endpoints = [...cluster.state.all("WorkloadEndpoint").values()];
  const isConnected = storeHealth?.state === "ready";
  return {
    nodeName: node,
    version,
    sinceMs,
    store: isConnected
      ? { state: "connected", sinceMs: storeHealth.sinceMs }
      : {
          state: "disconnected",
          sinceMs: storeHealth?.sinceMs ?? sinceMs,
          reason: storeHealth?.reason ?? "not connected yet",
        },
    pods: endpoints.filter(({ spec }) => spec.node === node).length,
    blocks: isConnected ? await blockStatus(node, { store, cluster }) : [],
    health: parts,
    mistakes: health.mistakes(),
    sessions: {
      configured: peers.length,
      established: peers.filter(({ phase }) => phase === "established").length,
    },
    networkList: networkList(),
    problems: [...new Map([...cluster.problems(), ...policy.problems()])].map(
      ([object, reason]) => `${object}: ${reason}`,
    ),
  };
}
