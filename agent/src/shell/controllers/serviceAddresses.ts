/** Gives Services of type LoadBalancer their addresses, and tells them. One process does, so that no two want the same. */
import { type ApiResource, type IPPool, type Item, isItemOf, type Key, type WatchEvent } from "@brindle/api";
import type { Following, News } from "@brindle/api/shell";
import { Allocator, type AssignResult, type ClusterView, loadBalancer } from "@brindle/ipam";
import { type Address, formatAddress, formatPrefix, type Prefix, parsePrefix } from "@brindle/net";
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
import { type ClusterKind, ClusterState, isClusterKey } from "../../graph/clusterState.ts";
import { clusterView } from "../../graph/clusterView.ts";
import { ipamInDoubt } from "../../graph/ipamInDoubt.ts";
import { CoalescedWork } from "../coalescedWork.ts";
import { untilAborted } from "../untilAborted.ts";
import type { Controller, ControllerContext } from "./controller.ts";
import { EndpointsWithin } from "./endpointsWithin.ts";

const services: ApiResource = { group: "", version: "v1", plural: "services", kind: "Service", namespaced: true };

const kinds: readonly ClusterKind[] = ["IPPool", "IPReservation", "IPAMConfig", "IPAMConfiguration"];

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
  /** Of the kinds that are watched alone. */
  readonly #state = new ClusterState();
  readonly #awaited = new Set<string>(["services", ...kinds]);
  /** Who has addresses of the pools for Services by now; those that are read for other pools take its place once they are whole. */
  #endpoints: EndpointsWithin | null = null;
  #nextEndpoints: EndpointsWithin | null = null;
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
    this.#watch = store.watch(kinds, (event) => this.#onEvent(event));
    this.#following = api.follow(services, readService, (news) => this.#onNews(news));
  }

  async end(): Promise<void> {
    const followed = [this.#endpoints, this.#nextEndpoints].map((endpoints) => endpoints?.stop());
    await Promise.all([this.#watch.stop(), this.#following.stop(), this.#work.end(), ...followed]);
  }

  /** Whatever nodes may do with each other's blocks, Services' are theirs alone, as many as they need. */
  #view(): ClusterView {
    const view = clusterView(loadBalancer, this.#state);
    const blocksPerNodeMax = Number.POSITIVE_INFINITY;
    const known = new Set(this.#endpoints?.ranges.map(formatPrefix));
    return {
      ...view,
      // Of a pool that came during this very pass nobody knows who has its addresses.
      pools: view.pools.filter(({ spec }) => rangesOf([spec]).some((range) => known.has(formatPrefix(range)))),
      reserved: [...view.reserved, ...(this.#endpoints?.held() ?? [])],
      settings: { ...view.settings, ...{ strictAffinity: true, autoAllocateBlocks: true, blocksPerNodeMax } },
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
    else if (event.type === "changed") this.#receive(event.item.key, event.item);
    else if (event.type === "deleted") this.#receive(event.key, null);
    // No address is given of such a pool; what is reserved, and how long an address rests, stays.
    else if (event.type === "undecodable" && isClusterKey(event.key))
      this.#state.receiveUnreadable(event.key, ipamInDoubt(event, this.#state) as never, event.partial);
    else return;
    this.#followEndpoints();
    this.#work.ask();
  }

  #receive(key: Key, item: Item | null): void {
    if (item && isItemOf(item, "IPPool")) this.#state.noteRevision(item);
    // The store pairs each key with a value of its kind; the compiler sees two unions.
    if (isClusterKey(key)) this.#state.receive(key, (item?.value ?? null) as never);
  }

  /** Of the pools as they are by now, once these are known. */
  #followEndpoints(): void {
    if (this.#awaited.has("IPPool")) return;
    const ranges = rangesOf(this.#poolsOfServices().map(({ spec }) => spec));
    if (isSame(ranges, (this.#nextEndpoints ?? this.#endpoints)?.ranges ?? [])) return;
    this.#drop(this.#nextEndpoints);
    this.#nextEndpoints = null;
    if (isSame(ranges, this.#endpoints?.ranges ?? [])) return;
    if (ranges.length === 0) {
      this.#drop(this.#endpoints);
      this.#endpoints = null;
      return;
    }
    const next = new EndpointsWithin(ranges, {
      store: this.#context.store,
      onChanged: () => {
        if (this.#nextEndpoints === next) {
          this.#drop(this.#endpoints);
          [this.#endpoints, this.#nextEndpoints] = [next, null];
        }
        this.#work.ask();
      },
    });
    this.#nextEndpoints = next;
  }

  #drop(endpoints: EndpointsWithin | null): void {
    endpoints?.stop().catch((error: unknown) => this.#context.log.warn({ err: error }, "a watch did not end"));
  }

  #poolsOfServices(): IPPool[] {
    return [...this.#state.all("IPPool").values()].filter(({ spec }) => spec.allowedUses?.includes("LoadBalancer"));
  }

  /** Without a pool for them, Services are somebody else's. */
  async #giveAll(): Promise<void> {
    if (this.#awaited.size > 0) return;
    if (this.#poolsOfServices().length === 0) return this.#context.onHealth(null);
    if (this.#nextEndpoints || !this.#endpoints) return;
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
      // What is reserved is given to who asks for it, which this is not.
      const holder = address ? (this.#endpoints?.holderOf(address) ?? null) : null;
      if (address && holder !== null) {
        troubles.push(`${formatAddress(address)}: ${holder}`);
        continue;
      }
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

function rangesOf(specs: readonly IPPool["spec"][]): Prefix[] {
  return specs.flatMap(({ cidr }) => parsePrefix(cidr) ?? []);
}

function isSame(a: readonly Prefix[], b: readonly Prefix[]): boolean {
  const [one, other] = [a, b].map((ranges) => new Set(ranges.map(formatPrefix)));
  return one?.symmetricDifference(other ?? new Set()).size === 0;
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
