/** What is kept as it is for pods that run: their routes, their limits, the look at their sources, and what floats to them. */
import type { RouteSocket } from "@brindle/net/shell";
import type { PolicyUpdate } from "@brindle/policy";
import { floatingAddresses } from "../graph/floatingAddresses.ts";
import type { AgentHealth } from "./agentHealth.ts";
import type { ClusterSync } from "./clusterSync.ts";
import { listsIn } from "./cniSide.ts";
import { LimitSync } from "./limitSync.ts";
import { PodRouteSync } from "./podRouteSync.ts";
import type { PolicySync } from "./policySync.ts";
import { SourceSync } from "./sourceSync.ts";
import type { Links } from "./wiring/links.ts";

export interface PodSideParts {
  readonly kernel: RouteSocket;
  readonly cluster: () => ClusterSync;
  readonly policy: () => Pick<PolicySync, "setFloating">;
  /** Where the container runtime looks for its lists of networks, if it is known. */
  readonly listDirectory: string | undefined;
  readonly health: Pick<AgentHealth, "found">;
  readonly onRoutes: (problem: string | null) => void;
}

export class PodSide {
  readonly routes: PodRouteSync;
  readonly #node: string;
  readonly #parts: PodSideParts;
  readonly #limits: LimitSync;
  readonly #sources: SourceSync;
  /** What floats to pods of this node, as text. */
  #floating = "[]";

  constructor(node: string, parts: PodSideParts) {
    const { kernel, cluster, listDirectory, health, onRoutes } = parts;
    this.#node = node;
    this.#parts = parts;
    this.routes = new PodRouteSync(node, {
      kernel,
      endpoints: () => cluster().state.endpointsOf(node).values(),
      floating: () => (cluster().isInSync ? floatingAddresses(node, cluster().state).here : null),
      onHealth: onRoutes,
    });
    this.#limits = new LimitSync(node, {
      isInSync: () => cluster().isInSync,
      lists: listDirectory === undefined ? undefined : listsIn(listDirectory),
      onHealth: (text) => health.found("limits", text === null ? [] : [{ code: "LimitsNotInForce", text }]),
    });
    this.#sources = new SourceSync(node, {
      onHealth: (text) => health.found("sources", text === null ? [] : [{ code: "SourcesNotFollowed", text }]),
    });
  }

  receive(update: PolicyUpdate): void {
    this.#limits.receive(update);
    this.#sources.receive(update);
  }

  /** Whether the cluster lets pods send from addresses that are not theirs. */
  setMaySpoof(maySpoof: boolean): void {
    this.#sources.setMayAny(maySpoof);
  }

  /** Something of the cluster did. What floats where is nearly always the same. */
  changed(): void {
    const { cluster, policy } = this.#parts;
    const { here } = floatingAddresses(this.#node, cluster().state);
    const text = here.length === 0 ? "[]" : textOf(here);
    if (text === this.#floating) return;
    this.#floating = text;
    policy().setFloating(here);
    void this.routes.resync();
  }

  start(links: Links): void {
    this.#limits.start(links);
    this.#sources.start(links);
  }

  async resync(): Promise<void> {
    await Promise.all([this.routes, this.#limits, this.#sources].map((part) => part.resync()));
  }

  async end(): Promise<void> {
    await Promise.all([this.routes, this.#limits, this.#sources].map((part) => part.end()));
  }
}

function textOf(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? String(part) : part));
}
