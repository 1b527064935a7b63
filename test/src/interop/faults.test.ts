import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { decodeMessage, type Message, MessageFramer, type PeerConfig } from "@brindle/bgp";
import { type RunningSpeaker, startSpeaker } from "@brindle/bgp/shell";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { processInstance } from "../fixtures/instance.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { counterparts, createRack, nodeConfig } from "./rack.ts";
import { NodeSpeaker, openPeer } from "./speaker.ts";

afterAll(async () => (await processInstance())[Symbol.asyncDispose]());

/** Above the ports that programs are given, below the ones that they ask for. */
const port = 20_000 + (process.pid % 10_000);

describe("two speakers of ours and a third party on loopback", () => {
  let speaker: RunningSpeaker;
  let other: RunningSpeaker;

  beforeEach(async () => {
    const peers = [ofLoopback("other", "127.0.0.2", 65002), ofLoopback("scripted", "127.0.0.3", 65003)];
    const listen = (address: string): { address: string; port: number }[] => [{ address, port }];
    speaker = await startSpeaker({ asn: 64512, bgpId: "10.0.0.1", listen: listen("127.0.0.1"), peers });
    other = await startSpeaker({
      asn: 65002,
      bgpId: "10.0.0.2",
      listen: listen("127.0.0.2"),
      peers: [{ ...ofLoopback("ours", "127.0.0.1", 64512), passive: false, localAddress: "127.0.0.2" }],
    });
    await waitFor(async () => (await statusOf("other")).phase === "established", { what: "the two are Established" });
  });

  afterEach(async () => {
    await Promise.all([speaker.stop(), other.stop()]);
  });

  async function statusOf(name: string): Promise<Awaited<ReturnType<RunningSpeaker["peers"]>>[number]> {
    const status = (await speaker.peers()).find((peer) => peer.name === name);
    if (!status) throw new Error(`no peer ${name}`);
    return status;
  }

  const faults: { name: string; bytes: Uint8Array; code: number; subcode: number }[] = [
    { name: "another protocol", bytes: Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), code: 1, subcode: 1 },
    { name: "a message that is too long", bytes: message("ffff", "01", ""), code: 1, subcode: 2 },
    { name: "a message of no known type", bytes: message("0013", "09", ""), code: 1, subcode: 3 },
    { name: "an OPEN of another version", bytes: message("001d", "01", "03fdeb005a0a00000300"), code: 2, subcode: 1 },
    { name: "an OPEN of another AS", bytes: message("001d", "01", "04ffff005a0a00000300"), code: 2, subcode: 2 },
    {
      name: "an OPEN with a hold time of 2 s",
      bytes: message("001d", "01", "04fdeb00020a00000300"),
      code: 2,
      subcode: 6,
    },
    { name: "a KEEPALIVE before the OPEN", bytes: message("0013", "04", ""), code: 5, subcode: 1 },
  ];
  for (const { name, bytes, code, subcode } of faults) {
    it(`answers ${name} with its NOTIFICATION, shows why, and keeps the other session`, async () => {
      const socket = connect({ host: "127.0.0.1", port, localAddress: "127.0.0.3" });
      socket.write(bytes);
      const messages = await allOf(socket);
      expect(messages.at(-1)).toMatchObject({ type: "notification", code, subcode });
      const { lastFailure } = await statusOf("scripted");
      expect(lastFailure).toMatchObject({ text: expect.any(String), notification: { sentBy: "us", code, subcode } });
      expect(await statusOf("other")).toMatchObject({ phase: "established", flaps: 0 });
    });
  }

  it("refuses who is no peer with Cease/Connection Rejected", async () => {
    const messages = await allOf(connect({ host: "127.0.0.1", port, localAddress: "127.0.0.9" }));
    expect(messages).toMatchObject([{ type: "notification", code: 6, subcode: 5 }]);
  });

  it("survives a peer that opens a hundred connections and says nothing", async () => {
    const sockets = Array.from({ length: 100 }, () => connect({ host: "127.0.0.1", port, localAddress: "127.0.0.3" }));
    for (const socket of sockets) socket.on("error", () => {});
    await waitFor(async () => (await statusOf("scripted")).phase === "openSent", { what: "one is being answered" });
    for (const socket of sockets) socket.destroy();
    expect(await statusOf("other")).toMatchObject({ phase: "established", flaps: 0 });
  });
});

describe.each(counterparts)("$name", ({ name, start, config }) => {
  it("says why it refuses us, and we show it", async () => {
    await using rack = await createRack(`as-${name.toLowerCase()}`);
    await using _router = await start({ namespace: rack.router, config });
    await using speaker = await NodeSpeaker.start(rack.node, nodeConfig({ asn: 64599 }));
    await waitFor(
      async (saw) => {
        const { lastFailure } = await speaker.peer("tor");
        saw(lastFailure);
        return lastFailure?.notification?.sentBy === "peer" && lastFailure.text.includes("Bad Peer AS");
      },
      { what: `we show that ${name} does not want our AS`, deadlineMs: 20_000 },
    );
  });
});

function ofLoopback(name: string, address: string, asn: number): PeerConfig {
  return openPeer({ name, address, port, asn, passive: true });
}

/** Length and type as on the wire, in hexadecimal, and the body. */
function message(length: string, type: string, body: string): Uint8Array {
  return Buffer.from(`${"ff".repeat(16)}${length}${type}${body}`, "hex");
}

/** Everything that we are sent until the connection ends. */
async function allOf(socket: Socket): Promise<Message[]> {
  const framer = new MessageFramer();
  const messages: Message[] = [];
  socket.on("data", (bytes: Buffer) => framer.push(bytes));
  await once(socket, "close");
  for (let frame = framer.next(); frame?.kind === "frame"; frame = framer.next()) {
    const decoded = decodeMessage(frame.bytes, { fourOctetAs: true, external: true, families: [4, 6] });
    if (decoded.kind === "message") messages.push(decoded.message);
  }
  return messages;
}
