import { beforeEach, describe, expect, it } from "vitest";
import type { PeerDetail } from "../control.ts";
import { encodeMessage } from "../wire/codec.ts";
import type { Message } from "../wire/message.ts";
import { peerOf, SimulatedNetwork, type SimulatedNode, speakerOf } from "./testing.ts";

describe("what is known of a peer", () => {
  let network: SimulatedNetwork;
  let a: SimulatedNode;
  let b: SimulatedNode;

  beforeEach(() => {
    network = new SimulatedNetwork();
    [a, b] = [network.node("10.9.0.1"), network.node("10.9.0.2")];
    const gracefulRestart = { restartSeconds: 120, forwardingKept: true };
    const config = speakerOf(a, 65001, { peers: [peerOf(b.address, 65002)], gracefulRestart });
    network.tell(a, { type: "configure", config });
  });

  function meet(): void {
    const config = speakerOf(b, 65002, { peers: [peerOf(a.address, 65001, { families: [4], passive: true })] });
    network.tell(b, { type: "configure", config });
    network.run(20_000);
  }

  function detail(): PeerDetail {
    return a.speaker.peer(b.address) ?? expect.fail("there is no such peer");
  }

  it("is nothing for a name that no peer has", () => expect(a.speaker.peer("nobody")).toBeNull());

  it("tells of no capabilities and counts while there is no session, but of the attempts", () => {
    network.run(5_000);
    expect(detail()).toMatchObject({ session: null, capabilities: [], negotiated: null });
    expect(detail().journal[0]).toMatchObject({ from: "idle", to: "connect", reason: null });
    expect(detail().journal.map(({ to, reason }) => [to, reason])).toContainEqual([
      "idle",
      expect.stringMatching(/Connection Rejected/),
    ]);
  });

  it("says what a peer by interface waits for, until its router is known or it is shut down", () => {
    const absent = { ...peerOf("::", 65002), name: "swp1", interface: "swp1" };
    const configure = (peer: typeof absent): void => {
      network.tell(a, { type: "configure", config: speakerOf(a, 65001, { peers: [peer] }) });
      network.run(1_000);
    };
    configure({ ...absent, shutdown: { text: "being cabled" } } as typeof absent);
    expect(a.speaker.peer("swp1")?.lastFailure).toBeNull();
    configure(absent);
    expect(a.speaker.peer("swp1")).toMatchObject({ phase: "idle", lastFailure: null, journal: [] });
    network.run(60_000);
    expect(a.speaker.peer("swp1")).toMatchObject({
      phase: "idle",
      lastFailure: { text: expect.stringMatching(/^no router has advertised itself on swp1 /) },
    });
    configure({ ...absent, address: "fe80::2" });
    expect(a.speaker.peer("swp1")?.phase).not.toBe("idle");
  });

  it("says nothing of a peer by interface whose router comes soon, on this interface or on the next", () => {
    const absent = { ...peerOf("::", 65002), name: "swp1", interface: "swp1" };
    const configure = (peer: typeof absent): void =>
      network.tell(a, { type: "configure", config: speakerOf(a, 65001, { peers: [peer] }) });
    configure(absent);
    network.run(30_000);
    configure({ ...absent, interface: "swp2" });
    network.run(30_000);
    configure({ ...absent, interface: "swp2", address: "fe80::2" });
    network.run(60_000);
    const journal = a.speaker.peer("swp1")?.journal ?? [];
    expect(journal).not.toEqual([]);
    expect(journal.filter(({ reason }) => reason?.startsWith("no router"))).toEqual([]);
  });

  it("tells what either side offered, and what came of it", () => {
    meet();
    const rows = detail().capabilities.map(({ name, us, peer }) => [name, us, peer]);
    expect(rows).toContainEqual(["multiprotocol", "IPv4", "IPv4"]);
    expect(rows).toContainEqual(["multiprotocol", "IPv6", null]);
    expect(rows).toContainEqual(["fourOctetAs", "asn=65001", "asn=65002"]);
    expect(rows.find(([name]) => name === "gracefulRestart")?.[1]).toContain("restartSeconds=120");
    expect(rows.find(([name]) => name === "gracefulRestart")?.[2]).toBeNull();
    expect(detail().negotiated).toMatchObject({ families: [4], gracefulRestart: null, routeRefresh: true });
  });

  it("counts messages of each kind, both ways", () => {
    meet();
    const { sent, received } = detail().messages;
    expect([sent.open, received.open]).toEqual([1, 1]);
    // End-of-RIB of the one family that both have.
    expect([sent.update, received.update]).toEqual([1, 1]);
    network.tell(b, { type: "originate", prefixes: ["10.1.0.0/24", "10.2.0.0/24"] });
    network.tell(a, { type: "refresh", peer: b.address });
    network.run(1_000);
    expect(detail().messages.received.update).toBeGreaterThan(received.update);
    expect(detail().messages.sent.routeRefresh).toBe(1);
    network.run(60_000);
    expect(detail().messages.received.keepalive).toBeGreaterThan(received.keepalive);
    const ofB = b.speaker.peer(a.address)?.messages;
    expect([ofB?.received, ofB?.sent]).toEqual([detail().messages.sent, detail().messages.received]);
  });

  it("keeps why a session ended, by whomever", () => {
    meet();
    network.tell(b, { type: "stop", keepForwarding: false, text: "node drained" });
    network.run(1_000);
    const reasons = detail()
      .journal.filter(({ from }) => from === "established")
      .map(({ reason }) => reason);
    expect(reasons).toEqual([expect.stringMatching(/Administrative Shutdown.*node drained/)]);
    expect(b.speaker.peer(a.address)?.journal.at(-1)).toMatchObject({
      from: "established",
      to: "idle",
      reason: "stopped here: node drained",
    });
  });

  it("has each phase in order, also where OPEN and KEEPALIVE come as one", () => {
    const peers = [peerOf(a.address, 65001, { families: [4], passive: true })];
    network.tell(b, { type: "configure", config: speakerOf(b, 65002, { peers }) });
    const connection = -7;
    const ends = { localAddress: b.address, remoteAddress: a.address, ports: { local: 179, remote: 4_000 } };
    const open: Message = { type: "open", asn: 65001, holdSeconds: 90, bgpId: 0x0a090001, capabilities: [] };
    const words = [open, { type: "keepalive" } as const].map((word) => encodeMessage(word, { fourOctetAs: false }));
    b.speaker.handle({ type: "accepted", connection, ...ends }, network.nowMs);
    const bytes = Uint8Array.from(words.flatMap((word) => [...word]));
    b.speaker.handle({ type: "bytes", connection, bytes }, network.nowMs);
    const phases = b.speaker.peer(a.address)?.journal.map(({ to }) => to);
    expect(phases).toEqual(["active", "openSent", "openConfirm", "established"]);
  });

  it("tells how it came to an hour of attempts, and when the last of them was", () => {
    const before = detail().journal.length;
    network.run(3_600_000);
    const { journal } = detail();
    expect(journal.length).toBeLessThan(before + 10);
    expect(journal.every(({ atMs }, i) => i === 0 || atMs >= (journal[i - 1]?.atMs ?? 0))).toBe(true);
    expect(Math.max(...journal.map(({ again }) => again?.lastMs ?? 0))).toBeGreaterThan(network.nowMs - 120_000);
  });
});
