import { describe, expect, it } from "vitest";
import type { PeerStatus, SessionFailure, SessionPhase } from "../../control.ts";
import { sessionLog } from "./sessionLog.ts";

function rig() {
  const lines: string[] = [];
  const hear = sessionLog((line) => void lines.push(line));
  const peer = { name: "a", role: "peer", address: "10.0.0.2", asn: 65001, localAsn: 65000, sinceMs: 0 } as const;
  const status = (phase: SessionPhase, lastFailure: SessionFailure | null, name = "a"): PeerStatus => {
    return { ...peer, name, phase, lastFailure, flaps: 0, session: null };
  };
  return { lines, hear: (...told: Parameters<typeof status>): void => hear(status(...told)) };
}

describe("the operator's log", () => {
  it("tells of sessions that come and go, and why", () => {
    const { lines, hear } = rig();
    const refused = { atMs: 1, text: "connection refused" };
    hear("idle", refused);
    hear("connect", refused);
    hear("established", refused);
    hear("established", refused);
    hear("idle", { atMs: 2, text: "the hold timer" });
    hear("established", { atMs: 2, text: "the hold timer" });
    expect(lines).toEqual([
      "peer a: connection refused",
      "peer a: Established",
      "peer a: lost: the hold timer",
      "peer a: Established",
    ]);
  });

  it("tells the same failure every ten minutes, and how often it came meanwhile", () => {
    const { lines, hear } = rig();
    for (let i = 0; i <= 120; i++) hear("active", { atMs: i * 5_000, text: `no answer (${i} segments dropped)` });
    expect(lines).toEqual([
      "peer a: no answer (0 segments dropped)",
      "peer a: no answer (120 segments dropped) (119 more since it was told)",
    ]);
  });

  it("tells another failure at once, and the same one of another peer and of another loss", () => {
    const { lines, hear } = rig();
    hear("active", { atMs: 0, text: "connection refused" });
    hear("active", { atMs: 1, text: "host unreachable" });
    hear("active", { atMs: 2, text: "connection refused" });
    hear("active", { atMs: 2, text: "bad AS (a hint): AS 1" });
    hear("active", { atMs: 2, text: "bad AS (a hint): AS 2" });
    hear("active", { atMs: 3, text: "connection refused" }, "b");
    hear("established", null);
    hear("active", { atMs: 4, text: "reset" });
    hear("active", { atMs: 5, text: "connection refused" });
    expect(lines).toEqual([
      "peer a: connection refused",
      "peer a: host unreachable",
      "peer a: bad AS (a hint): AS 1",
      "peer a: bad AS (a hint): AS 2",
      "peer b: connection refused",
      "peer a: Established",
      "peer a: lost: reset",
      "peer a: connection refused",
    ]);
  });

  it("says that we ended what ended without a failure", () => {
    const { lines, hear } = rig();
    const old = { atMs: 1, text: "connection refused" };
    hear("idle", old);
    hear("established", old);
    hear("idle", old);
    expect(lines.at(-1)).toBe("peer a: lost: ended here");
  });

  // A peer of a range is gone with its session; who comes from its address later is another one, without a past.
  it("says nothing of a newcomer that bears the name of one that failed", () => {
    const { lines, hear } = rig();
    hear("established", null, "range/10.0.0.9");
    hear("active", { atMs: 1, text: "connection reset by the peer" }, "range/10.0.0.9");
    hear("openSent", null, "range/10.0.0.9");
    hear("established", null, "range/10.0.0.9");
    expect(lines.slice(1)).toEqual([
      "peer range/10.0.0.9: lost: connection reset by the peer",
      "peer range/10.0.0.9: Established",
    ]);
  });
});
