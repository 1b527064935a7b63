/** What an agent looks at beside its work: the machine, other networks, the cluster, the ranges. Each finds mistakes. */
import { basename } from "node:path";
import type { AgentPart, IPPool } from "@brindle/api";
import type { KubernetesApi } from "@brindle/api/shell";
import { isKernelError, type KernelFailure } from "@brindle/net";
import { ensureSysctl, type RouteSocket } from "@brindle/net/shell";
import type { Logger } from "pino";
import { messageOf } from "../error.ts";
import { type MachineFacts, machineMistakes } from "../node/machineMistakes.ts";
import type { Mistake } from "../node/mistakes.ts";
import { listMistakes, traceMistakes } from "../node/otherNetworks.ts";
import { poolMistakes } from "../node/rangeMistakes.ts";
import { type ClusterCheckOptions, checkCluster } from "./clusterCheck.ts";
import { readServiceCidrs } from "./clusterRanges.ts";
import { lackingFeatures, missingCommands, networkListFiles, networkTraces, vethFailure } from "./machine.ts";
import type { NetworkList } from "./networkList.ts";
import type { PolicySyncPorts } from "./policySync.ts";
import { nodeCandidates } from "./registrar.ts";
import { RepeatedCheck, type RepeatedCheckOptions } from "./repeatedCheck.ts";

export interface ChecksOptions extends ClusterCheckOptions {
  readonly networkList: NetworkList | undefined;
}

export interface ChecksPorts {
  readonly kernel: RouteSocket;
  readonly packetFilter: PolicySyncPorts["kernel"];
  /** `null` without Kubernetes. */
  readonly api: KubernetesApi | null;
  readonly log: Logger;
  /** Makes the pools of a cluster that has none; what keeps it from that. */
  readonly makePools: () => Promise<readonly Mistake[]>;
  readonly pools: () => readonly IPPool[];
  /** By its own word. */
  readonly isFailing: (part: AgentPart) => boolean;
  readonly onFound: (check: CheckName, mistakes: readonly Mistake[]) => void;
  /** Ours is not where the runtime looks for it, and no other is before it. */
  readonly onListMissing: () => void;
}

export type CheckName = "machine" | "networks" | "lists" | "cluster" | "ranges";

const often: RepeatedCheckOptions = { everyMs: 3_000, whileFoundMs: 1_000 };
const sometimes: RepeatedCheckOptions = { everyMs: 90_000, whileFoundMs: 3_000 };
/** It costs a listing of all rules of the node, kube-proxy's too. */
const seldom: RepeatedCheckOptions = { everyMs: 600_000, whileFoundMs: 5_000 };
/** Requests to the API server: none while all is well. */
const onceAndWhenAsked: RepeatedCheckOptions = { everyMs: null, whileFoundMs: 5_000 };

export class Checks {
  readonly #ports: ChecksPorts;
  readonly #machine: RepeatedCheck;
  readonly #cluster: RepeatedCheck | null;
  readonly #others: RepeatedCheck[] = [];
  #ranges: RepeatedCheck | null = null;
  /** As they were looked at. */
  #pools: string | null = null;
  #hasVeth = false;
  #isRouter = false;
  #serviceCidrs: readonly string[] | null = null;

  constructor(options: ChecksOptions, ports: ChecksPorts) {
    this.#ports = ports;
    const { api, kernel } = ports;
    const { networkList } = options;
    this.#machine = this.#check("machine", sometimes, async () => machineMistakes(await this.#machineFacts()));
    this.#others.push(this.#check("networks", seldom, async () => traceMistakes(await networkTraces(kernel))));
    if (networkList) this.#others.push(this.#check("lists", often, () => this.#lookForLists(networkList)));
    this.#cluster = api && this.#check("cluster", onceAndWhenAsked, () => checkCluster(api, options));
  }

  /** All that must be known before a node may say that it is ready. */
  async first(): Promise<void> {
    await Promise.all([this.#machine, this.#cluster, ...this.#others].map((check) => check?.first));
  }

  /** Pools are known from now on; called after each change of anything. */
  followPools(): void {
    const pools = this.#ports.pools().map(({ metadata, spec }) => `${metadata.name} ${spec.cidr} ${spec.disabled}`);
    const key = pools.join();
    if (key === this.#pools) return;
    this.#pools = key;
    if (this.#ranges) this.#ranges.ask();
    else this.#ranges = this.#check("ranges", sometimes, () => this.#lookAtRanges());
  }

  /** The node was made a router: from now on it is looked whether it is one still. */
  onRouter(): void {
    this.#isRouter = true;
  }

  /** A part has said something new of itself. */
  onHealth(part: AgentPart): void {
    if (!this.#ports.isFailing(part)) return;
    if (part === "policy" || part === "routes" || part === "cni") this.#machine.ask();
    if (part === "store") this.#cluster?.ask();
  }

  async end(): Promise<void> {
    await Promise.all([this.#machine, this.#cluster, this.#ranges, ...this.#others].map((check) => check?.end()));
  }

  #check(name: CheckName, options: RepeatedCheckOptions, look: () => Promise<readonly Mistake[]>): RepeatedCheck {
    const { log, onFound } = this.#ports;
    let told = "";
    const onFailure = (error: unknown): void => {
      const reason = messageOf(error);
      if (reason !== told) log.debug({ check: name, reason }, "nothing can be said");
      told = reason;
    };
    return new RepeatedCheck(options, { look, onFound: (mistakes) => onFound(name, mistakes), onFailure });
  }

  async #machineFacts(): Promise<MachineFacts> {
    const { kernel, packetFilter, isFailing } = this.#ports;
    const missing = await missingCommands();
    const veth = this.#hasVeth ? null : await vethFailure(kernel);
    this.#hasVeth = veth === null;
    const asksForFeatures = missing.length === 0 && isFailing("policy");
    return {
      missingCommands: missing,
      veth,
      forwarding: this.#isRouter ? forwardingFailure() : null,
      lacking: asksForFeatures ? await lackingFeatures(packetFilter.tables, packetFilter.sets) : [],
    };
  }

  async #lookForLists({ source, directory }: NetworkList): Promise<Mistake[]> {
    const own = basename(source);
    const files = await networkListFiles(directory);
    const mistakes = listMistakes(files, { own, directory });
    if (mistakes.length === 0 && !files.includes(own)) this.#ports.onListMissing();
    return mistakes;
  }

  async #lookAtRanges(): Promise<readonly Mistake[]> {
    const { api, kernel, pools, makePools } = this.#ports;
    if (pools().length === 0) return makePools();
    this.#serviceCidrs ??= api && (await readServiceCidrs(api));
    const candidates = await nodeCandidates(kernel);
    return poolMistakes(pools(), { candidates, serviceCidrs: this.#serviceCidrs ?? [] });
  }
}

/** Written only where they are not on already: somebody may have turned them off. */
function forwardingFailure(): KernelFailure | null {
  try {
    ensureSysctl("net/ipv4/ip_forward", 1);
  } catch (error) {
    if (!isKernelError(error)) throw error;
    return error.failure;
  }
  return null;
}
