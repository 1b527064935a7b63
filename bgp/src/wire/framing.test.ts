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

  it("hands out the same UPDATEs however 200 streams are cut (seed 8)", () => {
    const random = seededRandom(8);
    const updates = Array.from({ length: 40 }, (_, i) => updateOf(random(60), i));
    const bytes = Uint8Array.from(updates.flatMap((update, i) => [...update, ...(i % 9 === 0 ? keepalive : [])]));
    for (let run = 0; run < 200; run++) {
      const framer = new MessageFramer();
      const found: string[] = [];
      let keepalives = 0;
      const takeAll = (): void => {
        const take = (chunk: Uint8Array, start: number, end: number): boolean =>
          found.push(chunk.subarray(start, end).toHex()) > 0;
        framer.takeUpdates(4096, take);
        for (; framer.next() !== null; framer.takeUpdates(4096, take)) keepalives += 1;
      };
      for (let at = 0, size = 0; at < bytes.length; at += size) {
        size = 1 + random(run < 100 ? 300 : 50);
        framer.push(bytes.slice(at, at + size));
        if (random(4) > 0) takeAll();
      }
      takeAll();
      expect([found, keepalives]).toEqual([updates.map((update) => update.toHex()), 5]);
    }
  });

  it("copies of a chunk no more than the message that began in the one before", () => {
    const framer = new MessageFramer();
    const [first, second, third] = [updateOf(9, 1), updateOf(9, 2), updateOf(9, 3)];
    framer.push(Uint8Array.from([...first, ...second.subarray(0, 20)]));
    const chunk = Uint8Array.from([...second.subarray(20), ...third]);
    const heard: Uint8Array[] = [];
    const take = (bytes: Uint8Array, start: number, end: number): boolean => heard.push(bytes.subarray(start, end)) > 0;
    framer.takeUpdates(4096, take);
    framer.push(chunk);
    framer.takeUpdates(4096, take);
    expect(heard.map((bytes) => bytes.toHex())).toEqual([first, second, third].map((bytes) => bytes.toHex()));
    expect(heard.map(({ buffer }) => buffer === chunk.buffer)).toEqual([false, false, true]);
  });

  it("hands an UPDATE that is not wanted out once", () => {
    const framer = new MessageFramer();
    let asked = 0;
    framer.push(Uint8Array.from([...updateOf(3, 1), ...updateOf(3, 2)]));
    framer.takeUpdates(4096, () => asked++ === 0);
    expect([asked, drain(framer).length]).toEqual([2, 1]);
  });
});

/** Of no meaning, but its header. */
function updateOf(bodyBytes: number, content: number): Uint8Array {
  const length = 23 + bodyBytes;
  const body = new Uint8Array(length - 19).fill(content);
  return Uint8Array.from([...new Uint8Array(16).fill(0xff), length >> 8, length & 0xff, 2, ...body]);
}

function drain(framer: MessageFramer): string[] {
  const found: string[] = [];
  for (let frame = framer.next(); frame?.kind === "frame"; frame = framer.next()) found.push(frame.bytes.toHex());
  return found;
}
