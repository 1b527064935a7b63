/**
 * Follows what is behind Services, for rules of policies that name some: nothing before there is such a policy, and then
 * all EndpointSlices of the cluster, since any rule may come to name any of them.
 *
 * Until they are read nothing more comes into force: a rule that denies a Service would let it pass. Where the API server
 * does not let them be read, or something was in force already and nobody answers for a while, policies that name
 * Services are closed instead, until they are read.
 */
import { type EndpointSlice, endpointSliceResource, readEndpointSlice } from "@brindle/api";
import type { Following, KubernetesApi, News } from "@brindle/api/shell";
import type { PolicyGraph } from "@brindle/policy";

export interface ServiceBackendsPorts {
  /** `null` where there is no Kubernetes. */
  readonly api: Pick<KubernetesApi, "follow"> | null;
  readonly graph: Pick<PolicyGraph, "receiveSlice" | "setUnserved">;
  /** What policies say is another thing now. */
  readonly onChanged: () => void;
  readonly onHealth: (problem: string) => void;
}

/** For so long a change of policy waits for an API server that does not answer. */
const patienceMs = 10_000;

export class ServiceBackends {
  readonly #ports: ServiceBackendsPorts;
  #following: Following | null = null;
  #state: "unasked" | "reading" | "read" | "givenUp" = "unasked";
  #patience: NodeJS.Timeout | undefined;

  constructor(ports: ServiceBackendsPorts) {
    this.#ports = ports;
  }

  /** Whether it is to be known soon what is behind Services: until then rules that name some mean nothing yet. */
  get isReading(): boolean {
    return this.#state === "reading";
  }

  /** From the first call on. `isAnyInForce`: others wait for what these EndpointSlices mean, so there is no time to lose. */
  follow({ isAnyInForce }: { readonly isAnyInForce: boolean }): void {
    const { api } = this.#ports;
    if (!api || this.#following) return;
    this.#state = "reading";
    this.#following = api.follow(endpointSliceResource, readEndpointSlice, (news) => this.#onNews(news));
    const reason = `the API server has not told EndpointSlices within ${patienceMs / 1000} s`;
    if (isAnyInForce) this.#patience = setTimeout(() => this.#giveUp(reason), patienceMs).unref();
  }

  async end(): Promise<void> {
    clearTimeout(this.#patience);
    await this.#following?.stop();
  }

  #onNews(news: News<EndpointSlice | null>): void {
    const { graph } = this.#ports;
    switch (news.type) {
      case "changed":
        graph.receiveSlice(news.item.id, news.item.object);
        break;
      case "deleted":
        graph.receiveSlice(news.id, null);
        break;
      case "inSync":
        this.#state = "read";
        clearTimeout(this.#patience);
        graph.setUnserved(null);
        break;
      case "away":
        this.#onAway(news);
        return;
      case "back":
      case "trouble":
        return;
    }
    if (this.#state === "read") this.#ports.onChanged();
  }

  /** What was read stands. */
  #onAway({ reason, isRefused }: Extract<News<unknown>, { readonly type: "away" }>): void {
    if (!this.isReading) return;
    if (isRefused) this.#giveUp(reason);
    else this.#ports.onHealth(`policies name Services, and EndpointSlices cannot be read: ${reason}`);
  }

  #giveUp(reason: string): void {
    if (!this.isReading) return;
    this.#state = "givenUp";
    this.#ports.graph.setUnserved(reason);
    this.#ports.onChanged();
  }
}
