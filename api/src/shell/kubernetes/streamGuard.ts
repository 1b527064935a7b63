/**
 * Lists names and versions beside a stream of changes, from time to time, and says when the stream is not to be believed.
 * Of each object the API server sends the metadata alone. What the listing costs grows with the cluster, and every node
 * asks: so it comes the more seldom the more there is.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type Collection, collectionRequest } from "../../kubernetes/collection.ts";
import type { Contradiction, ListingCheck } from "../../kubernetes/listingCheck.ts";
import type { Reflector } from "../../kubernetes/reflector.ts";
import { pageOf } from "../../kubernetes/watchLine.ts";
import type { ApiClient } from "./apiClient.ts";

export interface StreamGuardOptions {
  readonly collection: Collection;
  readonly pageSize: number;
  readonly relistIntervalMs: number;
}

export interface StreamGuardPorts<T> {
  readonly client: ApiClient;
  readonly machine: Reflector<T>;
}

/** So many objects are listed in every interval; of more, as many in a multiple of it. */
const objectsPerInterval = 12_000;
/** Whoever was away may meet another datastore, restored and already further than the former: that is looked for soon. */
const hasteAfterAbsence = 20;
/** What is under way when the listing is answered has as long to come as an answer would have. */
const patienceMs = 10_000;
const firstLookMs = 50;

const namesAndVersions = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

export class StreamGuard<T> {
  readonly #options: StreamGuardOptions;
  readonly #client: ApiClient;
  readonly #machine: Reflector<T>;
  #dueMs: number;

  constructor(options: StreamGuardOptions, { client, machine }: StreamGuardPorts<T>) {
    this.#options = options;
    this.#client = client;
    this.#machine = machine;
    this.#dueMs = performance.now() + this.#intervalMs();
  }

  /** After an absence. */
  hasten(): void {
    this.#dueMs = Math.min(this.#dueMs, performance.now() + this.#intervalMs() / hasteAfterAbsence);
  }

  /** `onProof` is called whenever a listing shows that all was told. `null` when `signal` comes first. */
  async findContradiction(onProof: () => void, signal: AbortSignal): Promise<Contradiction | null> {
    for (;;) {
      const waitMs = Math.max(firstLookMs, this.#dueMs - performance.now());
      await sleep(waitMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return null;
      if (performance.now() < this.#dueMs || !this.#machine.isFollowing) continue;
      const found = await this.#look(signal);
      this.#dueMs = performance.now() + this.#intervalMs();
      if (found === "proof") onProof();
      else if (found !== "nothing") return found;
    }
  }

  async #look(signal: AbortSignal): Promise<Contradiction | "proof" | "nothing"> {
    const check = this.#machine.beginCheck();
    try {
      const listedAt = await this.#list(check, signal);
      if (listedAt === null) return "nothing";
      const endMs = performance.now() + patienceMs;
      let contradiction = check.contradiction(listedAt);
      for (let waitMs = firstLookMs; contradiction && performance.now() < endMs; waitMs *= 2) {
        await sleep(waitMs, undefined, { signal }).catch(() => {});
        if (signal.aborted) return "nothing";
        contradiction = check.contradiction(listedAt);
      }
      return contradiction ?? "proof";
    } finally {
      this.#machine.endCheck(check);
    }
  }

  /** The version of the listing; `null` where it came to nothing: then the next one tells. */
  async #list(check: ListingCheck, signal: AbortSignal): Promise<string | null> {
    const { collection, pageSize } = this.#options;
    for (let next: string | undefined; ; ) {
      const request = collectionRequest(collection, "list", { limit: pageSize, continue: next });
      const answer = await this.#client.send({ ...request, accept: namesAndVersions });
      const page = answer.kind === "answered" && !signal.aborted && pageOf(answer.body, () => null);
      if (!page) return null;
      check.onPage(page.items);
      next = page.continue;
      if (next === undefined) return page.resourceVersion;
    }
  }

  /** Half as long again at most, and not less than half: the nodes of a cluster do not list all at once. */
  #intervalMs(): number {
    const share = Math.max(1, this.#machine.size / objectsPerInterval);
    return this.#options.relistIntervalMs * share * (0.5 + Math.random());
  }
}
