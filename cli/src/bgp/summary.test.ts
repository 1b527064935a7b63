import assert from "node:assert/strict";
import type { SpeakerSummary } from "@brindle/bgp";
import { describe, it } from "vitest";
import { nowMs, Rig } from "../testing.ts";

const down = { received: null, accepted: null, filtered: null, advertised: null };
const summary: SpeakerSummary = {
  asn: 65000,
  bgpId: "10.99.0.1",
  peers: [
    {
      name: "tor-a",
      address: "10.99.0.2",
      asn: 65001,
      state: "established",
      sinceMs: nowMs - 187_000,
      received: 12,
      accepted: 11,
      filtered: 1,
      advertised: 3,
    },
    { name: "tor-b", address: "10.99.0.3", asn: 65001, state: "connect", sinceMs: nowMs - 2_000, ...down },
  ],
  rib: { prefixes: 14, routes: 15, attributeSets: 2 },
  refused: { unknown: 0, known: 0, halfOpen: 0, rangeFull: 0, tooFar: 0 },
  fellBehind: 0,
};

describe("bgp summary", () => {
  const rig = new Rig({ "bgp.summary": () => summary });

  it("shows sessions, their routes while they are up, and the size of the table", async () => {
    const { out, exitCode } = await rig.run("bgp summary");
    assert.deepEqual(out.split("\n"), [
      "AS 65000, BGP identifier 10.99.0.1, 1 of 2 peers Established",
      "14 prefixes, 15 routes, 2 attribute sets",
      "",
      "NAME    ADDRESS     AS      STATE         SINCE   RECEIVED   ACCEPTED   FILTERED   ADVERTISED",
      "tor-a   10.99.0.2   65001   Established   3m07s   12         11         1          3",
      "tor-b   10.99.0.3   65001   Connect       2s      -          -          -          -",
      "",
    ]);
    assert.equal(exitCode, 0);
  });

  it("says what was turned away or not kept, where anything was", async () => {
    const refused = { unknown: 4, known: 0, halfOpen: 2, rangeFull: 0, tooFar: 0 };
    const limited = { prefixes: 7, paths: 0, attributes: 1, asPath: 0 };
    const [peer] = summary.peers;
    const peers = peer ? [{ ...peer, limited }] : [];
    const told = new Rig({ "bgp.summary": () => ({ ...summary, peers, refused, fellBehind: 3 }) });
    assert.deepEqual((await told.run("bgp summary")).out.split("\n").slice(2, 5), [
      "connections turned away: 4 of strangers, 2 half-open",
      "peers fell behind 3 times",
      "tor-a: beyond its limits 7 prefixes, 1 attribute sets too long",
    ]);
  });

  it("says what a speaker that took over waits for, and for how long", async () => {
    const told = async (peers: readonly string[]): Promise<string | undefined> => {
      const restart = { peers, deadlineMs: nowMs + 9_500 };
      const of = new Rig({ "bgp.summary": () => ({ ...summary, restart }) });
      return (await of.run("bgp summary")).out.split("\n")[2];
    };
    const begin = "took over from an earlier process: nothing is decided or told before it has";
    assert.equal(await told(["tor-a", "tor-b"]), `${begin} the tables of tor-a, tor-b, at most 10 s more`);
    assert.equal(await told([]), `${begin} its own prefixes, at most 10 s more`);
    const many = Array.from({ length: 8 }, (_, i) => `p${i}`);
    assert.equal(await told(many), `${begin} the tables of p0, p1, p2, p3, p4, 3 more, at most 10 s more`);
  });

  it("shows monitoring stations, and why one is not there", async () => {
    const lastFailure = { atMs: nowMs, text: "too slow: it has read nothing for 120 s" };
    const counts = { messages: 40, queuedBytes: 0, overruns: 1, lastFailure };
    const station = { name: "10.99.0.9:1790", sinceMs: nowMs - 2_000, monitor: ["inPrePolicy", "locRib"], ...counts };
    const told = new Rig({ "bgp.summary": () => ({ ...summary, peers: [], bmp: [{ ...station, state: "idle" }] }) });
    assert.deepEqual((await told.run("bgp summary")).out.split("\n").slice(2), [
      "",
      "STATION          STATE   SINCE   MONITORS             MESSAGES   QUEUED   OVERRUNS   LAST FAILURE",
      "10.99.0.9:1790   Idle    2s      inPrePolicy,locRib   40         0 B      1          too slow: it has read nothing for 120 s",
      "",
    ]);
  });

  it("hands on for a program what the speaker says", async () => {
    assert.deepEqual(JSON.parse((await rig.run("bgp summary -o json")).out), summary);
  });
});

describe("bgp reload", () => {
  const asked: object[] = [];
  const answer = { changes: [], resets: [], lost: [], lines: ["nothing changes"] };
  const rig = new Rig({
    "bgp.reload": () => answer,
    "bgp.plan": (params) => {
      asked.push(params);
      return answer;
    },
  });

  it("shows what the daemon did", async () => {
    assert.equal((await rig.run("bgp reload")).out, "nothing changes\n");
    assert.deepEqual(JSON.parse((await rig.run("bgp reload -o json")).out), { changes: [], resets: [], lost: [] });
  });

  it("asks about another file with its text", async () => {
    assert.equal((await rig.run("bgp reload --dry-run -f new.yaml", "asNumber: 1")).out, "nothing changes\n");
    assert.deepEqual(asked, [{ text: "asNumber: 1", file: "input" }]);
  });
});
