/**
 * Keeps the kernel's routes at what BGP learned. Next hops are resolved by the kernel's own routes, anew whenever those
 * change. What is there is read at the start, then followed by the kernel's notifications; a timer reads it all again.
 */
import { isDeepStrictEqual } from "node:util";
import type { BestChange, NextHopFact } from "@brindle/bgp";
import { isKernelError, type KernelChange, type Link, type NewRoute, type Prefix, parseAddress } from "@brindle/net";
import type { KernelEvent, RouteSocket, Watch } from "@brindle/net/shell";
import { messageOf } from "../error.ts";
import {
  desiredRoutes,
  isOwnRoute,
  ownRoutes,
  planRoutes,
  type Resolution,
  routeKey,
  sameRoute,
} from "../plan/routes.ts";
import { localRouteProtocol } from "../wiring/plan.ts";
import { applyRoutes, summaryOf } from "./applyRoutes.ts";
import { CoalescedWork } from "./coalescedWork.ts";

/** Pods come and go, and nothing leads through their interfaces but to them. */
const podInterfacePrefix = "cali";

export interface RouteSyncPorts {
  readonly kernel: Pick<RouteSocket, "routes" | "routeTo" | "apply" | "watch" | "links">;
  /** What the speaker is to know of next hops: those that cannot be reached. */
  readonly onNextHops: (facts: readonly NextHopFact[]) => void;
  /** `null` when all is well. */
  readonly onHealth: (problem: string | null) => void;
}

/** Since the start. A restart with nothing changed makes no write. */
export interface RouteCounters {
  readonly writes: number;
  readonly failures: number;
}

export class RouteSync {
  readonly #ports: RouteSyncPorts;
  readonly #work: CoalescedWork;
  readonly #learned = new Map<string, readonly string[]>();
  /** To peers, as their resources ask for; what is learned of the same destination stands behind them. */
  #toPeers: ReadonlyMap<string, readonly string[]> = new Map();
  /** Next hops that were found unreachable: asked for again, since no best route names them any more. */
  readonly #unreachable = new Set<string>();
  #ownBlocks: readonly Prefix[] | null = null;
  /** What the kernel has of ours, as far as we know. */
  #actual = new Map<string, NewRoute>();
  /** Whether that is to be read anew before the next plan. */
  #isStale = true;
  /** What the kernel tells while it is read: the list may have been made before. `null` at other times. */
  #toldMeanwhile: OwnRouteEvent[] | null = null;
  /** Every route that is not wanted, or until the table is complete those to what this run was told of. */
  #mayDelete: true | Set<string> = new Set();
  #watch: Watch | null = null;
  #facts = "";
  #writes = 0;
  #failures = 0;

  constructor(ports: RouteSyncPorts) {
    this.#ports = ports;
    this.#work = new CoalescedWork({
      work: () => this.#sync(),
      onFailure: (error) => this.#onFailure(error),
    });
  }

  /** Whether the kernel has routes or pods of an earlier run, which forwarded until now. */
  async hasEarlierRoutes(): Promise<boolean> {
    const routes = await this.#ports.kernel.routes({ protocol: localRouteProtocol });
    return routes.length > 0;
  }

  bestChanged(changes: readonly BestChange[]): void {
    for (const { prefix, nextHops } of changes) {
      if (this.#mayDelete !== true) this.#mayDelete.add(prefix);
      if (nextHops.length === 0) this.#learned.delete(prefix);
      else this.#learned.set(prefix, nextHops);
    }
    this.#work.ask();
  }

  setPeerRoutes(routes: ReadonlyMap<string, readonly string[]>): void {
    if (isDeepStrictEqual(routes, this.#toPeers)) return;
    this.#toPeers = routes;
    this.#work.ask();
  }

  setOwnBlocks(blocks: readonly Prefix[]): void {
    if (isDeepStrictEqual(blocks, this.#ownBlocks)) return;
    this.#ownBlocks = blocks;
    this.#work.ask();
  }

  /** From now on routes that nobody told of are an earlier run's, and go. */
  tableComplete(): void {
    this.#mayDelete = true;
    this.#work.ask();
  }

  /** Reads everything again and repairs what differs. Resolves when that is done. */
  resync(): Promise<void> {
    this.#isStale = true;
    this.#work.ask();
    return this.#work.settled();
  }

  /** How many of ours the kernel has, as far as we know. */
  get held(): number {
    return this.#actual.size;
  }

  counters(): RouteCounters {
    return { writes: this.#writes, failures: this.#failures };
  }

  /** Leaves the kernel as it is. */
  async end(): Promise<void> {
    this.#watch?.close();
    await this.#work.end();
  }

  async #sync(): Promise<void> {
    // Heard before it is read: then nothing is missed.
    this.#watch ??= this.#ports.kernel.watch(["link", "address", "route"], (event) => this.#onKernel(event), {
      linksCalled: podInterfacePrefix,
    });
    const isJustRead = this.#isStale;
    if (this.#isStale) await this.#read();
    const resolved = await this.#resolveAll();
    const learned = this.#toPeers.size === 0 ? this.#learned : new Map([...this.#learned, ...this.#toPeers]);
    const desired = desiredRoutes({ learned, resolved, ownBlocks: this.#ownBlocks ?? [] });
    const changes = planRoutes(desired, this.#actual, { mayDelete: this.#mayDelete });
    const problems = await this.#apply(changes);
    if (problems.length > 0) this.#isStale = true;
    // What the kernel's notifications say may be behind what it has: only what was just read makes a failure one.
    if (problems.length > 0 && !isJustRead) this.#work.ask();
    else this.#ports.onHealth(summaryOf(problems));
  }

  async #read(): Promise<void> {
    this.#isStale = false; // Before reading: a resync that is asked for meanwhile counts.
    const told: OwnRouteEvent[] = [];
    this.#toldMeanwhile = told;
    try {
      this.#actual = ownRoutes(await this.#ports.kernel.routes({ protocol: localRouteProtocol }));
    } finally {
      this.#toldMeanwhile = null;
    }
    for (const event of told) note(event, this.#actual);
  }

  async #apply(changes: readonly KernelChange[]): Promise<string[]> {
    if (changes.length === 0) return [];
    // Before they are made, so that what the kernel tells of them is no news.
    for (const change of changes) noteChange(change, this.#actual);
    const problems = await applyRoutes(this.#ports.kernel, changes);
    this.#writes += changes.length;
    this.#failures += problems.length;
    // A default route may be among what changed, and next hops lie behind it.
    if (changes.some((change) => "route" in change && change.route.destination.length === 0)) this.#work.ask();
    return problems;
  }

  async #resolveAll(): Promise<Map<string, Resolution>> {
    const hops = new Set([...[...this.#learned.values(), ...this.#toPeers.values()].flat(), ...this.#unreachable]);
    const resolved = new Map<string, Resolution>();
    // Links are asked for once, and only where a next hop names one.
    const links = [...hops].some((hop) => hop.includes("%")) ? await this.#ports.kernel.links() : [];
    await Promise.all([...hops].map(async (hop) => resolved.set(hop, await this.#resolve(hop, links))));
    this.#unreachable.clear();
    for (const [hop, way] of resolved) if (!way) this.#unreachable.add(hop);
    this.#tellSpeaker();
    return resolved;
  }

  async #resolve(hop: string, links: readonly Link[]): Promise<Resolution> {
    if (hop.includes("%")) return onLink(hop, links);
    const address = parseAddress(hop);
    if (!address) return null;
    try {
      const { kind, gateway, interfaceIndex } = await this.#ports.kernel.routeTo(address);
      if (kind !== "unicast" || interfaceIndex === null) return null;
      return { gateway: gateway ?? address, interfaceIndex };
    } catch (error) {
      if (isKernelError(error, "UNREACHABLE", "INVALID", "NOT_FOUND", "DENIED")) return null;
      throw error;
    }
  }

  #tellSpeaker(): void {
    const facts = [...this.#unreachable].sort().map((address) => ({ address, igpCost: null }));
    const text = JSON.stringify(facts);
    if (text === this.#facts) return;
    this.#facts = text;
    this.#ports.onNextHops(facts);
  }

  #onKernel(event: KernelEvent): void {
    switch (event.type) {
      case "route":
        if (isOwnRoute(event.route)) this.#onOwnRoute(event);
        // It may stand in the place of ours now: replacing a route is told as the new one alone.
        else if (this.#actual.has(routeKey(event.route))) void this.resync();
        else if (event.route.protocol !== localRouteProtocol) this.#work.ask();
        break;
      case "link":
        // With a link that goes down the kernel takes IPv4 routes away without a word about them.
        if (!isPodInterface(event.name)) void this.resync();
        break;
      case "address":
        this.#work.ask();
        break;
      case "resync":
        void this.resync();
        break;
      case "closed":
        this.#watch = null;
        void this.resync();
        break;
    }
  }

  /** Our own writes are told as well, and change nothing of what we know. */
  #onOwnRoute(event: OwnRouteEvent): void {
    this.#toldMeanwhile?.push(event);
    if (note(event, this.#actual)) this.#work.ask();
  }

  #onFailure(error: unknown): void {
    this.#isStale = true;
    this.#failures += 1;
    this.#ports.onHealth(messageOf(error));
  }
}

type OwnRouteEvent = Extract<KernelEvent, { type: "route" }>;

/** Answers whether that is news. */
function note({ change, route }: OwnRouteEvent, actual: Map<string, NewRoute>): boolean {
  const key = routeKey(route);
  const before = actual.get(key);
  if (change === "deleted") return actual.delete(key);
  actual.set(key, route);
  return before === undefined || !sameRoute(before, route);
}

/** `fe80::1%eth0`: on the link that it names, without a gateway in between; `null` while that is not there. */
function onLink(hop: string, links: readonly Link[]): Resolution {
  const [text = "", name] = hop.split("%");
  const gateway = parseAddress(text);
  const link = links.find((each) => each.name === name);
  return gateway && link?.running ? { gateway, interfaceIndex: link.index } : null;
}

function noteChange(change: KernelChange, actual: Map<string, NewRoute>): void {
  if (change.op === "deleteRoute") actual.delete(routeKey(change.route));
  else if ("route" in change) actual.set(routeKey(change.route), change.route);
}

function isPodInterface(name: string): boolean {
  return name.startsWith(podInterfacePrefix);
}
