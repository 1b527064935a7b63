/** An API server listens on this machine's loopback; a node of a test has another. Relays one to the other, by a socket's path. */
import { rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { fileURLToPath } from "node:url";

export const relayEntry: string = fileURLToPath(new URL("apiRelayProcess.ts", import.meta.url));

/** The end on this machine's side: who connects to the path reaches the port. */
export async function startRelay(path: string, port: number): Promise<AsyncDisposable> {
  const server = createServer((near) => join(near, connect({ host: "127.0.0.1", port })));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return { [Symbol.asyncDispose]: () => close(server, path) };
}

export function join(near: Socket, far: Socket): void {
  for (const [from, to] of [
    [near, far],
    [far, near],
  ] as const) {
    from.on("error", () => to.destroy());
    from.on("close", () => to.destroy());
    from.pipe(to);
  }
}

async function close(server: Server, path: string): Promise<void> {
  server.close();
  await rm(path, { force: true });
}
