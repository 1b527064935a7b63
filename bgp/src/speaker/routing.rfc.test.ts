/** What RFCs want of routes between peers, each by its section: whole speakers in virtual time. */
import { beforeEach, describe, expect, it } from "vitest";
import type { PathAttributes } from "../wire/message.ts";
import { anyOtherAs, type PeerConfig, type SpeakerConfig } from "./config.ts";
import { peerOf, SimulatedNetwork, type SimulatedNode } from "./testing.ts";

const prefix = "203.0.113.0/24";

let network: SimulatedNetwork;
let nodes: readonly [SimulatedNode, SimulatedNode, SimulatedNode, SimulatedNode];

beforeEach(() => {
  network = new SimulatedNetwork();
  nodes = [network.node("10.0.0.1"), network.node("10.0.0.2"), network.node("10.0.0.3"), network.node("10.0.0.4")];
});

function routeAt(node: SimulatedNode, wanted = prefix): ReturnType<typeof node.speaker.routes>[number] | undefined {
  return node.speaker.routes({ prefix: wanted }).find(({ best }) => best);
}

/** The attributes of what `from` announced to `to`, both of one AS. */
function announced(from: SimulatedNode, to: SimulatedNode): (PathAttributes | null)[] {
  const told = network.messages({ from: from.address, to: to.address }, false);
  return told.flatMap((message) =>
    message.type === "update" && message.announced.length > 0 ? [message.attributes] : [],
  );
}

describe("RFC 4456 route reflection", () => {
  /** b reflects between a, c and d, all of one AS. */
  function reflect(clients: readonly boolean[], ofB: Partial<SpeakerConfig> = {}): void {
    const [a, b, c, d] = nodes;
    const others = [a, c, d];
    for (const node of others) network.configure(node, 65001, [peerOf(b.address, 65001)]);
    const peers = others.map((node, i) => {
      return peerOf(node.address, 65001, { passive: true, ...(clients[i] && { routeReflectorClient: true }) });
    });
    network.configure(b, 65001, peers, ofB);
    network.run(5_000);
    network.originate(a, prefix);
    network.run(5_000);
  }

  it("§6: what a client says, all hear, with its own next hop", () => {
    const [a, , c, d] = nodes;
    reflect([true, false, false]);
    expect([c, d].map((node) => node.nextHops(prefix))).toEqual([[a.address], [a.address]]);
  });

  it("§6: what another says, clients alone hear", () => {
    const [a, , c, d] = nodes;
    reflect([false, true, false]);
    expect([c.nextHops(prefix), d.nextHops(prefix)]).toEqual([[a.address], []]);
  });

  it("§8: says who was first, and which cluster it came through", () => {
    const [, b, c] = nodes;
    reflect([true, true, true], { clusterId: "9.9.9.9" });
    expect(announced(b, c)).toMatchObject([{ originatorId: 0x0a000001, clusterList: [0x09090909] }]);
  });

  it("§8: does not take what has been in its cluster", () => {
    const [a, b, c] = nodes;
    // Two reflectors of one cluster, each a client of the other.
    network.configure(a, 65001, [peerOf(b.address, 65001)]);
    const shared = { clusterId: "9.9.9.9" };
    const client = { passive: true, routeReflectorClient: true } as const;
    network.configure(b, 65001, [peerOf(a.address, 65001, client), peerOf(c.address, 65001, client)], shared);
    network.configure(c, 65001, [peerOf(b.address, 65001, { routeReflectorClient: true })], shared);
    network.run(5_000);
    network.originate(a, prefix);
    network.run(5_000);
    expect(c.speaker.routes({ prefix })).toMatchObject([{ best: false, lostBy: "clusterLoop" }]);
  });

  it("without it, what one internal peer says, no other hears (RFC 4271 §9.2)", () => {
    const [, , c, d] = nodes;
    reflect([false, false, false]);
    expect([c.nextHops(prefix), d.nextHops(prefix)]).toEqual([[], []]);
  });
});

describe("RFC 4271 our own AS", () => {
  /** b, of AS 65002, is AS 65020 to a; c, of AS 65003, hears of it as 65002. */
  function present(ofB: Partial<PeerConfig>, ofC: Partial<PeerConfig> = {}): void {
    const [a, b, c] = nodes;
    network.configure(a, 65001, [peerOf(b.address, 65020)]);
    network.configure(c, 65003, [peerOf(b.address, 65002, ofC)]);
    const toA = peerOf(a.address, 65001, { passive: true, localAsn: 65020, ...ofB });
    network.configure(b, 65002, [toA, peerOf(c.address, 65003, { passive: true })]);
    network.run(5_000);
  }

  it("§4.2, §5.1.2: is another one to a peer that is to see another one, in OPEN and in paths", () => {
    const [a, b, c] = nodes;
    present({});
    network.originate(b, prefix);
    network.originate(c, "198.51.100.0/24");
    network.originate(a, "192.0.2.0/24");
    network.run(5_000);
    expect(b.status(a.address)).toMatchObject({ phase: "established", localAsn: 65020 });
    expect(b.status(c.address)).toMatchObject({ phase: "established", localAsn: 65002 });
    expect([routeAt(a)?.asPath, routeAt(a, "198.51.100.0/24")?.asPath]).toEqual(["65020", "65020 65003"]);
    expect([routeAt(c)?.asPath, routeAt(c, "192.0.2.0/24")?.asPath]).toEqual(["65002", "65002 65001"]);
  });

  it("§5.1.5: one that is the peer's makes an internal session, and changing it resets that one alone", () => {
    const [a, b, c] = nodes;
    network.configure(a, 65001, [peerOf(b.address, 65001)]);
    network.configure(c, 65003, [peerOf(b.address, 65002)]);
    const configure = (localAsn: number): void =>
      network.configure(b, 65002, [
        peerOf(a.address, 65001, { passive: true, localAsn }),
        peerOf(c.address, 65003, { passive: true }),
      ]);
    configure(65001);
    network.run(5_000);
    network.originate(b, prefix);
    network.run(5_000);
    expect(routeAt(a)).toMatchObject({ asPath: "", localPref: 100 });
    configure(65009);
    network.run(5_000);
    expect(b.status(a.address).phase).not.toBe("established");
    expect(b.status(c.address)).toMatchObject({ phase: "established", flaps: 0 });
  });

  it("§9.1.2: may stand in a path as often as is allowed, and no more often", () => {
    const [a, b] = nodes;
    const prepends = [{ operations: [{ prependASPath: { prefix: [65002, 65002] } }], action: "Accept" }] as const;
    const configure = (ownAsMax: number): void => {
      network.configure(a, 65001, [
        peerOf(b.address, 65002, { exportFilters: [{ name: "loop", rules: { 4: prepends } }] }),
      ]);
      network.configure(b, 65002, [peerOf(a.address, 65001, { passive: true, ownAsMax })]);
      network.run(5_000);
    };
    configure(1);
    network.originate(a, prefix);
    network.run(5_000);
    expect(b.speaker.routes({ prefix })).toMatchObject([{ best: false, lostBy: "asLoop" }]);
    const { sinceMs } = b.status(a.address);
    configure(2);
    expect(b.speaker.routes({ prefix })).toMatchObject([{ best: true, asPath: "65001 65002 65002" }]);
    expect(b.status(a.address).sinceMs).toBe(sinceMs);
    configure(0);
    expect(routeAt(b)).toBeUndefined();
  });
});

describe("a peer of any other AS", () => {
  it("is an external one, of the AS that its OPEN says", () => {
    const [a, b] = nodes;
    network.configure(a, 65001, [peerOf(b.address, 65002, { localRole: "peer" })]);
    network.configure(b, 65002, [peerOf(a.address, anyOtherAs, { passive: true, localRole: "peer" })]);
    network.run(5_000);
    network.originate(a, prefix);
    network.run(5_000);
    expect(b.status(a.address)).toMatchObject({ phase: "established", asn: 65001 });
    // RFC 9234 §5: what a peer marked with its own AS is no leak.
    expect(routeAt(b)?.asPath).toBe("65001");
    expect(b.speaker.summary().peers[0]?.asn).toBe(65001);
  });

  it("is not one of our own", () => {
    const [a, b] = nodes;
    network.configure(a, 65002, [peerOf(b.address, 65002)]);
    network.configure(b, 65002, [peerOf(a.address, anyOtherAs, { passive: true })]);
    network.run(5_000);
    expect(a.status(b.address).phase).not.toBe("established");
    expect(b.status(a.address).lastFailure?.text).toContain("AS 65002, which is ours");
  });
});

describe("RFC 4724 graceful restart with one peer", () => {
  const gracefulRestart = { restartSeconds: 120, forwardingKept: true };

  /** Whether b keeps the routes of a when a is gone without a word, and a those of b when b is. */
  function kept(ofB: PeerConfig["gracefulRestart"]): readonly [boolean, boolean] {
    const [a, b] = nodes;
    const lost = (gone: SimulatedNode, left: SimulatedNode, wanted: string): boolean => {
      for (const node of [a, b]) node.isUp = true;
      network.configure(a, 65001, [peerOf(b.address, 65002)], { gracefulRestart });
      network.configure(
        b,
        65002,
        [peerOf(a.address, 65001, { passive: true, ...(ofB !== undefined && { gracefulRestart: ofB }) })],
        { gracefulRestart },
      );
      network.run(5_000);
      network.originate(gone, wanted);
      network.run(5_000);
      expect(routeAt(left, wanted)).toBeDefined();
      network.kill(gone);
      network.run(1_000);
      return routeAt(left, wanted) !== undefined;
    };
    return [lost(a, b, prefix), lost(b, a, "198.51.100.0/24")];
  }

  it("is as the speaker says, where the peer has nothing of its own", () =>
    expect(kept(undefined)).toEqual([true, true]));

  it("§3: helps the peer alone, where that is all that is wanted", () => {
    expect(kept({ ...gracefulRestart, helperOnly: true })).toEqual([true, false]);
  });

  it("is not offered where it is not wanted", () => expect(kept(null)).toEqual([false, false]));
});

describe("RFC 8326 graceful shutdown", () => {
  it("§4.1: a route so marked is the last choice", () => {
    const [a, b, c] = nodes;
    network.configure(a, 65001, [peerOf(c.address, 65003)]);
    network.configure(b, 65002, [peerOf(c.address, 65003)]);
    network.configure(c, 65003, [
      peerOf(a.address, 65001, { passive: true }),
      peerOf(b.address, 65002, { passive: true }),
    ]);
    network.run(5_000);
    network.originate(a, prefix);
    network.originate(b, prefix);
    network.run(5_000);
    expect(routeAt(c)?.from).toBe(a.address);
    network.configure(a, 65001, [peerOf(c.address, 65003)], { gracefulShutdown: true });
    network.run(5_000);
    expect(routeAt(c)?.from).toBe(b.address);
    expect(c.speaker.routes({ prefix, peer: a.address })[0]).toMatchObject({
      communities: ["graceful-shutdown"],
      lostBy: "localPref",
    });
    network.configure(a, 65001, [peerOf(c.address, 65003)]);
    network.run(5_000);
    expect(routeAt(c)?.from).toBe(a.address);
    expect(a.status(c.address).flaps).toBe(0);
  });

  it("§4: inside the AS it is the local preference that says so", () => {
    const [a, b] = nodes;
    network.configure(a, 65001, [peerOf(b.address, 65001)], { gracefulShutdown: true });
    network.configure(b, 65001, [peerOf(a.address, 65001, { passive: true })]);
    network.originate(a, prefix);
    network.run(5_000);
    expect(routeAt(b)).toMatchObject({ localPref: 0, communities: ["graceful-shutdown"] });
  });
});

describe("multipath", () => {
  /** d hears the same prefix from a, b and c. */
  function meet(asns: readonly number[], multipath?: SpeakerConfig["multipath"]): void {
    const [a, b, c, d] = nodes;
    const others = [a, b, c];
    for (const [i, node] of others.entries()) network.configure(node, asns[i] ?? 0, [peerOf(d.address, 65004)]);
    const peers = others.map((node, i) => peerOf(node.address, asns[i] ?? 0, { passive: true }));
    network.configure(d, 65004, peers, multipath && { multipath });
    network.run(5_000);
    for (const node of others) network.originate(node, prefix);
    network.run(5_000);
  }

  it("is off unless it is asked for", () => {
    meet([65001, 65001, 65001]);
    expect(nodes[3].nextHops(prefix)).toEqual(["10.0.0.1"]);
  });

  it("uses routes side by side that only the last rules tell apart, the best first", () => {
    meet([65001, 65001, 65001], { paths: 8 });
    expect(nodes[3].nextHops(prefix)).toEqual(["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
  });

  it("uses as many as are allowed", () => {
    meet([65001, 65001, 65001], { paths: 2 });
    expect(nodes[3].nextHops(prefix)).toEqual(["10.0.0.1", "10.0.0.2"]);
    const rows = nodes[3].speaker.routes({ prefix }).toSorted((a, b) => (a.from < b.from ? -1 : 1));
    expect(rows).toMatchObject([
      { from: "10.0.0.1", best: true, used: true, lostBy: null },
      { from: "10.0.0.2", best: false, used: true, lostBy: "bgpId" },
      { from: "10.0.0.3", best: false, used: false, lostBy: "bgpId" },
    ]);
  });

  it("takes paths by other ASes for equal only where it is told to", () => {
    meet([65001, 65002, 65001], { paths: 8 });
    expect(nodes[3].nextHops(prefix)).toEqual(["10.0.0.1", "10.0.0.3"]);
  });

  it("takes them for equal then", () => {
    meet([65001, 65002, 65003], { paths: 8, relaxAsPath: true });
    expect(nodes[3].nextHops(prefix)).toEqual(["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
  });

  it("RFC 4271 §9.1.2.2 c: uses no route that is worse by MED than another of its AS, whoever is the best", () => {
    const [a, b, c, d] = nodes;
    const telling = (med: number): Partial<PeerConfig> => {
      return {
        exportFilters: [
          { name: "med", rules: { 4: [{ action: "Accept", operations: [{ setMED: { value: med } }] }] } },
        ],
      };
    };
    // a, the best by its identifier, is of another AS than b and c.
    network.configure(a, 65001, [peerOf(d.address, 65004, telling(50))]);
    network.configure(b, 65002, [peerOf(d.address, 65004, telling(20))]);
    network.configure(c, 65002, [peerOf(d.address, 65004, telling(10))]);
    const peers = [65001, 65002, 65002].map((asn, i) => peerOf(`10.0.0.${i + 1}`, asn, { passive: true }));
    network.configure(d, 65004, peers, { multipath: { paths: 8, relaxAsPath: true } });
    network.run(5_000);
    for (const node of [a, b, c]) network.originate(node, prefix);
    network.run(5_000);
    expect(d.nextHops(prefix)).toEqual([a.address, c.address]);
  });

  it("tells when one beside the best goes or comes, and no peer hears of it", () => {
    meet([65001, 65001, 65001], { paths: 8 });
    const d = nodes[3];
    const updates = (): number =>
      network.sent.filter(({ from, bytes }) => from === d.address && bytes[18] === 2).length;
    const before = updates();
    network.originate(nodes[1]);
    network.run(1_000);
    expect(d.nextHops(prefix)).toEqual(["10.0.0.1", "10.0.0.3"]);
    network.originate(nodes[1], prefix);
    network.run(1_000);
    expect(d.nextHops(prefix)).toEqual(["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
    expect(updates()).toBe(before);
  });

  it("may be turned on and off while it runs", () => {
    meet([65001, 65001, 65001]);
    const d = nodes[3];
    const peers = [0, 1, 2].map((i) => peerOf(`10.0.0.${i + 1}`, 65001, { passive: true }));
    network.configure(d, 65004, peers, { multipath: { paths: 4 } });
    network.run(1_000);
    expect(d.nextHops(prefix).length).toBe(3);
    network.configure(d, 65004, peers);
    network.run(1_000);
    expect(d.nextHops(prefix)).toEqual(["10.0.0.1"]);
    expect(d.status("10.0.0.1").flaps).toBe(0);
  });
});

describe("RFC 7911 several paths", () => {
  /** a and c tell b the same prefix; b tells d all that it has. */
  function meet(ofB: PeerConfig["addPath"], ofD: PeerConfig["addPath"]): void {
    const [a, b, c, d] = nodes;
    network.configure(a, 65001, [peerOf(b.address, 65002)]);
    network.configure(c, 65003, [peerOf(b.address, 65002)]);
    const passive = { passive: true } as const;
    const toD = peerOf(d.address, 65004, { ...passive, ...(ofB && { addPath: ofB }) });
    network.configure(b, 65002, [peerOf(a.address, 65001, passive), peerOf(c.address, 65003, passive), toD]);
    network.configure(d, 65004, [peerOf(b.address, 65002, ofD && { addPath: ofD })]);
    network.run(5_000);
    network.originate(a, prefix, "2001:db8:1::/48");
    network.originate(c, prefix, "2001:db8:1::/48");
    network.run(5_000);
  }

  const paths = (node: SimulatedNode, wanted = prefix): string[] => {
    return node.speaker
      .routes({ prefix: wanted })
      .map(({ asPath }) => asPath)
      .sort();
  };

  it("§3: tells all routes of a prefix, of both families", () => {
    const d = nodes[3];
    meet({ send: true }, { receive: true });
    expect(paths(d)).toEqual(["65002 65001", "65002 65003"]);
    expect(paths(d, "2001:db8:1::/48")).toEqual(["65002 65001", "65002 65003"]);
    expect(nodes[1].status(d.address).session?.families[0]).toMatchObject({ advertised: 2 });
  });

  it("§3: a route that goes takes its path alone, and the last one the prefix", () => {
    const [a, , c, d] = nodes;
    meet({ send: true }, { receive: true });
    network.originate(c);
    network.run(1_000);
    expect(paths(d)).toEqual(["65002 65001"]);
    network.originate(a);
    network.run(1_000);
    expect(paths(d)).toEqual([]);
    expect(d.nextHops(prefix)).toEqual([]);
  });

  it("§5: the route of the lower identifier is the best where nothing else tells them apart", () => {
    const d = nodes[3];
    meet({ send: true }, { receive: true });
    const routes = d.speaker.routes({ prefix });
    expect(routes.map(({ best, lostBy }) => [best, lostBy])).toEqual([
      [true, null],
      [false, "pathId"],
    ]);
  });

  it("§4: tells the best alone unless both sides have said so", () => {
    const d = nodes[3];
    meet({ send: true }, undefined);
    expect(paths(d)).toEqual(["65002 65001"]);
    meet({ receive: true }, { receive: true });
    expect(paths(d).length).toBe(1);
  });
});
