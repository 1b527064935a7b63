/** A TCP relay that can be cut, as a cable is, or fall silent, as a machine that hangs does. */
import { createServer, connect as dial, type Server, type Socket } from "node:net";

export interface CuttableProxy extends AsyncDisposable {
  readonly port: number;
  /** Ends every connection and refuses new ones. */
  cut(): Promise<void>;
  /** Takes connections and bytes, and passes nothing on. */
  silence(): void;
  mend(): Promise<void>;
}

export async function startCuttableProxy(target: { host: string; port: number }): Promise<CuttableProxy> {
  const sockets = new Set<Socket>();
  let isSilent = false;
  let server: Server | undefined;
  let port = 0;

  function relay(near: Socket): void {
    const far = dial(target);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on("error", () => to.destroy());
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
      from.on("data", (bytes) => {
        if (!isSilent) to.write(bytes);
      });
    }
  }

  async function listen(): Promise<void> {
    isSilent = false;
    if (server) return;
    const fresh = createServer(relay);
    server = fresh;
    await new Promise<void>((resolve, reject) => {
      fresh.once("error", reject);
      fresh.listen({ host: "127.0.0.1", port, exclusive: true }, resolve);
    });
    const address = fresh.address();
    port = typeof address === "object" && address !== null ? address.port : 0;
  }

  async function cut(): Promise<void> {
    const old = server;
    server = undefined;
    const closed = new Promise<void>((resolve) => (old ? old.close(() => resolve()) : resolve()));
    for (const socket of sockets) socket.destroy();
    await closed;
  }

  await listen();
  return {
    get port() {
      return port;
    },
    cut,
    silence: () => {
      isSilent = true;
    },
    mend: listen,
    [Symbol.asyncDispose]: cut,
  };
}
