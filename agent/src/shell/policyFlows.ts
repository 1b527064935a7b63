/** Flows that policy denies: told to who watches, and ended where they were open, as AgentConfigurations say. */
import type { Store } from "@brindle/api";
import { formatAddress } from "@brindle/net";
import { interfaceNameOf, openFlowEvents, openFlowSocket, openLogSocket } from "@brindle/net/shell";
import { endpointAddresses, endpointId, type PolicyUpdate } from "@brindle/policy";
import type { Logger } from "pino";
import type { FlowSettings } from "../graph/flowSettings.ts";
import { ToldPolicies } from "../graph/toldPolicies.ts";
import type { Mistake } from "../node/mistakes.ts";
import type { AgentHealth } from "./agentHealth.ts";
import type { ClusterSync } from "./clusterSync.ts";
import { DeniedFlows } from "./deniedFlows.ts";
import { FlowEnding } from "./flowEnding.ts";
import { HookWatch } from "./hookWatch.ts";
import { NodeNetworks, type NodeNetworksPorts } from "./nodeNetworks.ts";
import { PolicySync, type PolicySyncPorts } from "./policySync.ts";
import { StagedFlows } from "./stagedFlows.ts";

export interface PolicyParts {
  readonly policy: PolicySync;
  readonly flows: PolicyFlows;
}

/** Policy of a node, and what becomes of flows by it; the two know each other. */
export function followPolicy(
  node: string,
  parts: Pick<PolicySyncPorts, "kernel" | "api"> & {
    readonly store: Store;
    readonly cluster: () => ClusterSync;
    /** For interfaces and routes. */
    readonly links: NodeNetworksPorts["kernel"];
    readonly health: AgentHealth;
    readonly log: Logger;
  },
): PolicyParts {
  const { kernel, api = null, store, cluster, links, health, log } = parts;
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
      onReceived: (update) => flows.receive(update),
      onCountingFailure: (error) => log.warn({ err: error }, "hits of rules were not read"),
    },
  );
  const hooks = new HookWatch({
    sources: () => kernel.counters ?? [],
    hooks: () => policy.hooks(),
    nowMs: () => performance.now(),
    isInForce: () => isInForce,
    repair: () => policy.resync(),
    onGone: () => log.warn("somebody took the hooks of policy out of the kernel's tables: they are put back"),
  });
  const onFound = (found: readonly Mistake[]): void => health.found("flows", found);
  const networks = new NodeNetworks({
    kernel: links,
    nowMs: () => performance.now(),
    asksHosts: () => policy.verdicts()?.asksHosts ?? false,
    onFailure: (error) => log.warn({ err: error }, "routes were not read"),
  });
  const flows = new PolicyFlows(node, { store, api, cluster, policy: () => policy, hooks, networks, onFound });
  return { policy, flows };
}

export interface PolicyFlowsPorts {
  readonly store: Store;
  readonly api: Exclude<PolicySyncPorts["api"], undefined>;
  readonly cluster: () => ClusterSync;
  readonly policy: () => PolicySync;
  readonly hooks: HookWatch;
  readonly networks: NodeNetworks;
  readonly onFound: (mistakes: readonly Mistake[]) => void;
}

/** Who has an address is looked up in all endpoints, no oftener than that. */
const namesForMs = 2_000;

type FlowPart = "denied" | "ending" | "staged";

export class PolicyFlows {
  readonly denied: DeniedFlows;
  readonly ending: FlowEnding;
  readonly #staged: StagedFlows;
  readonly #told = new ToldPolicies();
  readonly #ports: PolicyFlowsPorts;
  readonly #problems = new Map<FlowPart, string>();
  #names: ReadonlyMap<string, string> = new Map();
  #namesAtMs = Number.NEGATIVE_INFINITY;

  constructor(node: string, ports: PolicyFlowsPorts) {
    this.#ports = ports;
    const verdicts = () => ports.policy().verdicts();
    this.denied = new DeniedFlows({
      open: openLogSocket,
      nowMs: () => Date.now(),
      verdicts,
      podAt: (address) => this.#namesNow().get(formatAddress(address)),
      interfaceName: interfaceNameOf,
      staged: (judge) => this.#staged.of(judge),
      onWatched: (isWatched) => this.#staged.setOn(isWatched),
      onHealth: (problem) => this.#report("denied", problem),
    });
    this.#staged = this.#stagedFlows(node);
    this.ending = new FlowEnding({
      open: () => openFlowSocket(),
      verdicts,
      network: () => ports.networks.read(),
      onHealth: (problem) => this.#report("ending", problem),
    });
  }

  #stagedFlows(node: string): StagedFlows {
    const { store, api, cluster, policy, networks } = this.#ports;
    return new StagedFlows(node, {
      store,
      api,
      open: openFlowEvents,
      nowMs: () => performance.now(),
      told: () => this.#told.all(cluster().state.all("WorkloadEndpoint").values()),
      settings: () => policy().filterSettings,
      verdicts: () => policy().verdicts(),
      policiesFor: (endpoint, direction) => policy().policiesFor(endpoint, direction),
      hostInterfaces: () => policy().hostInterfaces,
      network: () => networks.last,
      onWouldDeny: (packet, staged) => this.denied.wouldDeny(packet, staged),
      onMissed: () => this.denied.missed(1),
      onHealth: (problem) => this.#report("staged", problem),
    });
  }

  /** What policy is told. */
  receive(update: PolicyUpdate): void {
    this.#told.receive(update);
    this.#staged.receive(update);
  }

  follow({ deniedFlowsPerSecond, endsFlows }: FlowSettings): void {
    this.denied.setRate(deniedFlowsPerSecond);
    this.ending.setOn(endsFlows);
  }

  async end(): Promise<void> {
    const { hooks, networks } = this.#ports;
    await Promise.all([this.denied.end(), this.#staged.end(), this.ending.end(), hooks.end(), networks.end()]);
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

  #report(part: FlowPart, problem: string | null): void {
    if (problem === null) this.#problems.delete(part);
    else this.#problems.set(part, problem);
    this.#ports.onFound([...this.#problems.values()].map((text) => ({ code: "FlowsNotWatched", text })));
  }
}
