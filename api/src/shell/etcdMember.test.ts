/** Which way calls go, as an etcd sees it: gRPC's channel names itself in `user-agent`, our own connection does not. */
import { once } from "node:events";
import { createServer, type Http2Server, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { EtcdMember } from "./etcdMember.ts";

let server: Http2Server;
let member: EtcdMember;
let calls: { readonly way: "channel" | "direct"; readonly headers: IncomingHttpHeaders }[];
/** What the next calls over our own connection come to. */
let onDirect: (stream: ServerHttp2Stream) => void;
let onChannel: (stream: ServerHttp2Stream) => void;

beforeEach(async () => {
  calls = [];
  onDirect = answer;
  onChannel = answer;
  server = createServer();
  server.on("stream", (stream, headers) => {
    const way = headers["user-agent"] === undefined ? "direct" : "channel";
    calls.push({ way, headers });
    stream.on("error", () => {});
    stream.resume();
    const end = way === "direct" ? onDirect : onChannel;
    stream.on("end", () => end(stream as ServerHttp2Stream));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  member = new EtcdMember(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, {});
});
afterEach(() => {
  vi.useRealTimers();
  member.close();
  server.close();
});

/** That there is nothing, as of revision 1. */
function answer(stream: ServerHttp2Stream): void {
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  const message = Buffer.from([(1 << 3) | 2, 2, 3 << 3, 1]);
  stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]));
}

async function range(size = 1): Promise<string | undefined> {
  await member.range({ key: Buffer.alloc(size) }, { token: "of-the-user", timeoutMs: 30_000 });
  return calls.at(-1)?.way;
}

function isDirect(): Promise<void> {
  return expect.poll(() => range(), { timeout: 30_000, interval: 10 }).toBe("direct");
}

describe("calls to a member of etcd", () => {
  it("go by gRPC's channel until there is a connection of our own, with the same token", async () => {
    expect(await range()).toBe("channel");
    await isDirect();
    for (const { headers } of calls) {
      expect(headers).toMatchObject({ ":path": "/etcdserverpb.KV/Range", token: "of-the-user", hasleader: "true" });
    }
  });

  it("go by the channel where they are larger than may be sent at once", async () => {
    await isDirect();
    expect(await range(1_000_000)).toBe("channel");
    await isDirect();
  });

  it("go by the channel where our own connection is refused, and fail with it only where they may have been done", async () => {
    await isDirect();
    onDirect = (stream) => stream.close(7);
    expect(await range()).toBe("channel");
    onDirect = (stream) => stream.session?.destroy();
    await expect(range()).rejects.toMatchObject({ code: 14 });
    expect(calls.at(-1)?.way).toBe("direct");
    onDirect = answer;
    expect(await range()).toBe("channel");
    await isDirect();
  });

  it("have no more time by the channel than what our own connection has left of it", async () => {
    await isDirect();
    const asked = Promise.withResolvers<ServerHttp2Stream>();
    const askedAgain = Promise.withResolvers<ServerHttp2Stream>();
    onDirect = asked.resolve;
    onChannel = askedAgain.resolve;
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    const settled = vi.fn();
    const options = { token: null, timeoutMs: 1_000 };
    const late = member.range({ key: Buffer.alloc(1) }, options).catch((error: Error) => settled(error.message));
    const stream = await asked.promise;
    await vi.advanceTimersByTimeAsync(600);
    stream.close(7);
    await askedAgain.promise;
    await vi.advanceTimersByTimeAsync(390);
    expect(settled).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(10);
    await late;
    expect(settled).toHaveBeenCalledWith(expect.stringContaining("in 1000 ms"));
  });
});
