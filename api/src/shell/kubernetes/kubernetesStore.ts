/** The Kubernetes API as the datastore: Calico's kinds as custom resources, and what core objects say of nodes and pods. */

import { chooseFlavour, type FlavourChoice } from "../../kubernetes/flavour.ts";
import type { Flavour, Source } from "../../kubernetes/source.ts";
import { sourcesOf } from "../../kubernetes/sources.ts";
import { storeErrorOf } from "../../kubernetes/storeFailure.ts";
import { groupsOf } from "../../kubernetes/watchLine.ts";
import { builtIn, isDefaultAllow } from "../../store/builtIn.ts";
import { StoreError } from "../../store/error.ts";
import { inScope } from "../../store/etcdKeys.ts";
import { checkWrites, formatKey, refused } from "../../store/request.ts";
import type {
  CommitResult,
  Item,
  Key,
  Kind,
  Listing,
  Scope,
  Store,
  Undecodable,
  Watch,
  WatchEvent,
  Write,
} from "../../store/store.ts";
import type { ApiClient } from "./apiClient.ts";
import { commitOne } from "./commit.ts";
import { offerApi } from "./kubernetesApi.ts";
import { KubernetesWatch, type KubernetesWatchOptions } from "./kubernetesWatch.ts";
import { Objects, versionOf } from "./objects.ts";
import { type ApiClientOptions, openApiClient } from "./openApiClient.ts";
import { findObject, holds } from "./place.ts";
import { pageSizeDefault } from "./watchDefaults.ts";

export interface KubernetesStoreOptions extends KubernetesWatchOptions, ApiClientOptions {
  /** `CALICO_API_GROUP`: which of Calico's groups to use; what the cluster has unless told. */
  readonly apiGroup?: string;
}

type InstalledFlavour = Extract<FlavourChoice, { readonly kind: "chosen" }>;

/** Opens nothing yet: the first call connects. A commit that ends with UNAVAILABLE may have happened or not. */
export function openKubernetesStore(options: KubernetesStoreOptions): Store {
  return new KubernetesStore(options);
}

class KubernetesStore implements Store {
  readonly transactions = "single";
  readonly #options: KubernetesStoreOptions;
  readonly #client: ApiClient;
  readonly #objects: Objects;
  readonly #watches = new Set<KubernetesWatch>();
  #flavour: Promise<Flavour> | null = null;

  constructor(options: KubernetesStoreOptions) {
    this.#options = options;
    this.#client = openApiClient(options);
    this.#objects = new Objects(this.#client, options.pageSize ?? pageSizeDefault);
    offerApi(this, this.#client);
  }

  async get<K extends Kind>(key: Key<K>): Promise<Item<K> | null> {
    if (isDefaultAllow(key)) return builtIn(key.kind)[0] ?? null;
    for (const source of await this.#sourcesOf(key.kind)) {
      const found = await findObject(key, source, this.#objects);
      if (!found || !holds(found.reading, key)) continue;
      const { object, reading } = found;
      if (reading.type === "value") return { key, value: reading.value, revision: versionOf(object) };
      if (reading.type === "undecodable") {
        throw new StoreError({ code: "UNDECODABLE", key: formatKey(key), reason: reading.reason });
      }
    }
    return null;
  }

  async list<K extends Kind>(kind: K, scope: Scope = {}): Promise<Listing<K>> {
    const items: Item<K>[] = [];
    const undecodable: Undecodable[] = [];
    let revision = "0";
    for (const source of await this.#sourcesOf(kind)) {
      const { objects, resourceVersion } = await this.#objects.list(source.resource, source.narrow(scope));
      revision = resourceVersion;
      for (const object of objects) {
        const reading = source.read(object);
        if (reading.type === "absent" || !inScope(reading.key, scope)) continue;
        if (reading.type === "value")
          items.push({ key: reading.key, value: reading.value, revision: versionOf(object) });
        else undecodable.push({ key: reading.key, reason: reading.reason, partial: reading.partial });
      }
    }
    return { items: [...items, ...builtIn(kind, scope)], undecodable, revision };
  }

  async commit(writes: readonly Write[]): Promise<CommitResult> {
    checkWrites(writes);
    const [write, ...others] = writes;
    if (others.length > 0) {
      throw refused(`a transaction of ${writes.length} operations; the Kubernetes API writes one object at a time`);
    }
    if (!write) return { kind: "committed", revision: "0" };
    const revision = write.op === "expect" ? await this.#expect(write) : await this.#write(write);
    if (revision !== null) return { kind: "committed", revision };
    return { kind: "conflict", current: [(await this.get(write.key)) ?? { key: write.key, value: null }] };
  }

  watch(kinds: readonly Kind[], listener: (event: WatchEvent) => void): Watch {
    const ports = { client: this.#client, flavour: () => this.#knownFlavour(), options: this.#options };
    const watch = new KubernetesWatch(kinds, listener, ports);
    this.#watches.add(watch);
    return {
      stop: async () => {
        this.#watches.delete(watch);
        await watch.stop();
      },
      stalenessMs: () => watch.stalenessMs(),
    };
  }

  async close(): Promise<void> {
    const stopped = [...this.#watches].map((watch) => watch.stop());
    this.#watches.clear();
    this.#client.close(); // What they still ask for need not be waited for.
    await Promise.all(stopped);
  }

  async #expect({ key, revision }: Write & { op: "expect" }): Promise<string | null> {
    const item = await this.get(key);
    return (item?.revision ?? null) === revision ? (revision ?? "0") : null;
  }

  async #write(write: Exclude<Write, { op: "expect" }>): Promise<string | null> {
    const sources: readonly Source[] = await this.#sourcesOf<Kind>(write.key.kind);
    const source = sources.find((each) => each.locate(write.key).length > 0);
    if (!source) throw refused(`${formatKey(write.key)} cannot be kept in the Kubernetes API`);
    return commitOne(write, source, this.#objects);
  }

  async #sourcesOf<K extends Kind>(kind: K): Promise<readonly Source<K>[]> {
    return sourcesOf(kind, await this.#knownFlavour());
  }

  /** Asked until there is something to choose between. */
  #knownFlavour(): Promise<Flavour> {
    if (this.#flavour) return this.#flavour;
    const asked = this.#askForFlavour();
    const forget = () => {
      if (this.#flavour === flavour) this.#flavour = null;
    };
    const flavour = asked.then((choice) => {
      if (!choice.isInstalled) forget();
      return choice.flavour;
    });
    flavour.catch(forget);
    this.#flavour = flavour;
    return flavour;
  }

  /**
   * A server that starts does not know of all its groups yet, and whoever took it at its word would watch the wrong CRDs
   * and find no policy in them.
   */
  async #askForFlavour(): Promise<InstalledFlavour> {
    const choice = await this.#chooseFlavour();
    if (choice.isInstalled) return choice;
    const readiness = await this.#client.send({ verb: "get", resource: "readyz", path: "/readyz", attemptsMax: 1 });
    if (readiness.kind === "failed" && readiness.failure.code === "UNAVAILABLE") throw storeErrorOf(readiness.failure);
    return this.#chooseFlavour();
  }

  async #chooseFlavour(): Promise<InstalledFlavour> {
    const answer = await this.#client.send({ verb: "get", resource: "apis", path: "/apis" });
    if (answer.kind === "failed") throw storeErrorOf(answer.failure);
    const choice = chooseFlavour({ groups: groupsOf(answer.body), apiGroup: this.#options.apiGroup });
    if (choice.kind === "refused") throw new StoreError({ code: "MISCONFIGURED", reason: choice.reason });
    return choice;
  }
}
