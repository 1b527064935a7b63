import { describe, expect, it } from "vitest";
import { flags, frame, frameTypes } from "./frames.ts";
import { headerBlock } from "./headerBlock.ts";
import { type Outcome, UnaryCalls } from "./unaryCalls.ts";

const none = Buffer.alloc(0);
type Setting = readonly [name: number, value: number];

function settings(...pairs: readonly Setting[]): Buffer {
  const payload = Buffer.alloc(pairs.length * 6);
  for (const [at, [name, value]] of pairs.entries()) payload.writeUInt32BE(value, payload.writeUInt16BE(name, at * 6));
  return frame(frameTypes.settings, 0, 0, payload);
}

const number = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const message = (text: string): Buffer => Buffer.concat([Buffer.of(0), number(text.length), Buffer.from(text)]);
const headersAt = (call: number, set = 0, fields = headerBlock([[":status", "200"]])): Buffer =>
  frame(frameTypes.headers, flags.endHeaders | set, call, fields);
const status = (code: string, details = ""): Buffer =>
  headerBlock([
    ["grpc-status", code],
    ["grpc-message", details],
  ]);
const answer = (call: number, text: string): Buffer =>
  Buffer.concat([
    headersAt(call),
    frame(frameTypes.data, 0, call, message(text)),
    headersAt(call, flags.endStream, status("0")),
  ]);

function opened(...pairs: readonly Setting[]): UnaryCalls {
  const calls = new UnaryCalls();
  calls.receive(settings(...pairs));
  return calls;
}

function begin(calls: UnaryCalls, size = 10): number {
  return calls.call(headerBlock([]), Buffer.alloc(size)).call;
}

const answered = (text: string): Outcome => ({ kind: "answered", message: Buffer.from(text) });

describe("unary calls over a connection", () => {
  it("are admitted once the other side has said what it takes, which is acknowledged", () => {
    const calls = new UnaryCalls();
    expect(calls.admits(1)).toBe(false);
    expect(calls.receive(settings()).reply).toEqual([frame(frameTypes.settings, flags.ack, 0, none)]);
    expect(calls.admits(1)).toBe(true);
  });

  it("are answered whichever way the bytes are cut, and in any order", () => {
    const bytes = Buffer.concat([answer(3, "second"), answer(1, "first")]);
    for (const size of [1, 7, 9, 10, bytes.length]) {
      const calls = opened();
      begin(calls);
      begin(calls);
      const ended = [];
      for (let at = 0; at < bytes.length; at += size) ended.push(...calls.receive(bytes.subarray(at, at + size)).ended);
      expect(ended).toEqual([
        [3, answered("second")],
        [1, answered("first")],
      ]);
    }
  });

  it("are sent in frames that may be so long, the last of which says that it is", () => {
    const { bytes } = opened().call(headerBlock([]), Buffer.alloc(40_000));
    const lengths = [];
    for (let at = 0; at < bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
      lengths.push([bytes.readUIntBE(at, 3), bytes[at + 3], bytes[at + 4]]);
    }
    expect(lengths).toEqual([
      [0, frameTypes.headers, flags.endHeaders],
      [16_384, frameTypes.data, 0],
      [16_384, frameTypes.data, 0],
      [40_005 - 2 * 16_384, frameTypes.data, flags.endStream],
    ]);
  });

  it("are not admitted beyond the room that the connection or a stream has, or the number that may be", () => {
    const calls = opened([4, 100_000]);
    expect(calls.admits(65_530)).toBe(true);
    expect(calls.admits(65_531)).toBe(false);
    begin(calls, 60_000);
    expect(calls.admits(6_000)).toBe(false);
    calls.receive(frame(frameTypes.windowUpdate, 0, 1, number(90_000))); // Of a stream.
    expect(calls.admits(6_000)).toBe(false);
    calls.receive(frame(frameTypes.windowUpdate, 0, 0, number(90_000)));
    expect(calls.admits(90_000)).toBe(true);
    expect(opened([4, 1_000]).admits(1_000)).toBe(false);
    const few = opened([3, 1]);
    begin(few);
    expect(few.admits(1)).toBe(false);
    few.receive(answer(1, ""));
    expect(few.admits(1)).toBe(true);
  });

  it.each<[string, Buffer, Outcome]>([
    [
      "by a status",
      headersAt(1, flags.endStream, status("14", "etcdserver: no leader %e2%80%a6")),
      { kind: "failed", code: 14, details: "etcdserver: no leader …" },
    ],
    [
      "by a text with a percent that means nothing",
      headersAt(1, flags.endStream, status("2", "100%")),
      { kind: "failed", code: 2, details: "100%" },
    ],
    [
      "by an answer of HTTP alone",
      headersAt(1, flags.endStream, headerBlock([[":status", "503"]])),
      { kind: "failed", code: 14, details: "HTTP status 503" },
    ],
    [
      "by a page of somebody on the way",
      Buffer.concat([
        headersAt(1, 0, headerBlock([[":status", "503"]])),
        frame(frameTypes.data, 0, 1, Buffer.from("no healthy\r\n")),
        frame(frameTypes.data, flags.endStream, 1, Buffer.from("upstream\u0000\n")),
      ]),
      { kind: "failed", code: 14, details: "HTTP status 503: no healthy upstream" },
    ],
    [
      "by a longer one, of which the beginning is told",
      Buffer.concat([
        headersAt(1, 0, headerBlock([[":status", "502"]])),
        frame(frameTypes.data, flags.endStream, 1, Buffer.from("x".repeat(5_000))),
      ]),
      { kind: "failed", code: 14, details: `HTTP status 502: ${"x".repeat(200)}` },
    ],
    [
      "by an end without a status",
      frame(frameTypes.data, flags.endStream, 1, message("x")),
      { kind: "failed", code: 2, details: "the answer ended without a status" },
    ],
    [
      "by half a message",
      Buffer.concat([
        frame(frameTypes.data, 0, 1, message("whole").subarray(0, 7)),
        headersAt(1, flags.endStream, status("0")),
      ]),
      { kind: "failed", code: 13, details: "the answer is not one message" },
    ],
    [
      "by a reset",
      frame(frameTypes.resetStream, 0, 1, number(2)),
      { kind: "failed", code: 14, details: "the call was ended by the other side, with code 2" },
    ],
    [
      "and may be made elsewhere where it was refused unseen",
      frame(frameTypes.resetStream, 0, 1, number(7)),
      { kind: "untouched" },
    ],
  ])("end %s", (_how, bytes, outcome) => {
    const calls = opened();
    begin(calls);
    expect(calls.receive(bytes)).toMatchObject({ ended: [[1, outcome]], broken: null });
  });

  it("read headers that go on in further frames, and what is padded", () => {
    const calls = opened();
    begin(calls);
    const block = status("0");
    const padded = Buffer.concat([Buffer.of(3), message("x"), Buffer.alloc(3)]);
    const prioritized = Buffer.concat([Buffer.of(1), Buffer.alloc(5), block.subarray(0, 5), Buffer.alloc(1)]);
    const { ended, broken } = calls.receive(
      Buffer.concat([
        headersAt(1),
        frame(frameTypes.data, flags.padded, 1, padded),
        frame(frameTypes.headers, flags.endStream | flags.padded | flags.priority, 1, prioritized),
        frame(frameTypes.continuation, flags.endHeaders, 1, block.subarray(5)),
      ]),
    );
    expect(broken).toBeNull();
    expect(ended).toEqual([[1, answered("x")]]);
  });

  it("go on when the other side leaves, but for those that it has not taken, and no more are admitted", () => {
    const calls = opened();
    const [first, second] = [begin(calls), begin(calls)];
    const farewell = frame(frameTypes.goAway, 0, 0, Buffer.concat([number(first), number(0)]));
    expect(calls.receive(farewell).ended).toEqual([[second, { kind: "untouched" }]]);
    expect([calls.admits(1), calls.isOver]).toEqual([false, false]);
    expect(calls.receive(answer(first, "late")).ended).toEqual([[first, answered("late")]]);
    expect(calls.isOver).toBe(true);
  });

  it("answer pings, and give room back before there is none", () => {
    const calls = opened();
    const ping = frame(frameTypes.ping, 0, 0, Buffer.from("12345678"));
    const pong = frame(frameTypes.ping, flags.ack, 0, Buffer.from("12345678"));
    expect(calls.receive(ping)).toEqual({ reply: [], late: [pong], ended: [], broken: null });
    expect(calls.receive(frame(frameTypes.ping, flags.ack, 0, Buffer.alloc(8))).late).toEqual([]);
    const chunk = Buffer.concat(
      Array.from({ length: 4_096 }, () => frame(frameTypes.data, 0, 99, Buffer.alloc(16_384))),
    );
    const replies = Array.from({ length: 3 }, () => calls.receive(chunk).reply).flat();
    const given = replies.map((reply) => [reply[3], reply.readUInt32BE(9)]);
    expect(given).toEqual([[frameTypes.windowUpdate, 2 * 4_096 * 16_384]]);
  });

  it("hear nothing of a call that was given up", () => {
    const calls = opened();
    const call = begin(calls);
    expect(calls.cancel(call)).toEqual(frame(frameTypes.resetStream, 0, call, number(8)));
    expect(calls.receive(answer(call, "late"))).toEqual({ reply: [], late: [], ended: [], broken: null });
  });

  it.each<[string, Buffer]>([
    ["a frame longer than may be", Buffer.concat([Buffer.of(0, 0x40, 1, 0, 0, 0, 0, 0, 1)])],
    ["headers that cannot be read", headersAt(1, 0, Buffer.of(0xbe))],
    ["padding longer than its frame", frame(frameTypes.data, flags.padded, 1, Buffer.of(200, 1))],
    ["a promise", frame(frameTypes.pushPromise, flags.endHeaders, 1, Buffer.alloc(4))],
    ["a farewell that is cut off", frame(frameTypes.goAway, 0, 0, Buffer.alloc(4))],
  ])("are of no use after %s", (_what, bytes) => {
    const calls = opened();
    begin(calls);
    expect(calls.receive(bytes).broken).not.toBeNull();
    expect(calls.abandon("gone")).toEqual([[1, { kind: "failed", code: 14, details: "gone" }]]);
    expect(calls.admits(1)).toBe(false);
  });
});
