/**
 * What staged policies would do to flows: while somebody watches denied flows, and only then, the staged kinds are followed,
 * and where there are any, so is what policy is told, in a graph of their own. Flows that are allowed come from conntrack's
 * events: no packet meets a rule for it, so that staging never changes a verdict.
 */
import { setImmediate } from "node:timers/promises";
import type { Key, Store, Watch, WatchEvent } from "@brindle/api";
import type { KubernetesApi } from "@brindle/api/shell";
import type { Flow } from "@brindle/net";
import type { FlowEvents, FlowEventsOptions } from "@brindle/net/shell";
import {
  type ChainVerdict,
  type ChainVerdicts,
  type FilterSettings,
  firstOfFlow,
  type HostInterfaces,
  type NodeNetwork,
  type Packet,
  type PolicyUpdate,
  StagedGraph,
  type StagedPolicy,
  type StagedVerdict,
  stagedKinds,
  stagedVerdict,
} from "@brindle/policy";
import { messageOf } from "../error.ts";
import { objectName } from "../graph/clusterState.ts";
import { TokenBucket } from "../graph/tokenBucket.ts";
import { ServiceBackends } from "./serviceBackends.ts";

export interface StagedFlowsPorts {
  readonly store: Pick<Store, "watch">;
  /** `null` where there is no Kubernetes, and so no Services. */
  readonly api: Pick<KubernetesApi, "follow"> | null;
  open(options: FlowEventsOptions): Promise<FlowEvents>;
  nowMs(): number;
  /** All that policy has been told. */
  told(): Iterable<PolicyUpdate>;
  settings(): FilterSettings;
  /** Of what is in force now. */
  verdicts(): ChainVerdicts | null;
  policiesFor: StagedGraph["policiesFor"];
  hostInterfaces(): HostInterfaces;
  /** Of this moment, or of a second ago. */
  network(): NodeNetwork;
  /** A flow that was allowed, and would be denied. */
  readonly onWouldDeny: (packet: Packet, staged: StagedVerdict) => void;
  readonly onMissed: () => void;
  readonly onHealth: (problem: string | null) => void;
}

/** Some milliseconds' worth. */
const updatesPerTurn = 500;
/** Chains and addresses are read anew no oftener than that. */
const freshForMs = 1_000;
/** Of allowed flows so many are looked at; that takes a hundredth of a second or two. */
const judgedPerSecond = 1_000;

/** What chains say of the packet that it is about. */
export type Judge = (verdicts: ChainVerdicts) => ChainVerdict | null;

export class StagedFlows {
  readonly #node: string;
  readonly #ports: StagedFlowsPorts;
  readonly #bucket = new TokenBucket(judgedPerSecond);
  #following: Following | null = null;
  #ending: Promise<void> = Promise.resolve();

  constructor(node: string, ports: StagedFlowsPorts) {
    this.#node = node;
    this.#ports = ports;
  }

  setOn(isOn: boolean): void {
    if (isOn) this.#following ??= new Following(this.#node, this.#ports, (flow) => this.#onFlow(flow));
    else {
      const ended = this.#following?.end();
      this.#following = null;
      this.#ending = Promise.all([this.#ending, ended]).then(() => {});
    }
  }

  /** What policy is told. */
  receive(update: PolicyUpdate): void {
    this.#following?.receive(update);
  }

  /** What would become of a packet; `null` where that is what becomes of it now. */
  of(judge: Judge): StagedVerdict | null {
    return this.#following?.of(judge) ?? null;
  }

  async end(): Promise<void> {
    this.setOn(false);
    await this.#ending;
  }

  #onFlow(flow: Flow): void {
    if (flow.isExpected || !this.#bucket.take(this.#ports.nowMs())) return;
    const first = firstOfFlow(flow);
    const judge: Judge = (verdicts) => verdicts.of(first, this.#ports.network());
    // What is denied by now was allowed by what is in force no more.
    const staged = this.of(judge);
    if (staged?.verdict === "deny" && this.#following?.isAllowed(judge)) this.#ports.onWouldDeny(first.packet, staged);
  }
}

/** For as long as somebody watches. */
class Following {
  readonly #graph: StagedGraph;
  readonly #ports: StagedFlowsPorts;
  readonly #onFlow: (flow: Flow) => void;
  readonly #watch: Watch;
  readonly #services: ServiceBackends;
  readonly #closing = new AbortController();
  #feeding: Promise<void> | null = null;
  #isFed = false;
  #isStale = true;
  #verdicts: { readonly atMs: number; readonly then: ChainVerdicts } | null = null;
  #hostInterfaces: HostInterfaces = new Map();
  #events: FlowEvents | null = null;

  constructor(node: string, ports: StagedFlowsPorts, onFlow: (flow: Flow) => void) {
    this.#ports = ports;
    this.#onFlow = onFlow;
    this.#graph = new StagedGraph(node);
    const onChanged = (): void => {
      this.#isStale = true;
    };
    this.#services = new ServiceBackends({
      api: ports.api,
      graph: this.#graph.graph,
      onChanged,
      onHealth: (problem) => ports.onHealth(problem),
    });
    this.#watch = ports.store.watch(stagedKinds, (event) => this.#onEvent(event));
  }

  receive(update: PolicyUpdate): void {
    if (!this.#feeding) return; // It is told all, once there is need of it.
    this.#graph.receive(update);
    this.#isStale = true;
  }

  of(judge: Judge): StagedVerdict | null {
    const fresh = this.#fresh();
    const now = fresh && this.#now(judge);
    const then = fresh && judge(fresh);
    if (!now || !then) return null;
    const { policiesFor } = this.#ports;
    return stagedVerdict({
      now,
      then,
      stageOf: (policy) => this.#graph.stageOf(policy),
      policiesFor: (endpoint, direction) => [
        ...this.#graph.policiesFor(endpoint, direction),
        ...policiesFor(endpoint, direction),
      ],
    });
  }

  isAllowed(judge: Judge): boolean {
    return this.#now(judge)?.verdict === "allow";
  }

  async end(): Promise<void> {
    this.#closing.abort();
    this.#events?.close();
    this.#events = null;
    await Promise.all([this.#watch.stop(), this.#services.end(), this.#feeding]);
    this.#ports.onHealth(null);
  }

  #now(judge: Judge): ChainVerdict | null {
    const verdicts = this.#ports.verdicts();
    return verdicts && judge(verdicts);
  }

  /** `null` as long as nothing is staged, or not all is known that what is staged speaks of. */
  #fresh(): ChainVerdicts | null {
    if (!this.#isFed || this.#graph.isEmpty) return null;
    const { graph } = this.#graph;
    if (graph.asksForServices) this.#services.follow({ isAnyInForce: true });
    if (this.#services.isReading) return null;
    const atMs = this.#ports.nowMs();
    const known = this.#verdicts;
    this.#followInterfaces();
    if (known && (!this.#isStale || atMs - known.atMs < freshForMs)) return known.then;
    this.#isStale = false;
    const then = this.#graph.verdicts(this.#ports.settings());
    this.#verdicts = { atMs, then };
    return then;
  }

  #followInterfaces(): void {
    const interfaces = this.#ports.hostInterfaces();
    if (interfaces === this.#hostInterfaces) return;
    this.#hostInterfaces = interfaces;
    this.#graph.graph.setHostInterfaces(interfaces);
    this.#isStale = true;
  }

  #onEvent(event: WatchEvent): void {
    if (event.type === "changed" && isStagedKey(event.item.key)) {
      this.#graph.receiveStage(event.item.key, event.item.value as StagedPolicy);
    } else if ((event.type === "deleted" || event.type === "undecodable") && isStagedKey(event.key)) {
      this.#graph.receiveStage(event.key, null);
      if (event.type === "undecodable") {
        this.#ports.onHealth(`${objectName(event.key)} cannot be read, and counts for nothing: ${event.reason}`);
      }
    } else return;
    this.#isStale = true;
    if (!this.#graph.isEmpty) this.#feeding ??= this.#feed();
  }

  /** A turn for others now and then: there may be endpoints by the hundred thousand. */
  async #feed(): Promise<void> {
    let count = 0;
    for (const update of this.#ports.told()) {
      this.#graph.receive(update);
      if (++count % updatesPerTurn !== 0) continue;
      await setImmediate();
      if (this.#closing.signal.aborted) return;
    }
    this.#isFed = true;
    try {
      const events = await this.#ports.open({ onFlow: this.#onFlow, onLost: () => this.#ports.onMissed() });
      if (this.#closing.signal.aborted) events.close();
      else this.#events = events;
    } catch (error) {
      this.#ports.onHealth(`flows that staged policies would deny are not told: ${messageOf(error)}`);
    }
  }
}

function isStagedKey(key: Key): key is Key<StagedPolicy["kind"]> {
  return stagedKinds.some((kind) => kind === key.kind);
}
