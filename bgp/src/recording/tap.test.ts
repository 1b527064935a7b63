import { describe, expect, it } from "vitest";
import { Speaker } from "../speaker/speaker.ts";
import { peerOf } from "../speaker/testing.ts";
import { replay } from "./record.ts";
import { firstRecording, forgottenAfterMs, Tap, waitingCharsMax } from "./tap.ts";

const password = "not for anybody";
const peers = [peerOf("10.0.0.2", 65002, { password })];
const config = { asn: 65001, bgpId: "10.0.0.1", listen: [], peers };
const turn = { nowMs: 1000, event: { type: "turn" }, actions: [] } as const;
const begun = { config, peers: [], nowMs: 1000 };

describe("a recording that begins midway", () => {
  it("has what happens between two questions, once, and no password", () => {
    const tap = new Tap();
    tap.add(turn);
    const { id, lines } = tap.begin(begun);
    expect(lines.join("\n")).not.toContain(password);
    expect(lines[1]).toContain('"asn":65001');
    tap.add(turn);
    tap.add({ ...turn, event: { type: "configure", config } });
    const piece = tap.take(id, { nowMs: 1500, isLast: false });
    expect(piece.lines.map((line) => JSON.parse(line).event.type)).toEqual(["turn", "configure"]);
    expect(piece.lines.join("\n")).not.toContain(password);
    expect(tap.take(id, { nowMs: 1600, isLast: true })).toEqual({ id, lines: [], ended: null });
    expect(tap.isOpen).toBe(false);
  });

  it("cannot be played, which is said", () => {
    const { lines } = new Tap().begin(begun);
    expect(() => replay(lines)).toThrow("begins midway: it can be read, but not played");
  });

  it("can be played where it begins with the speaker", () => {
    const tap = new Tap();
    tap.beginWithSpeaker(1000);
    const speaker = new Speaker();
    const event = { type: "configure", config } as const;
    tap.add({ nowMs: 1000, event, actions: speaker.handle(event, 1000) });
    const { lines, ended } = tap.take(firstRecording, { nowMs: 1000, isLast: true });
    expect({ count: lines.length, ended, difference: replay(lines) }).toEqual({
      count: 2,
      ended: null,
      difference: null,
    });
  });

  it("gives way to another one", () => {
    const tap = new Tap();
    const first = tap.begin(begun);
    const second = tap.begin(begun);
    expect(tap.take(first.id, { nowMs: 1000, isLast: false }).ended).toContain("another recording");
    expect(tap.take(second.id, { nowMs: 1000, isLast: false }).ended).toBe(null);
  });

  it("is forgotten where nobody asks for it", () => {
    const tap = new Tap();
    const { id } = tap.begin(begun);
    tap.add({ ...turn, nowMs: 1001 + forgottenAfterMs });
    expect(tap.isOpen).toBe(false);
    expect(tap.take(id, { nowMs: 1002 + forgottenAfterMs, isLast: false }).ended).toContain("not fetched in time");
  });

  it("ends where more happens than is fetched", () => {
    const tap = new Tap();
    const { id } = tap.begin(begun);
    const bytes = new Uint8Array(2 ** 20);
    for (let i = 0; i < 40; i++) tap.add({ ...turn, event: { type: "bytes", connection: 1, bytes } });
    const { lines, ended } = tap.take(id, { nowMs: 1000, isLast: false });
    expect(ended).toContain("were not fetched");
    expect(lines.reduce((sum, line) => sum + line.length, 0)).toBeLessThanOrEqual(waitingCharsMax);
    expect(tap.isOpen).toBe(false);
  });
});
