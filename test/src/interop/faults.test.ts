import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { decodeMessage, type Message, MessageFramer, type PeerConfig } from "@brindle/bgp";
import { type RunningSpeaker, startSpeaker } from "@brindle/bgp/shell";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { freePorts } from "../fixtures/freePorts.ts";
import { processInstance } from "../fixtures/instance.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { counterparts, createRack, nodeConfig } from "./rack.ts";
import { NodeSpeaker, openPeer } from "./speaker.ts";

afterAll(async () => (await processInstance())[Symbol.asyncDispose]());

const [port = 0] = await freePorts(1);

describe("two speakers of ours and a third party on loopback", () => {
  let speaker: RunningSpeaker;
  let other: RunningSpeaker;

  beforeEach(async () => {
    const peers = [ofLoopback("other", "127.0.0.2", 65002), ofLoopback("scripted", "127.0.0.3", 65003)];
    const nextHop = { 4: "192.0.2.2" }; // One on loopback is none (RFC 7606 §7.3).
    const listen = (address: string): { address: string; port: number }[] => [{ address, port }];
    speaker = await startSpeaker({ asn: 64512, bgpId: "10.0.0.1", listen: listen("127.0.0.1"), peers });
    other = await startSpeaker({
      asn: 65002,
      bgpId: "10.0.0.2",
      listen: listen("127.0.0.2"),
      peers: [{ ...ofLoopback("ours", "127.0.0.1", 64512), passive: false, localAddress: "127.0.0.2", nextHop }],
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

  const path = attribute("40", "02", "0201 0000fdeb");
  const hop = attribute("40", "03", "c0000201");
  const good = attribute("40", "01", "00") + path + hop;

  /** What becomes of the route whose announcement is followed by one that is wrong (RFC 7606). */
  const updates: { name: string; attributes: string; nlri?: string; becomes: "withdrawn" | "kept" | "reset" }[] = [
    { name: "§7.1 an undefined ORIGIN", attributes: attribute("40", "01", "07") + path + hop, becomes: "withdrawn" },
    {
      name: "§7.2 an AS_PATH cut off",
      attributes: good.replace(path, attribute("40", "02", "0202 0000fdeb")),
      becomes: "withdrawn",
    },
    {
      name: "§7.3 a NEXT_HOP of three bytes",
      attributes: good.replace(hop, attribute("40", "03", "c00001")),
      becomes: "withdrawn",
    },
    { name: "§7.4 a MED of two bytes", attributes: good + attribute("80", "04", "0001"), becomes: "withdrawn" },
    {
      name: "§7.8 communities of three bytes",
      attributes: good + attribute("c0", "08", "000001"),
      becomes: "withdrawn",
    },
    { name: "§3.c wrong flags", attributes: good + attribute("40", "08", "00000001"), becomes: "withdrawn" },
    { name: "§3.d no ORIGIN", attributes: path + hop, becomes: "withdrawn" },
    { name: "§7.6 an ATOMIC_AGGREGATE with content", attributes: good + attribute("40", "06", "00"), becomes: "kept" },
    { name: "§7.5 LOCAL_PREF from outside", attributes: good + attribute("40", "05", "00000064"), becomes: "kept" },
    { name: "§3.g MED twice", attributes: good + attribute("80", "04", "00000001").repeat(2), becomes: "kept" },
    { name: "§5.3 a prefix of 33 bits", attributes: good, nlri: "21 cb00710000", becomes: "reset" },
    {
      name: "§3.g MP_REACH_NLRI twice",
      attributes: good + attribute("80", "0e", "0001010400").repeat(2),
      becomes: "reset",
    },
  ];
  for (const { name, attributes, nlri = "18 cb0071", becomes } of updates) {
    it(`RFC 7606 ${name}: the route is ${becomes === "reset" ? "gone with the session" : becomes}, the other's stays`, async () => {
      await other.originate(["192.0.2.0/24"]);
      const canary = async (): Promise<boolean> => {
        return (await speaker.routes({ prefix: "192.0.2.0/24", peer: "other" }))[0]?.best === true;
      };
      await waitFor(canary, { what: "the canary is learned" });
      const socket = connect({ host: "127.0.0.1", port, localAddress: "127.0.0.3" });
      const said = allOf(socket);
      socket.write(message("002b", "01", "04fdeb005a0a0000030e020c01040001000141040000fdeb"));
      socket.write(message("0013", "04", ""));
      socket.write(updateOf(good, "18 cb0071"));
      const route = async (): Promise<boolean> => (await speaker.routes({ prefix: "203.0.113.0/24" })).length > 0;
      await waitFor(route, { what: "the route is learned" });
      socket.write(updateOf(attributes, nlri));
      if (becomes === "reset") {
        expect((await said).at(-1)).toMatchObject({ type: "notification", code: 3 });
        await waitFor(async () => !(await route()), { what: "the route is gone" });
      } else {
        const isTold = async (): Promise<boolean> => (await statusOf("scripted")).session?.attributeFaults?.count === 1;
        await waitFor(isTold, { what: "the fault is told of" });
        expect(await route()).toBe(becomes === "kept");
        expect(await statusOf("scripted")).toMatchObject({ phase: "established", flaps: 0 });
        socket.destroy();
      }
      expect(await statusOf("other")).toMatchObject({ phase: "established", flaps: 0 });
      expect(await canary()).toBe(true);
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
      { what: `we show that ${name} does not want our AS` },
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

/** Flags, code, a length of one byte, value: all in hexadecimal. */
function attribute(flags: string, code: string, value: string): string {
  const bytes = value.replaceAll(" ", "");
  return flags + code + (bytes.length / 2).toString(16).padStart(2, "0") + bytes;
}

function updateOf(attributes: string, nlri: string): Uint8Array {
  const size = (bytes: number): string => bytes.toString(16).padStart(4, "0");
  const prefixes = nlri.replaceAll(" ", "");
  const body = `0000${size(attributes.length / 2)}${attributes}${prefixes}`;
  return message(size(19 + body.length / 2), "02", body);
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
