/** Where the node's default routes lead, for peers that are the gateway: read when it is asked for, and followed from then on. */
import { isDeepStrictEqual } from "node:util";
import { type Family, type Link, type Route, routeTable } from "@brindle/net";
import type { KernelEvent, RouteSocket, Watch } from "@brindle/net/shell";
import type { Gateways } from "../graph/peers.ts";
import { localRouteProtocol } from "../wiring/plan.ts";
import { CoalescedWork } from "./coalescedWork.ts";

export interface DefaultGatewaysPorts {
  readonly kernel: Pick<RouteSocket, "routes" | "links" | "watch">;
  readonly onChanged: () => void;
  readonly onFailure: (error: unknown) => void;
}

export class DefaultGateways implements AsyncDisposable {
  readonly #ports: DefaultGatewaysPorts;
  readonly #work: CoalescedWork;
  #watch: Watch | null = null;
  #found: Gateways | null = null;

  constructor(ports: DefaultGatewaysPorts) {
    this.#ports = ports;
    this.#work = new CoalescedWork({ work: () => this.#read(), onFailure: ports.onFailure });
  }

  /** `null` before the first reading, of which `onChanged` tells. */
  get(): Gateways | null {
    if (!this.#watch) this.#follow();
    return this.#found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watch?.close();
    await this.#work.end();
  }

  #follow(): void {
    this.#watch = this.#ports.kernel.watch(["route", "link"], (event) => this.#onKernel(event));
    this.#work.ask();
  }

  #onKernel(event: KernelEvent): void {
    if (event.type === "closed") this.#watch = null;
    // With a link that goes down its routes go, without a word of theirs.
    if (event.type !== "route" || event.route.destination.length === 0) this.#work.ask();
  }

  async #read(): Promise<void> {
    const { kernel, onChanged } = this.#ports;
    const [routes, links] = await Promise.all([kernel.routes(), kernel.links()]);
    const found = gatewaysOf(routes, links);
    if (isDeepStrictEqual(found, this.#found)) return;
    this.#found = found;
    onChanged();
  }
}

/** The first by metric of the main table that is not our own work: by that one the node reaches what it knows nothing of. */
export function gatewaysOf(routes: readonly Route[], links: readonly Link[]): Gateways {
  const names = new Map(links.map(({ index, name }) => [index, name]));
  const found = (family: Family): Gateways[Family] => {
    const candidates = routes
      .filter(({ destination, table, protocol }) => {
        const isDefault = destination.length === 0 && destination.address.family === family;
        return isDefault && table === routeTable.main && protocol !== localRouteProtocol;
      })
      .sort((a, b) => (a.metric ?? 0) - (b.metric ?? 0));
    for (const { nextHops = [] } of candidates) {
      for (const { gateway, interfaceIndex } of nextHops) {
        const name = names.get(interfaceIndex ?? 0);
        if (gateway?.family === family && name !== undefined) return { address: gateway, interface: name };
      }
    }
    return undefined;
  };
  const [v4, v6] = [found(4), found(6)];
  return { ...(v4 && { 4: v4 }), ...(v6 && { 6: v6 }) };
}
