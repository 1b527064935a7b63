/**
 * The proof that a stream of changes misses nothing: a listing of names and versions beside it. Of what it shows, some was
 * changed since, and some is still under way; what no wait explains was missed, or the datastore is another one.
 */
import type { WatchTrouble } from "../store/store.ts";
import type { Observed } from "./knownObjects.ts";
import { isOlder } from "./version.ts";

export interface Contradiction {
  readonly trouble: Extract<WatchTrouble, "missed" | "setBack">;
  /** The objects of which the listing says something else than was told. */
  readonly ids: readonly string[];
}

export class ListingCheck {
  /** By object, the version that was told last; it goes on changing. */
  readonly #told: ReadonlyMap<string, string>;
  /** What was told before the listing was asked for, and is in none of its pages so far. */
  readonly #unlisted: Set<string>;
  /** By object, the version in which it is listed and was not told when its page came. */
  readonly #untold = new Map<string, string>();
  /** By object, in which version its deletion was told meanwhile. */
  readonly #deleted = new Map<string, string>();

  /** Before the listing is asked for. */
  constructor(told: ReadonlyMap<string, string>) {
    this.#told = told;
    this.#unlisted = new Set(told.keys());
  }

  onDeleted(id: string, resourceVersion: string): void {
    this.#deleted.set(id, resourceVersion);
  }

  onPage(items: readonly Observed<unknown>[]): void {
    for (const { id, resourceVersion } of items) {
      this.#unlisted.delete(id);
      if (this.#told.get(id) !== resourceVersion) this.#untold.set(id, resourceVersion);
    }
  }

  /** What the listing, all of it at `listedAt`, shows that was not told by now: to be asked again until it is certain. */
  contradiction(listedAt: string): Contradiction | null {
    const phantoms = [...this.#untold].filter(([id, listed]) => this.#isSetBack(id, { listed, listedAt }));
    const late = [...this.#untold].filter(([id, listed]) => this.#isMissed(id, listed));
    const undeleted = [...this.#unlisted].filter((id) => this.#isUndeleted(id, listedAt));
    const ids = [...[...phantoms, ...late].map(([id]) => id), ...undeleted];
    if (ids.length === 0) return null;
    return { trouble: phantoms.length > 0 ? "setBack" : "missed", ids };
  }

  /** A version was told that the datastore never had, though it has later ones. */
  #isSetBack(id: string, { listed, listedAt }: { listed: string; listedAt: string }): boolean {
    const told = this.#told.get(id);
    return told !== undefined && isOlder(listed, told) && !isOlder(listedAt, told);
  }

  #isMissed(id: string, listed: string): boolean {
    const told = this.#told.get(id) ?? this.#deleted.get(id);
    return told === undefined || isOlder(told, listed);
  }

  #isUndeleted(id: string, listedAt: string): boolean {
    const told = this.#told.get(id);
    return told !== undefined && !isOlder(listedAt, told);
  }
}
