/** Serves metrics where it is told to, while it is told to. What keeps it from that is said, and tried again. */
import { isDeepStrictEqual } from "node:util";
import { messageOf } from "../error.ts";
import type { MetricsWish } from "../metrics/metricsWish.ts";
import { CoalescedWork } from "./coalescedWork.ts";
import { type MetricsPage, serveMetrics } from "./metricsServer.ts";

export interface MetricsEndpointPorts {
  readonly page: () => Promise<MetricsPage>;
  /** `null` when it is as it was asked for. */
  readonly onHealth: (problem: string | null) => void;
}

export class MetricsEndpoint {
  readonly #ports: MetricsEndpointPorts;
  readonly #work: CoalescedWork;
  #wish: MetricsWish = { kind: "off" };
  /** What `#server` was opened for, or is not for. */
  #done: MetricsWish = { kind: "off" };
  #server: AsyncDisposable | null = null;

  constructor(ports: MetricsEndpointPorts) {
    this.#ports = ports;
    this.#work = new CoalescedWork({
      work: () => this.#serve(),
      onFailure: (error) => ports.onHealth(messageOf(error)),
    });
  }

  /** Returns at once; the newest counts. */
  follow(wish: MetricsWish): void {
    if (isDeepStrictEqual(wish, this.#wish)) return;
    this.#wish = wish;
    this.#work.ask();
  }

  async end(): Promise<void> {
    await this.#work.end();
    await this.#close();
  }

  async #serve(): Promise<void> {
    const wish = this.#wish;
    if (!isDeepStrictEqual(wish, this.#done)) await this.#close();
    if (wish.kind === "on" && !this.#server) {
      const { kind: _, ...where } = wish;
      this.#server = await serveMetrics(where, this.#ports.page);
    }
    this.#done = wish;
    this.#ports.onHealth(wish.kind === "refused" ? wish.reason : null);
  }

  async #close(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    this.#done = { kind: "off" };
    await server?.[Symbol.asyncDispose]();
  }
}
