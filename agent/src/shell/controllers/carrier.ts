/** Keeps objects in etcd at what objects of Kubernetes say. What is to be done says a `Carrying`. */
import { type Item, type Key, type Kind, StoreError, type WatchEvent, type Write } from "@brindle/api";
import type { News } from "@brindle/api/shell";
import { type Carrying, CarryingState, objectId, type Task, type Wanted } from "../../controllers/carrying/carrying.ts";
import { messageOf } from "../../error.ts";
import { CoalescedWork } from "../coalescedWork.ts";
import { untilAborted } from "../untilAborted.ts";
import type { ControllerContext } from "./controller.ts";

export interface CarrierOptions {
  /** How often all is compared anew; `null` for never. */
  readonly periodMs: number | null;
}

/** etcd writes what comes at the same time with one flush of its disk. */
const atATime = 16;
/** How often one item is read again that somebody else writes meanwhile. */
const attemptsMax = 5;

/** Until `until`. */
export async function carry<K extends Kind, W extends Wanted, H>(
  carrying: Carrying<K, W, H>,
  { periodMs }: CarrierOptions,
  context: ControllerContext,
  until: AbortSignal,
): Promise<void> {
  const carrier = new Carrier(carrying, context, until);
  const timer = periodMs === null ? undefined : setInterval(() => carrier.compareAll(), periodMs);
  await untilAborted(until);
  clearInterval(timer);
  await carrier.end();
}

class Carrier<K extends Kind, W extends Wanted, H> {
  readonly #carrying: Carrying<K, W, H>;
  readonly #context: ControllerContext;
  readonly #until: AbortSignal;
  readonly #state: CarryingState<K, W, H>;
  readonly #work: CoalescedWork;
  readonly #stops: readonly (() => Promise<void>)[];
  /** Of the round that runs, by what was done. */
  #written: Record<string, number> = {};

  constructor(carrying: Carrying<K, W, H>, context: ControllerContext, until: AbortSignal) {
    const { api, store, onHealth } = context;
    this.#carrying = carrying;
    this.#context = context;
    this.#until = until;
    this.#state = new CarryingState(carrying);
    this.#work = new CoalescedWork({
      work: () => this.#carryAll(),
      onFailure: (error) => onHealth(messageOf(error)),
    });
    onHealth(`${carrying.resource.plural} and what is stored of them are not read yet`);
    const watch = store.watch([carrying.kind], (event) => this.#onEvent(event));
    const want = carrying.want.bind(carrying);
    const following = api.follow(carrying.resource, want, (news) => this.#onNews(news));
    this.#stops = [() => watch.stop(), () => following.stop()];
  }

  compareAll(): void {
    this.#state.doubtAll();
    this.#work.ask();
  }

  async end(): Promise<void> {
    await Promise.all([...this.#stops.map((stop) => stop()), this.#work.end()]);
  }

  #onNews(news: News<W | null>): void {
    switch (news.type) {
      case "changed":
        this.#state.onObject(news.item.id, news.item.object);
        break;
      case "deleted":
        this.#state.onObject(news.id, null);
        break;
      case "inSync":
        this.#state.inSync("wanted");
        break;
      case "away":
      case "trouble":
        this.#context.log.warn({ resource: this.#carrying.resource.plural, reason: news.reason }, news.type);
        return;
      case "back":
        return;
    }
    this.#work.ask();
  }

  /** That the datastore is away, the configuration's watch tells once for all controllers. */
  #onEvent(event: WatchEvent): void {
    switch (event.type) {
      case "changed":
        this.#state.onStored(event.item.key as Key<K>, event.item.value as Item<K>["value"]);
        break;
      case "undecodable":
        this.#context.log.warn({ key: event.key, reason: event.reason }, "what is stored cannot be read");
        this.#state.onStored(event.key as Key<K>, null);
        break;
      case "deleted":
        this.#state.onGone(event.key as Key<K>);
        break;
      case "inSync":
        this.#state.inSync("held");
        break;
      default:
        return;
    }
    this.#work.ask();
  }

  async #carryAll(): Promise<void> {
    if (!this.#state.isInSync) return;
    const { wanted, gone } = this.#state.take();
    const failures = [...(await this.#carryEach(wanted)), ...(await this.#carryEach(gone))];
    this.#tellWritten();
    const [failure] = failures;
    if (failure !== undefined) throw failure;
    this.#context.onHealth(null);
  }

  /** What fails for one is tried again, and holds up no other. */
  async #carryEach(objects: readonly string[]): Promise<unknown[]> {
    const failures: unknown[] = [];
    const ids = objects.values();
    const work = async (): Promise<void> => {
      for (const id of ids) {
        if (this.#until.aborted) return;
        try {
          await this.#carryOne(id);
        } catch (error) {
          this.#state.putBack(id);
          failures.push(error);
        }
      }
    };
    await Promise.all(Array.from({ length: atATime }, work));
    return failures;
  }

  async #carryOne(id: string): Promise<void> {
    for (const task of this.#state.due(id)) await this.#write(task);
  }

  /** Over what is there now, and nothing newer. */
  async #write({ wanted, key, state }: Task<K, W>): Promise<void> {
    const { store } = this.#context;
    let isThere = state === "held";
    for (let attempt = 1; attempt <= attemptsMax && !this.#until.aborted; attempt++) {
      const item = isThere ? await store.get(key) : null;
      const write = item ? this.#carrying.change(wanted, item) : wanted && this.#creation(wanted, key, state);
      if (!write) return;
      const result = await this.#commit(write);
      if (result !== "conflict") {
        if (result === "done") this.#onWritten(write);
        return;
      }
      isThere = true;
    }
  }

  /** What cannot be read has no revision; its name is nobody's but ours. */
  #creation(wanted: W, key: Key<K>, state: Task<K, W>["state"]): Write | null {
    const created = this.#carrying.create(wanted);
    if (!created || objectId(created.key) !== objectId(key)) return null;
    const { write } = created;
    return state === "unreadable" && write.op === "create" ? { ...write, op: "put" } : write;
  }

  #onWritten({ op, key: { namespace, name } }: Write): void {
    this.#written = { ...this.#written, [op]: (this.#written[op] ?? 0) + 1 };
    this.#context.tally.carried.add([this.#context.name, op]);
    this.#context.log.debug({ op, namespace, name }, "carried");
  }

  /** A line for all: the first round of a cluster may have thousands. */
  #tellWritten(): void {
    if (Object.keys(this.#written).length > 0) this.#context.log.info(this.#written, "carried to etcd");
    this.#written = {};
  }

  /** What the datastore will never take is told, and tried again when all is compared anew. */
  async #commit(write: Write): Promise<"done" | "conflict" | "refused"> {
    const { store, log } = this.#context;
    try {
      const { kind } = await store.commit([write]);
      return kind === "committed" ? "done" : "conflict";
    } catch (error) {
      if (!(error instanceof StoreError) || error.failure.code !== "REFUSED") throw error;
      log.error({ key: write.key, reason: error.message }, "it cannot be stored");
      return "refused";
    }
  }
}
