/** The caller's side of the control interface: one connection a call, one deadline for all of it. */
import type { IncomingMessage } from "node:http";
import { StringDecoder } from "node:string_decoder";
import { ControlError } from "../controlError.ts";
import type { JsonCodec } from "./control.ts";
import { request } from "./http.ts";

export interface CallOptions {
  readonly timeoutMs: number;
  readonly json?: JsonCodec;
}

const responseBytesMax = 256 * 1024 * 1024;

/** The method's result. Whatever goes wrong is a `ControlError` whose text tells a person what to do. */
export async function callControl(
  path: string,
  method: string,
  params: unknown,
  { timeoutMs, json = JSON }: CallOptions,
): Promise<unknown> {
  const deadline = AbortSignal.timeout(timeoutMs);
  try {
    const response = await post({ path, method, body: json.stringify(params ?? null), signal: deadline });
    const result = parseResult(await readAll(response), { path, json });
    if (response.statusCode === 200) return result;
    throw errorIn(result) ?? new ControlError("BROKEN", `${path} answers with status ${response.statusCode}`);
  } catch (error) {
    if (error instanceof ControlError) throw error;
    if (deadline.aborted) {
      const message = `the agent at ${path} did not answer "${method}" within ${timeoutMs} ms`;
      throw new ControlError("TIMEOUT", message, { cause: error });
    }
    throw connectionError(path, error);
  }
}

/**
 * A method that answers with a stream, value by value, until either side ends it. The time limit is for its begin: a stream
 * may be silent for as long as nothing happens.
 */
export async function* streamControl(
  path: string,
  method: string,
  params: unknown,
  { timeoutMs, json = JSON, signal }: CallOptions & { readonly signal?: AbortSignal },
): AsyncGenerator<unknown> {
  const ended = new AbortController();
  const patience = setTimeout(() => ended.abort(), timeoutMs);
  let response: IncomingMessage;
  try {
    const either = signal ? AbortSignal.any([signal, ended.signal]) : ended.signal;
    response = await post({ path, method, body: json.stringify(params ?? null), signal: either });
    if (response.statusCode !== 200) {
      const result = parseResult(await readAll(response), { path, json });
      throw errorIn(result) ?? new ControlError("BROKEN", `${path} answers with status ${response.statusCode}`);
    }
  } catch (error) {
    if (signal?.aborted) return;
    if (error instanceof ControlError) throw error;
    if (!ended.signal.aborted) throw connectionError(path, error);
    const message = `the agent at ${path} did not answer "${method}" within ${timeoutMs} ms`;
    throw new ControlError("TIMEOUT", message, { cause: error });
  } finally {
    clearTimeout(patience);
  }
  try {
    for await (const line of linesOf(response)) yield parseResult(line, { path, json });
  } catch (error) {
    if (signal?.aborted) return;
    throw error instanceof ControlError ? error : connectionError(path, error);
  } finally {
    response.destroy();
  }
}

async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  for await (const chunk of response as AsyncIterable<Buffer>) {
    const lines = (rest + decoder.write(chunk)).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

interface Post {
  readonly path: string;
  readonly method: string;
  readonly body: string;
  readonly signal: AbortSignal;
}

function post({ path, method, body, signal }: Post): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const call = request({ socketPath: path, path: `/${method}`, method: "POST", headers, signal, agent: false });
    call.on("response", resolve);
    call.on("error", reject);
    call.end(body);
  });
}

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > responseBytesMax) throw new ControlError("TOO_LARGE", `the answer has over ${responseBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parseResult(text: string, { path, json }: { path: string; json: JsonCodec }): unknown {
  try {
    return json.parse(text);
  } catch (error) {
    throw new ControlError("BROKEN", `what answers at ${path} is no agent: its answer is no JSON`, { cause: error });
  }
}

/** The error that the other end threw. */
function errorIn(result: unknown): ControlError | null {
  const { error } = (result ?? {}) as { error?: { code?: unknown; message?: unknown } };
  if (typeof error?.code !== "string" || typeof error.message !== "string") return null;
  return new ControlError(error.code, error.message);
}

function connectionError(path: string, cause: unknown): ControlError {
  const { code, message } = cause as NodeJS.ErrnoException;
  switch (code) {
    case "ENOENT":
    case "ECONNREFUSED": {
      const hint =
        "is the agent, or the brindle-bgp, running whose socket that is? Start it, or name the socket that it was told to use";
      return new ControlError("NOT_LISTENING", `nothing listens at ${path}: ${hint}`, { cause });
    }
    case "EACCES":
    case "EPERM": {
      const hint = "run this as root, or as the user that the agent runs as";
      return new ControlError("DENIED", `you may not open ${path}: ${hint}`, { cause });
    }
    default:
      return new ControlError("BROKEN", `the call over ${path} broke off: ${message}`, { cause });
  }
}
