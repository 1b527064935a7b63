/**
 * Makes routes of local pods again that somebody else deleted. Wiring made them, and while nobody interferes there is
 * nothing to do here; so it looks when the kernel tells of a deletion, when the agent starts, and by the timer. The routes to what
 * floats to pods it makes and takes away itself.
 */
import type { WorkloadEndpoint } from "@brindle/api";
import { type KernelChange, type Route, sameAddress } from "@brindle/net";
import type { KernelEvent, RouteSocket, Watch } from "@brindle/net/shell";
import { messageOf } from "../error.ts";
import { desiredPodRoutes, type FloatingRoute, isFloatingRoute, isPodRoute } from "../plan/podRoutes.ts";
import { planRoutes, routeKey } from "../plan/routes.ts";
import { localRouteProtocol } from "../wiring/plan.ts";
import { applyRoutes, summaryOf } from "./applyRoutes.ts";
import { CoalescedWork } from "./coalescedWork.ts";
import type { RouteCounters } from "./routeSync.ts";

export interface PodRouteSyncPorts {
  readonly kernel: Pick<RouteSocket, "links" | "link" | "routes" | "apply" | "watch">;
  /** All that the datastore has; none before it is in sync. */
  readonly endpoints: () => Iterable<WorkloadEndpoint>;
  /** What floats to pods of this node; `null` before that is known. */
  readonly floating: () => readonly FloatingRoute[] | null;
  /** `null` when all is well. */
  readonly onHealth: (problem: string | null) => void;
}

export class PodRouteSync {
  readonly #node: string;
  readonly #ports: PodRouteSyncPorts;
  readonly #work: CoalescedWork;
  #watch: Watch | null = null;
  /** Whether the last look ended with a failure. */
  #isSecondLook = false;
  #writes = 0;
  #failures = 0;

  constructor(node: string, ports: PodRouteSyncPorts) {
    this.#node = node;
    this.#ports = ports;
    this.#work = new CoalescedWork({
      work: () => this.#sync(),
      onFailure: (error) => this.#ports.onHealth(messageOf(error)),
    });
  }

  /** Reads the kernel and repairs what is missing. Resolves when that is done. */
  resync(): Promise<void> {
    this.#work.ask();
    return this.#work.settled();
  }

  counters(): RouteCounters {
    return { writes: this.#writes, failures: this.#failures };
  }

  async end(): Promise<void> {
    this.#watch?.close();
    await this.#work.end();
  }

  async #sync(): Promise<void> {
    const { kernel, endpoints, onHealth } = this.#ports;
    const floating = this.#ports.floating();
    // Heard before it is read: then nothing is missed.
    this.#watch ??= kernel.watch(["route"], (event) => this.#onKernel(event));
    const [links, routes] = await Promise.all([kernel.links(), kernel.routes({ protocol: localRouteProtocol })]);
    const desired = desiredPodRoutes({ node: this.#node, endpoints: endpoints(), links, floating: floating ?? [] });
    const actual = new Map(routes.filter(isKept).map((route) => [routeKey(route), route]));
    const gone = floating ? [...actual.values()].filter(isFloatingRoute) : [];
    const changes = [
      ...planRoutes(desired, actual, { mayDelete: false }),
      // An address that floats here no more. The routes of pods go with their interfaces, and may be ahead of what is told.
      ...gone
        .filter((route) => !desired.has(routeKey(route)))
        .map((route): KernelChange => ({ op: "deleteRoute", route })),
    ];
    const problems = changes.length > 0 ? await applyRoutes(kernel, changes) : [];
    this.#writes += changes.length;
    this.#failures += problems.length;
    // A pod that ends between look and change makes one fail that nobody wants any more: it takes two in a row.
    const isDoubtful = problems.length > 0 && !this.#isSecondLook;
    this.#isSecondLook = problems.length > 0;
    if (isDoubtful) this.#work.ask();
    else onHealth(summaryOf(problems));
  }

  #onKernel(event: KernelEvent): void {
    if (event.type === "route" && event.change === "deleted" && isKept(event.route)) {
      this.#onGone(event.route).catch(() => this.#work.ask());
    }
    if (event.type === "route" && event.change === "set" && this.#isAwaited(event.route)) this.#work.ask();
    if (event.type === "closed") this.#watch = null;
    if (event.type === "closed" || event.type === "resync") this.#work.ask();
  }

  /** The pod may be told before its interface is up; its own route says that it is. */
  #isAwaited(route: Route): boolean {
    const floating = isPodRoute(route) ? (this.#ports.floating() ?? []) : [];
    return floating.some(({ own }) => sameAddress(own, route.destination.address));
  }

  /** With its interface a route goes as well, and each pod's end would have us read everything. */
  async #onGone({ nextHops }: Route): Promise<void> {
    const index = nextHops[0]?.interfaceIndex;
    const link = index ? await this.#ports.kernel.link(index) : null;
    if (link?.up) this.#work.ask();
  }
}

function isKept(route: Route): boolean {
  return isPodRoute(route) || isFloatingRoute(route);
}
