/** Where the daemon is asked: its control socket, and its metrics. Both may move while it runs. */
import type { ControlHandler } from "@brindle/net/shell/control";
import { serveControl } from "@brindle/net/shell/control";
import type { RunningSpeaker } from "../runningSpeaker.ts";
import { serveMetrics } from "./metrics.ts";

export interface EndpointWish {
  readonly controlSocket: string;
  readonly metrics: { readonly address: string; readonly port: number } | null;
}

export interface EndpointParts {
  readonly handlers: Record<string, ControlHandler>;
  readonly speaker: () => RunningSpeaker | null;
  readonly onInternalError: (method: string, error: unknown) => void;
}

/** What was opened anew, and is in force with `commit`. */
export interface EndpointChange {
  /** What is no longer wanted closes; answers that are under way arrive. */
  commit(): void;
  /** What was opened closes again. */
  abort(): Promise<void>;
}

interface Open extends AsyncDisposable {
  readonly key: string;
}

export class Endpoints implements AsyncDisposable {
  readonly #parts: EndpointParts;
  #open: readonly Open[] = [];

  constructor(parts: EndpointParts) {
    this.#parts = parts;
  }

  /** All or nothing: rejects where one of them cannot be had, and what is there stays. */
  async change({ controlSocket, metrics }: EndpointWish): Promise<EndpointChange> {
    await using opened = new AsyncDisposableStack();
    const next: Open[] = [];
    const have = async (key: string, open: () => Promise<AsyncDisposable>): Promise<void> => {
      const present = this.#open.find((each) => each.key === key);
      if (present) next.push(present);
      else next.push({ key, [Symbol.asyncDispose]: disposeOf(opened.use(await open())) });
    };
    const { handlers, speaker, onInternalError } = this.#parts;
    await have(`control ${controlSocket}`, () => serveControl({ path: controlSocket, onInternalError }, handlers));
    if (metrics) await have(`metrics ${metrics.address} ${metrics.port}`, () => serveMetrics(metrics, speaker));
    const fresh = opened.move();
    return {
      commit: () => {
        const gone = this.#open.filter((each) => !next.includes(each));
        this.#open = next;
        for (const each of gone) void each[Symbol.asyncDispose]();
      },
      abort: () => fresh.disposeAsync(),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = this.#open;
    this.#open = [];
    await Promise.all(all.map((each) => each[Symbol.asyncDispose]()));
  }
}

function disposeOf(resource: AsyncDisposable): () => PromiseLike<void> {
  return () => resource[Symbol.asyncDispose]();
}
