/** What of a cluster one process does for all nodes: `brindle controllers`. Of several replicas one acts. */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { type DatastoreSettings, findClusterAccess, openDatastore, openKubernetesApi } from "@brindle/api/shell";
import type { Logger } from "pino";
import { Candidate, type CandidateOptions } from "../../controllers/candidate.ts";
import { compactionPeriodMs, controllersConfig, controllersLogLevel } from "../../controllers/configuration.ts";
import { controllersMetrics } from "../../metrics/controllersMetrics.ts";
import { ControllersTally } from "../../metrics/controllersTally.ts";
import { tell } from "../../metrics/metric.ts";
import { controllersMetricsWish } from "../../metrics/metricsWish.ts";
import { serveHealth } from "../healthServer.ts";
import { MetricsEndpoint } from "../metricsEndpoint.ts";
import { metricsPage } from "../metricsPage.ts";
import type { MetricsPage } from "../metricsServer.ts";
import { untilAborted } from "../untilAborted.ts";
import { ipamCollection, nodeRemoval } from "./addresses.ts";
import { carriers } from "./carriers.ts";
import { compaction } from "./compaction.ts";
import { conditions } from "./conditions.ts";
import { ConfigurationWatch } from "./configurationWatch.ts";
import type { Controller } from "./controller.ts";
import { ControllerSet, type ControllerSetPorts } from "./controllerSet.ts";
import { autoHostEndpoints } from "./hostEndpoints.ts";
import { Leadership, renewalDeadlineMs } from "./leadership.ts";
import { serviceAddresses } from "./serviceAddresses.ts";
import { stickyAddresses } from "./sticky.ts";

/** A new one is a line here. */
const all: readonly Controller[] = [
  conditions,
  ...carriers,
  nodeRemoval,
  ipamCollection,
  stickyAddresses,
  serviceAddresses,
  autoHostEndpoints,
  compaction,
];

export interface ControllersOptions extends Pick<CandidateOptions, "lease"> {
  readonly environment: NodeJS.ProcessEnv;
  readonly kubeconfig?: string;
  readonly datastore: DatastoreSettings;
  /** Whether KubeControllersConfiguration decides how much is logged. */
  readonly followsLogSeverity: boolean;
  /** Where a kubelet's probes are answered; nowhere where it is left out. */
  readonly health?: { readonly port: number; readonly host: string };
  readonly version: string;
  readonly leakGraceMsMin: number;
  /** The address at which Prometheus may ask, at the port that the cluster is configured to; else it may not. */
  readonly metricsHost?: string;
}

/** Two calls renew a lease, and a leader that has lost it ends its last one before another can have it. */
export const callTimeoutMs: number = renewalDeadlineMs / 2;

/** Until `signal`. Rejects with a `StoreError` where no cluster is named, or none that can be. */
export async function runControllers(options: ControllersOptions, log: Logger, signal: AbortSignal): Promise<void> {
  const { lease, environment, kubeconfig, datastore, health, leakGraceMsMin } = options;
  await using parts = new AsyncDisposableStack();
  const access = await findClusterAccess({ environment, ...(kubeconfig !== undefined && { kubeconfig }) });
  const api = openKubernetesApi({ access, timeoutMs: callTimeoutMs });
  parts.defer(() => api.close());
  const store = await openDatastore(datastore);
  parts.defer(() => store.close());
  const problems = new Map([["lease", "it is not read yet"]]);
  const onHealth: ControllerSetPorts["onHealth"] = (name, problem) => {
    if (problem === null) problems.delete(name);
    else problems.set(name, problem);
  };
  if (health) parts.use(await serveHealth({ ...health, problem: () => firstOf(problems) }));
  const etcd = datastore.type === "etcdv3" ? { etcd: datastore.etcd } : {};
  const tally = new ControllersTally();
  const ports = { api, store, datastore: datastore.type, ...etcd, log, tally, leakGraceMsMin, onHealth };
  const facts = { version: options.version, tally, problems };
  const metrics = startMetrics(options, ports, () => metricsPage(tell(controllersMetrics, facts)));
  parts.defer(() => metrics.end());
  const candidate = new Candidate({ identity: `${hostname()}_${randomUUID()}`, lease });
  await new Leadership(candidate, {
    api,
    log,
    lead: async (until) => {
      tally.isLeader = true;
      await lead(ports, options, until).finally(() => {
        tally.isLeader = false;
      });
    },
    onHealth: (problem) => onHealth("lease", problem),
  }).run(signal);
}

/** Replicas that do not lead are asked as well: each follows the configuration for it, where it is to answer at all. */
function startMetrics(
  { metricsHost }: Pick<ControllersOptions, "metricsHost">,
  { store, log }: Pick<ControllerSetPorts, "store" | "log">,
  page: () => Promise<MetricsPage>,
): { end(): Promise<void> } {
  if (metricsHost === undefined) return { end: async () => {} };
  let told: string | null = null;
  const endpoint = new MetricsEndpoint({
    page,
    onHealth: (problem) => {
      if (problem !== told && problem !== null) log.warn({ reason: problem }, "no metrics");
      told = problem;
    },
  });
  // What is wrong with the datastore is the leader's to tell.
  const watch = new ConfigurationWatch({
    store,
    log: log.child({}, { level: "silent" }),
    onHealth: () => {},
    onChanged: (stored) => endpoint.follow(controllersMetricsWish(metricsHost, stored?.spec.prometheusMetricsPort)),
  });
  return {
    async end() {
      await watch.end();
      await endpoint.end();
    },
  };
}

function firstOf(problems: ReadonlyMap<string, string>): string | null {
  const [first] = problems;
  return first ? first.join(": ") : null;
}

/** No controller begins before it is known which of them are to run. */
async function lead(
  ports: ControllerSetPorts,
  { followsLogSeverity }: Pick<ControllersOptions, "followsLogSeverity">,
  until: AbortSignal,
): Promise<void> {
  const set = new ControllerSet(all, ports);
  const watch = new ConfigurationWatch({
    ...ports,
    onChanged: (configuration) => {
      if (followsLogSeverity) ports.log.level = controllersLogLevel(configuration);
      set.follow({
        configuration: controllersConfig(configuration),
        compactionPeriodMs: compactionPeriodMs(configuration),
      });
    },
  });
  await untilAborted(until);
  await Promise.all([watch.end(), set.end()]);
}
