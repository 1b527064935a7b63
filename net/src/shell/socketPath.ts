/** Listening on the path of a Unix socket: a dead process's is taken over, a living one's never. */
import { chmodSync, lstatSync, mkdirSync, renameSync, rmSync, unlinkSync } from "node:fs";
import { connect, type Server } from "node:net";
import { dirname } from "node:path";
import { ControlError } from "../controlError.ts";

/** struct sockaddr_un, less its NUL. */
const pathBytesMax = 107;

/**
 * Resolves when the server listens, with a function that removes the path if it is still ours. The socket is made beside
 * its path, gets its mode there and is moved into place: whoever opens the path meets the mode, and a dead process's
 * socket is replaced in one step.
 */
export async function listenOnPath(
  server: Server,
  { path, mode }: { readonly path: string; readonly mode: number },
): Promise<() => void> {
  const birthPath = `${path}.${process.pid}`;
  if (Buffer.byteLength(birthPath) > pathBytesMax) {
    throw new ControlError("BAD_REQUEST", `${path} is too long for a socket: choose a path of at most 95 bytes`);
  }
  await refuseIfServed(path);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 }); // /run is empty after each boot.
  rmSync(birthPath, { force: true }); // In a container every life of the agent has the same process id.
  const ours = await listen(server, { birthPath, mode });
  renameSync(birthPath, path);
  return () => {
    if (inodeOf(path) === ours) unlinkSync(path);
  };
}

async function refuseIfServed(path: string): Promise<void> {
  const existing = lstatSync(path, { throwIfNoEntry: false });
  if (!existing) return;
  if (!existing.isSocket()) throw new ControlError("IN_USE", `${path} exists and is no socket: remove it first`);
  if (await isServed(path)) {
    const hint = "another agent runs on this node. Stop it first, or give this one a path of its own";
    throw new ControlError("IN_USE", `a living process listens at ${path}: ${hint}`);
  }
}

function isServed(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = connect(path);
    probe.on("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNREFUSED" || error.code === "ENOENT") resolve(false);
      // A full backlog is a living process that has much to do.
      else if (error.code === "EAGAIN") resolve(true);
      else reject(new ControlError("DENIED", `${path} cannot be probed: ${error.message}`, { cause: error }));
    });
  });
}

/** Answers the inode. */
function listen(server: Server, { birthPath, mode }: { birthPath: string; mode: number }): Promise<bigint | null> {
  return new Promise((resolve, reject) => {
    const fail = (cause: Error): void =>
      reject(new ControlError("DENIED", `cannot listen at ${birthPath}: ${cause.message}`, { cause }));
    server.once("error", fail);
    server.listen(birthPath, () => {
      server.off("error", fail);
      chmodSync(birthPath, mode);
      resolve(inodeOf(birthPath));
    });
  });
}

function inodeOf(path: string): bigint | null {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false })?.ino ?? null;
}
