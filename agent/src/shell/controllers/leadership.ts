/** Leads while a lease says so: begins its work when it got the lease, ends it before another one can have it. */
import { setTimeout as sleep } from "node:timers/promises";
import { StoreError, storeErrorOf } from "@brindle/api";
import type { KubernetesApi } from "@brindle/api/shell";
import type { Logger } from "pino";
import { type Candidate, leases } from "../../controllers/candidate.ts";

export interface LeadershipPorts {
  readonly api: KubernetesApi;
  readonly log: Logger;
  /** What a leader does until `signal`; resolves when it has stopped. */
  readonly lead: (signal: AbortSignal) => Promise<void>;
  /** Why it is not known who leads; `null` when it is. */
  readonly onHealth: (problem: string | null) => void;
}

const renewIntervalMs = 2_000;
/** A leader that could not renew for so long stops: it is less than others wait. */
export const renewalDeadlineMs = 10_000;

export class Leadership {
  readonly #candidate: Candidate;
  readonly #ports: LeadershipPorts;
  #leading: { readonly ending: AbortController; readonly ended: Promise<void> } | null = null;
  #deadline: NodeJS.Timeout | undefined;
  #isWaiting = false;

  constructor(candidate: Candidate, ports: LeadershipPorts) {
    this.#candidate = candidate;
    this.#ports = ports;
  }

  /** Until `signal`; then the lease is given back. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#claim();
      await sleep(renewIntervalMs * (0.75 + Math.random() / 2), undefined, { signal }).catch(() => {});
    }
    await this.#stop("it is told to end");
    await this.#release();
  }

  async #claim(): Promise<void> {
    const { api, log, onHealth } = this.#ports;
    const nowMs = performance.now();
    try {
      const lease = await api.get(leases, this.#candidate.lease);
      const request = this.#candidate.claim(lease, { ms: nowMs, date: new Date() });
      onHealth(null);
      if (!request) return await this.#wait();
      const sent = await api.send(leases, request);
      if (sent.kind === "done") return await this.#lead(nowMs);
      // Somebody was quicker: who, the next reading tells.
      if (sent.failure.code !== "CONFLICT" && sent.failure.code !== "ALREADY_EXISTS") throw storeErrorOf(sent.failure);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      onHealth(error.message);
      log.warn({ reason: error.message }, "the lease can be neither read nor written");
    }
  }

  async #wait(): Promise<void> {
    await this.#stop("another one has the lease");
    if (!this.#isWaiting) this.#ports.log.info("another replica leads");
    this.#isWaiting = true;
  }

  /** `sinceMs` is when the lease was asked for: it lasts from then on at least. */
  async #lead(sinceMs: number): Promise<void> {
    if (this.#leading?.ending.signal.aborted) await this.#stop("the lease was not renewed in time");
    clearTimeout(this.#deadline);
    const leftMs = Math.max(0, sinceMs + renewalDeadlineMs - performance.now());
    this.#deadline = setTimeout(() => this.#leading?.ending.abort(), leftMs);
    if (this.#leading) return;
    this.#isWaiting = false;
    this.#ports.log.info("this replica leads");
    const ending = new AbortController();
    this.#leading = { ending, ended: this.#ports.lead(ending.signal) };
  }

  async #stop(reason: string): Promise<void> {
    clearTimeout(this.#deadline);
    if (!this.#leading) return;
    this.#leading.ending.abort();
    await this.#leading.ended;
    this.#leading = null;
    this.#ports.log.info({ reason }, "this replica leads no longer");
  }

  async #release(): Promise<void> {
    const { api, log } = this.#ports;
    try {
      const request = this.#candidate.release(await api.get(leases, this.#candidate.lease));
      if (request) await api.send(leases, request);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      log.warn({ reason: error.message }, "the lease is not given back: another replica waits until it has run out");
    }
  }
}
