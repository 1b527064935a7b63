/** Of a member that takes connections and never says a word, as where packets of a connection are thrown away. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { EtcdDirect } from "./etcdDirect.ts";

let server: Server;
let direct: EtcdDirect;
let sockets: Socket[];

beforeEach(async () => {
  sockets = [];
  server = createServer((socket) => sockets.push(socket.on("error", () => {}).resume()));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  direct = new EtcdDirect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, null);
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
  direct.close();
  for (const socket of sockets) socket.destroy();
  server.close();
});

const call = { path: "/etcdserverpb.KV/Range", token: null, message: Buffer.alloc(1) };

function asked(): Promise<Buffer | null> {
  return direct.call(call, { timeoutMs: 1_000, timeIsOver: () => new Error("too late") });
}

it("gives a connection up that does not open, and tries again, more and more seldom", async () => {
  let seconds = 0;
  let begins = 0;
  // Each is given up after five; the pauses between beginnings are 1, 2, 4, ... at least.
  for (const begin of [0, 5, 10, 18, 34, 66, 126, 186]) {
    if (begin > 0) {
      await vi.advanceTimersByTimeAsync((begin - seconds) * 1_000 - 1);
      expect(await asked()).toBeNull();
      await vi.advanceTimersByTimeAsync(1);
    }
    const connected = once(server, "connection");
    expect(await asked()).toBeNull();
    await connected;
    begins += 1;
    expect(sockets).toHaveLength(begins);
    seconds = begin;
  }
});
