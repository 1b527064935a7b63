import assert from "node:assert/strict";
import type { AdvertisedRoute, PeerDetail } from "@brindle/bgp";
import { ControlError } from "@brindle/net";
import { describe, it } from "vitest";
import { nowMs, Rig } from "../testing.ts";

const counts = { open: 1, update: 2, notification: 0, keepalive: 3, routeRefresh: 0 };
const detail: PeerDetail = {
  name: "tor-a",
  role: "peer",
  address: "10.99.0.2",
  asn: 65001,
  localAsn: 65000,
  phase: "established",
  sinceMs: nowMs - 60_000,
  flaps: 1,
  lastFailure: { atMs: nowMs - 120_000, text: "hold timer\u001b[2J expired" },
  session: {
    remoteBgpId: "10.99.0.2",
    holdSeconds: 30,
    queuedBytes: 0,
    families: [{ family: 4, received: 3, accepted: 2, filtered: 1, advertised: 4 }],
  },
  messages: { sent: counts, received: { ...counts, update: 7 } },
  capabilities: [
    { code: 1, name: "multiprotocol", us: "IPv4", peer: "IPv4" },
    { code: 71, name: "unknown", us: null, peer: "0x00" },
  ],
  negotiated: {
    families: [4, 6],
    routeRefresh: true,
    messageBytesMax: 4096,
    receivedBytesMax: 65535,
    gracefulRestart: {
      restarting: false,
      restartSeconds: 120,
      families: [
        { family: 4, forwardingKept: true },
        { family: 6, forwardingKept: false },
      ],
    },
    longLived: [{ family: 4, staleSeconds: 600 }],
    addPath: [{ family: 6, send: true, receive: true }],
    peerRole: null,
    fieldOfTomorrow: 7,
  },
  journal: [
    { atMs: nowMs - 60_000, from: "openConfirm", to: "established", reason: null },
    {
      atMs: nowMs - 30_000,
      from: "connect",
      to: "active",
      reason: "refused",
      again: { count: 7, lastMs: nowMs - 2_000 },
    },
  ],
};
const told: AdvertisedRoute = {
  prefix: "10.1.0.0/24",
  nextHop: "10.99.0.1",
  asPath: "65000",
  origin: "igp",
  localPref: null,
  med: 5,
  communities: ["65000:1"],
  largeCommunities: ["65000:1:2"],
  acceptedBy: { filter: "out", place: 2 },
  change: "changed",
};

const asked: [string, object][] = [];
const rig = new Rig({
  "bgp.summary": () => ({ peers: [{ name: "tor-a", state: "established" }] }),
  "bgp.peer": () => detail,
  "bgp.advertised": (params) => {
    asked.push(["advertised", params]);
    return [told];
  },
  "bgp.rehearse": (params) => {
    asked.push(["rehearse", params]);
    return [told];
  },
});

function expectLine(out: string, name: string, value: string): void {
  const line = out.split("\n").find((each) => each.startsWith(`${name} `));
  assert.equal(line?.slice(name.length).trim(), value);
}

describe("bgp peer", () => {
  it("shows counters, capabilities and the past, without what would move a cursor", async () => {
    const { out } = await rig.run("bgp peer tor-a");
    assert.match(out, /^last failure +hold timer \[2J expired \(2m00s ago\)$/m);
    assert.match(out, /^IPv4 +3 received, 2 accepted, 1 filtered, 4 advertised$/m);
    assert.match(out, /^update +2 +7$/m);
    assert.match(out, /^code 71 +- +0x00$/m);
    assert.match(out, /^1m00s +\S+ +openConfirm +established +- +-$/m);
    assert.match(out, /^30s +\S+ +connect +active +refused +7 more, last 2s ago$/m);
  });

  it("tells in words what the two ends agreed on", async () => {
    const { out } = await rig.run("bgp peer tor-a");
    expectLine(out, "families", "IPv4, IPv6");
    expectLine(out, "route refresh", "yes");
    expectLine(out, "longest message", "4096 bytes sent, 65535 received");
    expectLine(out, "graceful restart", "the peer for 120s, IPv4 (forwarding kept), IPv6");
    expectLine(out, "long-lived restart", "IPv4 for 600s");
    expectLine(out, "several paths", "IPv6 sent and received");
    expectLine(out, "role of the peer", "-");
    expectLine(out, "fieldOfTomorrow", "7");
  });

  it("shows what BFD knows of the path, and why it broke last", async () => {
    const bfd = {
      state: "down" as const,
      remoteState: null,
      diagnostic: "control detection time expired",
      remoteDiagnostic: null,
      transmitMs: 1000,
      detectionMs: null,
      sinceMs: nowMs - 5_000,
    };
    const watched = new Rig({
      "bgp.summary": () => ({ peers: [{ name: "tor-a", state: "established" }] }),
      "bgp.peer": () => ({ ...detail, bfd }),
    });
    const { out } = await watched.run("bgp peer tor-a");
    const facts = "down, since 5s; nothing heard of the peer; a packet each 1000 ms";
    expectLine(out, "BFD", `${facts}; last diagnostic control detection time expired`);
    bfd.remoteState = "init" as never;
    assert.match((await watched.run("bgp peer tor-a")).out, /; the peer init;/);
    assert.doesNotMatch((await rig.run("bgp peer tor-a")).out, /BFD/);
  });

  it("hands on for a program what the speaker says", async () => {
    assert.deepEqual(JSON.parse((await rig.run("bgp peer tor-a -o json")).out), detail);
    assert.deepEqual(JSON.parse((await rig.run("bgp journal tor-a -o json")).out), detail.journal);
  });

  it("says which peers there are", async () => {
    const { err, exitCode } = await rig.run("bgp peer tor-b");
    assert.match(err, /there is no peer "tor-b"; did you mean tor-a\?/);
    assert.equal(exitCode, 1);
  });
});

describe("bgp advertised", () => {
  it("says where there is no session, and so nothing is told", async () => {
    assert.equal((await rig.run("bgp advertised tor-a")).err, "");
    const down = new Rig({
      "bgp.summary": () => ({ peers: [{ name: "tor-a", state: "active" }] }),
      "bgp.advertised": () => [told],
    });
    assert.match((await down.run("bgp advertised tor-a")).err, /^tor-a is not Established: it is told nothing/);
  });

  it("shows what leaves, and what lets it", async () => {
    const { out } = await rig.run("bgp advertised tor-a");
    assert.equal(
      out,
      [
        "PREFIX        NEXT HOP    AS PATH   LOCAL PREF   MED   COMMUNITIES         BY",
        "10.1.0.0/24   10.99.0.1   65000     -            5     65000:1 65000:1:2   filter out, rule 2",
        "",
      ].join("\n"),
    );
    assert.deepEqual(asked.pop(), ["advertised", { name: "tor-a", limit: 1_000 }]);
  });

  it("shows what another file would change", async () => {
    const { out } = await rig.run("bgp advertised tor-a -f new.yaml --limit 5", "asNumber: 1");
    assert.match(out, /^CHANGE +PREFIX/);
    assert.match(out, /^changed +10\.1\.0\.0\/24/m);
    assert.deepEqual(asked.pop(), ["rehearse", { name: "tor-a", limit: 5, text: "asNumber: 1", file: "input" }]);
  });

  // It names files that are looked for beside it, by a daemon in another folder.
  it("says where the other file is", async () => {
    await rig.run("bgp advertised tor-a -f new.yaml", { "new.yaml": "asNumber: 1" });
    assert.deepEqual(asked.pop(), [
      "rehearse",
      { name: "tor-a", limit: 1_000, text: "asNumber: 1", file: "/here/new.yaml" },
    ]);
  });
});

describe("routes of one question", () => {
  const queries: [string, object][] = [
    ["bgp route 10.1.0.0/24", { prefix: "10.1.0.0/24", bestOnly: false }],
    ["bgp route 10.1.0.7", { covering: "10.1.0.7", bestOnly: false }],
    ["bgp received tor-a", { peer: "tor-a", bestOnly: false }],
    ["bgp filtered tor-a", { peer: "tor-a", bestOnly: false, refusedOnly: true }],
    ["bgp filtered", { bestOnly: false, refusedOnly: true }],
  ];
  for (const [line, query] of queries) {
    it(`are asked for by ${line}`, async () => {
      const seen: object[] = [];
      const routes = new Rig({
        "bgp.summary": () => ({ peers: [{ name: "tor-a", state: "established" }] }),
        "bgp.routes": (params) => {
          seen.push(params);
          return [];
        },
      });
      await routes.run(line);
      assert.deepEqual(seen, [{ ...query, limit: 1_000 }]);
    });
  }
});

describe("bgp maintenance", () => {
  const calls: object[] = [];
  const maintenance = { phase: "draining", text: "optics", sinceMs: 0 };
  const rig = new Rig({
    "bgp.summary": () => ({ peers: [{ name: "tor-a" }, { name: "tor-b" }] }),
    "bgp.maintenance": (params) => {
      calls.push(params);
      const of = (name: string, status: object | null) => ({ name, phase: "established", maintenance: status });
      return [of("tor-a", maintenance), of("tor-b", { ...maintenance, phase: "down" }), of("tor-c", null)];
    },
  });

  it("says of each peer what becomes of it", async () => {
    const { out, exitCode } = await rig.run("bgp maintenance tor-a on --text optics --wait 2m");
    assert.deepEqual(out.split("\n"), [
      "tor-a: its routes are the last resort; the session ends in 120 s",
      "tor-b: down",
      "tor-c: no maintenance; the session may come back",
      "",
    ]);
    assert.equal(exitCode, 0);
    assert.equal((await rig.run("bgp maintenance --all off")).exitCode, 0);
    assert.deepEqual(calls, [
      { name: "tor-a", on: true, waitSeconds: 120, text: "optics" },
      { name: null, on: false, waitSeconds: 60 },
    ]);
  });

  for (const [line, problem] of [
    ["bgp maintenance tor-a", 'say on or off at the end, not "tor-a"'],
    ["bgp maintenance on", "say which peer, one at a time, or --all"],
    ["bgp maintenance tor-a tor-b on", "say which peer, one at a time, or --all"],
    ["bgp maintenance --all tor-a on", "--all is all peers: leave out tor-a"],
    ["bgp maintenance tor-a on --wait 2", "--wait 2 is no duration like 60s or 2m, a day at most"],
    ["bgp maintenance tor-a on --wait 25h", "--wait 25h is no duration like 60s or 2m, a day at most"],
  ] as const) {
    it(`refuses ${line}`, async () => {
      const before = calls.length;
      const { err, exitCode } = await rig.run(line);
      assert(err.includes(problem), err);
      assert.equal(exitCode, 2);
      assert.equal(calls.length, before);
    });
  }

  it("knows the peer", async () => assert.equal((await rig.run("bgp maintenance tor-d on")).exitCode, 1));
});

describe("bgp reset and bgp refresh", () => {
  const calls: [string, object][] = [];
  const session = new Rig({
    "bgp.summary": () => ({
      peers: [
        { name: "tor-a", state: "established" },
        { name: "tor-c", state: "active" },
      ],
    }),
    "bgp.reset": (params) => void calls.push(["reset", params]),
    "bgp.refresh": (params) => void calls.push(["refresh", params]),
  });

  it("name the peer, and say what the other operator reads", async () => {
    assert.equal((await session.run("bgp reset tor-a --text cabling")).exitCode, 0);
    assert.equal((await session.run("bgp reset tor-a")).exitCode, 0);
    assert.equal((await session.run("bgp refresh tor-a")).exitCode, 0);
    assert.deepEqual(calls, [
      ["reset", { name: "tor-a", text: "cabling" }],
      ["reset", { name: "tor-a" }],
      ["refresh", { name: "tor-a" }],
    ]);
  });

  it("do nothing to a peer that is not there", async () => {
    assert.equal((await session.run("bgp reset tor-b")).exitCode, 1);
    assert.equal(calls.length, 3);
  });

  it("speak of no session where there is none", async () => {
    assert.equal((await session.run("bgp reset tor-a")).out, "the session with tor-a ends, and may come back\n");
    const { out } = await session.run("bgp reset tor-c");
    assert.equal(out, "there is no session with tor-c (active); what was under way begins anew\n");
  });

  it("end with what the speaker says of a peer that cannot be asked", async () => {
    const refusing = new Rig({
      "bgp.summary": () => ({ peers: [{ name: "tor-c", state: "active" }] }),
      "bgp.refresh": () => {
        throw new ControlError("NO_SESSION", "tor-c is not Established");
      },
    });
    const { out, err, exitCode } = await refusing.run("bgp refresh tor-c");
    assert.deepEqual([out, err, exitCode], ["", "tor-c is not Established\n", 1]);
  });
});
