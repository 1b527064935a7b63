/** The node's own addresses and, where host endpoints have a say, by which interfaces it speaks with others. */
import { networkInterfaces } from "node:os";
import { formatAddress } from "@brindle/net";
import type { RouteSocket } from "@brindle/net/shell";
import { type NodeNetwork, noNetwork } from "@brindle/policy";
import { WaysOut } from "../graph/waysOut.ts";
import { CoalescedWork } from "./coalescedWork.ts";

export interface NodeNetworksPorts {
  readonly kernel: Pick<RouteSocket, "routes" | "links">;
  readonly nowMs: () => number;
  /** Whether it matters by which interface a packet goes. */
  readonly asksHosts: () => boolean;
  readonly onFailure: (error: unknown) => void;
}

/** As long as a view is taken for what is. */
const freshForMs = 1_000;

export class NodeNetworks {
  readonly #ports: NodeNetworksPorts;
  readonly #work: CoalescedWork;
  #last: NodeNetwork = noNetwork;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(ports: NodeNetworksPorts) {
    this.#ports = ports;
    this.#work = new CoalescedWork({ work: async () => void (await this.read()), onFailure: ports.onFailure });
  }

  /** Of now. Rejects where the kernel refuses to tell. */
  async read(): Promise<NodeNetwork> {
    const towards = await this.#waysOut();
    this.#lastMs = this.#ports.nowMs();
    this.#last = { isOwn: isOneOf(ownAddresses()), towards };
    return this.#last;
  }

  /** Ways of a second ago, or of a moment when nobody asked: then they are read for who asks next. */
  get last(): NodeNetwork {
    if (this.#ports.nowMs() - this.#lastMs < freshForMs) return this.#last;
    this.#lastMs = this.#ports.nowMs();
    this.#last = { ...this.#last, isOwn: isOneOf(ownAddresses()) };
    this.#work.ask();
    return this.#last;
  }

  async end(): Promise<void> {
    await this.#work.end();
  }

  async #waysOut(): Promise<NodeNetwork["towards"]> {
    const { kernel, asksHosts } = this.#ports;
    if (!asksHosts()) return () => [];
    const [routes, links] = await Promise.all([kernel.routes(), kernel.links()]);
    const names = new Map(links.map(({ index, name }) => [index, name]));
    const ways = new WaysOut(routes, (index) => names.get(index));
    return (address) => ways.towards(address);
  }
}

function isOneOf(own: ReadonlySet<string>): NodeNetwork["isOwn"] {
  return (address) => own.has(formatAddress(address));
}

function ownAddresses(): ReadonlySet<string> {
  return new Set(Object.values(networkInterfaces()).flatMap((of) => (of ?? []).map(({ address }) => address)));
}
