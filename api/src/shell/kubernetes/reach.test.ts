import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, Socket } from "node:net";
import { describe, it } from "vitest";
import { type Destination, reach } from "./reach.ts";

async function listening(): Promise<AsyncDisposable & { server: Server; port: number }> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { server, port, [Symbol.asyncDispose]: async () => void server.close() };
}

describe("reaching an API server", () => {
  it("is one connection where the first attempt succeeds", async () => {
    await using stand = await listening();
    let connections = 0;
    stand.server.on("connection", (socket) => {
      connections += 1;
      socket.on("close", () => socket.destroy());
    });
    const socket = await reach({ host: "127.0.0.1", port: stand.port }, 1_000);
    await new Promise((resolve) => socket.once("close", resolve).destroy());
    assert.equal(connections, 1);
  });

  it("fails at once where nobody listens", async () => {
    const { port, server } = await listening();
    await new Promise((resolve) => server.close(resolve));
    let attempts = 0;
    const dial: typeof connect = ((destination: Destination, onConnected: () => void) => {
      attempts += 1;
      return connect(destination, onConnected);
    }) as typeof connect;
    await assert.rejects(reach({ host: "127.0.0.1", port }, 5_000, dial), /ECONNREFUSED/);
    assert(attempts < 5); // The last of five begins when most of the time is over.
  });

  it("is the attempt that is answered, where those before are not, and leaves nothing of them", async () => {
    await using stand = await listening();
    const silent: Socket[] = [];
    const dial: typeof connect = ((destination: Destination, onConnected: () => void) => {
      if (silent.length === 2) return connect(destination, onConnected);
      silent.push(new Socket());
      return silent.at(-1);
    }) as typeof connect;
    const socket = await reach({ host: "127.0.0.1", port: stand.port }, 5_000, dial);
    assert.equal(socket.remotePort, stand.port);
    assert.deepEqual(
      silent.map(({ destroyed }) => destroyed),
      [true, true],
    );
    socket.destroy();
  });

  it("gives up where nothing answers", async () => {
    const dial = (() => new Socket()) as unknown as typeof connect;
    await assert.rejects(reach({ host: "127.0.0.1", port: 6443 }, 300, dial), /no connection in 300 ms/);
  });
});
