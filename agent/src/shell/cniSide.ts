/** The CNI plugin with this node's ports. */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Key, Store, WorkloadEndpoint } from "@brindle/api";
import type { KubernetesApi } from "@brindle/api/shell";
import {
  AllocatedAddresses,
  CniPlugin,
  endpointKey,
  type NetworkLists,
  type Pods,
  type PolicyGate,
  type Ports,
  type Readiness,
  type Replay,
  StoredRecords,
} from "@brindle/cni";
import { type CniServer, openPendingDels, serveCni } from "@brindle/cni/shell";
import { Allocator, type RefusedPool } from "@brindle/ipam";
import type { Logger } from "pino";
import { clusterView } from "../graph/clusterView.ts";
import { podCidrsOf } from "../graph/originated.ts";
import { takesCapability } from "../node/chainedPlugins.ts";
import type { Health } from "../status.ts";
import { Adoption } from "./adoption.ts";
import { beyondOwn } from "./beyondSide.ts";
import type { ClusterSync } from "./clusterSync.ts";
import type { CountedAnswers } from "./countedAnswers.ts";
import { readNetworkLists } from "./machine.ts";
import { noPods, podsBesideEtcd, podsOfDatastore, type Watched } from "./podDescriptions.ts";
import type { PolicySync } from "./policySync.ts";
import type { Links } from "./wiring/links.ts";

/** A kept deletion holds addresses that a small pool may need. */
const replayEveryMs = 3_000;

export interface CniSideOptions {
  readonly node: string;
  readonly socketPath: string;
  readonly pendingDirectory: string;
  /** Where the container runtime looks for its lists of networks, if it is known. */
  readonly listDirectory: string | undefined;
  /** Whether pods have addresses of the node's podCIDR also where the list does not say so. */
  readonly usesPodCidrs: boolean;
  readonly health: Health;
  readonly calls: CountedAnswers;
  readonly log: Logger;
}

export interface CniSideParts {
  readonly store: Store;
  readonly cluster: ClusterSync;
  readonly policy: PolicySync;
  readonly links: Links;
  readonly pods: Pods;
}

export async function startCni(options: CniSideOptions, parts: CniSideParts): Promise<CniServer> {
  const { node, socketPath, pendingDirectory, calls, health, log } = options;
  const { store, cluster } = parts;
  const adoption = new Adoption(node, { store, cluster, log, nowNs: nanosecondsNow });
  void adoption.begin();
  const plugin = nodePlugin(
    { ...options, underWay: () => calls.underWay },
    {
      ...parts,
      readiness: async () => {
        const state = readiness(cluster, health);
        return state.kind === "ready" ? adoption.readiness() : state;
      },
      pending: await openPendingDels(pendingDirectory),
    },
  );
  return serveCni(calls.of(plugin), {
    socketPath,
    replayEveryMs,
    onReplay: tellNews(log),
    onReplayError: (error) => log.warn({ err: error }, "kept deletions cannot be read"),
  });
}

export interface NodePluginOptions extends Pick<CniSideOptions, "node" | "listDirectory" | "usesPodCidrs"> {
  /** How many calls are. */
  readonly underWay: () => number;
}

/** The plugin over a node's parts, whatever node it is. */
export function nodePlugin(
  { node, listDirectory, usesPodCidrs, underWay }: NodePluginOptions,
  { store, cluster, policy, links, pods, readiness, pending }: CniSideParts & Pick<Ports, "readiness" | "pending">,
): CniPlugin {
  const allocator = new Allocator(
    { node },
    {
      store,
      now: nanosecondsNow,
      view: () => clusterView(node, cluster.state),
      // Who is alone waits for nobody.
      gathering: async () => {
        if (underWay() > 1) await nextTurn();
      },
    },
  );
  return new CniPlugin({
    node,
    pods,
    addresses: new AllocatedAddresses(node, {
      allocator,
      store,
      watched: (key) => watchedEndpoint(cluster, key),
      podCidrs: () => podCidrsOf(cluster.state.all("Node").get(node)),
      usesPodCidrs,
      withheldPools: () => withheldPools(cluster),
    }),
    records: new StoredRecords(node, store),
    links,
    policy: gateOf(cluster, policy),
    beyond: beyondOwn(node, { state: cluster.state, store }),
    ...(listDirectory !== undefined && { lists: listsIn(listDirectory) }),
    readiness,
    pending,
  });
}

function gateOf(cluster: ClusterSync, policy: PolicySync): PolicyGate {
  return {
    expect: (endpoint) => policy.expect(endpoint),
    ready: (endpoint, signal) => {
      cluster.added(endpoint);
      return policy.ready(endpoint, signal);
    },
    check: (endpoint) => policy.check(endpoint),
  };
}

function withheldPools({ state }: ClusterSync): RefusedPool[] {
  return [...state.problems()].flatMap(([object, reason]) =>
    object.startsWith("IPPool ") ? [{ pool: object.slice("IPPool ".length), reason }] : [],
  );
}

/** Read for each pod that asks: an operator may have written another list since. */
export function listsIn(directory: string): NetworkLists {
  return {
    takes: async (network, capability) => takesCapability(await readNetworkLists(directory), { network, capability }),
  };
}

/** Who says what a pod asks for. */
export function describedPods(
  node: string,
  from: { readonly api: KubernetesApi | null; readonly cluster: ClusterSync; readonly isBesideEtcd: boolean },
): Pods {
  if (!from.api) return noPods;
  return from.isBesideEtcd ? podsBesideEtcd(from.api) : podsOfDatastore(from.api, watchedPods(node, from.cluster));
}

/** What the watch has told of pods of this node, and of namespaces. */
export function watchedPods(node: string, cluster: ClusterSync): Watched {
  return {
    endpoint: (attachment) => watchedEndpoint(cluster, { kind: "WorkloadEndpoint", ...endpointKey(attachment, node) }),
    namespace: (name) => cluster.namespaceProfile(name),
  };
}

function watchedEndpoint({ state }: ClusterSync, { namespace, name }: Key): WorkloadEndpoint | null {
  return state.all("WorkloadEndpoint").get(`${namespace}/${name}`) ?? null;
}

/** While the datastore is away each replay fails alike, which is told once. */
function tellNews(log: Logger): (replay: Replay) => void {
  let told = "";
  return ({ done, failed }) => {
    if (done.length > 0) log.info({ attachments: done }, "did kept deletions");
    const text = JSON.stringify(failed);
    if (failed.length > 0 && text !== told) log.warn({ attachments: failed }, "kept deletions cannot be done yet");
    told = text;
  };
}

function readiness(cluster: ClusterSync, health: Health): Readiness {
  const reason = notReadyReason(cluster, health);
  if (reason === null) return { kind: "ready" };
  // What is in the kernel stays while the datastore is away; without routes or rules pods may be cut off as well.
  const isCutOff = (["policy", "routes", "bgp"] as const).some((part) => health.isFailing(part));
  return { kind: "notReady", reason, connectivity: isCutOff ? "limited" : "intact" };
}

function notReadyReason(cluster: ClusterSync, health: Health): string | null {
  const problem = health.ownProblem(["store", "policy"]);
  if (problem) return problem;
  if (!cluster.isInSync) return "the agent has not read all of the datastore yet";
  const information = cluster.state.all("ClusterInformation").get("default");
  if (!information) return "ClusterInformation default is gone: no pod gets an address until it is back";
  return information.spec.datastoreReady
    ? null
    : "the datastore is locked: ClusterInformation says that it is not ready";
}

function nanosecondsNow(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}
