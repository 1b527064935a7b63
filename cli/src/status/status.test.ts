import assert from "node:assert/strict";
import type { AgentStatus } from "@brindle/api";
import { ControlError } from "@brindle/net";
import { describe, it } from "vitest";
import { nowMs, Rig } from "../testing.ts";

const status: AgentStatus = {
  nodeName: "node1",
  version: "0.1.0",
  sinceMs: nowMs - 3_600_000,
  store: { state: "connected", sinceMs: nowMs - 60_000 },
  pods: 2,
  blocks: [{ cidr: "10.1.0.0/26", pool: "pods", size: 64, inUse: 2 }],
  health: [{ part: "store", state: "ready", sinceMs: nowMs - 60_000, reason: null }],
  mistakes: [],
  sessions: { configured: 3, established: 2 },
  networkList: { path: "/etc/cni/net.d/10-brindle.conflist", isInPlace: true },
  problems: [],
};

describe("status", () => {
  it("tells a person what there is", async () => {
    const ended = await new Rig({ status: () => status }).run("status");
    assert.deepEqual(ended, {
      exitCode: 0,
      err: "",
      out: [
        "Node:        node1",
        "Agent:       version 0.1.0, running for 1h00m, ready",
        "Datastore:   connected for 1m00s",
        "BGP:         2 of 3 sessions are Established",
        "CNI:         /etc/cni/net.d/10-brindle.conflist is in its place",
        "Pods:        2",
        "Addresses:   IPv4: 2 of 64 in use, in 1 block",
        "",
        "PART    STATE   SINCE   REASON",
        "store   ready   1m00s   -",
        "",
        "BLOCK         POOL   ADDRESSES   IN USE",
        "10.1.0.0/26   pods   64          2",
        "",
      ].join("\n"),
    });
  });

  it("fails while a part is not ready, and says which and what is not acted on", async () => {
    const away: AgentStatus = {
      ...status,
      store: { state: "disconnected", sinceMs: nowMs - 5_000, reason: "connection refused" },
      health: [{ part: "store", state: "failing", sinceMs: nowMs - 5_000, reason: "connection refused" }],
      problems: ["BGPPeer tor-a: has a password"],
    };
    const { exitCode, out } = await new Rig({ status: () => away }).run("status");
    assert.equal(exitCode, 1);
    assert.match(out, /not ready\nDatastore: +away for 5s: connection refused\n/);
    assert.match(out, /\nstore +failing +5s +connection refused\n/);
    assert.match(out, /Not acted on:\n {2}BGPPeer tor-a: has a password\n$/);
  });
});

describe("status of a node with a mistake", () => {
  it("names it, and what to do", async () => {
    const mistaken: AgentStatus = {
      ...status,
      health: [{ part: "ipam", state: "failing", sinceMs: nowMs, reason: "no IPPool" }],
      mistakes: [
        {
          code: "PodCidrMissing",
          part: "ipam",
          effect: "unready",
          text: "no IPPool",
          remedy: "Make one.",
          sinceMs: nowMs,
        },
      ],
      networkList: { path: "/etc/cni/net.d/10-brindle.conflist", isInPlace: false },
    };
    const { exitCode, out } = await new Rig({ status: () => mistaken }).run("status");
    assert.equal(exitCode, 1);
    assert.match(out, /\nCNI: +\/etc\/cni\/net\.d\/10-brindle\.conflist is not in its place\n/);
    assert.match(out, /\nWhat is wrong, and what to do:\n {2}PodCidrMissing: no IPPool\n {4}Make one\.\n/);
  });
});

describe("version", () => {
  it("is the client's and the agent's", async () => {
    const { out } = await new Rig({ status: () => status }).run("version");
    assert.equal(out, "Client:   1.2.3\nAgent:    0.1.0 (node1)\n");
  });

  it("is the client's alone where no agent listens", async () => {
    const refuse = (code: string) => () => {
      throw new ControlError(code, "no");
    };
    const { exitCode, out } = await new Rig({ status: refuse("NOT_LISTENING") }).run("version");
    assert.deepEqual([exitCode, out], [0, "Client:   1.2.3\nAgent:    none at /run/test.sock\n"]);
    assert.equal((await new Rig({ status: refuse("DENIED") }).run("version")).exitCode, 1);
  });
});
