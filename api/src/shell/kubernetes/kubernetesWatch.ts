/** A watch of kinds: one reflector for each resource that holds any of them, and what they tell as one story. */
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { apiPath } from "../../kubernetes/apiPath.ts";
import { retryDelayMs } from "../../kubernetes/backoff.ts";
import { resourceName } from "../../kubernetes/resourceName.ts";
import type { Flavour, Narrowing, Source } from "../../kubernetes/source.ts";
import { sourcesOf } from "../../kubernetes/sources.ts";
import { builtIn } from "../../store/builtIn.ts";
import { StoreError } from "../../store/error.ts";
import type { Kind, Watch, WatchEvent } from "../../store/store.ts";
import type { ApiClient } from "./apiClient.ts";
import { CollectionWatch, type Readings, readBy } from "./collectionWatch.ts";
import { type News, ReflectorLoop } from "./reflectorLoop.ts";
import { pageSizeDefault, relistIntervalMsDefault, streamSecondsDefault } from "./watchDefaults.ts";

export interface KubernetesWatchOptions {
  /** How long a stream of changes lasts before it is taken up anew; some 30 minutes unless told. */
  readonly streamSeconds?: number;
  /** Objects in a page of a listing. 200 unless told: larger ones only cost memory. */
  readonly pageSize?: number;
  /**
   * How often a listing beside the stream must prove that nothing was missed. 20 minutes unless told; more seldom for what
   * has thousands of objects.
   */
  readonly relistIntervalMs?: number;
}

export interface KubernetesWatchPorts {
  readonly client: ApiClient;
  readonly flavour: () => Promise<Flavour>;
  readonly options: KubernetesWatchOptions;
}

/** What a reflector follows, and the kinds it holds. */
interface Following {
  readonly sources: Source[];
  loop?: ReflectorLoop<Readings>;
  isInSync: boolean;
  isAway: boolean;
}

export class KubernetesWatch implements Watch {
  readonly #kinds: readonly Kind[];
  readonly #listener: (event: WatchEvent) => void;
  readonly #ports: KubernetesWatchPorts;
  readonly #stopping = new AbortController();
  readonly #started: Promise<void>;
  #followings: readonly Following[] = [];
  readonly #inSync = new Set<Kind>();
  #isAway = false;

  constructor(kinds: readonly Kind[], listener: (event: WatchEvent) => void, ports: KubernetesWatchPorts) {
    this.#kinds = kinds;
    this.#listener = (event) => {
      if (!this.#stopping.signal.aborted) listener(event);
    };
    this.#ports = ports;
    this.#started = this.#start();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#started;
    await Promise.all(this.#followings.map(({ loop }) => loop?.stop()));
  }

  stalenessMs(): number | null {
    const heardAtMs = this.#followings.map(({ loop }) => loop?.heardAtMs ?? null);
    if (heardAtMs.length === 0 || heardAtMs.includes(null)) return null;
    return performance.now() - Math.min(...heardAtMs.map(Number));
  }

  async #start(): Promise<void> {
    const flavour = await this.#flavour();
    if (flavour === null) return;
    const byPath = new Map<string, Following>();
    for (const source of this.#kinds.flatMap((kind) => sourcesOf(kind, flavour) as readonly Source[])) {
      const path = apiPath(source.resource);
      const following = byPath.get(path) ?? { sources: [], isInSync: false, isAway: this.#isAway };
      following.sources.push(source);
      byPath.set(path, following);
    }
    this.#followings = [...byPath.values()];
    for (const [path, following] of byPath) this.#follow(path, following);
  }

  /** Which of Calico's groups the cluster has can only the cluster say. `null` when stopped before. */
  async #flavour(): Promise<Flavour | null> {
    const { signal } = this.#stopping;
    for (let failures = 1; !signal.aborted; failures++) {
      try {
        return await this.#ports.flavour();
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        this.#onAway(error.failure.reason);
        await sleep(retryDelayMs(Math.random, failures), undefined, { signal }).catch(() => {});
      }
    }
    return null;
  }

  #follow(path: string, following: Following): void {
    const { client, options } = this.#ports;
    const { sources } = following;
    const [{ resource } = never()] = sources;
    const watch = new CollectionWatch(sources, this.#listener);
    following.loop = new ReflectorLoop<Readings>(
      {
        collection: { path, resource: resourceName(resource), ...narrowingOf(sources) },
        trim: readBy(sources),
        streamSeconds: options.streamSeconds ?? streamSecondsDefault,
        pageSize: options.pageSize ?? pageSizeDefault,
        relistIntervalMs: options.relistIntervalMs ?? relistIntervalMsDefault,
        onNews: (news) => this.#onNews(news, { following, watch }),
      },
      client,
    );
  }

  #onNews(news: News<Readings>, { following, watch }: { following: Following; watch: CollectionWatch }): void {
    switch (news.type) {
      case "changed":
      case "deleted":
        watch.onNews(news);
        break;
      case "inSync":
        following.isInSync = true;
        this.#tellInSync();
        this.#onBack(following);
        break;
      case "away":
        following.isAway = true;
        this.#onAway(news.reason);
        break;
      case "back":
        this.#onBack(following);
        break;
      case "trouble":
        this.#listener(news);
        break;
    }
  }

  #tellInSync(): void {
    for (const kind of this.#kinds) {
      const holders = this.#followings.filter(({ sources }) => sources.some((source) => source.kind === kind));
      if (this.#inSync.has(kind) || !holders.every(({ isInSync }) => isInSync)) continue;
      this.#inSync.add(kind);
      for (const item of builtIn(kind)) this.#listener({ type: "changed", item });
      this.#listener({ type: "inSync", kind });
    }
  }

  #onAway(reason: string): void {
    if (this.#isAway) return;
    this.#isAway = true;
    this.#listener({ type: "disconnected", reason });
  }

  #onBack(following: Following): void {
    following.isAway = false;
    if (!this.#isAway || this.#followings.some(({ isAway }) => isAway)) return;
    this.#isAway = false;
    this.#listener({ type: "connected" });
  }
}

/** What the server may leave out because no kind needs it. */
function narrowingOf(sources: readonly Source[]): Narrowing {
  const [first, ...others] = sources.map((source) => source.narrow({}));
  return first && others.every((other) => isDeepStrictEqual(other, first)) ? first : {};
}

function never(): never {
  throw new RangeError("a resource that no kind is made of");
}
