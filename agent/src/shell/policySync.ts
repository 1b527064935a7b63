/** Keeps the kernel's packet filter at what policies say, and tells when that is so for a new pod. */

import type { PolicyDirection, PolicyHit, WorkloadEndpoint } from "@brindle/api";
import type { KubernetesApi } from "@brindle/api/shell";
import { CniError, type PolicyGate } from "@brindle/cni";
import type { TablesBackend } from "@brindle/net";
import {
  ChainVerdicts,
  type Desired,
  type EndpointToHostAction,
  endpointAddresses,
  endpointId,
  type FilterSettings,
  type FloatingAddress,
  type HostInterfaces,
  PolicyGraph,
  type PolicyGraphConfig,
  type PolicyName,
  type PolicyUpdate,
  quietSettings,
} from "@brindle/policy";
import { Enforcer, type EnforcerCounters, HitCounting, type HitTotals } from "@brindle/policy/shell";
import { messageOf } from "../error.ts";
import { policyHit } from "../graph/policyHits.ts";
import { type PolicyFacts, PolicyTally } from "../metrics/policyMetrics.ts";
import { Pace, policyPace } from "../node/pace.ts";
import { CoalescedWork } from "./coalescedWork.ts";
import { hooksToKeep, type WatchedHook } from "./hookWatch.ts";
import type { PolicyKernel } from "./policyKernel.ts";
import { ServiceBackends } from "./serviceBackends.ts";

export interface PolicySyncPorts {
  /** Which tells what is behind Services; left out where there is no Kubernetes. */
  readonly api?: Pick<KubernetesApi, "follow"> | null;
  readonly kernel: PolicyKernel;
  /** `null` when all that was received is in force. */
  readonly onHealth: (problem: string | null) => void;
  /** Another state than before is in the kernel. */
  readonly onInForce?: () => void;
  readonly onCountingFailure?: (error: unknown) => void;
  /** What policy is told, for those who act on it beside. */
  readonly onReceived?: (update: PolicyUpdate) => void;
}

/** How long an ADD waits for its policy before it fails, and the pod is not let in. */
const inForceMsMax = 20_000;

/** How long CHECK grants to a change that is on its way: the specification wants it to. */
const convergenceMsMax = 2_000;

export class PolicySync implements PolicyGate {
  readonly #graph: PolicyGraph;
  readonly #enforcer: Enforcer;
  readonly #ports: PolicySyncPorts;
  readonly #work: CoalescedWork;
  readonly #hits: HitCounting;
  #verdicts: { readonly of: Desired; readonly verdicts: ChainVerdicts } | null = null;
  /** The state that the enforcer was given last. */
  #desired: Desired | null = null;
  #hostInterfaces: HostInterfaces = new Map();
  readonly #tally = new PolicyTally();
  #filterSettings = quietSettings;
  readonly #services: ServiceBackends;
  /** Whether an ADD waits for what was received. */
  #isAwaited = false;
  #backendAsked: TablesBackend | null = null;
  /** Why the last try failed; `null` once one did not. */
  #failure: string | null = null;
  #backendProblem: string | null = null;
  /** Ends the run that waits for the enforcer. */
  #endRun: () => void = () => {};

  constructor(config: PolicyGraphConfig, ports: PolicySyncPorts) {
    this.#graph = new PolicyGraph({ ...config, keepsDeparted: true });
    this.#ports = ports;
    const pace = new Pace(policyPace);
    this.#work = new CoalescedWork({
      work: () => this.#apply(),
      restMs: (tookMs) => pace.restMs({ tookMs, nowMs: performance.now() }),
      onFailure: (error) => ports.onHealth(messageOf(error)),
    });
    this.#services = new ServiceBackends({
      api: ports.api ?? null,
      graph: this.#graph,
      onChanged: () => this.#work.ask(),
      onHealth: (problem) => ports.onHealth(problem),
    });
    this.#hits = new HitCounting({
      sources: ports.kernel.counters ?? [],
      nowMs: () => performance.now(),
      onFailure: (error) => ports.onCountingFailure?.(error),
    });
    this.#enforcer = new Enforcer({
      tables: ports.kernel.tables,
      sets: ports.kernel.sets,
      former: ports.kernel.former ?? [],
      schedule: (delayMs, work) => {
        const timer = setTimeout(work, delayMs);
        return () => clearTimeout(timer);
      },
      onFailure: (error) => this.#onFailure(error),
      beforeCommits: (commits, inForce) => this.#hits.beforeCommits(commits, inForce),
    });
    this.#enforcer.readAhead(); // While the datastore is listed.
  }

  /** `isNewcomer`: a pod of another node, whose waiting is measured. */
  receive(update: PolicyUpdate, isNewcomer = false): void {
    if (isNewcomer) this.#tally.newcomer(performance.now());
    const { key } = update;
    if (key.kind === "WorkloadEndpoint" && this.#graph.coming.awaits(key)) this.#isAwaited = true;
    this.#graph.receive(update);
    this.#enforcer.foresee(this.#graph.policyCount);
    this.#ports.onReceived?.(update);
  }

  /** The policies that select a pod of this node and speak of a direction. */
  policiesFor(endpoint: string, direction: PolicyDirection): readonly PolicyName[] {
    return this.#graph.policiesFor(endpoint, direction);
  }

  get filterSettings(): FilterSettings {
    return this.#filterSettings;
  }

  /** What the cluster's configuration asks for, where the operator of this node has said nothing. */
  setEndpointToHostAction(action: EndpointToHostAction): void {
    this.#graph.setEndpointToHostAction(action);
  }

  /** `null` for the one that the node uses. It comes into force with what is said next. */
  setTablesBackend(asked: TablesBackend | null): void {
    this.#backendAsked = asked;
  }

  /** What floats to pods of this node. It comes into force with what is said next. */
  setFloating(floating: readonly FloatingAddress[]): void {
    this.#graph.setFloating(floating);
  }

  /** Of what is not told stays what was. */
  setFilterSettings(settings: Partial<FilterSettings>): void {
    this.#filterSettings = { ...this.#filterSettings, ...settings };
    this.#graph.setFilterSettings(this.#filterSettings);
  }

  /** How often each rule decided, now. */
  async hits({ all }: { readonly all: boolean }): Promise<PolicyHit[]> {
    const rows = await this.#hits.read(() => this.#enforcer.state());
    const shown = all ? rows : rows.filter(({ hits }) => hits > 0);
    return shown.map((row) => policyHit(row, (name) => this.#graph.describeRule(name)));
  }

  /** The same of all rules together. */
  hitTotals(): Promise<HitTotals> {
    return this.#hits.totals(() => this.#enforcer.state());
  }

  /** What is in force says so of packets; `null` before anything is. */
  verdicts(): ChainVerdicts | null {
    const state = this.#enforcer.state();
    if (!state) return null;
    if (this.#verdicts?.of !== state) this.#verdicts = { of: state, verdicts: new ChainVerdicts(state) };
    return this.#verdicts.verdicts;
  }

  /** Those that packets have to meet now. */
  hooks(): WatchedHook[] {
    return hooksToKeep(this.#enforcer.state(), this.#desired);
  }

  get hostInterfaces(): HostInterfaces {
    return this.#hostInterfaces;
  }

  /** With their addresses. They come into force with what is said next. */
  setHostInterfaces(interfaces: HostInterfaces): void {
    this.#hostInterfaces = interfaces;
    this.#graph.setHostInterfaces(interfaces);
  }

  /** All that was received is to come into force; nothing does before the datastore is in sync. */
  changed(): void {
    if (this.#graph.asksForServices) this.#services.follow({ isAnyInForce: this.#enforcer.state() !== null });
    this.#work.ask({ atOnce: this.#isAwaited });
    this.#isAwaited = false;
  }

  /** Reads back what the kernel has, and repairs it, and lets go of what was kept for long enough. Resolves when that is done. */
  async resync(): Promise<void> {
    if (this.#desired && this.#graph.forgetDeparted()) this.#work.ask();
    if (this.#desired) await this.#inForce(this.#enforcer.resync());
  }

  /** Its chains are made before it is written; where it is not written after all, disposing takes them back. */
  expect(endpoint: WorkloadEndpoint): Disposable {
    this.#graph.coming.expect(endpoint);
    this.#work.ask();
    return {
      [Symbol.dispose]: () => {
        if (this.#graph.coming.unexpect(endpoint)) this.#work.ask();
      },
    };
  }

  async ready(endpoint: WorkloadEndpoint, signal: AbortSignal): Promise<void> {
    const addresses = endpointAddresses(endpoint);
    const patience = new AbortController();
    // A signal with a time of its own would be kept until that is over, for each pod.
    const timer = setTimeout(() => patience.abort(), inForceMsMax);
    const giveUp = (): void => patience.abort(signal.reason);
    signal.addEventListener("abort", giveUp, { once: true });
    if (signal.aborted) giveUp();
    try {
      await this.#enforcer.inForce(endpointId(endpoint), { addresses, signal: patience.signal });
    } catch (error) {
      if (!patience.signal.aborted || signal.aborted) throw error;
      const outcome = `is not in force after ${inForceMsMax / 1000} s, and the pod is not let in`;
      const message = `the policy of ${endpointId(endpoint)} ${outcome}: ${this.#whatHoldsUp()}`;
      throw new CniError({ code: "TRY_AGAIN_LATER", message });
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", giveUp);
    }
  }

  /** For a person who wonders why nothing comes into force. */
  #whatHoldsUp(): string {
    if (this.#services.isReading && this.#graph.asksForServices)
      return "policies name Services, which are not read yet";
    return this.#failure ?? "the kernel is still at work on it";
  }

  /** What is found is repaired at once, but was not in force. */
  async check(endpoint: WorkloadEndpoint): Promise<readonly string[]> {
    try {
      await this.#enforcer.inForce(endpointId(endpoint), {
        addresses: endpointAddresses(endpoint),
        signal: AbortSignal.timeout(convergenceMsMax),
      });
    } catch {
      return [`the policy of ${endpointId(endpoint)} is not in force`];
    }
    const drift = await this.#enforcer.drift(endpointId(endpoint));
    if (drift.length > 0) void this.resync();
    return drift;
  }

  /** Resources that are not enforced as they are written, each with the reason. */
  problems(): ReadonlyMap<string, string> {
    const problems = this.#desired?.problems ?? new Map<string, string>();
    if (this.#backendProblem === null) return problems;
    return new Map([...problems, ["FelixConfiguration iptablesBackend", this.#backendProblem]]);
  }

  counters(): EnforcerCounters {
    return this.#enforcer.counters();
  }

  facts(): Omit<PolicyFacts, "hits" | "flows"> {
    return { counters: this.counters(), tally: this.#tally, desired: this.#desired };
  }

  /** What is in the kernel stays. */
  async end(): Promise<void> {
    await Promise.all([this.#services.end(), this.#enforcer.close(), this.#work.end()]);
    this.#ports.kernel.close();
  }

  /**
   * A run is over at the enforcer's first failure. It tries again by itself, but with the state that it was given, and
   * the next one may be what mends it: an operator's, without the policy that the kernel refuses.
   */
  async #apply(): Promise<void> {
    if (this.#services.isReading && this.#graph.asksForServices) return; // Asked for again once they are read.
    await this.#useBackend();
    const upToMs = performance.now();
    const desired = this.#graph.desired();
    this.#desired = desired;
    const { promise: over, resolve } = Promise.withResolvers<void>();
    this.#endRun = resolve;
    void this.#inForce(this.#enforcer.apply(desired)).then(() => {
      this.#tally.admitted({ upToMs, nowMs: performance.now() });
      resolve();
    });
    await over;
  }

  /** Where the node does not have it all stays where it is, which is told, and each later run asks again. */
  async #useBackend(): Promise<void> {
    try {
      const keepHits = () => this.#hits.beforeMove(() => this.#enforcer.state());
      const tables = await this.#ports.kernel.choose?.(this.#backendAsked, keepHits);
      this.#backendProblem = null;
      if (tables) void this.#inForce(this.#enforcer.moveTo(tables));
    } catch (error) {
      this.#backendProblem = `is asked to be ${this.#backendAsked}, and this node cannot: ${messageOf(error)}`;
    }
  }

  /** The enforcer answers when the state, or a newer one, is in force, however often it failed before. */
  async #inForce(enforced: Promise<void>): Promise<void> {
    const sinceMs = performance.now();
    try {
      await enforced;
    } catch {
      return; // It was closed: nothing else makes it give up.
    }
    this.#tally.inForce({ seconds: (performance.now() - sinceMs) / 1000, nowMs: Date.now() });
    this.#failure = null;
    this.#ports.onHealth(null);
    this.#ports.onInForce?.();
  }

  #onFailure(error: unknown): void {
    this.#failure = messageOf(error);
    this.#ports.onHealth(this.#failure);
    this.#endRun();
  }
}
