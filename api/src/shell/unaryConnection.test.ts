/** Against the other implementation of HTTP/2 that Node has, which packs its headers, cuts frames and minds windows in its own way. */
import { once } from "node:events";
import { createServer, type Http2Server, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { headerBlock } from "../grpc/headerBlock.ts";
import { CallFailure, UnaryConnection } from "./unaryConnection.ts";

let server: Http2Server;
let connection: UnaryConnection;
let onCall: (stream: ServerHttp2Stream, message: Buffer) => void;

beforeEach(async () => {
  server = createServer({ maxSessionMemory: 100 });
  server.on("stream", (each) => {
    const stream = each as ServerHttp2Stream;
    const parts: Buffer[] = [];
    stream.on("error", () => {});
    stream.on("data", (part: Buffer) => parts.push(part));
    stream.on("end", () => onCall(stream, Buffer.concat(parts).subarray(5)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  connection = new UnaryConnection({ host: "127.0.0.1", port: (server.address() as AddressInfo).port, tls: null });
  await expect.poll(() => connection.admits(1), { timeout: 30_000, interval: 5 }).toBe(true);
});
afterEach(() => {
  connection.close();
  server.close();
});

const headers = headerBlock([
  [":method", "POST"],
  [":scheme", "http"],
  [":path", "/etcdserverpb.KV/Range"],
  [":authority", "127.0.0.1"],
]);

function call(message: Buffer, timeoutMs = 30_000): Promise<Buffer | null> {
  return connection.call({ headers, message }, { timeoutMs, timeIsOver: () => new Error("too late") });
}

function answer(stream: ServerHttp2Stream, message: Buffer, trailers: Record<string, string> = { "grpc-status": "0" }) {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers(trailers));
  stream.end(Buffer.concat([prefix, message]));
}

function pinged({ session }: ServerHttp2Stream): Promise<void> {
  return new Promise((resolve, reject) => session?.ping((error) => (error ? reject(error) : resolve())));
}

describe("a connection for unary calls", () => {
  it("answers each ping, with the next call or by itself", async () => {
    const pings: Promise<unknown>[] = [];
    onCall = (stream, message) => {
      for (let n = 0; n < 3; n++) pings.push(pinged(stream));
      answer(stream, message);
    };
    for (let n = 0; n < 3; n++) await call(Buffer.of(n));
    expect(pings).toHaveLength(9);
    await Promise.all(pings); // The last of them with nothing to go with.
  });

  it("carries many at once, of 50 KB there and 5 MiB back", async () => {
    onCall = (stream, message) => answer(stream, message);
    const small = Array.from({ length: 200 }, (_, i) => Buffer.from(`message ${i}`));
    expect(await Promise.all(small.map((each) => call(each)))).toEqual(small);
    expect(await call(Buffer.alloc(50_000, 7))).toEqual(Buffer.alloc(50_000, 7));
    const large = Buffer.alloc(5 * 1024 * 1024, 9);
    onCall = (stream) => answer(stream, large);
    const answers = await Promise.all([call(Buffer.alloc(1)), call(Buffer.alloc(1)), call(Buffer.alloc(1))]);
    for (const each of answers) expect(each?.equals(large)).toBe(true);
  });

  it("does not admit what the other side has no room for, and does again once that is told", async () => {
    onCall = () => {};
    const size = 40_000;
    const waiting = call(Buffer.alloc(size), 300);
    expect(connection.admits(size)).toBe(false);
    await expect(waiting).rejects.toThrow("too late");
    await expect.poll(() => connection.isClosed || connection.admits(size), { timeout: 30_000 }).toBe(true);
  });

  it("tells a failure with its number and every character of its words", async () => {
    const details = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i))
      .join("")
      .replace("%", "%25");
    onCall = (stream) => {
      stream.respond({ ":status": 200, "grpc-status": "9", "grpc-message": details }, { endStream: true });
    };
    const failure = await call(Buffer.from("x")).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(CallFailure);
    expect(failure).toMatchObject({ code: 9, details: details.replace("%25", "%") });
  });

  it("says what was refused unseen, and fails what was under way when it is lost", async () => {
    onCall = (stream) => stream.close(7);
    expect(await call(Buffer.from("x"))).toBeNull();
    onCall = (stream) => stream.session?.destroy();
    await expect(call(Buffer.from("x"))).rejects.toMatchObject({ code: 14 });
    await expect.poll(() => connection.isClosed).toBe(true);
    expect(connection.admits(1)).toBe(false);
  });

  it("gives one call up and keeps the others, unless nothing was heard at all", async () => {
    let isCancelled = false;
    onCall = (stream, message) => {
      if (message.toString() !== "silence") answer(stream, message);
      else stream.on("close", () => (isCancelled = true));
    };
    const late = call(Buffer.from("silence"), 200);
    late.catch(() => {});
    expect(await call(Buffer.from("x"))).toEqual(Buffer.from("x"));
    await expect(late).rejects.toThrow("too late");
    await expect.poll(() => isCancelled).toBe(true);
    expect(connection.isClosed).toBe(false);
    await expect(call(Buffer.from("silence"), 1_000)).rejects.toThrow("too late");
    expect(connection.isClosed).toBe(true);
  });

  it("is not given up with others' calls for one that had some milliseconds", async () => {
    const { promise: asked, resolve } = Promise.withResolvers<() => void>();
    onCall = (stream, message) => {
      if (message.toString() === "slow") resolve(() => answer(stream, message));
    };
    const slow = call(Buffer.from("slow"));
    const release = await asked;
    await expect(call(Buffer.from("hasty"), 3)).rejects.toThrow("too late");
    expect(connection.isClosed).toBe(false);
    release();
    expect(await slow).toEqual(Buffer.from("slow"));
  });

  it("closes where the last call after it was left is given up", async () => {
    onCall = (stream, message) => {
      if (message.toString() !== "silence") answer(stream, message);
    };
    const late = call(Buffer.from("silence"), 200);
    late.catch(() => {});
    await call(Buffer.from("x"));
    connection.leave();
    await expect(late).rejects.toThrow("too late");
    expect(connection.isClosed).toBe(true);
  });

  it("closes with the last call after it was left, and takes no more", async () => {
    const { promise: asked, resolve } = Promise.withResolvers<() => void>();
    onCall = (stream, message) => resolve(() => answer(stream, message));
    const last = call(Buffer.from("last"));
    const release = await asked;
    connection.leave();
    expect([connection.admits(1), connection.isClosed]).toEqual([false, false]);
    release();
    expect(await last).toEqual(Buffer.from("last"));
    expect(connection.isClosed).toBe(true);
  });
});
