/**
 * The agent's end of the executable's socket. One request a connection; bounds on size, number and time, so that no
 * runtime gone wild takes the agent along. Nothing of a request is logged.
 *
 * Who may connect: the socket has mode 0600 and belongs to the agent's user, root, and so does its directory. The kernel
 * checks that at connect(2); the peer's credentials are looked at as well, since modes are what somebody changes.
 */
import { chmod, mkdir, rename, rm, stat } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import { peerUser } from "@brindle/net/shell";
import { CniError } from "../error.ts";
import type { CniPlugin, Replay } from "../plugin.ts";
import { type Answer, decodeRequest, encodeAnswer, type RelayedRequest, requestState } from "../relay.ts";
import { errorAnswer } from "../result.ts";

export const socketPath = "/run/brindle/cni.sock";

/** What is asked; whoever counts or measures stands between. */
export type Answering = Pick<CniPlugin, "answer" | "replay">;

export interface ServeOptions {
  readonly socketPath?: string;
  readonly requestsMax?: number;
  /** How long a request may take to arrive. The executable sends it in one go. */
  readonly arrivalMsMax?: number;
  /** How long an answer may take; less than the executable's patience of 60 s. */
  readonly answerMsMax?: number;
  /** How often kept DELs are tried again. */
  readonly replayEveryMs?: number;
  /** Told after each replay that found something to do. */
  readonly onReplay?: (replay: Replay) => void;
  /** Told when the directory of kept DELs cannot be read. */
  readonly onReplayError?: (error: unknown) => void;
}

export interface CniServer extends AsyncDisposable {
  /** Takes no more requests, gives those under way up, and removes the socket. */
  close(): Promise<void>;
}

/** Listens, and does what is pending beside it: with the datastore away that takes long, and ADD does not need it. */
export async function serveCni(plugin: Answering, options: ServeOptions = {}): Promise<CniServer> {
  const service = new Service(plugin, options);
  await service.listen();
  const replays = startReplays(plugin, options);
  const close = async () => {
    await service.close();
    await replays.stop();
  };
  return { close, [Symbol.asyncDispose]: close };
}

class Service {
  readonly #plugin: Answering;
  readonly #path: string;
  readonly #requestsMax: number;
  readonly #arrivalMsMax: number;
  readonly #answerMsMax: number;
  readonly #connections = new Set<Socket>();
  readonly #server: Server;
  #inode: number | null = null;

  constructor(plugin: Answering, options: ServeOptions) {
    this.#plugin = plugin;
    this.#path = options.socketPath ?? socketPath;
    this.#requestsMax = options.requestsMax ?? 256;
    this.#arrivalMsMax = options.arrivalMsMax ?? 10_000;
    this.#answerMsMax = options.answerMsMax ?? 50_000;
    this.#server = createServer((socket) => this.#onConnection(socket));
  }

  /** Bound under another name and renamed: the socket is never there with a wider mode, and a stale one is replaced. */
  async listen(): Promise<void> {
    const temporary = `${this.#path}.${process.pid}`;
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
    await rm(temporary, { force: true });
    const listening = Promise.withResolvers<void>();
    this.#server.once("error", listening.reject);
    this.#server.listen(temporary, listening.resolve);
    await listening.promise;
    await chmod(temporary, 0o600);
    this.#inode = (await stat(temporary)).ino;
    await rename(temporary, this.#path);
  }

  async close(): Promise<void> {
    const present = await stat(this.#path).catch(() => null);
    if (present?.ino === this.#inode) await rm(this.#path, { force: true }); // Else a newer agent's, started meanwhile.
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#connections) socket.destroy();
    await closed;
  }

  #onConnection(socket: Socket): void {
    if (!isTrusted(socket)) {
      socket.destroy();
      return;
    }
    this.#connections.add(socket);
    const call: Call = { gone: new AbortController(), isAnswered: false };
    socket.on("close", () => {
      this.#connections.delete(socket);
      // Who has the answer hangs up, too: a signal would make an error, with the stack in it, for nobody.
      if (!call.isAnswered) call.gone.abort();
    });
    socket.on("error", () => socket.destroy());
    socket.setTimeout(this.#arrivalMsMax, () => socket.destroy());
    if (this.#connections.size > this.#requestsMax) {
      socket.resume(); // Closing with something unread would take the answer back.
      socket.end(encodeAnswer(refusal("TRY_AGAIN_LATER", `more than ${this.#requestsMax} requests at once`)));
      return;
    }
    receive(socket, (request) => {
      socket.setTimeout(0);
      void this.#serve(socket, request, call);
    });
  }

  async #serve(socket: Socket, request: RelayedRequest | null, call: Call): Promise<void> {
    const timeIsOver = (): void => call.gone.abort(new DOMException("the time for an answer is over", "TimeoutError"));
    const timer = setTimeout(timeIsOver, this.#answerMsMax);
    const answer = request
      ? await this.#plugin.answer(request, call.gone.signal)
      : refusal("DECODE", "the request is malformed: is the executable of the agent's release?");
    clearTimeout(timer);
    call.isAnswered = true;
    if (!socket.destroyed) socket.end(encodeAnswer(answer));
  }
}

interface Call {
  /** Nobody waits for the answer any more. */
  readonly gone: AbortController;
  isAnswered: boolean;
}

/** Root, and whoever the agent runs as. */
function isTrusted(socket: Socket): boolean {
  try {
    const user = peerUser(socket);
    return user === 0 || user === process.geteuid?.();
  } catch {
    return false; // It has hung up already.
  }
}

/** Hands over the one request of a connection, or `null` if it is none. */
function receive(socket: Socket, onRequest: (request: RelayedRequest | null) => void): void {
  let received = Buffer.alloc(0);
  const onData = (chunk: Buffer): void => {
    received = Buffer.concat([received, chunk]);
    const { kind } = requestState(received);
    if (kind === "incomplete") return;
    socket.off("data", onData);
    socket.resume(); // So that the end of the connection is noticed.
    onRequest(kind === "complete" ? decodeRequest(received) : null);
  };
  socket.on("data", onData);
}

function refusal(code: "TRY_AGAIN_LATER" | "DECODE", message: string): Answer {
  return errorAnswer("1.0.0", new CniError({ code, message }).failure);
}

/** The executable may keep a DEL at any time that the agent is slow, so the directory is looked at again and again. */
function startReplays(plugin: Answering, options: ServeOptions): { readonly stop: () => Promise<void> } {
  let running: Promise<void> | null = null;
  const replay = async (): Promise<void> => {
    try {
      const found = await plugin.replay();
      if (found.done.length + found.failed.length > 0) options.onReplay?.(found);
    } catch (error) {
      options.onReplayError?.(error);
    }
    running = null;
  };
  const tick = (): void => {
    running ??= replay();
  };
  tick();
  const timer = setInterval(tick, options.replayEveryMs ?? 10_000);
  const stop = async (): Promise<void> => {
    clearInterval(timer);
    await running;
  };
  return { stop };
}
