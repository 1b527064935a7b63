/**
 * One resource of the API server as the kinds that are made of it: a Node is one of Kubernetes' and one of Calico's, a
 * pod is a WorkloadEndpoint. Objects are read as they arrive, and only what was read is kept.
 */
import type { ApiObject, Reading, Source } from "../../kubernetes/source.ts";
import type { Trim } from "../../kubernetes/watchLine.ts";
import type { Key, WatchEvent } from "../../store/store.ts";
import type { News } from "./reflectorLoop.ts";

/** What each source reads in an object, in the order of the sources. */
export type Readings = readonly Reading[];

export function readBy(sources: readonly Source[]): Trim<Readings> {
  return (object) => sources.map((source) => source.read(object as unknown as ApiObject));
}

export class CollectionWatch {
  readonly #sources: number;
  readonly #tell: (event: WatchEvent) => void;
  /** By object, the key under which each source told it; a pod that another node takes gets another key. */
  readonly #told = new Map<string, readonly (Key | null)[]>();

  constructor(sources: number, tell: (event: WatchEvent) => void) {
    this.#sources = sources;
    this.#tell = tell;
  }

  onNews(news: News<Readings> & { type: "changed" | "deleted" }): void {
    if (news.type === "changed") this.#onReadings(news.item.id, news.item.object, news.item.resourceVersion);
    else this.#onReadings(news.id, Array(this.#sources).fill(absent), "");
  }

  #onReadings(id: string, readings: Readings, revision: string): void {
    const before = this.#told.get(id);
    const after = readings.map((reading) => (reading.type === "absent" ? null : reading.key));
    for (const [index, key] of before?.entries() ?? []) {
      if (key && key.name !== after[index]?.name) this.#tell({ type: "deleted", key });
    }
    for (const reading of readings) this.#tellReading(reading, revision);
    if (after.some((key) => key !== null)) this.#told.set(id, after);
    else this.#told.delete(id);
  }

  #tellReading(reading: Reading, revision: string): void {
    if (reading.type === "value") {
      this.#tell({ type: "changed", item: { key: reading.key, value: reading.value, revision } });
    } else if (reading.type === "undecodable") this.#tell(reading);
  }
}

const absent: Reading = { type: "absent" };
