/**
 * The daemon of a node: joins the datastore, the kernel, the BGP speaker, policy and the CNI plugin. It decides
 * nothing itself; each part follows what the datastore says, and all of them leave the kernel as it is when it ends.
 */
import { setTimeout as delay } from "node:timers/promises";
import { type AgentPart, felixSettings, type Store } from "@brindle/api";
import { type DatastoreSettings, openDatastore, readPodSubnets } from "@brindle/api/shell";
import type { Pods } from "@brindle/cni";
import type { CniServer } from "@brindle/cni/shell";
import {
  type ControlServer,
  giveBackMemory,
  openRouteSocket,
  type RouteSocket,
  serveControl,
} from "@brindle/net/shell";
import type { EndpointToHostAction } from "@brindle/policy";
import type { Logger } from "pino";
import { AgentError, messageOf } from "../error.ts";
import { endpointToHostAction } from "../graph/endpointToHost.ts";
import { logLevel } from "../graph/logLevel.ts";
import { originatedPrefixes, ownBlocks, poolRanges } from "../graph/originated.ts";
import { refusedConfiguration, speakerConfig } from "../graph/speakerConfig.ts";
import { Health } from "../status.ts";
import { ClusterSync } from "./clusterSync.ts";
import { startCni } from "./cniSide.ts";
import { controlHandlers } from "./controlHandlers.ts";
import { serveHealth } from "./healthServer.ts";
import { installNetworkList, type NetworkList } from "./networkList.ts";
import { podsToldByDatastore } from "./podDescriptions.ts";
import { PodRouteSync } from "./podRouteSync.ts";
import { openPolicyKernel, PolicySync } from "./policySync.ts";
import { type Registered, type RegistrarOptions, register } from "./registrar.ts";
import { RouteSync } from "./routeSync.ts";
import { SpeakerSync, type SpeakerWish } from "./speakerSync.ts";
import { Links } from "./wiring/links.ts";

export interface AgentOptions extends RegistrarOptions {
  /** `defaultEndpointToHostAction` of FelixConfigurations decides, where it is left out. */
  readonly endpointToHostAction?: EndpointToHostAction;
  readonly version: string;
  readonly store: DatastoreSettings;
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
}

const registrationRetryMs = 1_000;
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
  #poolProblem: string | null = null;
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
    const { node, store: storeOptions } = this.#options;
    const store = await openDatastore(storeOptions);
    this.#parts.defer(() => store.close());
    const kernel = this.#parts.use(await openRouteSocket());
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
      { kernel: await openPolicyKernel(), onHealth: (problem) => this.#report("policy", problem) },
    );
    const cluster = new ClusterSync(node, {
      onPolicy: (update) => policy.receive(update),
      onInSync: () => {
        void podRoutes.resync();
        this.#giveBackMemorySoon();
      },
      onChanged: () => {
        this.#followSettings(cluster, policy);
        this.#reportPools(cluster);
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
    const control = await this.#serveControl({ store, cluster, speaker, policy, routes, podRoutes, resync });
    this.#parts.defer(() => control.close());
    if (this.#options.healthPort !== undefined) {
      const problem = () => this.#health.firstProblem();
      this.#parts.use(await serveHealth({ port: this.#options.healthPort, problem }));
    }
    if (await this.#join({ store, kernel, cluster, policy })) {
      this.#nowAndThen(resync);
      await this.#untilEnded();
    }
    await this.#parts.disposeAsync();
  }

  end(): void {
    this.#ended.abort();
  }

  /** What needs the datastore: registration, then everything that follows it. False when the agent is ended before. */
  async #join({ store, kernel, cluster, policy }: JoinParts): Promise<boolean> {
    const registered = await this.#register(store, kernel);
    if (!registered) return false;
    this.#log.info({ addresses: registered.addresses, mtu: registered.mtu }, "registered");
    this.#poolProblem = registered.problems.join("; ") || null;
    cluster.start(store);
    this.#parts.defer(() => cluster.end());
    const links = this.#parts.use(await Links.open({ mtu: registered.mtu }));
    const cni = await this.#startCni({ store, cluster, policy, links, pods: podsToldByDatastore });
    this.#parts.defer(() => cni.close());
    return true;
  }

  async #startCni(
    parts: Pick<JoinParts, "store" | "cluster" | "policy"> & { readonly links: Links; readonly pods: Pods },
  ): Promise<CniServer> {
    const { node, cniSocket: socketPath, pendingDirectory } = this.#options;
    const options = { node, socketPath, pendingDirectory, health: this.#health, log: this.#log };
    const server = await startCni(options, parts);
    this.#reportPools(parts.cluster);
    this.#report("cni", null);
    return server;
  }

  /** With the datastore away this waits for it; `null` when the agent is ended meanwhile. */
  async #register(store: Store, kernel: RouteSocket): Promise<Registered | null> {
    while (!this.#ended.signal.aborted) {
      try {
        const registered = await register(this.#options, { store, kernel, podSubnets: () => this.#podSubnets() });
        for (const problem of registered.problems) this.#log.warn(problem);
        this.#report("store", null);
        return registered;
      } catch (error) {
        const lacksAddress = error instanceof AgentError && error.failure.code === "NO_NODE_ADDRESS";
        this.#report("store", lacksAddress ? null : messageOf(error));
        if (lacksAddress) this.#report("bgp", messageOf(error));
        await delay(registrationRetryMs, undefined, { signal: this.#ended.signal }).catch(() => {});
      }
    }
    return null;
  }

  async #podSubnets(): Promise<readonly string[] | null> {
    const { store } = this.#options;
    return store.type === "kubernetes" ? readPodSubnets(store) : null;
  }

  #serveControl(parts: Parameters<typeof controlHandlers>[1]): Promise<ControlServer> {
    const { node, version, controlSocket } = this.#options;
    const handlers = controlHandlers({ node, version, sinceMs: Date.now(), health: this.#health }, parts);
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

  /** Why no pool could be made is of interest as long as there is none. */
  #reportPools({ state }: ClusterSync): void {
    this.#report("ipam", state.all("IPPool").size === 0 ? this.#poolProblem : null);
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

  #report(part: AgentPart, reason: string | null): void {
    if (!this.#health.report(part, { reason, nowMs: Date.now() })) return;
    if (reason === null) this.#log.info({ part }, "ready");
    else this.#log.warn({ part, reason }, "failing");
    if (this.#health.firstProblem() === null) this.#onReady();
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
        this.#report("cni", null);
      },
      onProblem: (reason) => this.#report("cni", reason),
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
  readonly kernel: RouteSocket;
  readonly cluster: ClusterSync;
  readonly policy: PolicySync;
}
