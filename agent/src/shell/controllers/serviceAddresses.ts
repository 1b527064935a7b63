/** Gives Services of type LoadBalancer their addresses, and tells them. One process does, so that no two want the same. */
import type { ApiResource, IPAMConfig, IPPool, IPReservation, WatchEvent } from "@brindle/api";
import type { Following, News } from "@brindle/api/shell";
import {
  Allocator,
  type AssignResult,
  type ClusterView,
  ipamSettings,
  loadBalancer,
  reservedPrefixes,
} from "@brindle/ipam";
import { type Address, formatAddress } from "@brindle/net";
import {
  handleOfService,
  isTold,
  missing,
  readService,
  type ServiceHolding,
  type ServiceWish,
  serviceHoldings,
  statusRequest,
  unwanted,
} from "../../controllers/serviceAddresses.ts";
import { messageOf } from "../../error.ts";
import { ipamConfigInDoubt, reservationInDoubt } from "../../graph/ipamInDoubt.ts";
import { CoalescedWork } from "../coalescedWork.ts";
import { untilAborted } from "../untilAborted.ts";
import type { Controller, ControllerContext } from "./controller.ts";

const services: ApiResource = { group: "", version: "v1", plural: "services", kind: "Service", namespaced: true };

export const serviceAddresses: Controller = {
  name: "loadBalancer",
  settings: ({ configuration }) => configuration.loadBalancer ?? null,
  run: async (context, until) => {
    const giver = new Giver(context);
    await untilAborted(until);
    await giver.end();
  },
};

class Giver {
  readonly #context: ControllerContext;
  readonly #services = new Map<string, ServiceWish>();
  readonly #pools = new Map<string, { readonly pool: IPPool; readonly revision: string }>();
  readonly #reservations = new Map<string, IPReservation>();
  #config: IPAMConfig | undefined;
  readonly #awaited = new Set(["services", "IPPool", "IPReservation", "IPAMConfig"]);
  /** What was told of a Service last, so that it is said once. */
  readonly #troubles = new Map<string, string>();
  readonly #allocator: Allocator;
  readonly #work: CoalescedWork;
  readonly #watch: { stop(): Promise<void> };
  readonly #following: Following;

  constructor(context: ControllerContext) {
    const { api, store, onHealth } = context;
    this.#context = context;
    const now = () => BigInt(Date.now()) * 1_000_000n;
    this.#allocator = new Allocator({ node: loadBalancer }, { store, now, view: () => this.#view() });
    this.#work = new CoalescedWork({
      work: () => this.#giveAll(),
      onFailure: (error) => onHealth(messageOf(error)),
    });
    this.#watch = store.watch(["IPPool", "IPReservation", "IPAMConfig"], (event) => this.#onEvent(event));
    this.#following = api.follow(services, readService, (news) => this.#onNews(news));
  }

  async end(): Promise<void> {
    await Promise.all([this.#watch.stop(), this.#following.stop(), this.#work.end()]);
  }

  /** Whatever nodes may do with each other's blocks, Services' are theirs alone, as many as they need. */
  #view(): ClusterView {
    const settings = ipamSettings({ config: this.#config });
    const blocksPerNodeMax = Number.POSITIVE_INFINITY;
    return {
      pools: [...this.#pools.values()].map(({ pool }) => pool),
      poolRevisions: new Map([...this.#pools].map(([name, { revision }]) => [name, revision])),
      nodeLabels: {},
      reserved: reservedPrefixes(this.#reservations.values()),
      settings: { ...settings, ...{ strictAffinity: true, autoAllocateBlocks: true, blocksPerNodeMax } },
    };
  }

  #onNews(news: News<ServiceWish | null>): void {
    if (news.type === "changed" && news.item.object) this.#services.set(news.item.id, news.item.object);
    else if (news.type === "changed") this.#services.delete(news.item.id);
    else if (news.type === "deleted") this.#services.delete(news.id);
    else if (news.type === "inSync") this.#awaited.delete("services");
    else {
      if (news.type !== "back") this.#context.log.warn({ resource: "services", reason: news.reason }, news.type);
      return;
    }
    this.#work.ask();
  }

  #onEvent(event: WatchEvent): void {
    if (event.type === "inSync") this.#awaited.delete(event.kind);
    else if (event.type === "changed") {
      const { key, value, revision } = event.item;
      // The store pairs each key with a value of its kind; the compiler sees three unions.
      if (key.kind === "IPPool") this.#pools.set(key.name, { pool: value as IPPool, revision });
      else if (key.kind === "IPReservation") this.#reservations.set(key.name, value as IPReservation);
      else this.#config = value as IPAMConfig;
    } else if (event.type === "undecodable") this.#onUnreadable(event);
    else if (event.type === "deleted") {
      if (event.key.kind === "IPPool") this.#pools.delete(event.key.name);
      else if (event.key.kind === "IPReservation") this.#reservations.delete(event.key.name);
      else this.#config = undefined;
    } else return;
    this.#work.ask();
  }

  /** No address is given of such a pool; what is reserved, and how long an address rests, stays. */
  #onUnreadable({ key, partial }: Extract<WatchEvent, { readonly type: "undecodable" }>): void {
    const { name } = key;
    if (key.kind === "IPPool") this.#pools.delete(name);
    else if (key.kind === "IPAMConfig") this.#config = ipamConfigInDoubt(this.#config ?? null);
    else {
      const known = this.#reservations.get(name) ?? null;
      this.#reservations.set(name, reservationInDoubt({ kind: "IPReservation", name }, partial, known));
    }
  }

  /** Without a pool for them, Services are somebody else's. */
  async #giveAll(): Promise<void> {
    if (this.#awaited.size > 0) return;
    const isOurs = [...this.#pools.values()].some(({ pool: { spec } }) => spec.allowedUses?.includes("LoadBalancer"));
    if (!isOurs) return this.#context.onHealth(null);
    const { items } = await this.#context.store.list("IPAMBlock");
    const held = serviceHoldings(items.map(({ value }) => value));
    for (const [id, holding] of held) if (!this.#isMeant(id)) await this.#takeBack(id, holding);
    for (const [id, wish] of this.#services) if (this.#isMeant(id)) await this.#give(wish, held.get(id));
    this.#context.onHealth(null);
  }

  #isMeant(id: string): boolean {
    const wish = this.#services.get(id);
    const { assignIPs = "AllServices" } = this.#context.configuration.loadBalancer ?? {};
    return wish !== undefined && (assignIPs === "AllServices" || wish.isRequested);
  }

  async #takeBack(id: string, { handle, addresses }: ServiceHolding): Promise<void> {
    const result = await this.#allocator.release(handle);
    this.#context.log.info({ service: id, addresses: addresses.map(formatAddress), result: result.kind }, "taken back");
    const wish = this.#services.get(id);
    if (!wish) return;
    const ours = new Set(addresses.map(formatAddress));
    if (wish.told.some((text) => ours.has(text))) await this.#tell(wish, []);
  }

  async #give(wish: ServiceWish, holding: ServiceHolding | undefined): Promise<void> {
    const id = `${wish.namespace}/${wish.name}`;
    const handle = holding?.handle ?? handleOfService(wish);
    let held = holding?.addresses ?? [];
    if (wish.fault !== null) return this.#trouble(id, wish.fault);
    if (unwanted(wish, held).length > 0) {
      // A handle goes as a whole, and what stays is given again.
      await this.#allocator.release(handle);
      held = [];
    }
    const troubles: string[] = [];
    for (const { family, address } of missing(wish, held)) {
      const result = await this.#allocator.assign({
        ...{ handleId: handle, families: [family], use: "LoadBalancer", pools: wish.pools },
        attributes: { service: wish.name, namespace: wish.namespace, type: "LoadBalancer" },
        ...(address && { addresses: [address] }),
      });
      if (result.kind === "assigned") held = [...held, ...result.addresses.map((one) => one.address)];
      else troubles.push(wordsFor(result, family));
    }
    if (!isTold(wish, held)) await this.#tell(wish, held);
    this.#trouble(id, troubles.join("; "));
  }

  #trouble(id: string, text: string): void {
    if (text !== "" && this.#troubles.get(id) !== text)
      this.#context.log.warn({ service: id, reason: text }, "a Service has not all its addresses");
    this.#troubles.set(id, text);
  }

  async #tell(wish: ServiceWish, addresses: readonly Address[]): Promise<void> {
    const sent = await this.#context.api.send(services, statusRequest(wish, addresses));
    const text = addresses.map(formatAddress).join();
    if (sent.kind === "done") this.#context.log.info({ service: `${wish.namespace}/${wish.name}`, text }, "told");
    else if (sent.failure.code !== "NOT_FOUND") throw new Error(sent.failure.reason);
  }
}

function wordsFor(result: Exclude<AssignResult, { kind: "assigned" }>, family: 4 | 6): string {
  switch (result.kind) {
    case "addressRefused":
      return `${result.address}: ${result.reason}`;
    case "noPool":
      return `no IPPool gives IPv${family} addresses to it`;
    case "poolExhausted":
      return `no IPv${family} address is left in ${result.pools.map(({ pool }) => pool).join(", ")}`;
    default:
      return `no IPv${family} address: ${result.kind}`;
  }
}
