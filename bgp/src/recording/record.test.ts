import { describe, expect, it } from "vitest";
import type { SpeakerConfig } from "../speaker/config.ts";
import type { SpeakerEvent } from "../speaker/event.ts";
import { Speaker } from "../speaker/speaker.ts";
import { peerOf, SimulatedNetwork, type SimulatedNode, speakerOf } from "../speaker/testing.ts";
import { recordingHeader, recordLine, replay } from "./record.ts";

/** Writes down what a speaker does, as a daemon does. */
function recorded(node: SimulatedNode): string[] {
  const lines = [recordingHeader];
  const speaker = new Speaker();
  const handle = speaker.handle.bind(speaker);
  speaker.handle = (event, nowMs) => {
    const actions = handle(event, nowMs);
    lines.push(recordLine({ nowMs, event, actions }));
    return actions;
  };
  node.speaker = speaker;
  return lines;
}

/** A life with sessions, routes of both families, a filter, a flap and an end. */
function live(): string[] {
  const network = new SimulatedNetwork();
  const [a, b] = [network.node("10.9.0.1"), network.node("10.9.0.2")];
  const lines = recorded(b);
  const filters = [
    { name: "in", rules: { 4: [{ action: "Accept", operations: [{ setMED: { value: 9 } }] }] } },
  ] as const;
  const configOf = (parts: object): SpeakerConfig =>
    speakerOf(b, 65002, { peers: [peerOf(a.address, 65001, { password: "open sesame", ...parts })] });
  network.tell(a, { type: "configure", config: speakerOf(a, 65001, { peers: [peerOf(b.address, 65002)] }) });
  network.tell(b, { type: "configure", config: configOf({}) });
  network.tell(a, {
    type: "originate",
    prefixes: ["10.1.0.0/24", { prefix: "fd00:1::/64", communities: ["65001:1"] }],
  });
  network.run(20_000);
  network.tell(b, { type: "configure", config: configOf({ importFilters: filters }) });
  network.run(5_000);
  network.kill(a);
  network.run(60_000);
  network.tell(b, { type: "stop", keepForwarding: false });
  network.run(1_000);
  return lines;
}

describe("a recording", () => {
  it("is played again, with all that the speaker did", () => {
    const lines = live();
    expect(lines.length).toBeGreaterThan(20);
    expect(lines.some((line) => line.includes('"bestChanged"'))).toBe(true);
    expect(replay(lines)).toBeNull();
    expect(replay(lines.join("\n").split("\n"))).toBeNull();
  });

  it("has no password, and says that there was one", () => {
    const text = live().join("\n");
    expect(text).not.toContain("open sesame");
    expect(text).toContain('"password":"(a secret)"');
  });

  it("has none of a range of peers, either", () => {
    const { name: _, address: __, passive: ___, ...template } = peerOf("10.9.0.9", 65009, { password: "open sesame" });
    const dynamicPeers = [{ name: "rack", range: "10.9.0.0/24", limit: 9, template }];
    const config: SpeakerConfig = { asn: 65001, bgpId: "10.9.0.1", listen: [], peers: [], dynamicPeers };
    expect(recordLine({ nowMs: 0, event: { type: "configure", config }, actions: [] })).not.toContain("sesame");
  });

  it("is the same however often it is made", () => expect(live()).toEqual(live()));

  it("shows the first line at which a speaker does otherwise", () => {
    const lines = live();
    const at = lines.findIndex((line) => line.includes('"type":"send"'));
    const changed = lines.map((line, i) => (i === at ? line.replace(/"\$bytes":"ffff/, '"$bytes":"ffef') : line));
    expect(replay(changed)).toMatchObject({ line: at + 1, recorded: expect.stringContaining("ffef") });
  });

  it("is told from what is none", () => {
    expect(() => replay(["hello"])).toThrow("no recording");
  });

  it("keeps what JSON would not", () => {
    const bytes = Uint8Array.of(0, 255);
    const event: SpeakerEvent = { type: "bytes", connection: -1, bytes: Buffer.from(bytes) };
    expect(recordLine({ nowMs: 5, event, actions: [] })).toBe(
      '{"nowMs":5,"event":{"type":"bytes","connection":-1,"bytes":{"$bytes":"00ff"}},"actions":[]}',
    );
  });
});
