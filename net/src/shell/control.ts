/**
 * The transport of the agent's control interface: HTTP over a Unix socket, `POST /<method>` with parameters and result
 * as JSON. Errors are `{ error: { code, message } }` and arrive at the caller as the `ControlError` that they were.
 * A handler that answers an async iterable makes a stream of it: a line of JSON for each value, as long as the caller reads.
 * Whoever may open the socket may call: its mode is the access control. This file knows no method.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { ControlError } from "../controlError.ts";
import { createServer } from "./http.ts";
import { listenOnPath } from "./socketPath.ts";

/** Gets the parsed parameters, which it has to validate. `signal` aborts when this caller, and only this one, is gone. */
export type ControlHandler = (params: unknown, call: { readonly signal: AbortSignal }) => unknown;

/** For numbers beyond a double a caller brings its own. */
export interface JsonCodec {
  parse(text: string): unknown;
  stringify(value: unknown): string;
}

export interface ControlServerOptions {
  readonly path: string;
  /** Of the socket's file; 0o600 when left out. */
  readonly mode?: number;
  readonly requestBytesMax?: number;
  readonly json?: JsonCodec;
  /** Told what a handler threw when it was no `ControlError`: the caller gets a general text alone. */
  readonly onInternalError?: (method: string, error: unknown) => void;
}

export interface ControlServer extends AsyncDisposable {
  readonly path: string;
  /** Takes no more calls, waits for those that run but for streams, which it ends, and removes the socket. */
  close(): Promise<void>;
}

const requestBytesMaxDefault = 4 * 1024 * 1024;

export async function serveControl(
  options: ControlServerOptions,
  handlers: Readonly<Record<string, ControlHandler>>,
): Promise<ControlServer> {
  const streams = new Set<ServerResponse>();
  const serving = { ...options, handlers, streams };
  const server = createServer((request, response) => void serve(request, response, serving));
  const { path, mode = 0o600 } = options;
  const removePath = await listenOnPath(server, { path, mode });
  const close = async (): Promise<void> => {
    removePath();
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const response of streams) response.destroy();
    server.closeIdleConnections();
    await closed;
  };
  return { path, close, [Symbol.asyncDispose]: close };
}

interface Serving extends ControlServerOptions {
  readonly handlers: Readonly<Record<string, ControlHandler>>;
  /** They have no end of their own. */
  readonly streams: Set<ServerResponse>;
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

async function serve(request: IncomingMessage, response: ServerResponse, serving: Serving): Promise<void> {
  const gone = new AbortController();
  response.on("close", () => response.writableEnded || gone.abort());
  request.on("error", () => {}); // The caller went away; `gone` says so to the handler.
  response.on("error", () => {});
  const answer = await answerTo(request, gone.signal, serving);
  if (gone.signal.aborted) return;
  if (isStream(answer.body)) {
    await stream(answer.body, response, serving).catch((error: unknown) => {
      if (!gone.signal.aborted) serving.onInternalError?.((request.url ?? "").slice(1), error);
      response.destroy();
    });
    return;
  }
  // An answer before all of the request is read must not leave the rest to be taken for another request.
  const connection = request.complete ? {} : { connection: "close" };
  response.writeHead(answer.status, { "content-type": "application/json", ...connection });
  response.end((serving.json ?? JSON).stringify(answer.body ?? null));
}

function isStream(body: unknown): body is AsyncIterable<unknown> {
  return typeof body === "object" && body !== null && Symbol.asyncIterator in body;
}

/** A reader who is slow holds up the iterable and nothing else; one who is gone ends it. */
async function stream(
  body: AsyncIterable<unknown>,
  response: ServerResponse,
  { json = JSON, streams }: Serving,
): Promise<void> {
  streams.add(response);
  response.on("close", () => streams.delete(response));
  response.writeHead(200, { "content-type": "application/x-ndjson", connection: "close" });
  response.flushHeaders();
  for await (const value of body) {
    if (response.closed) return;
    if (!response.write(`${json.stringify(value)}\n`)) await drained(response);
  }
  response.end();
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    response.once("drain", resolve);
    response.once("close", resolve);
  });
}

async function answerTo(request: IncomingMessage, signal: AbortSignal, serving: Serving): Promise<Answer> {
  const method = (request.url ?? "").slice(1);
  try {
    if (request.method !== "POST") throw new ControlError("BAD_REQUEST", "calls are POST requests");
    const handler = Object.hasOwn(serving.handlers, method) ? serving.handlers[method] : undefined;
    if (!handler) throw new ControlError("UNKNOWN_METHOD", `the agent has no method "${method}"`);
    const text = await readBody(request, serving.requestBytesMax ?? requestBytesMaxDefault);
    return { status: 200, body: await handler(parseParams(text, serving.json ?? JSON), { signal }) };
  } catch (error) {
    if (error instanceof ControlError) return failed(error);
    if (!signal.aborted) serving.onInternalError?.(method, error);
    return failed(new ControlError("INTERNAL", `the agent failed in "${method}"; its log says why`));
  }
}

const statusOf: Readonly<Record<string, number>> = {
  BAD_REQUEST: 400,
  UNKNOWN_METHOD: 404,
  TOO_LARGE: 413,
  INTERNAL: 500,
};

function failed({ code, message }: ControlError): Answer {
  return { status: statusOf[code] ?? 422, body: { error: { code, message } } };
}

function parseParams(text: string, json: JsonCodec): unknown {
  if (text === "") return null;
  try {
    return json.parse(text);
  } catch (error) {
    throw new ControlError("BAD_REQUEST", "the request's body is no JSON", { cause: error });
  }
}

async function readBody(request: IncomingMessage, bytesMax: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new ControlError("TOO_LARGE", `a request has at most ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
