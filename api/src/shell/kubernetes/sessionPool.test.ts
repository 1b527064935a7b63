import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Http2Server } from "node:http2";
import type { AddressInfo } from "node:net";
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
