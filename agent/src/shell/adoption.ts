/**
 * Before the first address is given: those that running pods have are in blocks. They are not after `kubectl delete -f`, which
 * deletes what address management wrote under pods that run on, or after a datastore was lost. All nodes' are taken over, not this
 * node's alone, so that whichever agent comes first gives nobody's address away.
 */
import { setTimeout as delay } from "node:timers/promises";
import { type Store, StoreError, type WorkloadEndpoint } from "@brindle/api";
import type { Readiness } from "@brindle/cni";
import { type AdoptionResult, adopt, hasUnallocated } from "@brindle/ipam";
import type { Logger } from "pino";
import { messageOf } from "../error.ts";
import type { ClusterSync } from "./clusterSync.ts";

export interface AdoptionPorts {
  readonly store: Store;
  readonly cluster: Pick<ClusterSync, "isInSync" | "state">;
  readonly log: Logger;
  readonly nowNs: () => bigint;
}

/** The network that Calico's plugin names, and our list. A pod's endpoint does not say it. */
const network = "k8s-pod-network";
const retryMs = 250;

export class Adoption {
  readonly #node: string;
  readonly #ports: AdoptionPorts;
  #running: Promise<void> | null = null;
  #isDone = false;

  constructor(node: string, ports: AdoptionPorts) {
    this.#node = node;
    this.#ports = ports;
  }

  /** As soon as the datastore is read, until it has succeeded: a node announces its blocks by what is adopted. */
  async begin(): Promise<void> {
    while (!this.#isDone) {
      if (this.#ports.cluster.isInSync) await this.readiness();
      if (!this.#isDone) await delay(retryMs, undefined, { ref: false });
    }
  }

  /** Waits for what is under way. The datastore is to be in sync. */
  async readiness(): Promise<Readiness> {
    try {
      if (!this.#isDone) await this.#once();
      return { kind: "ready" };
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      const reason = `addresses of pods that run are not all in blocks yet: ${messageOf(error)}`;
      return { kind: "notReady", reason, connectivity: "intact" };
    }
  }

  #once(): Promise<void> {
    this.#running ??= this.#adopt().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #adopt(): Promise<void> {
    const { store, cluster, log, nowNs } = this.#ports;
    const pools = [...cluster.state.all("IPPool").values()];
    const watched = cluster.state.all("WorkloadEndpoint").values();
    if (await hasUnallocated(store, { pools, endpoints: watched })) {
      const endpoints = await this.#endpoints();
      tell(await adopt(store, { pools, endpoints }, { node: this.#node, network, nowNs: nowNs() }), log);
    }
    this.#isDone = true;
  }

  /** Of others the watch keeps less than is needed. */
  async #endpoints(): Promise<readonly WorkloadEndpoint[]> {
    const { items } = await this.#ports.store.list("WorkloadEndpoint");
    return items.map(({ value }) => value);
  }
}

function tell({ adopted, refused }: AdoptionResult, log: Logger): void {
  if (adopted.length > 0) log.warn({ addresses: adopted }, "addresses of pods that run were in no block, and are now");
  for (const reason of refused) log.error({ reason }, "an address in use may be given again");
}
