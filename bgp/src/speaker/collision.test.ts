/**
 * RFC 4271 §6.8: both dial at once, and what each of them sees in which order is chance. However it comes, one session
 * comes of it and stays, and neither is dialled once it holds the session for Established.
 */
import { describe, expect, it } from "vitest";
import { encodeMessage } from "../wire/codec.ts";
import type { Message } from "../wire/message.ts";
import { seededRandom } from "../wire/testing.ts";
import { collisionSeconds } from "./rivals.ts";
import { peerOf, SimulatedNetwork, type SimulatedNode } from "./testing.ts";

const base = Number(process.env.BRINDLE_SEED ?? 20261121);
const orders = 300;
const gracefulRestart = { restartSeconds: 120, forwardingKept: true };

/** Counts connections that reach a speaker which has a session already (RFC 4724 §5: some take that for a restart). */
function watchLate(node: SimulatedNode, other: string): () => number {
  let late = 0;
  const { speaker } = node;
  const handle = speaker.handle.bind(speaker);
  speaker.handle = (event, nowMs) => {
    if (event.type === "accepted" && node.status(other).phase === "established") late += 1;
    return handle(event, nowMs);
  };
  return () => late;
}

function collide(seed: number): void {
  const random = seededRandom(seed);
  const network = new SimulatedNetwork();
  network.latencyMs = () => 1 + random(random(4) === 0 ? 400 : 20);
  const [a, b] = [network.node("10.0.0.1"), network.node("10.0.0.2")];
  network.configure(a, 65001, [peerOf(b.address, 65002)], { gracefulRestart });
  network.run(random(100));
  network.configure(b, 65002, [peerOf(a.address, 65001)], { gracefulRestart });
  const late = [watchLate(a, b.address), watchLate(b, a.address)];
  network.run(60_000);
  for (const status of [a.status(b.address), b.status(a.address)])
    expect(status, `BRINDLE_SEED=${seed}`).toMatchObject({ phase: "established", flaps: 0 });
  expect(
    late.map((count) => count()),
    `BRINDLE_SEED=${seed}`,
  ).toEqual([0, 0]);
}

describe("a simultaneous dial", () => {
  it(`ends in one session that stays, in ${orders} orders of what arrives (BRINDLE_SEED=${base} on)`, () => {
    for (let seed = base; seed < base + orders; seed++) collide(seed);
  }, 60_000);
});

describe("an OPEN, while our own dial is under way", () => {
  const open: Message = {
    type: "open",
    asn: 65002,
    holdSeconds: 90,
    bgpId: 2,
    capabilities: [
      { code: 1, name: "multiprotocol", family: 4 },
      { code: 65, name: "fourOctetAs", asn: 65002 },
    ],
  };
  const bytesOf = (...messages: Message[]): Uint8Array =>
    Buffer.concat(messages.map((message) => encodeMessage(message, { fourOctetAs: true })));

  /** The peer's connection, while ours is connected and its OPEN has not come: a silent peer answers the dial. */
  function dialledBySilence(): { network: SimulatedNetwork; a: SimulatedNode; say: (bytes: Uint8Array) => void } {
    const network = new SimulatedNetwork();
    const [a, b] = [network.node("10.0.0.1"), network.node("10.0.0.2")];
    b.speaker.handle = () => [];
    network.configure(a, 65001, [peerOf(b.address, 65002)], { gracefulRestart });
    network.run(10);
    expect(a.status(b.address).phase).toBe("openSent");
    return { network, a, say: network.intrude(a, b.address) };
  }

  it("is answered when the other connection has said nothing for so long", () => {
    const { network, a, say } = dialledBySilence();
    say(bytesOf(open, { type: "keepalive" }));
    network.run(collisionSeconds * 1_000 - 100);
    expect(a.status("10.0.0.2").phase).toBe("openSent");
    network.run(200);
    expect(a.status("10.0.0.2").phase).toBe("established");
    expect(a.status("10.0.0.2").flaps).toBe(0);
  });

  it("is answered at once when the other connection ends", () => {
    const { network, a, say } = dialledBySilence();
    say(bytesOf(open, { type: "keepalive" }));
    network.kill(network.node("10.0.0.2"));
    network.run(10);
    expect(a.status("10.0.0.2").phase).toBe("established");
  });

  it("is forgotten when the peer takes it back", () => {
    const { network, a, say } = dialledBySilence();
    say(bytesOf(open, { type: "notification", code: 6, subcode: 7, data: new Uint8Array() }));
    expect(a.status("10.0.0.2").lastFailure?.text).toContain("peer sent Cease/Connection Collision Resolution");
    network.run(collisionSeconds * 1_000 + 100);
    expect(a.status("10.0.0.2").phase).toBe("openSent");
  });

  it("does not excuse what has no place after it", () => {
    const { a, say } = dialledBySilence();
    say(bytesOf(open, { type: "routeRefresh", family: 4 }));
    expect(a.status("10.0.0.2").lastFailure).toMatchObject({ notification: { sentBy: "us", code: 5, subcode: 2 } });
  });
});
