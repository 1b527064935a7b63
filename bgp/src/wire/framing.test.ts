import { describe, expect, it } from "vitest";
import { encodeMessage } from "./codec.ts";
import { MessageFramer } from "./framing.ts";
import { externalPeer, hex, seededRandom } from "./testing.ts";

const keepalive = encodeMessage({ type: "keepalive" }, externalPeer);
const refresh = encodeMessage({ type: "routeRefresh", family: 4 }, externalPeer);
const stream = Uint8Array.from([...keepalive, ...refresh, ...keepalive]);
const inStream = [keepalive, refresh, keepalive].map((bytes) => bytes.toHex());

describe("MessageFramer (RFC 4271 §4.1, §6.1)", () => {
  for (let size = 1; size <= stream.length; size++) {
    it(`finds every message in chunks of ${size} bytes`, () => {
      const framer = new MessageFramer();
      const found: string[] = [];
      for (let at = 0; at < stream.length; at += size) {
        framer.push(stream.slice(at, at + size));
        found.push(...drain(framer));
      }
      expect(found).toEqual(inStream);
    });
  }

  it("gives one message a call", () => {
    const framer = new MessageFramer();
    framer.push(stream);
    expect(framer.next()).toMatchObject({ kind: "frame" });
    expect(drain(framer)).toHaveLength(2);
    expect(framer.next()).toBeNull();
  });

  it("refuses a length before the body that it announces arrived", () => {
    const framer = new MessageFramer();
    framer.push(hex(`${"ff".repeat(16)} ffff 02`));
    expect(framer.next()).toMatchObject({ kind: "fault", notification: { code: 1, subcode: 2 } });
  });

  it("gives what came before a fault, then the fault for ever", () => {
    const framer = new MessageFramer();
    framer.push(Uint8Array.from([...keepalive, ...new Uint8Array(19)]));
    expect(framer.next()).toMatchObject({ kind: "frame" });
    expect(framer.next()).toMatchObject({ kind: "fault", notification: { code: 1, subcode: 1 } });
    framer.push(keepalive);
    expect(framer.next()).toMatchObject({ kind: "fault" });
  });

  it("finds the same messages however 200 streams are cut (seed 7)", () => {
    const random = seededRandom(7);
    for (let run = 0; run < 200; run++) {
      const framer = new MessageFramer();
      const found: string[] = [];
      for (let at = 0; at < stream.length; ) {
        const size = random(30);
        framer.push(stream.slice(at, at + size));
        at += size;
        if (random(2) === 0) found.push(...drain(framer));
      }
      expect([...found, ...drain(framer)]).toEqual(inStream);
    }
  });
});

function drain(framer: MessageFramer): string[] {
  const found: string[] = [];
  for (let frame = framer.next(); frame?.kind === "frame"; frame = framer.next()) found.push(frame.bytes.toHex());
  return found;
}
