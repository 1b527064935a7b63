/**
 * One resource of the API server as the kinds that are made of it: a Node is one of Kubernetes' and one of Calico's, a
 * pod is a WorkloadEndpoint. Objects are read as they arrive, and only what was read is kept.
 */
import type { ApiObject, Reading, Source } from "../../kubernetes/source.ts";
import { idOf, type Trim } from "../../kubernetes/watchLine.ts";
import { formatKey } from "../../store/request.ts";
import type { Key, WatchEvent } from "../../store/store.ts";
import type { News } from "./reflectorLoop.ts";

/** What each source reads in an object, in the order of the sources. */
export type Readings = readonly Reading[];

export function readBy(sources: readonly Source[]): Trim<Readings> {
  return (object) => sources.map((source) => source.read(object as unknown as ApiObject));
}

/** What an object says of a key that others may hold too. */
interface Claim {
  readonly reading: Present;
  readonly revision: string;
  /** The lowest counts. */
  readonly rank: number;
}

type Present = Exclude<Reading, { readonly type: "absent" }>;

export class CollectionWatch {
  readonly #sources: readonly Source[];
  readonly #tell: (event: WatchEvent) => void;
  /** By object, the key under which each source told it; a pod that another node takes gets another key. */
  readonly #told = new Map<string, readonly (Key | null)[]>();
  /**
   * By key and object, where a key may be held by several: a policy under its former name beside its present one. When one
   * of them goes, the key is not gone.
   */
  readonly #claims = new Map<string, Map<string, Claim>>();

  constructor(sources: readonly Source[], tell: (event: WatchEvent) => void) {
    this.#sources = sources;
    this.#tell = tell;
  }

  onNews(news: News<Readings> & { type: "changed" | "deleted" }): void {
    if (news.type === "changed") this.#onReadings(news.item.id, news.item.object, news.item.resourceVersion);
    else this.#onReadings(news.id, Array(this.#sources.length).fill(absent), "");
  }

  #onReadings(id: string, readings: Readings, revision: string): void {
    const before = this.#told.get(id);
    const after = readings.map((reading) => (reading.type === "absent" ? null : reading.key));
    for (const [index, key] of before?.entries() ?? []) {
      if (key && key.name !== after[index]?.name) this.#leave(id, key);
    }
    for (const [index, reading] of readings.entries()) {
      if (reading.type === "absent") continue;
      const rank = this.#rankOf(id, reading.key, index);
      if (rank === null) this.#tellReading({ reading, revision });
      else this.#claim(id, { reading, revision, rank });
    }
    if (after.some((key) => key !== null)) this.#told.set(id, after);
    else this.#told.delete(id);
  }

  /** `null` where the key can be no other object's. */
  #rankOf(id: string, key: Key, index: number): number | null {
    const source = this.#sources[index];
    return source?.sharesKeys ? source.locate(key).findIndex((place) => idOf(place) === id) : null;
  }

  #claim(id: string, claim: Claim): void {
    const name = formatKey(claim.reading.key);
    const claims = this.#claims.get(name) ?? new Map<string, Claim>();
    this.#claims.set(name, claims.set(id, claim));
    if (foremost(claims) === claim) this.#tellReading(claim);
  }

  #leave(id: string, key: Key): void {
    const name = formatKey(key);
    const claims = this.#claims.get(name);
    const before = claims && foremost(claims);
    claims?.delete(id);
    const after = claims && foremost(claims);
    if (!after) {
      this.#claims.delete(name);
      this.#tell({ type: "deleted", key });
    } else if (after !== before) this.#tellReading(after);
  }

  #tellReading({ reading, revision }: Pick<Claim, "reading" | "revision">): void {
    if (reading.type === "undecodable") this.#tell(reading);
    else this.#tell({ type: "changed", item: { key: reading.key, value: reading.value, revision } });
  }
}

const absent: Reading = { type: "absent" };

function foremost(claims: ReadonlyMap<string, Claim>): Claim | undefined {
  return [...claims.values()].reduce<Claim | undefined>(
    (best, claim) => (best && best.rank <= claim.rank ? best : claim),
    undefined,
  );
}
