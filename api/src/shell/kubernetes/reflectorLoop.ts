/** Does what a `Reflector` asks for, and tells it what came of it. Nothing is decided here. */
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { type ApiFailure, type Request, unavailable } from "../../kubernetes/apiFailure.ts";
import { type Collection, collectionRequest } from "../../kubernetes/collection.ts";
import type { Contradiction } from "../../kubernetes/listingCheck.ts";
import { Reflector, type ReflectorAction, type ReflectorEvent, settledAfterMs } from "../../kubernetes/reflector.ts";
import { pageOf, streamEventOf, type Trim } from "../../kubernetes/watchLine.ts";
import type { ApiClient } from "./apiClient.ts";
import { linesOf } from "./lines.ts";
import { StreamGuard } from "./streamGuard.ts";

export interface ReflectorLoopOptions<T> {
  readonly collection: Collection;
  readonly trim: Trim<T>;
  onNews(news: News<T>): void;
  /** How long a stream of changes may last before it is opened anew. */
  readonly streamSeconds: number;
  readonly pageSize: number;
  /** How often a listing beside the stream must prove that nothing was missed; more seldom where there is much to list. */
  readonly relistIntervalMs: number;
}

/** What a reflector tells, not what it asks for. */
export type News<T> = Exclude<ReflectorAction<T>, Step>;
type Step = Extract<ReflectorAction<unknown>, { type: "list" | "check" | "watch" | "wait" }>;

/** By how much a server may overrun the end of a stream that it was asked for. */
const overrunMs = 30_000;

export class ReflectorLoop<T> {
  readonly #options: ReflectorLoopOptions<T>;
  readonly #client: ApiClient;
  readonly #machine = new Reflector<T>(Math.random);
  readonly #guard: StreamGuard<T>;
  readonly #stopping = new AbortController();
  readonly #ended: Promise<void>;
  /** When the server last proved that nothing else had happened; by a clock that nobody sets. */
  #heardAtMs: number | null = null;

  constructor(options: ReflectorLoopOptions<T>, client: ApiClient) {
    this.#options = options;
    this.#client = client;
    this.#guard = new StreamGuard(options, { client, machine: this.#machine });
    this.#ended = this.#run();
  }

  get heardAtMs(): number | null {
    return this.#heardAtMs;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#ended;
  }

  async #run(): Promise<void> {
    let step = this.#handle({ type: "started" });
    while (!this.#stopping.signal.aborted && step) step = await this.#perform(step);
  }

  /** What the machine asks for next, if anything. */
  #handle(event: ReflectorEvent<T>): Step | undefined {
    let step: Step | undefined;
    for (const action of this.#machine.handle(event)) {
      if (action.type === "back") this.#guard.hasten();
      if (isStep(action)) step = action;
      else if (!this.#stopping.signal.aborted) this.#options.onNews(action);
    }
    return step;
  }

  async #perform(step: Step): Promise<Step | undefined> {
    switch (step.type) {
      case "list":
        return this.#list(step.continue);
      case "check":
        return this.#check();
      case "watch":
        return this.#watch(step.resourceVersion);
      case "wait":
        await sleep(step.delayMs, undefined, { signal: this.#stopping.signal }).catch(() => {});
        return this.#handle({ type: "waited" });
    }
  }

  async #list(next: string | undefined): Promise<Step | undefined> {
    const query = { limit: this.#options.pageSize, ...(next !== undefined && { continue: next }) };
    const answer = await this.#client.send({
      ...this.#request("list", query),
      attemptsMax: next === undefined ? 1 : 3,
    });
    if (answer.kind === "failed") return this.#fail(answer.failure);
    const page = pageOf(answer.body, this.#options.trim);
    if (!page) return this.#fail(unavailable("the API server answers with what is no listing"));
    if (page.continue === undefined) this.#heard();
    return this.#handle({ type: "page", ...page });
  }

  async #check(): Promise<Step | undefined> {
    const answer = await this.#client.send({ ...this.#request("list", { limit: 1 }), attemptsMax: 1 });
    if (answer.kind === "failed") return this.#fail(answer.failure);
    const page = pageOf(answer.body, () => null);
    if (!page) return this.#fail(unavailable("the API server answers with what is no listing"));
    return this.#handle({ type: "checked", resourceVersion: page.resourceVersion });
  }

  async #watch(resourceVersion: string | null): Promise<Step | undefined> {
    const seconds = Math.ceil(this.#options.streamSeconds * (0.75 + Math.random() / 2));
    const request = this.#request("watch", {
      watch: 1,
      allowWatchBookmarks: true,
      timeoutSeconds: seconds,
      ...(resourceVersion === null
        ? { sendInitialEvents: true, resourceVersionMatch: "NotOlderThan" }
        : { resourceVersion }),
    });
    const ending = new AbortController();
    const timeout = AbortSignal.timeout(seconds * 1_000 + overrunMs);
    const over = AbortSignal.any([this.#stopping.signal, timeout, ending.signal]);
    const opened = await this.#client.open(request, over);
    if (opened.kind === "failed") return this.#fail(opened.failure);
    if (resourceVersion !== null) this.#heard();
    this.#handle({ type: "opened" });
    const settling = setTimeout(() => this.#handle({ type: "settled" }), settledAfterMs);
    // Of this stream alone: the guard of a former one may still await an answer.
    let contradiction = null as Contradiction | null;
    void this.#guard
      .findContradiction(() => this.#heard(), over)
      .then((found) => {
        contradiction = found;
        ending.abort();
      });
    const step = await this.#follow(opened.body, { request, over });
    clearTimeout(settling);
    ending.abort();
    if (contradiction) return this.#doubt(contradiction);
    return step ?? this.#handle({ type: "ended" });
  }

  #doubt({ trouble, ids }: Contradiction): Step | undefined {
    const { resource } = this.#options.collection;
    const count = ids.length === 1 ? "1 object" : `${ids.length} objects`;
    const reason = `of ${count} of ${resource} a listing says something else than was told, among them ${ids[0]}`;
    return this.#handle({ type: "contradicted", trouble, reason });
  }

  /** What comes of the stream, if that is more than its end. */
  async #follow(body: Readable, { request, over }: { request: Request; over: AbortSignal }): Promise<Step | undefined> {
    try {
      for await (const lines of linesOf(body)) {
        for (const line of lines) {
          const step = this.#onLine(line, request);
          if (step) return step;
        }
      }
    } catch (error) {
      if (!over.aborted) return this.#fail(this.#client.failureOf(error));
    } finally {
      body.destroy();
    }
    return undefined;
  }

  #onLine(line: string, request: Request): Step | undefined {
    const event = streamEventOf(line, { request, trim: this.#options.trim });
    if (event.type === "broken") return this.#fail(event.failure);
    const step = this.#handle(event);
    if (event.type === "bookmark") this.#heard();
    return step;
  }

  #fail(failure: ApiFailure): Step | undefined {
    // That there is no such kind is an answer too.
    if (failure.code === "NOT_INSTALLED" && this.#machine.size === 0) this.#heard();
    return this.#handle({ type: "failed", failure, nowMs: performance.now() });
  }

  #heard(): void {
    this.#heardAtMs = performance.now();
  }

  #request(verb: "list" | "watch", query: { readonly [name: string]: string | number | boolean }) {
    return collectionRequest(this.#options.collection, verb, query);
  }
}

function isStep(action: ReflectorAction<unknown>): action is Step {
  return action.type === "list" || action.type === "check" || action.type === "watch" || action.type === "wait";
}
