/** Keeps the kernel's packet filter at what policies say, and tells when that is so for a new pod. */

import type { WorkloadEndpoint } from "@brindle/api";
import { CniError, type PolicyGate } from "@brindle/cni";
import type { Family } from "@brindle/net";
import { detectTablesBackend, type IpsetSocket, openIpsetSocket, openTables } from "@brindle/net/shell";
import { endpointAddresses, endpointId, PolicyGraph, type PolicyGraphConfig, type PolicyUpdate } from "@brindle/policy";
import { Enforcer, type EnforcerCounters } from "@brindle/policy/shell";
import { CoalescedWork } from "./coalescedWork.ts";

export interface PolicySyncPorts {
  readonly onHealth: (problem: string | null) => void;
}

/** How long an ADD waits for its policy before it fails, and the pod is not let in. */
const inForceMsMax = 20_000;

export class PolicySync implements PolicyGate {
  readonly #graph: PolicyGraph;
  readonly #enforcer: Enforcer;
  readonly #sets: IpsetSocket;
  readonly #work: CoalescedWork;
  readonly #onHealth: PolicySyncPorts["onHealth"];
  #problems: ReadonlyMap<string, string> = new Map();

  private constructor(
    graph: PolicyGraph,
    enforcer: Enforcer,
    { sets, onHealth }: PolicySyncPorts & { sets: IpsetSocket },
  ) {
    this.#graph = graph;
    this.#enforcer = enforcer;
    this.#sets = sets;
    this.#onHealth = onHealth;
    this.#work = new CoalescedWork({
      work: () => this.#apply(),
      onFailure: (error) => onHealth(String(error)),
    });
  }

  static async open(config: PolicyGraphConfig, { onHealth }: PolicySyncPorts): Promise<PolicySync> {
    const families: readonly Family[] = [4, 6];
    const tables = await Promise.all(
      families.map(async (family) => openTables({ family, backend: await detectTablesBackend(family) })),
    );
    const sets = await openIpsetSocket();
    const enforcer = new Enforcer({
      tables,
      sets,
      schedule: (delayMs, work) => {
        const timer = setTimeout(work, delayMs);
        return () => clearTimeout(timer);
      },
      onFailure: (error) => onHealth(error instanceof Error ? error.message : String(error)),
    });
    return new PolicySync(new PolicyGraph(config), enforcer, { sets, onHealth });
  }

  receive(update: PolicyUpdate): void {
    this.#graph.receive(update);
  }

  /** All that was received is to come into force; nothing does before the datastore is in sync. */
  changed(): void {
    this.#work.ask();
  }

  /** Reads back what the kernel has, and repairs it. Resolves when that is done. */
  async resync(): Promise<void> {
    await this.#enforcer.resync().catch((error: unknown) => this.#onHealth(String(error)));
  }

  async ready(endpoint: WorkloadEndpoint, signal: AbortSignal): Promise<void> {
    const addresses = endpointAddresses(endpoint);
    const patience = AbortSignal.timeout(inForceMsMax);
    try {
      await this.#enforcer.inForce(endpointId(endpoint), { addresses, signal: AbortSignal.any([signal, patience]) });
    } catch (error) {
      if (!patience.aborted) throw error;
      const message = `the policy of ${endpointId(endpoint)} is not in force after ${inForceMsMax / 1000} s: the pod is not let in`;
      throw new CniError({ code: "TRY_AGAIN_LATER", message });
    }
  }

  /** Resources that are not enforced as they are written, each with the reason. */
  problems(): ReadonlyMap<string, string> {
    return this.#problems;
  }

  counters(): EnforcerCounters {
    return this.#enforcer.counters();
  }

  /** What is in the kernel stays. */
  async end(): Promise<void> {
    this.#enforcer.close();
    await this.#work.end();
    this.#sets.close();
  }

  async #apply(): Promise<void> {
    const desired = this.#graph.desired();
    this.#problems = desired.problems;
    await this.#enforcer.apply(desired);
    this.#onHealth(null);
  }
}
