/** BFD's thread as the speaker's shell sees it: begun with the first path that is to be watched. */
import { Worker } from "node:worker_threads";
import { conditionsOf, entryBeside } from "@brindle/net/shell/threadEntry";
import type { BfdPath } from "../bfd/paths.ts";
import type { PathStatus } from "../bfd/status.ts";
import { BgpError } from "../error.ts";
import type { SpeakerConfig } from "../speaker/config.ts";
import type { FromBfd, ToBfd } from "./bfdMessages.ts";

export class BfdWatch {
  readonly #onStatus: (peer: string, status: PathStatus) => void;
  #worker: Worker | null = null;
  #starting: Promise<void> | null = null;

  constructor(onStatus: (peer: string, status: PathStatus) => void) {
    this.#onStatus = onStatus;
  }

  /** Starts the thread where the configuration needs it, before anything is changed. */
  async prepare({ peers, dynamicPeers = [] }: SpeakerConfig): Promise<void> {
    const isNeeded = peers.some(({ bfd }) => bfd) || dynamicPeers.some(({ template }) => template.bfd);
    if (!isNeeded) return;
    this.#starting ??= this.#start();
    await this.#starting;
  }

  watch(peer: string, path: BfdPath): void {
    this.#post({ type: "watch", peer, path });
  }

  unwatch(peer: string): void {
    this.#post({ type: "unwatch", peer });
  }

  /** `quietly`: peers that keep our routes while we restart are told nothing. */
  async end({ quietly }: { readonly quietly: boolean }): Promise<void> {
    const worker = this.#worker;
    if (!worker) return;
    this.#worker = null;
    worker.ref();
    const ended = new Promise((resolve) => worker.once("exit", resolve));
    worker.postMessage({ type: "end", quietly } satisfies ToBfd);
    await ended;
  }

  #post(message: ToBfd): void {
    this.#worker?.postMessage(message);
  }

  /** Where the foreign function interface is missing, the thread ends before it is ready. */
  async #start(): Promise<void> {
    const entry = entryBeside(import.meta.url, "bfdThread");
    const worker = new Worker(entry, { name: "bfd", execArgv: conditionsOf(entry) });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let isReady = false;
    worker.on("message", (message: FromBfd) => {
      if (message.type === "status") this.#onStatus(message.peer, message.status);
      else {
        isReady = true;
        resolve();
      }
    });
    worker.on("error", (cause) => {
      if (isReady) throw cause; // A bug: with it goes who depends on the thread.
      reject(new BgpError({ code: "NO_SOCKET_OPTIONS" }, { cause }));
    });
    await promise;
    worker.unref(); // It is there for those who are there.
    this.#worker = worker;
  }
}
