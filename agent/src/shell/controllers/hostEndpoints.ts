/** Keeps the host endpoints that nodes have by themselves, where the cluster is configured to; takes them away where it no longer is. */
import type { Item, Node, WatchEvent } from "@brindle/api";
import { planHostEndpoints } from "../../controllers/hostEndpoints.ts";
import { messageOf } from "../../error.ts";
import { CoalescedWork } from "../coalescedWork.ts";
import { untilAborted } from "../untilAborted.ts";
import type { Controller, ControllerContext } from "./controller.ts";

export const autoHostEndpoints: Controller = {
  name: "hostEndpoints",
  settings: ({ configuration: { node } }) => (node ? { ...node.hostEndpoint } : null),
  run: async (context, until) => {
    const keeper = new Keeper(context);
    await untilAborted(until);
    await keeper.end();
  },
};

class Keeper {
  readonly #context: ControllerContext;
  readonly #nodes = new Map<string, Node | null>();
  readonly #hostEndpoints = new Map<string, Item<"HostEndpoint">>();
  /** What has not been read whole yet: on less than all nothing is deleted, nor made. */
  readonly #awaited = new Set<string>(["Node", "HostEndpoint"]);
  readonly #work: CoalescedWork;
  readonly #watch: { stop(): Promise<void> };

  constructor(context: ControllerContext) {
    const { store, onHealth } = context;
    this.#context = context;
    this.#work = new CoalescedWork({
      work: () => this.#write(),
      onFailure: (error) => onHealth(messageOf(error)),
    });
    this.#watch = store.watch(["Node", "HostEndpoint"], (event) => this.#onEvent(event));
  }

  async end(): Promise<void> {
    await Promise.all([this.#watch.stop(), this.#work.end()]);
  }

  #onEvent(event: WatchEvent): void {
    if (event.type === "inSync") this.#awaited.delete(event.kind);
    else if (event.type === "changed") {
      const { key, value } = event.item;
      if (key.kind === "Node") this.#nodes.set(key.name, value as Node);
      else this.#hostEndpoints.set(key.name, event.item as Item<"HostEndpoint">); // The kinds that are watched are two.
    } else if (event.type === "deleted" || event.type === "undecodable") {
      const { kind, name } = event.key;
      if (kind === "HostEndpoint") this.#hostEndpoints.delete(name);
      else if (event.type === "undecodable") this.#nodes.set(name, null);
      else this.#nodes.delete(name);
    } else return;
    this.#work.ask();
  }

  /** A write that meets another one is planned anew: what the other was is told. */
  async #write(): Promise<void> {
    if (this.#awaited.size > 0) return;
    const { store, log, onHealth, configuration } = this.#context;
    const config = configuration.node?.hostEndpoint ?? {};
    const facts = { config, nodes: this.#nodes, hostEndpoints: [...this.#hostEndpoints.values()] };
    const { writes, troubles } = planHostEndpoints(facts);
    for (const write of writes) {
      const result = await store.commit([write]);
      if (result.kind === "committed") log.info({ [write.op]: write.key.name }, "host endpoint of a node");
    }
    onHealth(troubles.length > 0 ? troubles.join("; ") : null);
  }
}
