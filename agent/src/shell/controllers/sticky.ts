/** Keeps the addresses of pods whose StatefulSet asks for it. Pods are followed only where one does. */
import type { ApiResource, IPPool, Item, WatchEvent } from "@brindle/api";
import type { Following, News } from "@brindle/api/shell";
import { planSticky, readStickyPod, readStickySet, type StickyPod } from "../../controllers/stickyAddresses.ts";
import { messageOf } from "../../error.ts";
import { CoalescedWork } from "../coalescedWork.ts";
import { untilAborted } from "../untilAborted.ts";
import type { Controller, ControllerContext } from "./controller.ts";

const statefulSets: ApiResource = {
  group: "apps",
  version: "v1",
  plural: "statefulsets",
  kind: "StatefulSet",
  namespaced: true,
};
const pods: ApiResource = { group: "", version: "v1", plural: "pods", kind: "Pod", namespaced: true };

export const stickyAddresses: Controller = {
  name: "stickyAddresses",
  settings: () => ({}),
  run: async (context, until) => {
    const keeper = new Keeper(context);
    await untilAborted(until);
    await keeper.end();
  },
};

class Keeper {
  readonly #context: ControllerContext;
  readonly #sets = new Set<string>();
  readonly #pods = new Map<string, StickyPod>();
  readonly #reservations = new Map<string, Item<"IPReservation">>();
  readonly #pools = new Map<string, IPPool>();
  /** What has not been read whole yet: on less than all nothing is deleted, nor made. */
  readonly #awaited = new Set(["sets", "pods", "IPReservation", "IPPool"]);
  readonly #work: CoalescedWork;
  readonly #watch: { stop(): Promise<void> };
  readonly #followings: Following[];
  #followsPods = false;

  constructor(context: ControllerContext) {
    const { api, store, onHealth } = context;
    this.#context = context;
    this.#work = new CoalescedWork({
      work: () => this.#write(),
      onFailure: (error) => onHealth(messageOf(error)),
    });
    this.#watch = store.watch(["IPReservation", "IPPool"], (event) => this.#onEvent(event));
    this.#followings = [api.follow(statefulSets, readStickySet, (news) => this.#onSet(news))];
  }

  async end(): Promise<void> {
    await Promise.all([this.#watch.stop(), this.#work.end(), ...this.#followings.map((following) => following.stop())]);
  }

  #onSet(news: News<string | null>): void {
    if (news.type === "changed") this.#setIs(news.item.id, news.item.object !== null);
    else if (news.type === "deleted") this.#setIs(news.id, false);
    else if (!this.#isWhole(news, "sets")) return;
    this.#work.ask();
  }

  #setIs(id: string, isSticky: boolean): void {
    if (!isSticky) {
      this.#sets.delete(id);
      return;
    }
    this.#sets.add(id);
    if (this.#followsPods) return;
    this.#followsPods = true;
    this.#followings.push(this.#context.api.follow(pods, readStickyPod, (news) => this.#onPod(news)));
  }

  #onPod(news: News<StickyPod | null>): void {
    if (news.type === "changed" && news.item.object) this.#pods.set(news.item.id, news.item.object);
    else if (news.type === "changed") this.#pods.delete(news.item.id);
    else if (news.type === "deleted") this.#pods.delete(news.id);
    else if (!this.#isWhole(news, "pods")) return;
    this.#work.ask();
  }

  /** Of news that are of no object: whether something is read whole now. */
  #isWhole(news: News<unknown>, what: string): boolean {
    if (news.type === "inSync") return this.#awaited.delete(what);
    if (news.type === "away" || news.type === "trouble")
      this.#context.log.warn({ resource: what, reason: news.reason }, news.type);
    return false;
  }

  #onEvent(event: WatchEvent): void {
    if (event.type === "inSync") this.#awaited.delete(event.kind);
    else if (event.type === "changed") {
      const { key, value } = event.item;
      if (key.kind === "IPPool") this.#pools.set(key.name, value as IPPool);
      else this.#reservations.set(key.name, event.item as Item<"IPReservation">); // The kinds that are watched are two.
    } else if (event.type === "deleted" || event.type === "undecodable") {
      if (event.key.kind === "IPPool") this.#pools.delete(event.key.name);
      else this.#reservations.delete(event.key.name);
    } else return;
    this.#work.ask();
  }

  /** Nobody asks for it as long as no set does: then there are no pods to wait for. */
  async #write(): Promise<void> {
    const awaited = [...this.#awaited].filter((what) => what !== "pods" || this.#followsPods);
    if (awaited.length > 0) return;
    const facts = { sets: this.#sets, pods: this.#pods, pools: [...this.#pools.values()] };
    for (const write of planSticky({ ...facts, reservations: [...this.#reservations.values()] })) {
      const result = await this.#context.store.commit([write]);
      if (result.kind === "committed") this.#context.log.info({ [write.op]: write.key.name }, "address of a pod kept");
    }
    this.#context.onHealth(null);
  }
}
