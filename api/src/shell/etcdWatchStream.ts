/** One stream of changes of several prefixes. It knows nothing of reconnecting: whatever goes wrong ends it. */
import type { IDuplexStream, IEvent, IWatchRequest, IWatchResponse } from "etcd3";
import type { Change } from "../store/watchState.ts";
import type { EtcdConnection } from "./etcdConnection.ts";
import { compacted } from "./etcdErrors.ts";
import { endOfPrefix, entryOf } from "./etcdRange.ts";

export interface EtcdWatchStreamOptions {
  readonly prefixes: readonly string[];
  readonly startRevision: string;
  /** `index` is that of the prefix. */
  onChange(index: number, change: Change): void;
}

type Stream = IDuplexStream<IWatchRequest, IWatchResponse>;

export class EtcdWatchStream {
  readonly #connection: EtcdConnection;
  readonly #options: EtcdWatchStreamOptions;
  #stream: Stream | undefined;
  #isCancelled = false;

  constructor(connection: EtcdConnection, options: EtcdWatchStreamOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** Resolves when `until` says so; rejects with a `StoreError` when the stream ends before. */
  async follow(until: AbortSignal): Promise<void> {
    const stream = await this.#connection.openWatchStream();
    this.#stream = stream;
    if (this.#isCancelled) return this.cancel();
    await new Promise<void>((resolve, reject) => {
      until.addEventListener("abort", () => resolve(), { once: true });
      if (until.aborted) resolve();
      const fail = (error: unknown) => (this.#isCancelled ? resolve() : reject(this.#connection.streamFailed(error)));
      stream.on("error", fail);
      stream.on("end", () => fail(new Error("the stream of changes ended")));
      stream.on("data", (response) => {
        if (!this.#isCancelled) this.#onResponse(response, reject);
      });
      for (const [index, prefix] of this.#options.prefixes.entries()) stream.write(this.#request(index, prefix));
    });
  }

  cancel(): void {
    this.#isCancelled = true;
    this.#stream?.cancel();
  }

  #request(index: number, prefix: string): IWatchRequest {
    return {
      create_request: {
        key: Buffer.from(prefix),
        range_end: endOfPrefix(prefix),
        start_revision: this.#options.startRevision,
        watch_id: String(index + 1), // Zero would have etcd choose.
      },
    };
  }

  #onResponse(response: IWatchResponse, reject: (error: unknown) => void): void {
    if (response.compact_revision !== "0") reject(compacted());
    else if (response.canceled) reject(this.#connection.streamFailed(new Error(response.cancel_reason)));
    const index = Number(response.watch_id) - 1;
    for (const event of response.events) this.#options.onChange(index, changeOf(event));
  }
}

function changeOf(event: IEvent): Change {
  const entry = entryOf(event.kv);
  return event.type === "Delete"
    ? { type: "delete", key: entry.key, revision: entry.revision }
    : { type: "put", entry };
}
