/** What RFCs want of a speaker beyond RFC 4271, each by its section: whole speakers in virtual time. */
import { beforeEach, describe, expect, it } from "vitest";
import { encodeMessage } from "../wire/codec.ts";
import type { BgpRole, Message } from "../wire/message.ts";
import type { PeerConfig, SpeakerConfig } from "./config.ts";
import { peerOf, SimulatedNetwork, type SimulatedNode } from "./testing.ts";

const gracefulRestart = { restartSeconds: 120, forwardingKept: true };
const prefix = "203.0.113.0/24";

let network: SimulatedNetwork;
let a: SimulatedNode;
let b: SimulatedNode;
let c: SimulatedNode;

beforeEach(() => {
  network = new SimulatedNetwork();
  [a, b, c] = [network.node("10.0.0.1"), network.node("10.0.0.2"), network.node("10.0.0.3")];
});

/** a (65001) dials b (65002): Established. */
function meet(ofA: Partial<PeerConfig> = {}, ofB: Partial<PeerConfig> = {}, parts: Partial<SpeakerConfig> = {}): void {
  network.configure(a, 65001, [peerOf(b.address, 65002, ofA)], parts);
  network.configure(b, 65002, [peerOf(a.address, 65001, { passive: true, ...ofB })], parts);
  network.run(5_000);
  expect(a.status(b.address).phase).toBe("established");
}

/** What `from` sent to `to`, in order. */
function messages(from: SimulatedNode, to: SimulatedNode): Message[] {
  return network.messages({ from: from.address, to: to.address });
}

function notifications(from: SimulatedNode, to: SimulatedNode): Message[] {
  return messages(from, to).filter(({ type }) => type === "notification");
}

describe("RFC 9687 §3 Send Hold Timer", () => {
  it("gives up a peer that reads nothing for eight minutes, with error code 8", () => {
    meet({ holdSeconds: 0 }, { holdSeconds: 0 });
    a.isDraining = false;
    network.originate(a, prefix);
    network.run(479_000);
    expect(a.status(b.address).phase).toBe("established");
    network.run(2_000);
    expect(a.status(b.address).lastFailure).toMatchObject({ notification: { sentBy: "us", code: 8, subcode: 0 } });
    expect(a.status(b.address).lastFailure?.text).toContain("Send Hold Timer Expired");
  });

  it("waits two hold times where that is longer", () => {
    meet({ holdSeconds: 300 }, { holdSeconds: 300 });
    a.isDraining = false;
    network.originate(a, prefix);
    network.run(599_000);
    expect(a.status(b.address).phase).toBe("established");
    network.run(2_000);
    expect(a.status(b.address).lastFailure).toMatchObject({ notification: { code: 8 } });
  });
});

describe("RFC 8538 graceful restart through a NOTIFICATION", () => {
  /** b's route at a, after b has told it. */
  function learn(parts: Partial<SpeakerConfig>): void {
    meet({}, {}, parts);
    network.originate(b, prefix);
    network.run(1_000);
    expect(a.nextHops(prefix)).toEqual([b.address]);
  }

  it("§4 keeps the routes of a peer that ends the session by a Cease", () => {
    learn({ gracefulRestart });
    network.tell(b, { type: "reset", peer: a.address, text: "new certificates" });
    expect(a.told.filter(({ prefix: told, from }) => told === prefix && from === null)).toEqual([]);
    network.run(10_000);
    expect(a.status(b.address)).toMatchObject({ phase: "established", flaps: 1 });
    expect(a.status(b.address).lastFailure?.text).toContain('"new certificates"');
    expect(a.told.filter(({ prefix: told, from }) => told === prefix && from === null)).toEqual([]);
  });

  it("§3.1 wraps a shutdown in a hard reset, after which nothing is kept", () => {
    learn({ gracefulRestart });
    network.tell(b, { type: "stop", keepForwarding: false, text: "decommissioned" });
    network.run(1_000);
    const [last] = notifications(b, a);
    expect(last).toMatchObject({ code: 6, subcode: 9 });
    expect(a.status(b.address).lastFailure?.text).toBe(
      'peer sent Cease/Hard Reset for Cease/Administrative Shutdown: "decommissioned"',
    );
    expect(a.nextHops(prefix)).toEqual([]);
  });

  it("keeps nothing, and sends no hard reset, where graceful restart was not agreed on", () => {
    learn({});
    network.tell(b, { type: "stop", keepForwarding: false });
    network.run(1_000);
    expect(notifications(b, a)).toMatchObject([{ code: 6, subcode: 2 }]);
    expect(a.nextHops(prefix)).toEqual([]);
  });
});

describe("RFC 4724 §3 the F bit", () => {
  /** Of the first family in each OPEN that a sent. */
  function forwardingBits(): (boolean | undefined)[] {
    return messages(a, b).flatMap((message) => {
      if (message.type !== "open") return [];
      const offered = message.capabilities.find(({ name }) => name === "gracefulRestart");
      return [offered?.name === "gracefulRestart" ? offered.restart.families[0]?.forwardingKept : undefined];
    });
  }

  it("is not set by a process that took nobody's place, and is once a session has been", () => {
    meet({}, {}, { gracefulRestart });
    network.tell(a, { type: "reset", peer: b.address });
    network.run(20_000);
    expect(forwardingBits()).toEqual([false, true]);
  });

  it("is set by one that took the place of another, whose routes are in the kernel", () => {
    meet({}, {}, { gracefulRestart, restarting: { deadlineSeconds: 10 } });
    expect(forwardingBits()).toEqual([true]);
  });
});

describe("RFC 4724 §4.1, RFC 8538 §4 a planned stop that keeps forwarding", () => {
  const open: Message = { type: "open", asn: 65002, holdSeconds: 90, bgpId: 2, capabilities: [] };
  const families = [{ family: 4, forwardingKept: false }] as const;
  const knowing = { restarting: false, restartSeconds: 60, families } as const;
  const cases = [
    { name: "a peer that does not know the N bit: without a word", restart: knowing, said: [] },
    {
      name: "a peer that knows it: by a reset that is no hard one",
      restart: { ...knowing, notifications: true },
      said: [{ code: 6, subcode: 4 }],
    },
  ] as const;
  it.each(cases)("ends the session with $name", ({ restart, said }) => {
    b.isUp = false;
    network.configure(a, 65001, [peerOf(b.address, 65002, { passive: true })], { gracefulRestart });
    const say = network.intrude(a, b.address);
    const capabilities = [
      { code: 1, name: "multiprotocol", family: 4 },
      { code: 64, name: "gracefulRestart", restart },
      { code: 65, name: "fourOctetAs", asn: 65002 },
    ] as const;
    for (const message of [{ ...open, capabilities }, { type: "keepalive" }] as const)
      say(encodeMessage(message, { fourOctetAs: true }));
    expect(a.status(b.address).phase).toBe("established");
    network.tell(a, { type: "stop", keepForwarding: true });
    expect(a.status(b.address).phase).toBe("idle");
    expect(notifications(a, b)).toMatchObject(said);
    expect(notifications(a, b)).toHaveLength(said.length);
  });
});

describe("RFC 9494 long-lived graceful restart", () => {
  const longLived = { gracefulRestart: { ...gracefulRestart, longLivedSeconds: 3_600 } };
  const noLlgr = "198.51.100.0/24";

  /** b tells a, which tells c; then b dies. */
  function lose(parts: Partial<SpeakerConfig>, ofC: Partial<SpeakerConfig> = parts): void {
    network.configure(a, 65001, [peerOf(b.address, 65002), peerOf(c.address, 65003)], parts);
    network.configure(b, 65002, [peerOf(a.address, 65001, { passive: true })], parts);
    network.configure(c, 65003, [peerOf(a.address, 65001, { passive: true })], ofC);
    network.originate(b, prefix, { prefix: noLlgr, communities: ["65535:7"] });
    network.run(5_000);
    network.kill(b);
    network.run(110_000);
    expect(a.nextHops(prefix)).toEqual([b.address]);
    expect(c.nextHops(prefix)).toEqual([a.address]);
    expect(a.nextHops(noLlgr)).toEqual([b.address]);
    network.run(20_000);
  }

  it("§4.2 keeps routes beyond the restart time, as long as the peer wished, but those with NO_LLGR", () => {
    lose(longLived);
    expect(a.nextHops(prefix)).toEqual([b.address]);
    expect(a.nextHops(noLlgr)).toEqual([]);
    expect(a.speaker.routes({ prefix })).toMatchObject([{ communities: [expect.stringMatching(/llgr|65535:6/i)] }]);
    network.run(3_600_000);
    expect(a.nextHops(prefix)).toEqual([]);
  });

  it("§4.3 prefers everything else to a last resort", () => {
    lose(longLived);
    expect(c.nextHops(prefix)).toEqual([a.address]);
    network.originate(c, prefix);
    network.run(1_000);
    expect(a.nextHops(prefix)).toEqual([c.address]);
  });

  it("§4.3 does not tell of a last resort who does not know what that is", () => {
    lose(longLived, { gracefulRestart });
    expect(a.nextHops(prefix)).toEqual([b.address]);
    expect(c.nextHops(prefix)).toEqual([]);
  });

  it("§4.2 is as before once the peer is back and has told its table", () => {
    lose(longLived);
    b.isUp = true;
    network.configure(b, 65002, [peerOf(a.address, 65001, { passive: true })], longLived);
    network.originate(b, prefix);
    network.run(120_000);
    expect(a.speaker.routes({ prefix })).toMatchObject([{ communities: [] }]);
  });

  it("keeps nothing beyond the restart time where that was not agreed on", () => {
    lose({ gracefulRestart });
    expect(a.nextHops(prefix)).toEqual([]);
  });
});

describe("RFC 7313 §4 Enhanced Route Refresh", () => {
  it("sends the table again between a beginning and an end", () => {
    meet();
    network.originate(a, prefix);
    network.run(1_000);
    const before = messages(a, b).length;
    network.tell(b, { type: "refresh", peer: a.address });
    network.run(1_000);
    const kinds = messages(a, b)
      .slice(before)
      .flatMap((message) => {
        if (message.type === "routeRefresh") return [`${message.demarcation} ${message.family}`];
        return message.type === "update" ? ["update"] : [];
      });
    expect(kinds).toEqual(["begin 4", "begin 6", "update", "end 4", "end 6"]);
  });

  it("drops what the peer does not name again, and nothing without a beginning", () => {
    network.configure(a, 65001, [peerOf(b.address, 65002, { passive: true })]);
    network.run(1_000);
    const send = network.intrude(a, b.address);
    const context = { fourOctetAs: true };
    const say = (message: Message): void => send(encodeMessage(message, context));
    const capabilities = [
      { code: 2, name: "routeRefresh" },
      { code: 70, name: "enhancedRouteRefresh" },
    ] as const;
    say({ type: "open", asn: 65002, holdSeconds: 90, bgpId: 2, capabilities: [...capabilities, fourOctets] });
    say({ type: "keepalive" });
    say(announcement([203 << 24, 24], [198 << 24, 24]));
    network.run(1_000);
    expect(received()).toBe(2);
    say({ type: "routeRefresh", family: 4, demarcation: "end" });
    network.run(1_000);
    expect(received()).toBe(2);
    say({ type: "routeRefresh", family: 4, demarcation: "begin" });
    say(announcement([203 << 24, 24]));
    network.run(1_000);
    expect(received()).toBe(2);
    say({ type: "routeRefresh", family: 4, demarcation: "end" });
    network.run(1_000);
    expect(received()).toBe(1);
  });

  it("leaves the other family fresh: a restart after it keeps that (RFC 4724 §4.2)", () => {
    const prefix6 = "2001:db8:7::/48";
    meet({}, {}, { gracefulRestart });
    network.originate(b, prefix, prefix6);
    network.run(1_000);
    const { session } = a.status(b.address);
    expect(session?.families.map(({ received }) => received)).toEqual([1, 1]);
    for (const demarcation of ["begin", "end"] as const) {
      const bytes = encodeMessage({ type: "routeRefresh", family: 4, demarcation }, { fourOctetAs: true });
      network.tell(a, { type: "bytes", connection: 1, bytes });
      network.run(1_000);
    }
    expect(a.nextHops(prefix)).toEqual([]);
    network.kill(b);
    network.run(10_000);
    expect(a.nextHops(prefix6)).toEqual(["fd00::2"]);
  });

  const fourOctets = { code: 65, name: "fourOctetAs", asn: 65002 } as const;

  function received(): number | undefined {
    return a.status(b.address).session?.families[0]?.received;
  }

  function announcement(...rows: [word: number, length: number][]): Message {
    const words = Uint32Array.from(rows.flatMap(([word, length]) => [word >>> 0, length]));
    return {
      type: "update",
      withdrawn: [],
      announced: [{ prefixes: { family: 4, words }, nextHop: { family: 4, value: 0x0a000002n } }],
      attributes: { origin: "igp", asPath: [{ type: "sequence", asns: [65002] }] },
      endOfRib: null,
      faults: [],
    };
  }
});

describe("RFC 9234 roles", () => {
  it("§4.2 refuses a pair that cannot be with Role Mismatch", () => {
    network.configure(a, 65001, [peerOf(b.address, 65002, { localRole: "provider" })]);
    network.configure(b, 65002, [peerOf(a.address, 65001, { localRole: "provider" })]);
    network.run(10_000);
    expect(a.status(b.address).phase).not.toBe("established");
    expect([...notifications(a, b), ...notifications(b, a)]).toContainEqual(
      expect.objectContaining({ code: 2, subcode: 11 }),
    );
  });

  it("§4.2 takes a peer without a role, but not where we are strict", () => {
    meet({ localRole: "provider" });
    network.configure(a, 65001, [peerOf(b.address, 65002, { localRole: "provider", strictRole: true })]);
    network.run(10_000);
    expect(a.status(b.address)).toMatchObject({ lastFailure: { notification: { code: 2, subcode: 11 } } });
  });

  /** a — b — c in a row: what b hears from a, it may tell c. Gives what c holds. */
  function through(bToA: BgpRole, aToB: BgpRole, bToC: BgpRole, cToB: BgpRole): readonly string[] {
    network.configure(a, 65001, [peerOf(b.address, 65002, { localRole: aToB })]);
    network.configure(c, 65003, [peerOf(b.address, 65002, { localRole: cToB })]);
    network.configure(b, 65002, [
      peerOf(a.address, 65001, { localRole: bToA }),
      peerOf(c.address, 65003, { localRole: bToC }),
    ]);
    network.originate(a, prefix);
    network.run(10_000);
    expect(b.nextHops(prefix)).toEqual([a.address]);
    return c.nextHops(prefix);
  }

  const valleys: { name: string; roles: [BgpRole, BgpRole, BgpRole, BgpRole]; isTold: boolean }[] = [
    { name: "a provider's route to a customer", roles: ["customer", "provider", "provider", "customer"], isTold: true },
    {
      name: "a provider's route to a provider",
      roles: ["customer", "provider", "customer", "provider"],
      isTold: false,
    },
    { name: "a provider's route to a peer", roles: ["customer", "provider", "peer", "peer"], isTold: false },
    { name: "a peer's route to a peer", roles: ["peer", "peer", "peer", "peer"], isTold: false },
    { name: "a peer's route to a provider", roles: ["peer", "peer", "customer", "provider"], isTold: false },
    { name: "a peer's route to a customer", roles: ["peer", "peer", "provider", "customer"], isTold: true },
    { name: "a customer's route to a provider", roles: ["provider", "customer", "customer", "provider"], isTold: true },
    { name: "a customer's route to a peer", roles: ["provider", "customer", "peer", "peer"], isTold: true },
    {
      name: "a route server's route to a provider",
      roles: ["routeServerClient", "routeServer", "customer", "provider"],
      isTold: false,
    },
  ];
  for (const { name, roles, isTold } of valleys) {
    it(`§5 ${isTold ? "tells" : "does not tell"} ${name}`, () => {
      expect(through(...roles)).toEqual(isTold ? [b.address] : []);
    });
  }

  it("§5 marks what goes down with our AS, once", () => {
    through("customer", "provider", "provider", "customer");
    const [update] = messages(b, c).filter((each) => each.type === "update" && each.announced.length > 0);
    expect(update).toMatchObject({ attributes: { onlyToCustomer: 65001 } });
  });

  it("§5 does not use a marked route that a customer passes on", () => {
    network.configure(b, 65002, [peerOf(a.address, 65001, { localRole: "customer" }), peerOf(c.address, 65003)]);
    network.configure(a, 65001, [peerOf(b.address, 65002, { localRole: "provider" })]);
    network.configure(c, 65003, [peerOf(b.address, 65002, { localRole: "provider" })]); // b leaks: it says no role to c.
    network.originate(a, prefix);
    network.run(10_000);
    expect(c.nextHops(prefix)).toEqual([]);
    expect(c.speaker.routes({ prefix })).toMatchObject([{ lostBy: "routeLeak" }]);
  });
});

describe("RFC 4486 §4 Maximum Number of Prefixes Reached", () => {
  const many = ["198.51.100.0/24", "203.0.113.0/24", "192.0.2.0/24"];

  it("ends the session with the family and the limit, and stays away until it is reset", () => {
    meet({ maxPrefixes: { 4: 2, action: "reset" } });
    network.originate(b, ...many);
    network.run(3_600_000);
    expect(a.status(b.address)).toMatchObject({ phase: "idle", session: null });
    expect(a.status(b.address).lastFailure?.text).toMatch(/3 IPv4 prefixes, and 2 are allowed.*until it is reset here/);
    const [cease] = notifications(a, b);
    expect(cease).toMatchObject({ code: 6, subcode: 1, data: Uint8Array.of(0, 1, 1, 0, 0, 0, 2) });
    expect(many.map((each) => a.nextHops(each))).toEqual([[], [], []]);

    network.originate(b, "192.0.2.0/24");
    network.tell(a, { type: "reset", peer: b.address });
    network.run(60_000);
    expect(a.status(b.address).phase).toBe("established");
  });

  it("is a hard reset where a NOTIFICATION keeps routes (RFC 8538)", () => {
    meet({ maxPrefixes: { 4: 2, action: "reset" } }, {}, { gracefulRestart });
    network.originate(b, ...many);
    network.run(1_000);
    expect(notifications(a, b)).toMatchObject([{ code: 6, subcode: 9 }]);
    expect(a.nextHops(many[0] ?? "")).toEqual([]);
  });

  it("comes back by itself after the time that was given", () => {
    meet({ maxPrefixes: { 4: 2, action: "reset", restartSeconds: 600 } });
    network.originate(b, ...many);
    network.run(590_000);
    expect(a.status(b.address).phase).toBe("idle");
    network.originate(b, "192.0.2.0/24");
    network.run(60_000);
    expect(a.status(b.address)).toMatchObject({ phase: "established", flaps: 1 });
  });

  it("warns from three quarters on, and only that where that is all that is wanted", () => {
    meet({ maxPrefixes: { 4: 3, action: "warn" } });
    network.originate(b, ...many.slice(0, 2));
    network.run(1_000);
    expect(a.status(b.address).session?.warnings).toBeUndefined();
    network.originate(b, ...many);
    network.run(1_000);
    expect(a.status(b.address).session?.warnings).toEqual(["3 IPv4 prefixes, and 3 are allowed"]);
  });
});

describe("RFC 9003 shutdown communication", () => {
  it("tells the peer's operator why a session is shut down, and keeps it down", () => {
    meet();
    network.configure(a, 65001, [peerOf(b.address, 65002, { shutdown: { text: "rack 12 is moved" } })]);
    network.run(600_000);
    expect(a.status(b.address).phase).toBe("idle");
    expect(notifications(a, b)[0]).toMatchObject({ code: 6, subcode: 2 });
    const failures = b.statuses.map(({ lastFailure }) => lastFailure?.text);
    expect(failures).toContain('peer sent Cease/Administrative Shutdown: "rack 12 is moved"');
    network.configure(a, 65001, [peerOf(b.address, 65002)]);
    network.run(120_000);
    expect(a.status(b.address).phase).toBe("established");
  });

  it("tells why a session is reset, which comes back", () => {
    meet();
    network.tell(a, { type: "reset", peer: b.address, text: "try again" });
    network.run(60_000);
    expect(notifications(a, b)[0]).toMatchObject({ code: 6, subcode: 4 });
    expect(b.statuses.map(({ lastFailure }) => lastFailure?.text)).toContain(
      'peer sent Cease/Administrative Reset: "try again"',
    );
    expect(a.status(b.address).phase).toBe("established");
  });
});

describe("peers of a range", () => {
  const { name: _, address: __, passive: ___, ...template } = peerOf("10.0.0.2", 65002);
  const dynamicPeers = [
    { name: "rack", range: "10.0.0.0/24", limit: 2, template },
    { name: "one", range: "10.0.0.3/32", limit: 1, template: { ...template, asn: 65003 } },
  ];

  it("come by themselves, by the narrowest range, and are gone with their sessions", () => {
    network.configure(a, 65001, [], { dynamicPeers });
    network.configure(b, 65002, [peerOf(a.address, 65001)]);
    network.configure(c, 65003, [peerOf(a.address, 65001)]);
    network.originate(b, prefix);
    network.run(5_000);
    expect(a.status("rack/10.0.0.2").phase).toBe("established");
    expect(a.status("one/10.0.0.3").phase).toBe("established");
    expect(a.nextHops(prefix)).toEqual([b.address]);
    network.kill(b);
    network.run(1_000);
    expect(a.speaker.peers().map(({ name }) => name)).toEqual(["one/10.0.0.3"]);
    expect(a.nextHops(prefix)).toEqual([]);
  });

  it("stay for as long as their routes are kept (RFC 4724)", () => {
    network.configure(a, 65001, [], { dynamicPeers, gracefulRestart });
    network.configure(b, 65002, [peerOf(a.address, 65001)], { gracefulRestart });
    network.originate(b, prefix);
    network.run(5_000);
    network.kill(b);
    network.run(100_000);
    expect(a.nextHops(prefix)).toEqual([b.address]);
    network.run(30_000);
    expect(a.speaker.peers()).toEqual([]);
    expect(a.nextHops(prefix)).toEqual([]);
  });

  it("are refused with Out of Resources beyond the limit, and counted", () => {
    network.configure(a, 65001, [], { dynamicPeers });
    for (const address of ["10.0.0.10", "10.0.0.11", "10.0.0.12"]) network.intrude(a, address);
    expect(messages(a, network.node("10.0.0.12"))).toMatchObject([{ type: "notification", code: 6, subcode: 8 }]);
    expect(a.speaker.peers()).toHaveLength(2);
    network.intrude(a, "192.0.2.7");
    expect(a.speaker.summary().refused).toEqual({ unknown: 1, known: 0, halfOpen: 0, rangeFull: 1, tooFar: 0 });
  });

  it("end when their range does, and heed its new template", () => {
    network.configure(a, 65001, [], { dynamicPeers });
    network.configure(b, 65002, [peerOf(a.address, 65001)]);
    network.originate(b, prefix);
    network.run(5_000);
    const closed = dynamicPeers.map((range) => ({ ...range, template: { ...template, importPolicy: { accept: [] } } }));
    network.configure(a, 65001, [], { dynamicPeers: closed });
    network.run(1_000);
    expect(a.status("rack/10.0.0.2").phase).toBe("established");
    expect(a.nextHops(prefix)).toEqual([]);
    network.configure(a, 65001, []);
    network.run(1_000);
    expect(a.speaker.peers()).toEqual([]);
    expect(notifications(a, b)[0]).toMatchObject({ code: 6, subcode: 3 });
  });
});

describe("bounds of what one peer may hold", () => {
  it("have one connection of a peer that says nothing, however often it dials", () => {
    network.configure(a, 65001, [peerOf(b.address, 65002, { passive: true })]);
    for (let i = 0; i < 50; i++) network.intrude(a, b.address);
    const closed = messages(a, b).filter(({ type }) => type === "notification");
    expect(closed).toHaveLength(49);
  });
});
