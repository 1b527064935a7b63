import { beforeEach, describe, expect, it } from "vitest";
import { encodeMessage } from "../wire/codec.ts";
import type { Capability, Message } from "../wire/message.ts";
import type { PeerConfig, SpeakerConfig } from "./config.ts";
import { peerOf, SimulatedNetwork, type SimulatedNode, speakerOf } from "./testing.ts";

const gracefulRestart = { restartSeconds: 120, forwardingKept: true };

describe("Speaker", () => {
  let network: SimulatedNetwork;
  let a: SimulatedNode;
  let b: SimulatedNode;
  let c: SimulatedNode;

  beforeEach(() => {
    network = new SimulatedNetwork();
    [a, b, c] = [network.node("10.0.0.1"), network.node("10.0.0.2"), network.node("10.0.0.3")];
  });

  /** a (65001) and b (65002), Established. */
  function meet(parts: Partial<PeerConfig> = {}, speaker: Partial<SpeakerConfig> = {}): void {
    network.configure(a, 65001, [peerOf(b.address, 65002, parts)], speaker);
    network.configure(b, 65002, [peerOf(a.address, 65001)], speaker);
    network.run(5_000);
    expect(a.status(b.address).phase).toBe("established");
    expect(b.status(a.address).phase).toBe("established");
  }

  describe("reaches Established", () => {
    const ways: { name: string; ofA: Partial<PeerConfig>; ofB: Partial<PeerConfig> }[] = [
      { name: "when both dial at once", ofA: {}, ofB: {} },
      { name: "when the other waits", ofA: {}, ofB: { passive: true } },
      { name: "when it waits", ofA: { passive: true }, ofB: {} },
    ];
    for (const { name, ofA, ofB } of ways) {
      it(`${name}, once and for good`, () => {
        network.configure(a, 65001, [peerOf(b.address, 65002, ofA)]);
        network.configure(b, 65002, [peerOf(a.address, 65001, ofB)]);
        network.run(600_000);
        for (const status of [a.status(b.address), b.status(a.address)]) {
          expect(status).toMatchObject({ phase: "established", flaps: 0 });
        }
        const phases = a.statuses.map(({ phase }) => phase);
        expect(phases.filter((phase) => phase === "established").length).toBe(1);
      });
    }

    it("with a peer that comes up later", () => {
      b.isUp = false;
      network.configure(a, 65001, [peerOf(b.address, 65002)]);
      network.run(20_000);
      expect(a.status(b.address)).toMatchObject({ phase: "active", lastFailure: { text: "connection refused" } });
      b.isUp = true;
      network.configure(b, 65002, [peerOf(a.address, 65001, { passive: true })]);
      network.run(6_000);
      expect(a.status(b.address).phase).toBe("established");
    });
  });

  describe("refuses", () => {
    it("a connection from an address that is no peer's, with Cease/Connection Rejected", () => {
      meet();
      network.intrude(a, "10.0.0.99");
      const last = network.messages({ to: "10.0.0.99" }).at(-1);
      expect(last).toMatchObject({ type: "notification", code: 6, subcode: 5 });
      expect(a.status(b.address).flaps).toBe(0);
    });

    it("a connection that arrives on another address than the configured one", () => {
      network.configure(a, 65001, [peerOf(b.address, 65002, { localAddress: "10.0.0.77", passive: true })]);
      network.configure(b, 65002, [peerOf(a.address, 65001)]);
      network.run(20_000);
      expect(a.status(b.address).phase).toBe("active");
      expect(b.status(a.address).lastFailure?.text).toContain("Connection Rejected");
    });

    it("a peer of another AS than the configured one, and says so to both", () => {
      network.configure(a, 65001, [peerOf(b.address, 65009)]);
      network.configure(b, 65002, [peerOf(a.address, 65001)]);
      network.run(10_000);
      expect(a.status(b.address).lastFailure).toMatchObject({ notification: { sentBy: "us", code: 2, subcode: 2 } });
      expect(b.status(a.address).lastFailure).toMatchObject({ notification: { sentBy: "peer", code: 2, subcode: 2 } });
    });

    it("garbage with its NOTIFICATION, waits, and leaves other peers alone", () => {
      b.isUp = false;
      network.configure(a, 65001, [peerOf(b.address, 65002, { passive: true }), peerOf(c.address, 65003)]);
      network.configure(c, 65003, [peerOf(a.address, 65001)]);
      network.run(1_000);
      network.intrude(a, b.address)(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: router\r\n\r\n"));
      const notification = { type: "notification", code: 1, subcode: 1 };
      expect(network.messages({ to: b.address }).at(-1)).toMatchObject(notification);
      expect(a.status(b.address)).toMatchObject({
        phase: "idle",
        lastFailure: { notification: { sentBy: "us", code: 1, subcode: 1 } },
        session: null,
      });
      network.intrude(a, b.address);
      expect(network.messages({ to: b.address }).at(-1)).toMatchObject({ type: "notification", code: 6, subcode: 5 });
      network.run(2_000);
      expect(a.status(b.address).phase).toBe("active");
      expect(a.status(c.address)).toMatchObject({ phase: "established", flaps: 0 });
    });
  });

  describe("withholds a peer to which something is missing", () => {
    const withheld = { reason: "there is no Secret bgp" };

    it("in both directions, says why, and begins when it is there", () => {
      network.configure(a, 65001, [peerOf(b.address, 65002, { withheld })]);
      network.configure(b, 65002, [peerOf(a.address, 65001)]);
      network.run(60_000);
      expect(a.status(b.address)).toMatchObject({ phase: "idle", lastFailure: { text: withheld.reason } });
      expect(a.speaker.peer(b.address)?.journal.filter(({ reason }) => reason === withheld.reason)).toHaveLength(1);
      expect(b.status(a.address).phase).not.toBe("established");
      network.configure(a, 65001, [peerOf(b.address, 65002)]);
      network.run(120_000);
      expect(a.status(b.address).phase).toBe("established");
      network.configure(a, 65001, [peerOf(b.address, 65002, { withheld })]);
      network.run(1_000);
      expect(a.status(b.address)).toMatchObject({ phase: "idle", lastFailure: { text: withheld.reason } });
    });

    it("and does not wait for it after its own restart", () => {
      const restarting = { deadlineSeconds: 600 };
      network.configure(a, 65001, [peerOf(b.address, 65002, { withheld })], { restarting });
      network.originate(a, "192.0.2.0/24");
      network.run(1_000);
      expect(a.other).toEqual([{ type: "tableComplete" }]);
    });
  });

  describe("exchanges routes", () => {
    it("of both families over one session, and their withdrawal", () => {
      meet();
      network.originate(a, "203.0.113.0/24", "2001:db8:1::/48");
      network.originate(b, "198.51.100.0/24");
      network.run(100);
      expect(b.best.get("203.0.113.0/24")).toMatchObject({ nextHops: [a.address], from: a.address });
      expect(b.best.get("2001:db8:1::/48")).toMatchObject({ nextHops: ["fd00::1"], from: a.address });
      expect(a.best.get("203.0.113.0/24")).toMatchObject({ nextHops: [], from: "local" });
      expect(b.status(a.address).session?.families).toEqual([
        { family: 4, received: 1, accepted: 1, filtered: 0, advertised: 1 },
        { family: 6, received: 1, accepted: 1, filtered: 0, advertised: 0 },
      ]);
      network.originate(a, "2001:db8:1::/48");
      network.run(100);
      expect(b.best.get("203.0.113.0/24")).toMatchObject({ nextHops: [], from: null });
      expect(b.nextHops("2001:db8:1::/48")).toEqual(["fd00::1"]);
    });

    it("that existed before the session, and those after", () => {
      network.originate(a, "203.0.113.0/24");
      meet();
      network.originate(a, "203.0.113.0/24", "203.0.113.128/25");
      network.run(100);
      expect(b.nextHops("203.0.113.0/24")).toEqual([a.address]);
      expect(b.nextHops("203.0.113.128/25")).toEqual([a.address]);
    });

    it("and passes what it learned from one AS to another, but not between peers of its own", () => {
      const d = network.node("10.0.0.4");
      network.configure(a, 65001, [peerOf(b.address, 65002)]);
      network.configure(b, 65002, [peerOf(a.address, 65001), peerOf(c.address, 65002), peerOf(d.address, 65002)]);
      network.configure(c, 65002, [peerOf(b.address, 65002)]);
      network.configure(d, 65002, [peerOf(b.address, 65002)]);
      network.originate(a, "203.0.113.0/24");
      network.originate(c, "198.51.100.0/24");
      network.run(5_000);
      expect(c.nextHops("203.0.113.0/24")).toEqual([a.address]);
      expect(d.nextHops("203.0.113.0/24")).toEqual([a.address]);
      expect(a.nextHops("198.51.100.0/24")).toEqual([b.address]);
      expect(d.nextHops("198.51.100.0/24")).toEqual([]);
      const [route] = a.speaker.routes({ prefix: "198.51.100.0/24" });
      expect(route).toMatchObject({ asPath: "65002", from: b.address, localPref: null });
    });

    it("and survives attributes that are wrong, and says so", () => {
      meet();
      network.tell(a, { type: "configure", config: withNextHop("127.0.0.1") });
      network.originate(a, "203.0.113.0/24");
      network.run(100);
      expect(b.status(a.address)).toMatchObject({
        phase: "established",
        session: { attributeFaults: { count: 1, lastText: expect.stringContaining("treated as withdrawn") } },
      });
      expect(b.best.get("203.0.113.0/24")).toBeUndefined();
    });

    function withNextHop(address: string): SpeakerConfig {
      const config = speakerOf(a, 65001, { peers: [peerOf(b.address, 65002)] });
      return { ...config, peers: config.peers.map((peer) => ({ ...peer, nextHop: { 4: address } })) };
    }

    it("again when the peer asks for them (RFC 2918 §4)", () => {
      network.originate(a, "203.0.113.0/24");
      meet();
      const before = updatesTo(network, b.address).length;
      network.tell(b, { type: "refresh", peer: a.address });
      network.run(100);
      const again = updatesTo(network, b.address).slice(before);
      expect(again.some((update) => update.type === "update" && update.announced.length === 1)).toBe(true);
    });

    it("and stops while the peer does not read, sending the latest state once it does", () => {
      meet();
      a.isDraining = false;
      const many = Array.from({ length: 100_000 }, (_, i) => `${10 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}.0/24`);
      network.originate(a, ...many);
      network.run(1_000);
      const early = a.status(b.address).session?.families[0]?.advertised ?? 0;
      expect(early).toBeGreaterThan(1_000);
      expect(early).toBeLessThan(100_000);
      network.originate(a, "192.0.2.0/24");
      a.isDraining = true;
      network.tell(a, { type: "drained", connection: 1 });
      network.tell(a, { type: "drained", connection: -1 });
      network.run(2_000);
      expect(b.status(a.address).session?.families[0]?.received).toBe(1);
      const received = updatesTo(network, b.address).reduce((sum, each) => sum + announcedIn(each), 0);
      expect(received).toBeLessThan(100_000);
    }, 120_000);

    it("in slices, both when they come and when their peer goes", () => {
      meet();
      const many = Array.from({ length: 100_000 }, (_, i) => `${10 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}.0/24`);
      network.originate(a, ...many);
      network.run(1_000);
      expect(b.told.length).toBe(100_000);
      network.kill(a);
      network.run(1_000);
      expect(b.told.length).toBe(200_000);
      expect(Math.max(a.largestBatch, b.largestBatch)).toBeLessThanOrEqual(4096);
    });
  });

  describe("heeds a changed configuration", () => {
    beforeEach(() => {
      network.originate(a, "203.0.113.0/24");
      network.originate(b, "198.51.100.0/24");
      network.configure(a, 65001, [peerOf(b.address, 65002), peerOf(c.address, 65003)]);
      network.configure(b, 65002, [peerOf(a.address, 65001)]);
      network.configure(c, 65003, [peerOf(a.address, 65001)]);
      network.run(5_000);
    });

    const hitless: { name: string; change: Partial<PeerConfig> }[] = [
      { name: "nothing", change: {} },
      { name: "the role", change: { role: "mesh" } },
      { name: "who dials", change: { passive: true } },
      { name: "the import policy", change: { importPolicy: { accept: [] } } },
      { name: "the export policy", change: { exportPolicy: { accept: [] } } },
      { name: "the next hop", change: { nextHop: { 4: "10.0.0.100", 6: "fd00::100" } } },
    ];
    for (const { name, change } of hitless) {
      it(`without losing a session when ${name} changes`, () => {
        network.tell(a, { type: "configure", config: configOfA(change) });
        network.run(5_000);
        expect(a.status(b.address)).toMatchObject({ phase: "established", flaps: 0 });
        expect(b.status(a.address)).toMatchObject({ phase: "established", flaps: 0 });
      });
    }

    function configOfA(change: Partial<PeerConfig>): SpeakerConfig {
      const config = speakerOf(a, 65001, { peers: [peerOf(b.address, 65002), peerOf(c.address, 65003)] });
      return {
        ...config,
        peers: config.peers.map((peer) => (peer.name === b.address ? { ...peer, ...change } : peer)),
      };
    }

    it("by withdrawing what the export policy no longer lets pass, and telling it again later", () => {
      network.tell(a, { type: "configure", config: configOfA({ exportPolicy: { accept: [] } }) });
      network.run(100);
      expect(b.best.get("203.0.113.0/24")?.from).toBeNull();
      expect(c.nextHops("203.0.113.0/24")).toEqual([a.address]);
      network.tell(a, { type: "configure", config: configOfA({}) });
      network.run(100);
      expect(b.nextHops("203.0.113.0/24")).toEqual([a.address]);
    });

    it("by dropping what the import policy no longer lets pass, and taking it again without asking", () => {
      network.tell(a, { type: "configure", config: configOfA({ importPolicy: { accept: [] } }) });
      network.run(100);
      expect(a.best.get("198.51.100.0/24")?.from).toBeNull();
      expect(a.status(b.address).session?.families[0]).toMatchObject({ received: 1, accepted: 0, filtered: 1 });
      network.tell(a, { type: "configure", config: configOfA({}) });
      network.run(100);
      expect(a.nextHops("198.51.100.0/24")).toEqual([b.address]);
    });

    it("by resetting that session alone when the hold time changes", () => {
      network.tell(a, { type: "configure", config: configOfA({ holdSeconds: 30 }) });
      network.run(10_000);
      expect(a.status(b.address)).toMatchObject({ phase: "established", session: { holdSeconds: 30 } });
      expect(b.status(a.address).lastFailure?.text).toContain("Other Configuration Change");
      expect(c.status(a.address).flaps).toBe(0);
    });

    it("by a Cease to a peer that is no longer configured, and without its routes", () => {
      network.configure(a, 65001, [peerOf(c.address, 65003)]);
      network.run(100);
      expect(b.status(a.address).lastFailure?.text).toContain("De-configured");
      expect(a.best.get("198.51.100.0/24")?.from).toBeNull();
      expect(a.speaker.peers().map(({ name }) => name)).toEqual([c.address]);
    });

    it("by refusing one that could not work, unchanged", () => {
      const broken = configOfA({ holdSeconds: 2 });
      expect(() => network.tell(a, { type: "configure", config: broken })).toThrow("peers[10.0.0.2].holdSeconds");
      expect(a.status(b.address).phase).toBe("established");
    });
  });

  describe("with graceful restart (RFC 4724 §4)", () => {
    beforeEach(() => {
      meet({}, { gracefulRestart });
      network.originate(a, "203.0.113.0/24", "2001:db8:1::/48", "192.0.2.0/24");
      network.originate(b, "198.51.100.0/24");
      network.run(1_000);
      b.told.length = 0;
    });

    /** a comes back, and by now has one prefix less. */
    function returnOfA(parts: Partial<SpeakerConfig> = { restarting: { deadlineSeconds: 60 } }): void {
      a.isUp = true;
      a.best.clear();
      a.told.length = 0;
      network.configure(a, 65001, [peerOf(b.address, 65002)], { gracefulRestart, ...parts });
      network.originate(a, "203.0.113.0/24", "2001:db8:1::/48");
    }

    it("keeps the routes of a peer that died until it has told them again", () => {
      network.kill(a);
      network.run(20_000);
      expect(b.told).toEqual([]);
      expect(b.status(a.address)).toMatchObject({ session: null, flaps: 1 });
      returnOfA();
      network.run(10_000);
      expect(b.status(a.address).phase).toBe("established");
      expect(b.told).toEqual([{ prefix: "192.0.2.0/24", nextHops: [], from: null }]);
    });

    it("lets them go when the peer does not come back in time", () => {
      network.kill(a);
      network.run(119_000);
      expect(b.told).toEqual([]);
      network.run(2_000);
      expect(b.told.length).toBe(3);
      expect(b.told.every(({ from }) => from === null)).toBe(true);
    });

    it("lets them go at once when the peer says goodbye", () => {
      network.tell(a, { type: "stop", keepForwarding: false, text: "maintenance" });
      network.run(100);
      expect(b.told.length).toBe(3);
      expect(b.status(a.address).lastFailure?.text).toContain("maintenance");
    });

    it("keeps them when the peer stops without a word, to be replaced", () => {
      network.tell(a, { type: "stop", keepForwarding: true });
      network.run(100);
      network.kill(a);
      returnOfA();
      network.run(10_000);
      expect(b.told).toEqual([{ prefix: "192.0.2.0/24", nextHops: [], from: null }]);
    });

    it("lets them go when the peer comes back without having gone on forwarding", () => {
      network.kill(a);
      returnOfA({ gracefulRestart: { restartSeconds: 120, forwardingKept: false } });
      network.run(10_000);
      expect(b.told.filter(({ from }) => from === null).length).toBe(3);
      expect(b.nextHops("203.0.113.0/24")).toEqual([a.address]);
    });

    it("takes over a session whose end the peer has not noticed", () => {
      network.vanish(a);
      network.run(10_000);
      expect(b.status(a.address).phase).toBe("established");
      returnOfA();
      network.run(10_000);
      expect(b.status(a.address).phase).toBe("established");
      expect(b.told).toEqual([{ prefix: "192.0.2.0/24", nextHops: [], from: null }]);
    });

    it("decides and announces nothing after its own restart before its peers have told all", () => {
      network.kill(a);
      network.configure(b, 65002, [peerOf(a.address, 65001, { passive: true }), peerOf(c.address, 65003)], {
        gracefulRestart,
      });
      network.configure(c, 65003, [peerOf(b.address, 65002), peerOf(a.address, 65001)], { gracefulRestart });
      network.run(5_000);
      c.isUp = false;
      a.isUp = true;
      a.told.length = 0;
      a.other.length = 0;
      const peers = [peerOf(b.address, 65002), peerOf(c.address, 65003)];
      network.configure(a, 65001, peers, { gracefulRestart, restarting: { deadlineSeconds: 60 } });
      network.originate(a, "203.0.113.0/24");
      network.run(50_000);
      expect(a.status(b.address).phase).toBe("established");
      expect([a.told, a.other]).toEqual([[], []]);
      expect(b.told.filter(({ from }) => from === null)).toEqual([]);
      expect(a.speaker.summary().restart?.peers).toEqual([c.address]);
      network.run(11_000);
      expect(a.speaker.summary().restart).toBeUndefined();
      expect(a.nextHops("198.51.100.0/24")).toEqual([b.address]);
    });

    it("leaves what a peer had told before our restart to its restart time, when we decide without it", () => {
      network.kill(a);
      const peers = [peerOf(b.address, 65002), peerOf(c.address, 65003)];
      a.isUp = true;
      a.other.length = 0;
      network.configure(a, 65001, peers, { gracefulRestart, restarting: { deadlineSeconds: 15 } });
      network.originate(a, "203.0.113.0/24");
      network.run(119_000);
      expect(a.nextHops("198.51.100.0/24")).toEqual([b.address]);
      expect(a.other).toEqual([]);
      network.run(2_000);
      expect(a.other).toEqual([{ type: "tableComplete" }]);
    });

    it("waits for what a peer tells that is replaced while we come back, and for nobody who is no peer any more", () => {
      network.kill(a);
      a.isUp = true;
      a.other.length = 0;
      const restarting = { deadlineSeconds: 15 };
      const configure = (...others: (typeof c)[]): void => {
        const peers = [peerOf(b.address, 65002), ...others.map(({ address }) => peerOf(address, 65003))];
        network.configure(a, 65001, peers, { gracefulRestart, restarting });
      };
      configure(c, network.node("10.0.0.4"));
      network.originate(a, "203.0.113.0/24");
      network.run(60_000);
      network.configure(c, 65003, [peerOf(a.address, 65001)], { gracefulRestart, restarting });
      network.run(10_000);
      expect(a.status(c.address).phase).toBe("established");
      network.originate(c, "192.0.2.0/24");
      network.run(10_000);
      expect(a.nextHops("192.0.2.0/24")).toEqual([c.address]);
      expect(a.other).toEqual([]);
      configure(c);
      network.run(100);
      expect(a.other).toEqual([{ type: "tableComplete" }]);
    });

    it("tells its peers that it has told all only once its own prefixes are known", () => {
      network.kill(a);
      a.isUp = true;
      const restarting = { deadlineSeconds: 60 };
      network.configure(a, 65001, [peerOf(b.address, 65002)], { gracefulRestart, restarting });
      network.run(10_000);
      expect(b.status(a.address).phase).toBe("established");
      expect(b.told).toEqual([]);
      network.originate(a, "203.0.113.0/24", "2001:db8:1::/48");
      network.run(1_000);
      expect(b.told).toEqual([{ prefix: "192.0.2.0/24", nextHops: [], from: null }]);
    });

    it("tells a peer's large table to another before it says that this was all", () => {
      const many = Array.from({ length: 20_000 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`);
      const meetAll = (parts: Partial<SpeakerConfig> = {}): void => {
        network.configure(a, 65001, [peerOf(b.address, 65002), peerOf(c.address, 65003)], {
          gracefulRestart,
          ...parts,
        });
      };
      meetAll();
      network.configure(c, 65003, [peerOf(a.address, 65001)], { gracefulRestart });
      network.originate(c, ...many);
      network.run(10_000);
      expect(b.nextHops("10.78.31.0/24")).toEqual([a.address]);
      b.told.length = 0;
      network.kill(a);
      a.isUp = true;
      meetAll({ restarting: { deadlineSeconds: 60 } });
      network.originate(a, "203.0.113.0/24", "2001:db8:1::/48", "192.0.2.0/24");
      network.run(10_000);
      expect(b.status(a.address)).toMatchObject({ phase: "established", flaps: 1 });
      expect(b.told).toEqual([]);
    });

    it("is not taken for dead again by the second dial of its present life", () => {
      network.kill(a);
      returnOfA();
      network.run(10_000);
      const restart = { restarting: true, restartSeconds: 120, families: [] };
      const open = { type: "open", asn: 65001, holdSeconds: 90, bgpId: 0x0a000001 } as const;
      const capabilities: Capability[] = [4, 6].map((family) => ({
        code: 1,
        name: "multiprotocol",
        family: family as 4 | 6,
      }));
      capabilities.push({ code: 64, name: "gracefulRestart", restart }, { code: 65, name: "fourOctetAs", asn: 65001 });
      network.intrude(b, a.address)(encodeMessage({ ...open, capabilities }, { fourOctetAs: true }));
      network.run(1_000);
      expect(b.status(a.address)).toMatchObject({ phase: "established", flaps: 1 });
    });

    it("waits for nobody when all of a mesh restart at once", () => {
      network.kill(a);
      network.kill(b);
      returnOfA();
      b.isUp = true;
      a.other.length = 0;
      b.other.length = 0;
      const restarting = { deadlineSeconds: 60 };
      network.configure(b, 65002, [peerOf(a.address, 65001)], { gracefulRestart, restarting });
      network.run(3_000);
      // Who sweeps now would lose the way to the other, which has decided nothing yet.
      expect([a.other, b.other]).toEqual([[], []]);
      network.originate(b, "198.51.100.0/24");
      network.run(10_000);
      expect(a.nextHops("198.51.100.0/24")).toEqual([b.address]);
      expect(b.nextHops("203.0.113.0/24")).toEqual([a.address]);
      expect([a.other, b.other]).toEqual([[{ type: "tableComplete" }], [{ type: "tableComplete" }]]);
    });
  });

  it("tells nothing of routes once it is stopped, so that its owner's kernel keeps them", () => {
    meet();
    network.originate(b, "198.51.100.0/24");
    network.run(100);
    a.told.length = 0;
    network.tell(a, { type: "stop", keepForwarding: false });
    network.run(10_000);
    expect(a.told).toEqual([]);
    expect(a.status(b.address)).toMatchObject({ phase: "idle", session: null });
    expect(b.status(a.address).phase).not.toBe("established");
  });

  it("tells nothing complete before it is, and then once", () => {
    meet();
    expect(a.other).toEqual([{ type: "tableComplete" }]);
  });
});

function updatesTo(network: SimulatedNetwork, address: string): Message[] {
  return network.messages({ to: address }).filter(({ type }) => type === "update");
}

function announcedIn(message: Message): number {
  if (message.type !== "update") return 0;
  return message.announced.reduce(
    (sum, { prefixes }) => sum + prefixes.words.length / (prefixes.family === 4 ? 2 : 5),
    0,
  );
}
