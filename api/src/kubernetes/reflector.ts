/**
 * Follows one resource of the Kubernetes API. What the API server says goes in as events; what to ask next, and what
 * has changed, comes out as actions. No clock, no sockets: the shell (`ReflectorLoop`) does what is asked.
 *
 * It begins with all there is, then follows changes from there on. A stream that ends is taken up where the last
 * event or bookmark stood. Only when the server has forgotten that place (410), or turns out to be older than what it
 * told before (restored from a backup), or a listing beside the stream shows what it never told, is everything read
 * anew; then differences are told, never a deletion that nothing proves.
 */
import type { WatchTrouble } from "../store/store.ts";
import type { ApiFailure } from "./apiFailure.ts";
import { retryDelayMs } from "./backoff.ts";
import { KnownObjects, type Observed } from "./knownObjects.ts";
import type { ListingCheck } from "./listingCheck.ts";
import { isOlder } from "./version.ts";

export type ReflectorEvent<T> =
  | { readonly type: "started" | "waited" | "ended" }
  /** One page of a listing; `continue` is absent in the last. */
  | {
      readonly type: "page";
      readonly items: readonly Observed<T>[];
      readonly resourceVersion: string;
      readonly continue?: string;
    }
  /** The newest version that the server knows now, of anything. */
  | { readonly type: "checked"; readonly resourceVersion: string }
  /** The stream of changes is open; and it has been for `settledAfterMs`, in which a server sends all that it held. */
  | { readonly type: "opened" | "settled" }
  | { readonly type: "present"; readonly item: Observed<T> }
  | { readonly type: "removed"; readonly id: string; readonly resourceVersion: string }
  | { readonly type: "bookmark"; readonly resourceVersion: string; readonly endsInitialEvents: boolean }
  /** By a listing beside the stream, which is over with this. */
  | { readonly type: "contradicted"; readonly trouble: WatchTrouble; readonly reason: string }
  | { readonly type: "failed"; readonly failure: ApiFailure; readonly nowMs: number };

/** After `list`, `check`, `watch` and `wait` the machine waits for what comes of it; there is never more than one. */
export type ReflectorAction<T> =
  | { readonly type: "list"; readonly continue?: string }
  | { readonly type: "check" }
  /** Without a version: all that exists as events, a bookmark behind them, then changes. */
  | { readonly type: "watch"; readonly resourceVersion: string | null }
  | { readonly type: "wait"; readonly delayMs: number }
  | { readonly type: "changed"; readonly item: Observed<T> }
  | { readonly type: "deleted"; readonly id: string }
  | { readonly type: "inSync" }
  /** `isRefused`: it answers, and does not let us read. */
  | { readonly type: "away"; readonly reason: string; readonly isRefused?: true }
  | { readonly type: "back" }
  | Trouble;

/** How it came that everything had to be read anew; told once it has been. */
interface Trouble {
  readonly type: "trouble";
  readonly trouble: WatchTrouble;
  readonly reason: string;
}

type Phase =
  | { readonly name: "snapshot"; readonly by: "stream" | "pages" }
  | { readonly name: "following" }
  | { readonly name: "checking" }
  | { readonly name: "waiting"; readonly next: "snapshot" | "check" };

export const settledAfterMs = 1_000;

/** A server that denies a kind for so long means it. Shorter, it may only be starting. */
export const uninstalledAfterMs = 60_000;

export class Reflector<T> {
  readonly #random: () => number;
  readonly #known = new KnownObjects<T>();
  #phase: Phase = { name: "waiting", next: "snapshot" };
  /** Everything up to here was told; `null` until the first snapshot is complete. */
  #position: string | null = null;
  /** How far the server was when the stream was taken up: what lies between is not told yet. */
  #goal: string | null = null;
  #streamsSnapshots = true;
  #isInSync = false;
  #isAway = false;
  #failures = 0;
  #expirations = 0;
  #deniedSinceMs: number | null = null;
  #denials = 0;
  #trouble: Trouble | null = null;

  constructor(random: () => number) {
    this.#random = random;
  }

  get size(): number {
    return this.#known.size;
  }

  /** Whether all that exists was told and changes are followed: only then has a listing something to be compared with. */
  get isFollowing(): boolean {
    return this.#phase.name === "following" && this.#isInSync;
  }

  /** Before a listing beside the stream is asked for. */
  beginCheck(): ListingCheck {
    return this.#known.beginCheck();
  }

  endCheck(check: ListingCheck): void {
    this.#known.endCheck(check);
  }

  handle(event: ReflectorEvent<T>): readonly ReflectorAction<T>[] {
    switch (event.type) {
      case "started":
        return this.#beginSnapshot();
      case "waited":
        return this.#phase.name === "waiting" && this.#phase.next === "check" ? this.#check() : this.#beginSnapshot();
      case "page":
        return this.#onPage(event);
      case "checked":
        return this.#onChecked(event.resourceVersion);
      case "opened":
        return this.#onReached();
      case "settled":
        return this.#phase.name === "following" ? this.#onWell() : [];
      case "present":
        return this.#onPresent(event.item);
      case "removed":
        return this.#onRemoved(event);
      case "bookmark":
        return this.#onBookmark(event);
      case "ended":
        // A server that shuts down ends its streams too: whoever answers next must prove that it is not older.
        return this.#phase.name === "following" ? this.#check() : this.#beginSnapshot();
      case "contradicted":
        return this.#readAllAnew({ ...event, type: "trouble" });
      case "failed":
        return this.#onFailed(event.failure, event.nowMs);
    }
  }

  #beginSnapshot(): readonly ReflectorAction<T>[] {
    this.#known.beginSnapshot();
    const by = this.#streamsSnapshots ? "stream" : "pages";
    this.#phase = { name: "snapshot", by };
    return [by === "stream" ? { type: "watch", resourceVersion: null } : { type: "list" }];
  }

  #check(): readonly ReflectorAction<T>[] {
    this.#phase = { name: "checking" };
    return [{ type: "check" }];
  }

  #onPage(page: ReflectorEvent<T> & { type: "page" }): readonly ReflectorAction<T>[] {
    const changes = page.items.flatMap((item) => this.#known.present(item));
    if (page.continue !== undefined) return [...changes, { type: "list", continue: page.continue }];
    return [...changes, ...this.#endSnapshot(page.resourceVersion), this.#follow()];
  }

  /** A consistent read is never behind what the same datastore told before. */
  #onChecked(resourceVersion: string): readonly ReflectorAction<T>[] {
    if (this.#position === null || isOlder(resourceVersion, this.#position)) {
      const reason = `the API server went back from version ${this.#position} to ${resourceVersion}, as after a restored backup`;
      return this.#readAllAnew({ type: "trouble", trouble: "setBack", reason });
    }
    this.#goal = resourceVersion;
    return [this.#follow()];
  }

  /** Of another history an equal version may be of another value. */
  #readAllAnew(trouble: Trouble): readonly ReflectorAction<T>[] {
    this.#trouble = trouble;
    this.#known.forgetVersions();
    return this.#beginSnapshot();
  }

  #follow(): ReflectorAction<T> {
    this.#phase = { name: "following" };
    return { type: "watch", resourceVersion: this.#position };
  }

  #onPresent(item: Observed<T>): readonly ReflectorAction<T>[] {
    return [...this.#known.present(item), ...this.#onPosition(item.resourceVersion)];
  }

  #onRemoved({ id, resourceVersion }: { id: string; resourceVersion: string }): readonly ReflectorAction<T>[] {
    return [...this.#known.removed(id, resourceVersion), ...this.#onPosition(resourceVersion)];
  }

  #onBookmark(event: ReflectorEvent<T> & { type: "bookmark" }): readonly ReflectorAction<T>[] {
    if (this.#phase.name === "following") return this.#onPosition(event.resourceVersion);
    if (!event.endsInitialEvents) return [];
    this.#phase = { name: "following" };
    return this.#endSnapshot(event.resourceVersion);
  }

  #onPosition(resourceVersion: string): readonly ReflectorAction<T>[] {
    if (this.#phase.name !== "following") return [];
    this.#position = resourceVersion;
    this.#expirations = 0;
    return this.#onReached();
  }

  /** Whoever was away is back when nothing is left to tell. */
  #onReached(): readonly ReflectorAction<T>[] {
    if (this.#phase.name !== "following" || this.#position === null || this.#goal === null) return [];
    return isOlder(this.#position, this.#goal) ? [] : this.#onWell();
  }

  #endSnapshot(resourceVersion: string | null): readonly ReflectorAction<T>[] {
    this.#position = resourceVersion;
    const differences = this.#known.endSnapshot();
    const inSync: readonly ReflectorAction<T>[] = this.#isInSync ? [] : [{ type: "inSync" }];
    this.#isInSync = true;
    const trouble = this.#trouble ? [this.#trouble] : [];
    this.#trouble = null;
    return [...differences, ...inSync, ...this.#onWell(), ...trouble];
  }

  #onWell(): readonly ReflectorAction<T>[] {
    this.#goal = null;
    this.#failures = 0;
    this.#deniedSinceMs = null;
    this.#denials = 0;
    if (!this.#isAway) return [];
    this.#isAway = false;
    return [{ type: "back" }];
  }

  #onAway({ reason, code }: ApiFailure): readonly ReflectorAction<T>[] {
    if (this.#isAway) return [];
    this.#isAway = true;
    const isRefused = code === "FORBIDDEN" || code === "UNAUTHORIZED";
    return [{ type: "away", reason, ...(isRefused && { isRefused }) }];
  }

  #onFailed(failure: ApiFailure, nowMs: number): readonly ReflectorAction<T>[] {
    if (failure.code === "EXPIRED") return this.#onExpired(failure.reason);
    if (failure.code === "NOT_INSTALLED") return this.#onDenied(failure, nowMs);
    if (this.#phase.name === "snapshot" && this.#phase.by === "stream" && refusesStreams(failure)) {
      this.#streamsSnapshots = false;
      return this.#beginSnapshot();
    }
    // A server that says when to come again is there, and so is one that begins to serve a kind.
    const isBusy =
      failure.code === "THROTTLED" && this.#failures < (failure.isBeginning ? beginningMax : busyAnswersMax);
    return [...(isBusy ? [] : this.#onAway(failure)), this.#wait(failure)];
  }

  /** What the place was that is forgotten: of the stream, or of the next page of a listing. Nothing was lost by it. */
  #onExpired(reason: string): readonly ReflectorAction<T>[] {
    this.#expirations += 1;
    if (this.#phase.name === "following") this.#trouble = { type: "trouble", trouble: "compacted", reason };
    if (this.#expirations === 1) return this.#beginSnapshot();
    this.#phase = { name: "waiting", next: "snapshot" };
    return [{ type: "wait", delayMs: retryDelayMs(this.#random, this.#expirations) }];
  }

  /** A kind that is not installed is in sync and empty, and is asked for again later, the more seldom the longer it is so. */
  #onDenied(failure: ApiFailure, nowMs: number): readonly ReflectorAction<T>[] {
    this.#deniedSinceMs ??= nowMs;
    const isCertain = this.#known.size === 0 || nowMs - this.#deniedSinceMs >= uninstalledAfterMs;
    if (!isCertain) return [...this.#onAway(failure), this.#wait(failure)];
    const { deniedSinceMs, denials } = { deniedSinceMs: this.#deniedSinceMs, denials: this.#denials };
    this.#known.beginSnapshot();
    const told = this.#endSnapshot(null);
    this.#deniedSinceMs = deniedSinceMs;
    this.#denials = denials + 1;
    this.#phase = { name: "waiting", next: "snapshot" };
    const delayMs = Math.min(uninstalledRetryMsMax, uninstalledRetryMs * 2 ** denials);
    return [...told, { type: "wait", delayMs: delayMs * (0.75 + this.#random() / 2) }];
  }

  #wait(failure: ApiFailure): ReflectorAction<T> {
    this.#failures += 1;
    const hasPlace = this.#position !== null && this.#phase.name !== "snapshot";
    this.#phase = { name: "waiting", next: hasPlace ? "check" : "snapshot" };
    const delayMs = retryDelayMs(this.#random, this.#failures);
    const askedMs = Math.min(failure.retryAfterMs ?? 0, retryAfterMsMax);
    return { type: "wait", delayMs: Math.max(delayMs, askedMs) };
  }
}

const uninstalledRetryMs = 30_000;
const uninstalledRetryMsMax = 120_000;
const busyAnswersMax = 3;
/** Some six seconds of our own waiting. */
const beginningMax = 6;
/** Whatever a server, or who stands before it, asks for: policies change meanwhile. */
const retryAfterMsMax = 120_000;

/**
 * A server before 1.32, or one with WatchList turned off, calls it invalid to ask for what exists as events; one above an
 * etcd before 3.4.25 says with a 500 that it cannot.
 */
function refusesStreams({ code, status }: ApiFailure): boolean {
  return code === "INVALID" || status === 500;
}
