/** What BFD does to a session, by the sections of RFC 5882 and RFC 9384: speakers in virtual time. */
import { beforeEach, describe, expect, it } from "vitest";
import type { PathStatus } from "../bfd/status.ts";
import type { BfdSettings, PeerConfig } from "./config.ts";
import type { SpeakerAction } from "./event.ts";
import { peerOf, SimulatedNetwork, type SimulatedNode, speakerOf } from "./testing.ts";

const bfd: BfdSettings = { minTxMs: 50, minRxMs: 50, multiplier: 3 };
const up: PathStatus = {
  state: "up",
  remoteState: "up",
  diagnostic: "none",
  remoteDiagnostic: "none",
  transmitMs: 50,
  detectionMs: 150,
};
const silent: PathStatus = {
  ...up,
  state: "down",
  remoteState: null,
  diagnostic: "control detection time expired",
  remoteDiagnostic: null,
  detectionMs: null,
};
const gracefulRestart = { restartSeconds: 120, forwardingKept: true };
const prefix = "203.0.113.0/24";

let network: SimulatedNetwork;
let a: SimulatedNode;
let b: SimulatedNode;

beforeEach(() => {
  network = new SimulatedNetwork();
  [a, b] = [network.node("10.0.0.1"), network.node("10.0.0.2")];
});

function configureA(parts: Partial<PeerConfig>): void {
  const peers = [peerOf(b.address, 65002, parts)];
  network.tell(a, { type: "configure", config: speakerOf(a, 65001, { peers, gracefulRestart }) });
}

/** a, which watches b, has b's route. */
function meet(parts: Partial<PeerConfig> = {}): void {
  configureA({ bfd, ...parts });
  const peers = [peerOf(a.address, 65001, { passive: true })];
  network.tell(b, { type: "configure", config: speakerOf(b, 65002, { peers, gracefulRestart }) });
  network.tell(b, { type: "originate", prefixes: [prefix] });
  network.run(5_000);
  expect(a.status(b.address).phase).toBe("established");
  expect(a.nextHops(prefix)).toHaveLength(1);
}

function hear(status: PathStatus): void {
  network.tell(a, { type: "path", peer: b.address, status });
}

function watched(): SpeakerAction[] {
  return a.other.filter(({ type }) => type === "watch" || type === "unwatch");
}

describe("RFC 9384 a path that breaks", () => {
  it("ends the session with Cease/BFD Down, and its routes at once, though both restart gracefully", () => {
    meet();
    hear(up);
    hear(silent);
    const { lastFailure, phase, flaps } = a.status(b.address);
    expect(phase).not.toBe("established");
    expect(flaps).toBe(1);
    expect(lastFailure).toMatchObject({
      text: "sent Cease/BFD Down: control detection time expired",
      notification: { sentBy: "us", code: 6, subcode: 10 },
    });
    network.run(100);
    expect(b.status(a.address).lastFailure?.text).toContain("BFD Down");
    expect(b.status(a.address).lastFailure?.notification).toMatchObject({ sentBy: "peer", code: 6, subcode: 9 });
    expect(a.told.map(({ from }) => from)).toContain(null);
  });

  it("is one whose other end says so, too", () => {
    meet();
    hear(up);
    hear({ ...silent, remoteState: "down", diagnostic: "neighbor signaled session down" });
    expect(a.status(b.address).phase).not.toBe("established");
  });
});

describe("RFC 5882 what is no failure", () => {
  it("§10.2: a path that has not been up holds nothing up and ends nothing", () => {
    meet();
    hear(silent);
    hear({ ...silent, state: "init", remoteState: "down" });
    hear(silent);
    expect(a.status(b.address)).toMatchObject({ phase: "established", flaps: 0, bfd: { state: "down" } });
  });

  it("§3.2: AdminDown of the peer, and its silence afterwards", () => {
    meet();
    hear(up);
    hear({ ...silent, remoteState: "adminDown", diagnostic: "neighbor signaled session down" });
    hear(silent);
    expect(a.status(b.address)).toMatchObject({ phase: "established", flaps: 0 });
  });

  it("a socket that cannot be had again", () => {
    meet();
    hear(up);
    hear({ ...silent, diagnostic: "none", fault: "cannot listen on UDP port 3784" });
    expect(a.status(b.address)).toMatchObject({
      phase: "established",
      bfd: { fault: expect.stringContaining("3784") },
    });
  });

  it("§4.3.2: the end of BFD during a graceful restart, whose routes stay", () => {
    meet();
    hear(up);
    network.kill(b);
    network.run(100);
    expect(a.status(b.address).phase).not.toBe("established");
    hear(silent);
    network.run(1_000);
    expect(a.nextHops(prefix)).toHaveLength(1);
  });

  it("what is heard of a path that is not watched any more", () => {
    meet();
    hear(up);
    configureA({});
    hear(silent);
    expect(a.status(b.address).phase).toBe("established");
    expect(a.status(b.address).bfd).toBeUndefined();
  });
});

describe("a peer is watched", () => {
  it("from its configuration to its end, and while it is not shut down", () => {
    const path = { ...bfd, address: b.address };
    configureA({ bfd });
    configureA({ bfd, holdSeconds: 60 });
    expect(watched()).toEqual([{ type: "watch", peer: b.address, path }]);
    configureA({ bfd: { ...bfd, minTxMs: 100 } });
    expect(watched().at(-1)).toMatchObject({ type: "watch", path: { minTxMs: 100 } });
    configureA({ bfd, shutdown: { text: "maintenance" } });
    expect(watched().at(-1)).toEqual({ type: "unwatch", peer: b.address });
    configureA({ bfd });
    expect(watched().at(-1)).toMatchObject({ type: "watch" });
    network.tell(a, { type: "configure", config: speakerOf(a, 65001, { peers: [] }) });
    expect(watched().at(-1)).toEqual({ type: "unwatch", peer: b.address });
    expect(watched()).toHaveLength(5);
  });

  it("by new intervals without harm to its session", () => {
    meet();
    hear(up);
    configureA({ bfd: { ...bfd, multiplier: 5 } });
    expect(a.status(b.address)).toMatchObject({ phase: "established", flaps: 0, bfd: { state: "up" } });
  });

  it("not at all where nobody asked for it", () => {
    configureA({});
    expect(watched()).toEqual([]);
    expect(a.status(b.address)).not.toHaveProperty("bfd");
  });
});
