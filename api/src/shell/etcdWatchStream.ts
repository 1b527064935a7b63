/** One stream of changes of several prefixes. It knows nothing of reconnecting: whatever goes wrong ends it. */
import { setTimeout as sleep } from "node:timers/promises";
import type { IWatchRequest } from "etcd3";
import type { WatchAnswer } from "../grpc/watchAnswer.ts";
import type { Revision } from "../store/store.ts";
import type { Change } from "../store/watchState.ts";
import type { EtcdConnection } from "./etcdConnection.ts";
import { compacted, unavailable } from "./etcdErrors.ts";
import type { EtcdMember, EtcdStream } from "./etcdMember.ts";
import { endOfPrefix } from "./etcdRange.ts";

const answerPollMs = 20;

export interface EtcdWatchStreamOptions {
  readonly prefixes: readonly string[];
  readonly startRevision: bigint;
  /** `index` is that of the prefix. */
  onChange(index: number, change: Change): void;
}

export class EtcdWatchStream {
  /** Where it comes from. */
  readonly member: EtcdMember;
  /** Ends it, as an error, with a `StoreError`. */
  readonly failed: Promise<never>;
  readonly #connection: EtcdConnection;
  readonly #options: EtcdWatchStreamOptions;
  readonly #stream: EtcdStream;
  readonly #fail: (error: unknown) => void;
  /** Parts of an answer that etcd cut up, by watch. */
  readonly #fragments = new Map<number, Change[]>();
  /** Counts whatever was heard: while it grows, the stream lives. */
  #answers = 0;
  #answersProgress = false;
  #isCancelled = false;

  static async open(connection: EtcdConnection, options: EtcdWatchStreamOptions): Promise<EtcdWatchStream> {
    const { stream, member } = await connection.openWatchStream();
    return new EtcdWatchStream(connection, options, { stream, member });
  }

  private constructor(
    connection: EtcdConnection,
    options: EtcdWatchStreamOptions,
    { stream, member }: { stream: EtcdStream; member: EtcdMember },
  ) {
    this.#connection = connection;
    this.#options = options;
    this.#stream = stream;
    this.member = member;
    const { promise, reject } = Promise.withResolvers<never>();
    this.#fail = reject;
    this.failed = promise;
    promise.catch(() => {}); // Whoever cancels the stream no longer waits for its end.
    stream.on("error", (error) => reject(connection.failed(member, error)));
    stream.on("end", () => reject(unavailable(`etcd at ${member.endpoint} ended the stream of changes`)));
    stream.on("data", (answer) => this.#onAnswer(answer));
    for (const [index, prefix] of options.prefixes.entries()) stream.write(this.#request(index, prefix));
  }

  /**
   * Rejects with a `StoreError` when etcd, which is at `revision`, has nothing to say on the stream. Servers before 3.4
   * never answer, and those since 3.5.8 not while the watch has yet to begin; both are believed.
   */
  async proveAlive(revision: Revision): Promise<void> {
    const answers = this.#answers;
    this.#stream.write({ progress_request: {} });
    if (!this.#answersProgress || BigInt(revision) < this.#options.startRevision) return;
    const endMs = performance.now() + this.#connection.timeoutMs;
    while (this.#answers === answers && !this.#isCancelled) {
      if (performance.now() > endMs) {
        throw this.#connection.failed(
          this.member,
          unavailable(`the stream of etcd at ${this.member.endpoint} is silent`),
        );
      }
      await sleep(answerPollMs);
    }
  }

  cancel(): void {
    this.#isCancelled = true;
    this.#stream.removeAllListeners("data");
    this.#stream.cancel();
  }

  #request(index: number, prefix: string): IWatchRequest {
    return {
      create_request: {
        key: Buffer.from(prefix),
        range_end: endOfPrefix(prefix),
        start_revision: String(this.#options.startRevision),
        watch_id: String(index + 1), // Zero would have etcd choose.
        // A transaction may be larger than the largest message that a server sends.
        fragment: true,
        progress_notify: true,
      },
    };
  }

  #onAnswer(answer: WatchAnswer): void {
    this.#answers++;
    if (answer.compactRevision !== "0") this.#fail(compacted());
    else if (answer.canceled) this.#fail(this.#connection.failed(this.member, new Error(answer.cancelReason)));
    else if (!answer.created && answer.changes.length === 0) this.#answersProgress = true;
    for (const change of this.#whole(answer)) this.#options.onChange(answer.watch - 1, change);
  }

  /** What belongs together comes together: nothing is told of an answer before its last part. */
  #whole({ watch, changes, fragment }: WatchAnswer): readonly Change[] {
    const earlier = this.#fragments.get(watch);
    if (!earlier && !fragment) return changes;
    const gathered = [...(earlier ?? []), ...changes];
    if (fragment) this.#fragments.set(watch, gathered);
    else this.#fragments.delete(watch);
    return fragment ? [] : gathered;
  }
}
