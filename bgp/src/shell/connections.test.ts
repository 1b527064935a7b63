import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, describe, it } from "vitest";
import type { SpeakerEvent } from "../speaker/event.ts";
import { Connections } from "./connections.ts";
import type { SocketOptions } from "./socketOptions.ts";

const [open, keepalive] = [Buffer.from("our OPEN"), Buffer.from("and KEEPALIVE")];
const everySocket = { accepted: () => true } as unknown as SocketOptions;

let server: Server;

beforeAll(async () => {
  server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});

afterAll(() => void server.close());

/** Both ends of a connection, of which nobody has said anything. */
async function connection(): Promise<{ readonly here: Socket; readonly peer: Socket }> {
  const accepted = once(server, "connection");
  const peer = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [here] = (await accepted) as [Socket];
  return { here, peer };
}

/** How much goes with each write. */
function writesOf(socket: Socket): number[] {
  const sizes: number[] = [];
  const write = socket.write.bind(socket) as (bytes: Uint8Array, done: () => void) => boolean;
  socket.write = ((bytes: Uint8Array, done: () => void) => {
    sizes.push(bytes.length);
    return write(bytes, done);
  }) as Socket["write"];
  return sizes;
}

/** One whose speaker says OPEN to whoever comes, and then what `also` does. */
function greeting(also: (all: Connections, event: SpeakerEvent) => void = () => {}): Connections {
  const all: Connections = new Connections((event) => {
    if (event.type === "accepted") all.send(event.connection, open);
    also(all, event);
  }, everySocket);
  return all;
}

describe("the first word to a peer that dialled", () => {
  it("goes with the second", async () => {
    const { here, peer } = await connection();
    const sizes = writesOf(here);
    const all = greeting();
    all.accept(here);
    all.send(-1, keepalive);
    all.send(-1, keepalive);
    assert.deepEqual(sizes, [open.length + keepalive.length, keepalive.length]);
    all.close(-1);
    assert.equal((await buffer(peer)).toString(), "our OPENand KEEPALIVEand KEEPALIVE");
  });

  it("goes by itself to one that says nothing, and is told to have gone", async () => {
    const { here, peer } = await connection();
    const gone = Promise.withResolvers<SpeakerEvent>();
    const all = greeting((_, event) => event.type === "drained" && gone.resolve(event));
    all.accept(here);
    const [heard] = (await once(peer, "data")) as [Buffer];
    assert.equal(heard.toString(), "our OPEN");
    assert.deepEqual(await gone.promise, { type: "drained", connection: -1 });
    peer.destroy();
  });

  it("is heard where the connection is closed at once", async () => {
    const { here, peer } = await connection();
    const all = greeting((connections, event) => event.type === "accepted" && connections.close(event.connection));
    all.accept(here);
    assert.equal((await buffer(peer)).toString(), "our OPEN");
  });
});
