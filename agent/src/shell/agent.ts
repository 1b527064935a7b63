/**
 * The daemon of a node: joins the datastore, the kernel, the BGP speaker, policy and the CNI plugin. It decides
 * nothing itself; each part follows what the datastore says, and all of them leave the kernel as it is when it ends.
 */

import { dirname, join } from "node:path";
import type { Store } from "@brindle/api";
import { type DatastoreSettings, type KubernetesApi, openDatastore } from "@brindle/api/shell";
import type { Pods } from "@brindle/cni";
import type { CniServer } from "@brindle/cni/shell";
import { formatPrefix } from "@brindle/net";
import { type ControlServer, giveBackMemory, type RouteSocket, serveControl } from "@brindle/net/shell";
import type { EndpointToHostAction } from "@brindle/policy";
import type { Logger } from "pino";
import { originStateOf, ownRanges } from "../graph/originated.ts";
import { CniTally } from "../metrics/cniTally.ts";
import type { MetricsAddress } from "../metrics/metricsWish.ts";
import { ownRangeMistakes } from "../node/rangeMistakes.ts";
import { registrationTrouble } from "../node/registrationTrouble.ts";
import { AgentHealth } from "./agentHealth.ts";
import { AgentPage } from "./agentPage.ts";
import { Checks } from "./checks.ts";
import { readClusterRanges } from "./clusterRanges.ts";
import { ClusterSync } from "./clusterSync.ts";
import { describedPods, startCni } from "./cniSide.ts";
import { type ControlParts, controlHandlers } from "./controlHandlers.ts";
import { CountedAnswers } from "./countedAnswers.ts";
import { type FollowingParts, followSettings } from "./followSettings.ts";
import { followHostInterfaces } from "./hostInterfaces.ts";
import { kubernetesBeside } from "./kubernetesBeside.ts";
import { MetricsEndpoint } from "./metricsEndpoint.ts";
import type { NetworkList } from "./networkList.ts";
import { NodeReporter, type NodeReporterOptions } from "./nodeReporter.ts";
import { openHealthServer, openKernel, openLinks, retried } from "./opening.ts";
import { PodSide } from "./podSide.ts";
import { followPolicy } from "./policyFlows.ts";
import { openPolicyKernel } from "./policyKernel.ts";
import type { PolicySync, PolicySyncPorts } from "./policySync.ts";
import { type ClusterRanges, makePools, type Registered, type RegistrarOptions, register } from "./registrar.ts";
import { RegistrationUpkeep } from "./registrationUpkeep.ts";
import { startRehearsal } from "./rehearsal/rehearsal.ts";
import { RouteSync } from "./routeSync.ts";
import { followSpeaker } from "./speakerSide.ts";
import { sysctlRecordName } from "./sysctlRecord.ts";
import { TearDownWatch } from "./tearDownWatch.ts";
import { untilAborted } from "./untilAborted.ts";
import type { Links } from "./wiring/links.ts";
import { PairThread } from "./wiring/pairs.ts";

export interface AgentOptions extends RegistrarOptions {
  /** `defaultEndpointToHostAction` of FelixConfigurations decides, where it is left out. */
  readonly endpointToHostAction?: EndpointToHostAction;
  readonly version: string;
  readonly store: DatastoreSettings;
  /** Of the cluster whose pods these are, where the datastore is etcd; a pod is told of it anyway. */
  readonly kubeconfig?: string;
  /** Whether FelixConfiguration and BGPConfiguration decide how much is logged. */
  readonly followsLogSeverity: boolean;
  /** Whether pods of this node have their addresses of the range that Kubernetes gave it. */
  readonly usesPodCidrs: boolean;
  readonly controlSocket: string;
  readonly cniSocket: string;
  /** Where DELs wait that cannot be done yet. */
  readonly pendingDirectory: string;
  /** What tells the kubelet that this node has a network; absent where somebody else puts it there. */
  readonly networkList?: NetworkList;
  /** Where a kubelet's probes are answered, at loopback; nowhere where it is left out. */
  readonly healthPort?: number;
  /** Where Prometheus may ask; FelixConfigurations decide, where it is left out. */
  readonly metrics?: MetricsAddress;
  /** The agent's own, in which Secrets of BGP passwords are, and its Pod where it runs in one. */
  readonly namespace: string;
  /** The folder of passwords where they are not in Secrets of Kubernetes. */
  readonly bgpPasswords?: string;
  readonly pod: NodeReporterOptions["pod"];
}

const registrationRetryMs = 1_000;
/** By then what was listed is in force, and what that needed is garbage. */
const quietAfterMs = 10_000;
/** What other programs do to our part of the kernel is found within this time. */
const resyncIntervalMs = 90_000;

export class Agent {
  readonly #options: AgentOptions;
  readonly #log: Logger;
  readonly #health: AgentHealth;
  readonly #ended = new AbortController();
  #checks: Checks | null = null;
  #running: ControlParts | null = null;
  #givingBack: NodeJS.Timeout | undefined;
  readonly #cniTally = new CniTally();
  readonly #calls = new CountedAnswers({ tally: this.#cniTally });
  readonly #metrics: MetricsEndpoint;
  #routeProblems: RouteProblems = { learned: null, pods: null };
  /** Ended in the reverse of the order in which the parts were made. */
  readonly #parts = new AsyncDisposableStack();

  constructor(options: AgentOptions, log: Logger) {
    this.#options = options;
    this.#log = log;
    this.#health = new AgentHealth({ networkList: options.networkList, signal: this.#ended.signal }, log);
    const context = { node: options.node, version: options.version, health: this.#health.state };
    const page = new AgentPage({ context, tally: this.#cniTally, running: () => this.#running });
    this.#metrics = new MetricsEndpoint({
      page: () => page.read(),
      onHealth: (text) => this.#health.found("metrics", text === null ? [] : [{ code: "MetricsNotServed", text }]),
    });
  }

  /** Runs until `end`. Rejects when the node cannot run an agent: another one does, or the kernel refuses. */
  async run(): Promise<void> {
    const store = await openDatastore(this.#options.store);
    this.#parts.defer(() => store.close());
    const control = await this.#serveControl();
    this.#parts.defer(() => control.close());
    this.#parts.defer(() => this.#metrics.end());
    if (this.#options.metrics) this.#metrics.follow({ kind: "on", ...this.#options.metrics });
    const api = await this.#openKubernetes(store);
    const opening = { health: this.#health, signal: this.#ended.signal };
    const { healthPort } = this.#options;
    const probed = healthPort === undefined ? null : openHealthServer(healthPort, opening);
    this.#parts.defer(async () => (await probed)?.[Symbol.asyncDispose]());
    const kernel = await openKernel(opening);
    if (kernel) await this.#runWith({ store, api, kernel: this.#parts.use(kernel) });
    await this.#parts.disposeAsync();
  }

  async #runWith({ store, api, kernel }: Pick<JoinParts, "store" | "api" | "kernel">): Promise<void> {
    const { node, networkList } = this.#options;
    const packetFilter = await openPolicyKernel();
    const routes = new RouteSync({
      kernel,
      onNextHops: (facts) => speaker.nextHops(facts),
      onHealth: (learned) => this.#reportRoutes({ learned }),
    });
    const pods = new PodSide(node, {
      kernel,
      cluster: () => cluster,
      policy: () => policy,
      listDirectory: networkList?.directory,
      health: this.#health,
      onRoutes: (problem) => this.#reportRoutes({ pods: problem }),
    });
    const side = await followSpeaker(this.#options, {
      kernel,
      api,
      cluster: () => cluster,
      routes,
      health: this.#health,
      log: this.#log,
      onBug: (error) => this.#onBug(error),
    });
    const { speaker } = this.#parts.use(side);
    const { policy, flows } = followPolicy(node, {
      kernel: packetFilter,
      store,
      api,
      cluster: () => cluster,
      links: kernel,
      health: this.#health,
      log: this.#log,
    });
    const tearDown = new TearDownWatch({ health: this.#health, log: this.#log });
    const cluster = new ClusterSync(node, {
      onPolicy: (update, isNewcomer) => [policy, pods].map((part) => part.receive(update, isNewcomer)),
      onInSync: () => {
        void pods.resync();
        this.#giveBackMemorySoon();
      },
      onChanged: (kind) => {
        const { going, isNews } = tearDown.look(cluster.state);
        if (going?.what === "all") return;
        const isSettled = kind === "WorkloadEndpoint" && !isNews;
        if (!isSettled) this.#followSettings(cluster, { policy, flows, pods });
        pods.changed();
        policy.changed();
        speaker.changed(); // A pod may have an address in another node's block.
        if (!isSettled && !going) this.#followOwnNode(cluster, routes);
        if (!isSettled && !going) upkeep?.changed();
      },
      onConnection: (problem) => this.#onConnection(problem),
      onTrouble: (trouble, reason) => this.#log.warn({ trouble, reason }, "the datastore was read anew"),
    });
    const upkeep = this.#upkeep(cluster, () => this.#register({ store, api, kernel }));
    for (const part of [pods, routes, speaker]) this.#parts.defer(() => part.end());
    const interfaces = this.#parts.use(followHostInterfaces(kernel, { cluster, policy, log: this.#log }));
    for (const part of [policy, flows]) this.#parts.defer(() => part.end());
    const resync = () => this.#resync([routes, policy, pods]);
    this.#running = { store, cluster, speaker, policy, routes, podRoutes: pods.routes, flows, resync };
    await interfaces.start();
    this.#startChecks({ store, api, kernel, packetFilter, cluster });
    const links = await this.#join({ store, api, kernel, cluster, policy });
    if (!links) return;
    pods.start(links);
    this.#nowAndThen(resync);
    await this.#untilEnded();
  }

  end(): void {
    this.#ended.abort();
  }

  #followSettings({ state }: ClusterSync, parts: Pick<FollowingParts, "policy" | "flows" | "pods">): void {
    this.#checks?.followPools();
    followSettings(state, this.#options, { ...parts, metrics: this.#metrics, log: this.#log });
  }

  async #resync(parts: readonly { resync(): Promise<unknown> }[]): Promise<void> {
    this.#log.debug("reading back what the kernel has");
    await Promise.all(parts.map((part) => part.resync()));
  }

  #followOwnNode(cluster: ClusterSync, routes: RouteSync): void {
    routes.setOwnBlocks(ownRanges(originStateOf(this.#options, cluster.state)));
    const ownNode = cluster.state.all("Node").get(this.#options.node);
    this.#health.found("ownRange", ownRangeMistakes(ownNode, this.#options.usesPodCidrs));
    this.#health.found("reservations", cluster.mistakes());
  }

  #upkeep({ state }: ClusterSync, register: () => Promise<Registered | null>): RegistrationUpkeep | null {
    if (this.#options.store.type !== "kubernetes") return null;
    return new RegistrationUpkeep({ node: () => state.all("Node").get(this.#options.node), register });
  }

  /** What needs the datastore: registration, then everything that follows it. `null` when the agent is ended before. */
  async #join({ store, api, kernel, cluster, policy }: JoinParts): Promise<Links | null> {
    const [registered] = await Promise.all([this.#register({ store, api, kernel }), this.#checks?.first()]);
    if (!registered) return null;
    const addresses = Object.values(registered.addresses).map(formatPrefix);
    this.#log.info({ addresses, mtu: registered.mtu }, "registered");
    cluster.start(store);
    this.#parts.defer(() => cluster.end());
    const pairs = this.#parts.use(await PairThread.start());
    const links = await openLinks(
      { mtu: registered.mtu, sysctlRecord: this.#sysctlRecord(), thread: pairs },
      { health: this.#health, signal: this.#ended.signal },
    );
    if (!links) return null;
    this.#parts.use(links);
    this.#checks?.onRouter();
    const pods = describedPods(this.#options.node, {
      api,
      cluster,
      isBesideEtcd: this.#options.store.type === "etcdv3",
    });
    const cni = await this.#startCni({ store, cluster, policy, links, pods });
    this.#parts.defer(() => cni.close());
    this.#parts.use(startRehearsal({ store, pairs, calls: this.#calls, ready: this.#health.ready, log: this.#log }));
    return links;
  }

  async #startCni(
    parts: Pick<JoinParts, "store" | "cluster" | "policy"> & { readonly links: Links; readonly pods: Pods },
  ): Promise<CniServer> {
    const { node, cniSocket: socketPath, pendingDirectory } = this.#options;
    const options = {
      node,
      socketPath,
      pendingDirectory,
      listDirectory: this.#options.networkList?.directory,
      usesPodCidrs: this.#options.usesPodCidrs,
      health: this.#health.state,
      calls: this.#calls,
      log: this.#log,
    };
    const server = await startCni(options, parts);
    this.#health.report("ipam", null);
    this.#health.report("cni", null);
    return server;
  }

  /** With the datastore away this waits for it; `null` when the agent is ended meanwhile. */
  async #register({ store, api, kernel }: Pick<JoinParts, "store" | "api" | "kernel">): Promise<Registered | null> {
    const ports = { store, kernel, ranges: () => clusterRanges(api), hasKubernetes: api !== null };
    return retried(registrationRetryMs, this.#ended.signal, async () => {
      try {
        const registered = await register(this.#options, ports);
        for (const { text } of registered.problems) this.#log.warn(text);
        this.#health.report("store", null);
        return registered;
      } catch (error) {
        const said = registrationTrouble(error);
        const lacksAddress = said.code === "NoNodeAddress";
        this.#health.report("store", lacksAddress ? null : said);
        if (lacksAddress) this.#health.report("bgp", said);
        throw error;
      }
    });
  }

  /** Beside what is kept of deletions: it outlives a reboot, as these do. */
  #sysctlRecord(): string {
    return join(dirname(this.#options.pendingDirectory), sysctlRecordName);
  }

  async #openKubernetes(store: Store): Promise<KubernetesApi | null> {
    const { node, pod, kubeconfig } = this.#options;
    const beside = { environment: process.env, ...(kubeconfig !== undefined && { kubeconfig }) };
    const api = await kubernetesBeside(store, beside);
    if (!api) return null;
    this.#parts.defer(() => api.close());
    const { state } = this.#health;
    const look = () => ({ isReady: state.firstProblem() === null, mistakes: state.mistakes() });
    const reporter = new NodeReporter({ node, pod }, { api, log: this.#log, look });
    this.#health.attach({ reporter });
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
        isFailing: (part) => this.#health.state.isFailing(part),
        onFound: (check, mistakes) => this.#health.found(check, mistakes),
        onListMissing: () => this.#health.networkListMissing(),
      },
    );
    this.#checks = checks;
    this.#health.attach({ checks });
    this.#parts.defer(() => checks.end());
  }

  #serveControl(): Promise<ControlServer> {
    const { node, version, controlSocket } = this.#options;
    const { state } = this.#health;
    const networkList = () => this.#health.networkList();
    const context = { node, version, sinceMs: Date.now(), health: state, networkList };
    const handlers = controlHandlers(context, () => this.#running);
    const onInternalError = (method: string, error: unknown) => this.#log.error({ method, err: error }, "control");
    return serveControl({ path: controlSocket, onInternalError }, handlers);
  }

  /** Two of us look after routes; what either says is the health of one part. */
  #reportRoutes(change: Partial<RouteProblems>): void {
    this.#routeProblems = { ...this.#routeProblems, ...change };
    this.#health.report("routes", this.#routeProblems.learned ?? this.#routeProblems.pods);
  }

  #onConnection(problem: string | null): void {
    this.#health.report("store", problem);
    if (problem === null) this.#giveBackMemorySoon();
  }

  /** After a listing, the first and those after the datastore was away. */
  #giveBackMemorySoon(): void {
    clearTimeout(this.#givingBack);
    this.#givingBack = setTimeout(giveBackMemory, quietAfterMs).unref();
  }

  #nowAndThen(resync: () => Promise<void>): void {
    const timer = setInterval(() => void resync(), resyncIntervalMs);
    this.#parts.defer(() => clearInterval(timer));
  }

  async #untilEnded(): Promise<void> {
    const { signal } = this.#ended;
    await untilAborted(signal);
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

async function clusterRanges(api: KubernetesApi | null): Promise<ClusterRanges> {
  return api ? readClusterRanges(api) : { podSubnets: null, serviceCidrs: [] };
}
