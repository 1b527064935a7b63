import { createServer } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { SpeakerConfig } from "../speaker/config.ts";
import { ListenerSet } from "./listenerSet.ts";
import { SocketOptions } from "./socketOptions.ts";

const listeners = new ListenerSet((socket) => socket.destroy(), new SocketOptions());
afterEach(() => listeners.close());

function config(port: number, ...addresses: readonly string[]): SpeakerConfig {
  return { asn: 65000, bgpId: "192.0.2.1", listen: addresses.map((address) => ({ address, port })), peers: [] };
}

/** Whether somebody listens there who is not this test. */
async function isTaken(port: number, address: string): Promise<boolean> {
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<boolean>();
  server.once("error", () => resolve(true));
  server.listen({ host: address, port, ipv6Only: true }, () => server.close(() => resolve(false)));
  return promise;
}

async function freePort(): Promise<number> {
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<number>();
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
  });
  return promise;
}

describe("the listeners of a speaker", () => {
  it.each([
    { from: ["127.0.0.1", "::1"], to: ["127.0.0.1", "::"], gone: null },
    { from: ["::"], to: ["::1"], gone: null },
    { from: ["127.0.0.1"], to: ["127.0.0.2"], gone: "127.0.0.1" },
  ])("move from $from to $to", async ({ from, to, gone }) => {
    const port = await freePort();
    (await listeners.open(config(port, ...from)))();
    (await listeners.open(config(port, ...to)))();
    for (const address of to) expect(await isTaken(port, address)).toBe(true);
    if (gone !== null) expect(await isTaken(port, gone)).toBe(false);
  });

  it("stay where they are if one of the new ones cannot be had", async () => {
    const port = await freePort();
    (await listeners.open(config(port, "::1")))();
    const failing = listeners.open(config(port, "::", "192.0.2.77"));
    await expect(failing).rejects.toMatchObject({ failure: { code: "LISTEN_FAILED", address: "192.0.2.77" } });
    expect([await isTaken(port, "::1"), await isTaken(port, "127.0.0.1")]).toEqual([true, false]);
    (await listeners.open(config(port, "::1")))();
  });
});
