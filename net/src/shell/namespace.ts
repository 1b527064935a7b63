/**
 * Entering network namespaces. setns concerns one thread, so everything between entering and leaving is synchronous: no
 * callback of anyone else ever runs inside. What is made inside (sockets) stays in that namespace afterwards.
 *
 * A thread is born in the namespace of the thread that makes it. libuv starts its pool on first use; were that inside a
 * pod's namespace, the pool would do our DNS and file work there for good. Hence `warmThreadPool`.
 */
import assert from "node:assert/strict";
import { closeSync, constants, fstatSync, openSync, statSync, writeSync } from "node:fs";
import { stat } from "node:fs/promises";
import { KernelError, refusal } from "../kernelError.ts";
import { leaveForNewNamespace, setNetworkNamespace } from "./libc.ts";

/** A path (/run/netns/name, /proc/pid/ns/net) or an open descriptor of one. */
export type NamespaceReference = string | number;

/** An open namespace. It exists as long as it is open, whatever happens to its path. */
export interface OpenNamespace extends Disposable {
  /** Throws once it is closed: its number may be another file's by then. */
  readonly fd: number;
  close(): void;
}

const ownNamespacePath = "/proc/thread-self/ns/net";

let isPoolWarm = false;

/** libuv makes four otherwise. Removals of interfaces sleep on up to eight (`slowRequest.ts`), and files want the rest. */
const poolThreads = 12;

/** Starts libuv's pool, all of whose threads are made at the first work. Call it before anything enters a namespace. */
export async function warmThreadPool(): Promise<void> {
  if (!isPoolWarm) process.env.UV_THREADPOOL_SIZE ??= String(poolThreads);
  await stat("/");
  isPoolWarm = true;
}

export function openNamespace(path: string): OpenNamespace {
  const fd = openPath(path);
  let isOpen = true;
  const close = (): void => {
    if (isOpen) closeSync(fd);
    isOpen = false;
  };
  return {
    get fd() {
      if (!isOpen) throw new KernelError({ code: "CLOSED", object: `namespace ${path}` });
      return fd;
    },
    close,
    [Symbol.dispose]: close,
  };
}

/** Whether the thread is in it. */
export function isOwnNamespace(fd: number): boolean {
  const [asked, own] = [fstatSync(fd), statSync(ownNamespacePath)];
  return asked.ino === own.ino && asked.dev === own.dev;
}

/** A namespace without a name, which nobody else can find: it goes with its descriptor, and all that is in it. */
export function makeNamespace(): OpenNamespace {
  return comingBack(() => {
    leaveForNewNamespace();
    return () => openNamespace(ownNamespacePath);
  });
}

/**
 * Runs `work` inside a namespace and answers what it answers. `work` must be synchronous and must start neither
 * processes nor workers. A thread that cannot come back must not go on: the process ends.
 */
export function insideNamespace<T>(reference: NamespaceReference, work: () => T): T {
  return comingBack(() => {
    enter(reference);
    return work;
  });
}

/** `go` leaves the thread's own namespace, or throws and stays; what it answers is done before the thread comes back. */
function comingBack<T>(go: () => () => T): T {
  assert(isPoolWarm, "warmThreadPool() comes before the first visit to a namespace");
  const own = openSync(ownNamespacePath, "r");
  try {
    const work = go();
    try {
      const result = work();
      assert(!isPromise(result), "what runs inside a namespace must be synchronous");
      return result;
    } finally {
      leave(own);
    }
  } finally {
    closeSync(own);
  }
}

function enter(reference: NamespaceReference): void {
  const fd = typeof reference === "number" ? reference : openPath(reference);
  try {
    setNetworkNamespace(fd);
  } finally {
    if (fd !== reference) closeSync(fd);
  }
}

function leave(own: number): void {
  try {
    setNetworkNamespace(own);
  } catch (error) {
    writeSync(2, `a thread cannot leave a network namespace, the process ends: ${String(error)}\n`);
    // Not process.abort(), which workers lack.
    process.kill(process.pid, "SIGABRT");
    throw error;
  }
}

function openPath(path: string): number {
  try {
    // Whoever names the path may have made a pipe there, for which nobody would ever stop waiting.
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const errno = -((error as NodeJS.ErrnoException).errno ?? 0);
    throw new KernelError(refusal(errno, `open namespace ${path}`), { cause: error });
  }
}

function isPromise(value: unknown): boolean {
  return typeof value === "object" && value !== null && "then" in value;
}
