/**
 * The daemon of a node: joins the datastore, the kernel, the BGP speaker, policy and the CNI plugin. It decides
 * nothing itself; each part follows what the datastore says, and all of them leave the kernel as it is when it ends.
 */

import { basename, dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type AgentPart, type AgentStatus, felixSettings, type Store, StoreError } from "@brindle/api";
import { type DatastoreSettings, type KubernetesApi, openDatastore } from "@brindle/api/shell";
import type { Pods } from "@brindle/cni";
import type { CniServer } from "@brindle/cni/shell";
import { isKernelError } from "@brindle/net";
import {
  type ControlServer,
  giveBackMemory,
  openRouteSocket,
  type RouteSocket,
  serveControl,
} from "@brindle/net/shell";
import type { EndpointToHostAction } from "@brindle/policy";
import type { Logger } from "pino";
import { AgentError, type AgentFailure, messageOf } from "../error.ts";
import { endpointToHostAction } from "../graph/endpointToHost.ts";
import { logLevel } from "../graph/logLevel.ts";
import { originatedPrefixes, ownBlocks, poolRanges } from "../graph/originated.ts";
import { refusedConfiguration, speakerConfig } from "../graph/speakerConfig.ts";
import type { Mistake, MistakeCode } from "../node/mistakes.ts";
import { Health, type Said } from "../status.ts";
import { Checks } from "./checks.ts";
import { readClusterRanges } from "./clusterRanges.ts";
import { ClusterSync } from "./clusterSync.ts";
import { startCni } from "./cniSide.ts";
import { type ControlParts, controlHandlers } from "./controlHandlers.ts";
import { serveHealth } from "./healthServer.ts";
import { kubernetesBeside } from "./kubernetesBeside.ts";
import { installNetworkList, type NetworkList } from "./networkList.ts";
import { NodeReporter, type NodeReporterOptions } from "./nodeReporter.ts";
import { podsBesideEtcd, podsToldByDatastore } from "./podDescriptions.ts";
import { PodRouteSync } from "./podRouteSync.ts";
import { openPolicyKernel, PolicySync, type PolicySyncPorts } from "./policySync.ts";
import { type ClusterRanges, makePools, type Registered, type RegistrarOptions, register } from "./registrar.ts";
import { RouteSync } from "./routeSync.ts";
import { SpeakerSync, type SpeakerWish } from "./speakerSync.ts";
import { sysctlRecordName } from "./sysctlRecord.ts";
import { Links } from "./wiring/links.ts";

export interface AgentOptions extends RegistrarOptions {
  /** `defaultEndpointToHostAction` of FelixConfigurations decides, where it is left out. */
  readonly endpointToHostAction?: EndpointToHostAction;
  readonly version: string;
  readonly store: DatastoreSettings;
  /** Of the cluster whose pods these are, where the datastore is etcd; a pod is told of it anyway. */
  readonly kubeconfig?: string;
  /** Whether FelixConfiguration and BGPConfiguration decide how much is logged. */
  readonly followsLogSeverity: boolean;
  readonly controlSocket: string;
  readonly cniSocket: string;
  /** Where DELs wait that cannot be done yet. */
  readonly pendingDirectory: string;
  /** What tells the kubelet that this node has a network; absent where somebody else puts it there. */
  readonly networkList?: NetworkList;
  /** Where a kubelet's probes are answered, at loopback; nowhere where it is left out. */
  readonly healthPort?: number;
  /** The agent's own, and its Pod where it runs in one. */
  readonly namespace: string;
  readonly pod: NodeReporterOptions["pod"];
}

const registrationRetryMs = 1_000;
const machineRetryMs = 2_000;
/** By then what was listed is in force, and what that needed is garbage. */
const quietAfterMs = 10_000;
/** What other programs do to our part of the kernel is found within this time. */
const resyncIntervalMs = 90_000;

export class Agent {
  readonly #options: AgentOptions;
  readonly #log: Logger;
  readonly #health = new Health(Date.now());
  readonly #ended = new AbortController();
  #hasNetworkList = false;
  #networkListPath: string | null = null;
  #checks: Checks | null = null;
  #reporter: NodeReporter | null = null;
  #running: ControlParts | null = null;
  #givingBack: NodeJS.Timeout | undefined;
  #routeProblems: RouteProblems = { learned: null, pods: null };
  /** Ended in the reverse of the order in which the parts were made. */
  readonly #parts = new AsyncDisposableStack();

  constructor(options: AgentOptions, log: Logger) {
    this.#options = options;
    this.#log = log;
  }

  /** Runs until `end`. Rejects when the node cannot run an agent: another one does, or the kernel refuses. */
  async run(): Promise<void> {
    const store = await openDatastore(this.#options.store);
    this.#parts.defer(() => store.close());
    const control = await this.#serveControl();
    this.#parts.defer(() => control.close());
    const api = await this.#openKubernetes(store);
    this.#keepServingHealth();
    const kernel = await this.#openKernel();
    if (kernel) await this.#runWith({ store, api, kernel });
    await this.#parts.disposeAsync();
  }

  async #runWith({
    store,
    api,
    kernel,
  }: {
    store: Store;
    api: KubernetesApi | null;
    kernel: RouteSocket;
  }): Promise<void> {
    const { node } = this.#options;
    const packetFilter = await openPolicyKernel();
    const routes = new RouteSync({
      kernel,
      onNextHops: (facts) => speaker.nextHops(facts),
      onHealth: (problem) => this.#reportRoutes({ learned: problem }),
    });
    const podRoutes = new PodRouteSync(node, {
      kernel,
      endpoints: () => cluster.state.all("WorkloadEndpoint").values(),
      onHealth: (problem) => this.#reportRoutes({ pods: problem }),
    });
    const speaker = new SpeakerSync(
      { isRestart: await routes.hasEarlierRoutes() },
      {
        wish: () => this.#speakerWish(cluster),
        listeners: {
          bestChanged: (changes) => routes.bestChanged(changes),
          tableComplete: () => routes.tableComplete(),
          peerChanged: ({ name, phase, lastFailure }) => this.#log.info({ peer: name, phase, lastFailure }, "peer"),
          failed: (error) => this.#onBug(error),
        },
        onHealth: (problem) => this.#report("bgp", problem),
      },
    );
    const policy = new PolicySync(
      { node },
      { kernel: packetFilter, onHealth: (problem) => this.#report("policy", problem) },
    );
    const cluster = new ClusterSync(node, {
      onPolicy: (update) => policy.receive(update),
      onInSync: () => {
        void podRoutes.resync();
        this.#checks?.followPools();
        this.#giveBackMemorySoon();
      },
      onChanged: () => {
        this.#followSettings(cluster, policy);
        policy.changed();
        speaker.changed();
        routes.setOwnBlocks(ownBlocks({ node, affinities: cluster.state.all("BlockAffinity") }));
      },
      onConnection: (problem) => this.#onConnection(problem),
      onTrouble: (trouble, reason) => this.#log.warn({ trouble, reason }, "the datastore was read anew"),
    });
    this.#parts.defer(() => podRoutes.end());
    this.#parts.defer(() => routes.end());
    this.#parts.defer(() => speaker.end());
    this.#parts.defer(() => policy.end());
    const resync = async () => {
      this.#log.debug("reading back what the kernel has");
      await Promise.all([routes, podRoutes, policy].map((part) => part.resync()));
    };
    this.#running = { store, cluster, speaker, policy, routes, podRoutes, resync };
    this.#startChecks({ store, api, kernel, packetFilter, cluster });
    if (!(await this.#join({ store, api, kernel, cluster, policy }))) return;
    this.#nowAndThen(resync);
    await this.#untilEnded();
  }

  end(): void {
    this.#ended.abort();
  }

  /** What needs the datastore: registration, then everything that follows it. False when the agent is ended before. */
  async #join({ store, api, kernel, cluster, policy }: JoinParts): Promise<boolean> {
    const [registered] = await Promise.all([this.#register({ store, api, kernel }), this.#checks?.first()]);
    if (!registered) return false;
    this.#log.info({ addresses: registered.addresses, mtu: registered.mtu }, "registered");
    cluster.start(store);
    this.#parts.defer(() => cluster.end());
    const links = await this.#openLinks(registered.mtu);
    if (!links) return false;
    const pods = api && this.#options.store.type === "etcdv3" ? podsBesideEtcd(api) : podsToldByDatastore;
    const cni = await this.#startCni({ store, cluster, policy, links, pods });
    this.#parts.defer(() => cni.close());
    return true;
  }

  async #startCni(
    parts: Pick<JoinParts, "store" | "cluster" | "policy"> & { readonly links: Links; readonly pods: Pods },
  ): Promise<CniServer> {
    const { node, cniSocket: socketPath, pendingDirectory } = this.#options;
    const options = { node, socketPath, pendingDirectory, health: this.#health, log: this.#log };
    const server = await startCni(options, parts);
    this.#report("ipam", null);
    this.#report("cni", null);
    return server;
  }

  /** With the datastore away this waits for it; `null` when the agent is ended meanwhile. */
  async #register({ store, api, kernel }: Pick<JoinParts, "store" | "api" | "kernel">): Promise<Registered | null> {
    const ports = { store, kernel, ranges: () => clusterRanges(api), hasKubernetes: api !== null };
    return this.#retried(registrationRetryMs, async () => {
      try {
        const registered = await register(this.#options, ports);
        for (const { text } of registered.problems) this.#log.warn(text);
        this.#report("store", null);
        return registered;
      } catch (error) {
        const said = registrationTrouble(error);
        const lacksAddress = typeof said !== "string" && said.code === "NoNodeAddress";
        this.#report("store", lacksAddress ? null : said);
        if (lacksAddress) this.#report("bgp", said);
        throw error;
      }
    });
  }

  /** Until it does not throw; `null` when the agent is ended before. */
  async #retried<T>(everyMs: number, work: () => Promise<T>): Promise<T | null> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      try {
        return await work();
      } catch (error) {
        this.#log.debug({ reason: messageOf(error) }, "tried again soon");
        await delay(everyMs, undefined, { signal }).catch(() => {});
      }
    }
    return null;
  }

  /** What the machine lacks is said, and waited for: it may be mended without a restart. */
  async #openKernel(): Promise<RouteSocket | null> {
    const kernel = await this.#retried(machineRetryMs, async () => {
      try {
        return await openRouteSocket();
      } catch (error) {
        if (!isKernelError(error)) throw error;
        this.#onFound("kernel", [{ code: "CapabilityMissing", text: messageOf(error) }]);
        throw error;
      }
    });
    this.#onFound("kernel", []);
    return kernel && this.#parts.use(kernel);
  }


  /** Beside what is kept of deletions: it outlives a reboot, as these do. */
  #sysctlRecord(): string {
    return join(dirname(this.#options.pendingDirectory), sysctlRecordName);
  }

  /** A node that cannot be made a router waits for whoever mends that. */
  async #openLinks(mtu: number): Promise<Links | null> {
    const links = await this.#retried(machineRetryMs, async () => {
      try {
        return await Links.open({ mtu, sysctlRecord: this.#sysctlRecord() });
      } catch (error) {
        if (!isKernelError(error)) throw error;
        this.#onFound("router", [{ code: "ForwardingNotWritable", text: messageOf(error) }]);
        throw error;
      }
    });
    this.#onFound("router", []);
    this.#checks?.onRouter();
    return links && this.#parts.use(links);
  }

  async #openKubernetes(store: Store): Promise<KubernetesApi | null> {
    const { node, pod, kubeconfig } = this.#options;
    const beside = { environment: process.env, ...(kubeconfig !== undefined && { kubeconfig }) };
    const api = await kubernetesBeside(store, beside);
    if (!api) return null;
    this.#parts.defer(() => api.close());
    const look = () => ({ isReady: this.#health.firstProblem() === null, mistakes: this.#health.mistakes() });
    const reporter = new NodeReporter({ node, pod }, { api, log: this.#log, look });
    this.#reporter = reporter;
    this.#parts.defer(() => reporter.end());
    return api;
  }

  #startChecks({ store, api, kernel, packetFilter, cluster }: CheckedParts): void {
    const { namespace, networkList } = this.#options;
    const apiGroup = process.env.CALICO_API_GROUP;
    const checks = new Checks(
      { namespace, apiGroup, networkList },
      {
        kernel,
        packetFilter,
        // Where etcd is the datastore the cluster needs no CRDs, and the agent other rights.
        api: this.#options.store.type === "kubernetes" ? api : null,
        log: this.#log,
        makePools: () =>
          makePools(this.#options, { store, kernel, ranges: () => clusterRanges(api), hasKubernetes: api !== null }),
        pools: () => [...cluster.state.all("IPPool").values()],
        isFailing: (part) => this.#health.isFailing(part),
        onFound: (check, mistakes) => this.#onFound(check, mistakes),
      },
    );
    this.#checks = checks;
    this.#parts.defer(() => checks.end());
  }

  /** A port that another program has is waited for; the control socket answers meanwhile. */
  #keepServingHealth(): void {
    const { healthPort: port } = this.#options;
    if (port === undefined) return;
    const problem = () => this.#health.problems();
    const served = this.#retried(machineRetryMs, async () => {
      try {
        const server = await serveHealth({ port, problem });
        this.#onFound("health", []);
        return server;
      } catch (error) {
        this.#onFound("health", [{ code: "HealthPortTaken", text: messageOf(error) }]);
        throw error;
      }
    });
    this.#parts.defer(async () => {
      await (await served)?.[Symbol.asyncDispose]();
    });
  }

  #serveControl(): Promise<ControlServer> {
    const { node, version, controlSocket } = this.#options;
    const context = {
      node,
      version,
      sinceMs: Date.now(),
      health: this.#health,
      networkList: () => this.#networkListStatus(),
    };
    const handlers = controlHandlers(context, () => this.#running);
    const onInternalError = (method: string, error: unknown) => this.#log.error({ method, err: error }, "control");
    return serveControl({ path: controlSocket, onInternalError }, handlers);
  }

  /** What was said to this process itself comes before what the cluster is configured to. */
  #followSettings({ state }: ClusterSync, policy: PolicySync): void {
    const { node, followsLogSeverity, endpointToHostAction: told } = this.#options;
    const labels = state.all("Node").get(node)?.metadata.labels ?? {};
    const settings = felixSettings({ name: node, labels }, state.all("FelixConfiguration"));
    if (followsLogSeverity) this.#log.level = logLevel(node, settings, state.all("BGPConfiguration"));
    policy.setEndpointToHostAction(told ?? endpointToHostAction(settings));
  }

  #speakerWish(cluster: ClusterSync): SpeakerWish {
    const { node } = this.#options;
    const { state } = cluster;
    const refused = refusedConfiguration(node, cluster.problems());
    if (refused !== null) return { kind: "unclear", reason: refused };
    const pools = state.all("IPPool");
    const originated = originatedPrefixes({
      node,
      pools,
      affinities: state.all("BlockAffinity"),
      endpoints: state.all("WorkloadEndpoint"),
    });
    const config = speakerConfig({
      node,
      nodes: state.all("Node"),
      peers: state.all("BGPPeer"),
      filters: state.all("BGPFilter"),
      configurations: state.all("BGPConfiguration"),
      ranges: poolRanges(pools),
      originated,
    });
    if (config === null) return { kind: "unclear", reason: "this node has no address in its Node resource" };
    return { kind: "clear", config, originated };
  }

  /** Two of us look after routes; what either says is the health of one part. */
  #reportRoutes(change: Partial<RouteProblems>): void {
    this.#routeProblems = { ...this.#routeProblems, ...change };
    this.#report("routes", this.#routeProblems.learned ?? this.#routeProblems.pods);
  }

  #onConnection(problem: string | null): void {
    this.#report("store", problem);
    if (problem === null) this.#giveBackMemorySoon();
  }

  /** After a listing, the first and those after the datastore was away. */
  #giveBackMemorySoon(): void {
    clearTimeout(this.#givingBack);
    this.#givingBack = setTimeout(giveBackMemory, quietAfterMs).unref();
  }

  #report(part: AgentPart, said: Said | null): void {
    if (!this.#health.report(part, { reason: said, nowMs: Date.now() })) return;
    if (said === null) this.#log.info({ part }, "ready");
    else this.#log.warn({ part, reason: typeof said === "string" ? said : said.text }, "failing");
    this.#checks?.onHealth(part);
    this.#onHealth();
  }

  #onFound(check: string, mistakes: readonly Mistake[]): void {
    if (!this.#health.found(check, mistakes, Date.now())) return;
    for (const { code, text } of mistakes) this.#log.warn({ code, reason: text }, "something is wrong");
    if (mistakes.length === 0) this.#log.info({ check }, "nothing is wrong any more");
    this.#onHealth();
  }

  #onHealth(): void {
    if (this.#health.firstProblem() === null) this.#onReady();
    this.#reporter?.changed();
  }

  #networkListStatus(): AgentStatus["networkList"] {
    const { networkList } = this.#options;
    if (!networkList) return null;
    const path = this.#networkListPath ?? join(networkList.directory, basename(networkList.source));
    return { path, isInPlace: this.#networkListPath !== null };
  }

  /** The first time that all parts are ready; what fails later leaves the node its network. */
  #onReady(): void {
    const { networkList } = this.#options;
    if (!networkList || this.#hasNetworkList) return;
    this.#hasNetworkList = true;
    void installNetworkList(networkList, {
      signal: this.#ended.signal,
      onInstalled: (path) => {
        this.#log.info({ path }, "the network list is in its place");
        this.#networkListPath = path;
        this.#report("cni", null);
      },
      onProblem: (text) => this.#report("cni", { code: "NetworkListNotWritable", text }),
    });
  }

  #nowAndThen(resync: () => Promise<void>): void {
    const timer = setInterval(() => void resync(), resyncIntervalMs);
    this.#parts.defer(() => clearInterval(timer));
  }

  async #untilEnded(): Promise<void> {
    const { signal } = this.#ended;
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  }

  /** The process ends: the kernel keeps what was programmed, and whoever supervises it starts a new one. */
  #onBug(error: Error): void {
    this.#log.fatal({ err: error }, "the BGP speaker is gone");
    setImmediate(() => {
      throw error;
    });
  }
}

interface RouteProblems {
  readonly learned: string | null;
  readonly pods: string | null;
}

interface JoinParts {
  readonly store: Store;
  readonly api: KubernetesApi | null;
  readonly kernel: RouteSocket;
  readonly cluster: ClusterSync;
  readonly policy: PolicySync;
}

interface CheckedParts extends Omit<JoinParts, "policy"> {
  readonly packetFilter: PolicySyncPorts["kernel"];
}

const codes: Partial<Readonly<Record<AgentFailure["code"], MistakeCode>>> = {
  NO_NODE_ADDRESS: "NoNodeAddress",
  NODE_MISSING: "NodeMissing",
  REGISTRATION_REFUSED: "RegistrationRefused",
};

function registrationTrouble(error: unknown): Said {
  const text = messageOf(error);
  if (error instanceof AgentError) {
    const code = codes[error.failure.code];
    return code ? { code, text } : text;
  }
  const isForbidden = error instanceof StoreError && error.failure.code === "UNAUTHORIZED" && error.failure.isForbidden;
  return isForbidden ? { code: "RightMissing", text } : text;
}

async function clusterRanges(api: KubernetesApi | null): Promise<ClusterRanges> {
  return api ? readClusterRanges(api) : { podSubnets: null, serviceCidrs: [] };
}
