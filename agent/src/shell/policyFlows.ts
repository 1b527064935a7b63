/** Flows that policy denies: told to who watches, and ended where they were open, as AgentConfigurations say. */
import { networkInterfaces } from "node:os";
import { formatAddress } from "@brindle/net";
import { openFlowSocket, openLogSocket } from "@brindle/net/shell";
import { endpointAddresses, endpointId } from "@brindle/policy";
import type { Logger } from "pino";
import type { FlowSettings } from "../graph/flowSettings.ts";
import type { Mistake } from "../node/mistakes.ts";
import type { AgentHealth } from "./agentHealth.ts";
import type { ClusterSync } from "./clusterSync.ts";
import { DeniedFlows } from "./deniedFlows.ts";
import { FlowEnding } from "./flowEnding.ts";
import { HookWatch } from "./hookWatch.ts";
import { PolicySync, type PolicySyncPorts } from "./policySync.ts";

export interface PolicyParts {
  readonly policy: PolicySync;
  readonly flows: PolicyFlows;
}

/** Policy of a node, and what becomes of flows by it; the two know each other. */
export function followPolicy(
  node: string,
  parts: Pick<PolicySyncPorts, "kernel" | "api"> & {
    readonly cluster: () => ClusterSync;
    readonly health: AgentHealth;
    readonly log: Logger;
  },
): PolicyParts {
  const { kernel, api = null, cluster, health, log } = parts;
  let isInForce = false;
  const policy = new PolicySync(
    { node },
    {
      kernel,
      api,
      onHealth: (problem) => health.report("policy", problem),
      onInForce: () => {
        isInForce = true;
        flows.ending.changed();
      },
      onCountingFailure: (error) => log.warn({ err: error }, "hits of rules were not read"),
    },
  );
  const hooks = new HookWatch({
    sources: () => kernel.counters ?? [],
    isInForce: () => isInForce,
    repair: () => policy.resync(),
    onGone: () => log.warn("somebody took the hooks of policy out of the kernel's tables: they are put back"),
  });
  const onFound = (found: readonly Mistake[]): void => health.found("flows", found);
  const flows = new PolicyFlows({ cluster, policy: () => policy, hooks, onFound });
  return { policy, flows };
}

export interface PolicyFlowsPorts {
  readonly cluster: () => ClusterSync;
  readonly policy: () => PolicySync;
  readonly hooks: HookWatch;
  readonly onFound: (mistakes: readonly Mistake[]) => void;
}

/** Who has an address is looked up in all endpoints, no oftener than that. */
const namesForMs = 2_000;

export class PolicyFlows {
  readonly denied: DeniedFlows;
  readonly ending: FlowEnding;
  readonly #ports: PolicyFlowsPorts;
  readonly #problems = new Map<"denied" | "ending", string>();
  #names: ReadonlyMap<string, string> = new Map();
  #namesAtMs = Number.NEGATIVE_INFINITY;

  constructor(ports: PolicyFlowsPorts) {
    this.#ports = ports;
    const verdicts = () => ports.policy().verdicts();
    this.denied = new DeniedFlows({
      open: openLogSocket,
      nowMs: () => Date.now(),
      verdicts,
      podAt: (address) => this.#namesNow().get(formatAddress(address)),
      onHealth: (problem) => this.#report("denied", problem),
    });
    this.ending = new FlowEnding({
      open: () => openFlowSocket(),
      verdicts,
      ownAddresses,
      onHealth: (problem) => this.#report("ending", problem),
    });
  }

  follow({ deniedFlowsPerSecond, endsFlows }: FlowSettings): void {
    this.denied.setRate(deniedFlowsPerSecond);
    this.ending.setOn(endsFlows);
  }

  async end(): Promise<void> {
    await Promise.all([this.denied.end(), this.ending.end(), this.#ports.hooks.end()]);
  }

  #namesNow(): ReadonlyMap<string, string> {
    const nowMs = performance.now();
    if (nowMs - this.#namesAtMs < namesForMs) return this.#names;
    const endpoints = this.#ports.cluster().state.all("WorkloadEndpoint").values();
    this.#names = new Map(
      endpoints.flatMap((endpoint) => {
        const name = endpoint.spec.pod ? `${endpoint.metadata.namespace}/${endpoint.spec.pod}` : endpointId(endpoint);
        return endpointAddresses(endpoint).map((address): [string, string] => [formatAddress(address), name]);
      }),
    );
    this.#namesAtMs = nowMs;
    return this.#names;
  }

  #report(part: "denied" | "ending", problem: string | null): void {
    if (problem === null) this.#problems.delete(part);
    else this.#problems.set(part, problem);
    this.#ports.onFound([...this.#problems.values()].map((text) => ({ code: "FlowsNotWatched", text })));
  }
}

function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((of) => (of ?? []).map(({ address }) => address));
}
