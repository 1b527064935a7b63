import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Http2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { setImmediate } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { afterEach, beforeEach, describe, it } from "vitest";
import type { TlsIdentity } from "./credentials.ts";
import { NotConnectedError } from "./networkError.ts";
import { SessionPool } from "./sessionPool.ts";

let server: Http2Server;
let pool: SessionPool;

beforeEach(async () => {
  server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  pool = new SessionPool(`http://127.0.0.1:${port}`, { connectTimeoutMs: 5_000, pingIntervalMs: 5_000 });
});
afterEach(() => {
  pool.close();
  server.close();
});

function identity(cert: string): TlsIdentity {
  return { cert, rejectUnauthorized: true };
}

describe("a pool of connections", () => {
  it("shares the one that is being opened", async () => {
    const [one, other] = await Promise.all([pool.session(identity("a")), pool.session(identity("a"))]);
    assert.equal(one, other);
  });

  it("never uses a connection that was being opened with a certificate which is renewed meanwhile", async () => {
    const former = assert.rejects(pool.session(identity("a")), NotConnectedError);
    const renewed = await pool.session(identity("b"));
    await former;
    assert.equal(await pool.session(identity("b")), renewed);
    assert.equal(renewed.hasRoom, true);
  });

  it("opens another one when the certificate is renewed", async () => {
    const former = await pool.session(identity("a"));
    const renewed = await pool.session(identity("b"));
    assert.notEqual(renewed, former);
    assert.equal(former.hasRoom, false);
  });
});

describe("a connection", () => {
  /** The answers of a server in this thread would come no sooner than they are read. */
  const elsewhere = `
    const { parentPort } = require("node:worker_threads");
    const server = require("node:http2").createServer();
    server.listen(0, "127.0.0.1", () => parentPort.postMessage(server.address().port));`;

  it("is not taken for lost by a process that had no turn to read the answer to its ping", async () => {
    const worker = new Worker(elsewhere, { eval: true });
    const [port] = await once(worker, "message");
    const patient = new SessionPool(`http://127.0.0.1:${port}`, { connectTimeoutMs: 5_000, pingIntervalMs: 400 });
    try {
      const session = await patient.session(identity("a"));
      const clock = new Int32Array(new SharedArrayBuffer(4));
      for (let turn = 0; turn < 6; turn += 1) {
        Atomics.wait(clock, 0, 0, 500); // Longer than a ping may take, and than the time between two.
        await setImmediate(); // What timers are due has been done by then, and what has come been read.
      }
      assert.equal(session.isOver, false);
      assert.equal(await patient.session(identity("a")), session);
    } finally {
      patient.close();
      await worker.terminate();
    }
  });
});
