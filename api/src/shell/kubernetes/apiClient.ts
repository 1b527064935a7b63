/**
 * Requests to an API server. Each has a deadline, and its failure is a value. What was surely not done is tried again;
 * what may have been done is not, unless it only reads.
 */
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { type ApiFailure, apiFailureOf, type Request, unavailable } from "../../kubernetes/apiFailure.ts";
import { retryDelayMs } from "../../kubernetes/backoff.ts";
import { StoreError } from "../../store/error.ts";
import type { Credentials, Identity } from "./credentials.ts";
import type { Response } from "./http2Session.ts";
import { explain, isSurelyUndone } from "./networkError.ts";
import type { SessionPool } from "./sessionPool.ts";
import { Turnstile } from "./turnstile.ts";

export interface ApiRequest extends Request {
  /** With its query. */
  readonly path: string;
  /** The form of the answer; JSON of all that there is unless told. */
  readonly accept?: string;
  readonly body?: { readonly text: string; readonly type: string };
  /** How often it is tried in all; 5 unless told. */
  readonly attemptsMax?: number;
}

export type ApiAnswer = { readonly kind: "answered"; readonly body: string } | Failed;

export interface Failed {
  readonly kind: "failed";
  readonly failure: ApiFailure;
  /** The server did nothing, for sure. */
  readonly isUndone: boolean;
}

export interface ApiClientPorts {
  readonly credentials: Credentials;
  readonly sessions: SessionPool;
}

const requestsMax = 32;

export class ApiClient {
  readonly #timeoutMs: number;
  readonly #userAgent: string;
  readonly #credentials: Credentials;
  readonly #sessions: SessionPool;
  readonly #turnstile = new Turnstile(requestsMax);
  readonly #closing = new AbortController();

  constructor(options: { timeoutMs: number; userAgent: string }, { credentials, sessions }: ApiClientPorts) {
    this.#timeoutMs = options.timeoutMs;
    this.#userAgent = options.userAgent;
    this.#credentials = credentials;
    this.#sessions = sessions;
  }

  /** The whole answer. */
  async send(request: ApiRequest): Promise<ApiAnswer> {
    using _turn = await this.#turnstile.enter();
    const deadline = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(this.#timeoutMs)]);
    for (let attempt = 1; ; attempt++) {
      const answer = await this.#answer(request, deadline);
      const isLast = attempt >= (request.attemptsMax ?? 5);
      if (answer.kind === "answered" || isLast || !mayRepeat(request, answer)) return answer;
      const delayMs = answer.failure.retryAfterMs ?? retryDelayMs(Math.random, attempt);
      await sleep(delayMs, undefined, { signal: deadline }).catch(() => {});
      if (deadline.aborted) return answer;
    }
  }

  /** The answer as it comes, until `until` ends it; only its beginning has a deadline. */
  async open(
    request: ApiRequest,
    until: AbortSignal,
  ): Promise<{ readonly kind: "open"; readonly body: Readable } | Failed> {
    const beginning = new AbortController();
    const timeout = setTimeout(() => beginning.abort(timeoutError()), this.#timeoutMs);
    try {
      const signal = AbortSignal.any([this.#closing.signal, until, beginning.signal]);
      const response = await this.#respond(request, signal);
      return "kind" in response ? response : { kind: "open", body: response.body };
    } finally {
      clearTimeout(timeout);
    }
  }

  close(): void {
    this.#closing.abort();
    this.#sessions.close();
  }

  /** What ended a stream, in words. */
  failureOf(error: unknown): ApiFailure {
    const reason = this.#closing.signal.aborted ? "the store is closed" : explain(error, this.#timeoutMs);
    return unavailable(`the API server at ${this.#sessions.host}: ${reason}`);
  }

  async #answer(request: ApiRequest, deadline: AbortSignal): Promise<ApiAnswer> {
    const response = await this.#respond(request, deadline);
    if ("kind" in response) return response;
    try {
      return { kind: "answered", body: await text(response.body) };
    } catch (error) {
      return this.#lost(error);
    }
  }

  /** Credentials that the server does not take, by a 401 or already in TLS, may only be old. */
  async #respond(request: ApiRequest, signal: AbortSignal): Promise<Response | Failed> {
    try {
      const identity = await this.#credentials.current();
      const response = await this.#respondTo(request, identity, signal);
      if (!("kind" in response) || !mayBeOutdated(response) || signal.aborted) return response;
      const renewed = await this.#credentials.renew();
      return renewed === identity ? response : await this.#respondTo(request, renewed, signal);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      const code = error.failure.code === "UNAUTHORIZED" ? "UNAUTHORIZED" : "UNAVAILABLE";
      return { kind: "failed", failure: { code, reason: error.message }, isUndone: code === "UNAVAILABLE" };
    }
  }

  async #respondTo(request: ApiRequest, identity: Identity, signal: AbortSignal): Promise<Response | Failed> {
    try {
      const session = await this.#sessions.session(identity.tls);
      signal.throwIfAborted();
      const response = await session.request(this.#headers(request, identity), request.body?.text, signal);
      const { status, retryAfter } = response;
      if (status < 300) return response;
      // At once: to whoever it does not know, the server closes the connection behind its answer.
      const failure = apiFailureOf(request, { status, retryAfter, body: await text(response.body) });
      return { kind: "failed", failure, isUndone: failure.code === "THROTTLED" };
    } catch (error) {
      return this.#lost(error);
    }
  }

  #headers({ verb, path, accept = "application/json", body }: ApiRequest, { authorization }: Identity) {
    return {
      ":method": methods[verb],
      ":path": `${this.#sessions.pathPrefix}${path}`,
      accept,
      "user-agent": this.#userAgent,
      ...(body && { "content-type": body.type }),
      ...(authorization !== null && { authorization }),
    };
  }

  #lost(error: unknown): Failed {
    return { kind: "failed", failure: this.failureOf(error), isUndone: isSurelyUndone(error) };
  }
}

const methods = {
  get: "GET",
  list: "GET",
  watch: "GET",
  create: "POST",
  update: "PUT",
  patch: "PATCH",
  delete: "DELETE",
} as const;

function mayBeOutdated({ failure, isUndone }: Failed): boolean {
  return failure.code === "UNAUTHORIZED" || (failure.code === "UNAVAILABLE" && isUndone);
}

function mayRepeat({ verb }: ApiRequest, { failure, isUndone }: Failed): boolean {
  if (isUndone) return true;
  return failure.code === "UNAVAILABLE" && (verb === "get" || verb === "list");
}

function timeoutError(): DOMException {
  return new DOMException("no answer in time", "TimeoutError");
}
