import assert from "node:assert/strict";
import type { PeerStatus } from "@brindle/bgp";
import { describe, it } from "vitest";
import { nowMs, Rig } from "../testing.ts";

const torA: PeerStatus = {
  name: "tor-a",
  role: "peer",
  address: "172.30.1.1",
  asn: 65001,
  localAsn: 64512,
  phase: "established",
  sinceMs: nowMs - 187_000,
  flaps: 1,
  lastFailure: { atMs: nowMs - 200_000, text: 'peer sent Cease/Administrative Shutdown: "maintenance"' },
  session: {
    remoteBgpId: "172.30.1.1",
    holdSeconds: 90,
    queuedBytes: 0,
    families: [
      { family: 4, received: 3, accepted: 1, filtered: 2, advertised: 4 },
      { family: 6, received: 1, accepted: 1, filtered: 0, advertised: 2 },
    ],
  },
};
const node2: PeerStatus = {
  ...torA,
  name: "node2",
  role: "mesh",
  address: "172.30.1.12",
  asn: 64512,
  phase: "openSent",
  flaps: 0,
  lastFailure: null,
  session: null,
};

function rig(peers: readonly PeerStatus[]): Rig {
  return new Rig({ "bgp.peers": () => peers, status: () => ({ nodeName: "node1" }) });
}

describe("bgp peers", () => {
  it("has a row for each family, and what the session is in the first", async () => {
    assert.equal(
      (await rig([torA, node2]).run("bgp peers")).out,
      [
        "NAME    ADDRESS       AS      STATE         SINCE   FAMILY   RECEIVED   ACCEPTED   FILTERED   ADVERTISED   LAST FAILURE",
        'tor-a   172.30.1.1    65001   Established   3m07s   IPv4     3          1          2          4            peer sent Cease/Administrative Shutdown: "maintenance" (3m20s ago)',
        "                                                    IPv6     1          1          0          2",
        "node2   172.30.1.12   64512   OpenSent      3m07s   -        -          -          -          -            -",
        "",
      ].join("\n"),
    );
  });

  it("tells in its wide form who the peer is and how often it was lost", async () => {
    const { out } = await rig([torA]).run("bgp peers -o wide");
    assert.match(
      out,
      /KIND +LOCAL AS +ROUTER ID +HOLD TIME +LOST +LAST FAILURE\n.*peer +64512 +172\.30\.1\.1 +90s +1 /,
    );
  });

  it("tells of wrong attributes that a session survived", async () => {
    assert.ok(torA.session);
    const attributeFaults = { count: 2, lastText: "ORIGIN of length 7\u001b[2J" };
    const { out } = await rig([{ ...torA, session: { ...torA.session, attributeFaults } }]).run("bgp peers");
    assert.match(out, /\ntor-a sent wrong attributes 2 times, the last: ORIGIN of length 7 \[2J\n$/);
  });

  it("hands programs what the agent said", async () => {
    assert.deepEqual(JSON.parse((await rig([torA]).run("bgp peers -o json")).out), [torA]);
  });

  it("says so where there are none", async () => {
    assert.equal((await rig([]).run("bgp peers")).out, "this node has no BGP peers\n");
  });

  it("fails where another node's agent answers than was asked for", async () => {
    assert.equal((await rig([]).run("bgp peers --node node1")).exitCode, 0);
    const { exitCode, err } = await rig([]).run("bgp peers --node node2");
    assert.equal(exitCode, 1);
    assert.match(err, /is that of node1, not of node2: run brindlectl on node2\n$/);
  });
});
