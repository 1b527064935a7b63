import { describe, expect, it } from "vitest";
import { isKernelError, type KernelError } from "../kernelError.ts";
import { decodeMessages, encodeMessages, messageFlag, messageType, type NetlinkMessage } from "../netlink/message.ts";
import { encodeValue, s32 } from "../netlink/value.ts";
import type { NamedRequest } from "./netlinkExchange.ts";
import type { NetlinkPort } from "./netlinkPort.ts";
import { NetlinkSocket } from "./netlinkSocket.ts";

const ownPort = 4711;

/** A kernel that answers when it is told to. */
class FakePort implements NetlinkPort {
  readonly port: number = ownPort;
  readonly sent: NetlinkMessage[][] = [];
  isClosed = false;
  #onDatagram: (datagram: Uint8Array) => void = () => {};
  overrun: () => void = () => {};
  fail: (error: Error) => void = () => {};

  send(datagram: Uint8Array): void {
    this.sent.push(decodeMessages(datagram) ?? []);
  }
  onDatagram(listener: (datagram: Uint8Array) => void): void {
    this.#onDatagram = listener;
  }
  onOverrun(listener: () => void): void {
    this.overrun = listener;
  }
  onError(listener: (error: Error) => void): void {
    this.fail = listener;
  }
  close(): void {
    this.isClosed = true;
  }

  /** The messages of the datagram that was sent last. */
  get last(): NetlinkMessage[] {
    return this.sent.at(-1) ?? [];
  }
  answer(...messages: Partial<NetlinkMessage>[]): void {
    const plain = { type: 0, flags: 0, sequence: 0, port: ownPort, body: new Uint8Array(0) };
    this.#onDatagram(encodeMessages(messages.map((message) => ({ ...plain, ...message }))));
  }
  acknowledge(sequence: number, errno = 0): void {
    this.answer({
      type: messageType.error,
      sequence,
      body: Buffer.concat([encodeValue(s32, -errno), new Uint8Array(16)]),
    });
  }
}

const data = 24;
function request(object = "work"): NamedRequest {
  return { type: 26, flags: 0, body: new Uint8Array(12), object };
}
function dumpRequest(): NamedRequest {
  return { ...request("list"), flags: messageFlag.dump };
}
async function failureOf(promise: Promise<unknown>): Promise<KernelError["failure"]["code"] | null> {
  return promise.then(
    () => null,
    (error: unknown) => (isKernelError(error) ? error.failure.code : Promise.reject(error)),
  );
}
/** Lets everything happen that waits for nothing but its turn. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
async function start<T>(begin: (socket: NetlinkSocket) => Promise<T>): Promise<{ port: FakePort; result: Promise<T> }> {
  const port = new FakePort();
  const result = begin(new NetlinkSocket(port, { timeoutMs: 60_000 }));
  result.catch(() => {});
  await settled();
  return { port, result };
}

describe("requests", () => {
  it("are told apart by their sequence numbers, whatever the order of the answers", async () => {
    const { port, result } = await start((socket) =>
      Promise.all([socket.request(request()), failureOf(socket.request(request()))]),
    );
    const [first, second] = port.sent.flat();
    port.acknowledge(second?.sequence ?? 0, 17);
    port.answer({ type: data, sequence: first?.sequence ?? 0 });
    port.acknowledge(first?.sequence ?? 0);
    const [replies, failure] = await result;
    expect([replies.map((reply) => reply.type), failure]).toEqual([[data], "EXISTS"]);
  });

  it("ignore answers to nobody, and to others", async () => {
    const { port, result } = await start((socket) => socket.request(request()));
    const sequence = port.last[0]?.sequence ?? 0;
    port.acknowledge(sequence + 1, 17);
    port.answer({ type: messageType.error, sequence, port: ownPort + 1, body: encodeValue(s32, -17) });
    port.acknowledge(sequence);
    expect(await result).toEqual([]);
  });

  it("that are many go 64 a datagram, and each gets its own outcome", async () => {
    const { port, result } = await start((socket) => socket.apply(Array.from({ length: 130 }, () => request())));
    expect(port.sent.map((messages) => messages.length)).toEqual([64, 64, 2]);
    for (const { sequence } of port.sent.flat()) port.acknowledge(sequence, sequence % 10 === 0 ? 1 : 0);
    const outcomes = await result;
    expect(outcomes.flatMap(({ kind }, i) => (kind === "failed" ? [i + 1] : []))).toEqual([
      ...[10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120, 130],
    ]);
  });

  it("that are many ask for one acknowledgement a datagram, which ends those that nobody complained about", async () => {
    const { port, result } = await start((socket) => socket.apply([request("a"), request("b"), request("c")]));
    const sequences = port.last.map(({ sequence }) => sequence);
    port.acknowledge(sequences[1] ?? 0, 17);
    port.acknowledge(sequences[2] ?? 0);
    expect(port.last.map(({ flags }) => (flags & messageFlag.ack) !== 0)).toEqual([false, false, true]);
    expect((await result).map(({ kind }) => kind)).toEqual(["done", "failed", "done"]);
  });

  it("that are many are not done before the last one is, and keep the kernel's reason when answers are lost", async () => {
    const { port, result } = await start((socket) => socket.apply([request("a"), request("b"), request("c")]));
    const sequences = port.last.map(({ sequence }) => sequence);
    port.acknowledge(sequences[0] ?? 0);
    port.acknowledge(sequences[1] ?? 0, 17);
    port.overrun();
    port.acknowledge(sequences[2] ?? 0);
    const codes = (await result).map((outcome) => (outcome.kind === "failed" ? outcome.error.failure.code : "done"));
    expect(codes).toEqual(["OVERRUN", "EXISTS", "OVERRUN"]);
  });

  it("that are large go fewer a datagram, which has to fit into the send buffer", async () => {
    const large = { ...request(), body: new Uint8Array(20_000) };
    const { port } = await start((socket) => socket.apply([large, large, request(), large]));
    expect(port.sent.map((messages) => messages.length)).toEqual([1, 2, 1]);
  });

  it("wait for their turn when many are on the way", async () => {
    const { port, result } = await start((socket) =>
      Promise.all(Array.from({ length: 40 }, () => socket.request(request()))),
    );
    expect(port.sent).toHaveLength(8);
    for (let i = 0; i < 40; i++) {
      port.acknowledge(port.sent[i]?.[0]?.sequence ?? 0);
      await settled();
    }
    expect(await result).toHaveLength(40);
  });

  it("fail when the receive buffer overflowed, since their answer may be lost", async () => {
    const { port, result } = await start((socket) => socket.request(request()));
    port.overrun();
    expect(await failureOf(result)).toBe("OVERRUN");
  });

  it("fail when an answer does not parse", async () => {
    const { port, result } = await start((socket) => socket.request(request()));
    port.answer({ type: messageType.error, sequence: port.last[0]?.sequence ?? 0, body: Uint8Array.of(1) });
    expect(await failureOf(result)).toBe("MALFORMED");
  });

  it("fail when the socket is closed, before and after", async () => {
    const port = new FakePort();
    const socket = new NetlinkSocket(port);
    const before = failureOf(socket.request(request()));
    await settled();
    socket.close();
    expect([await before, await failureOf(socket.request(request())), port.isClosed]).toEqual([
      "CLOSED",
      "CLOSED",
      true,
    ]);
  });

  it("fail when the socket breaks", async () => {
    const { port, result } = await start((socket) => socket.request(request()));
    port.fail(new Error("poll"));
    expect([await failureOf(result), port.isClosed]).toEqual(["CLOSED", true]);
  });

  it("fail when nothing answers in time", async () => {
    const socket = new NetlinkSocket(new FakePort(), { timeoutMs: 1 });
    expect(await failureOf(socket.request(request()))).toBe("TIMEOUT");
  });
});

describe("dumps", () => {
  it("are whole when the kernel says so", async () => {
    const { port, result } = await start((socket) => socket.dump(dumpRequest()));
    const sequence = port.last[0]?.sequence ?? 0;
    port.answer({ type: data, sequence, flags: messageFlag.multi }, { type: data, sequence, flags: messageFlag.multi });
    port.answer({ type: messageType.done, sequence, body: encodeValue(s32, 0) });
    expect(await result).toHaveLength(2);
  });

  it("are read again when they were interrupted, also when only the end says so", async () => {
    const { port, result } = await start((socket) => socket.dump(dumpRequest()));
    const interrupted = messageFlag.multi | messageFlag.dumpInterrupted;
    const first = port.last[0]?.sequence ?? 0;
    port.answer({ type: data, sequence: first, flags: interrupted }, { type: messageType.done, sequence: first });
    await settled();
    const second = port.last[0]?.sequence ?? 0;
    port.answer({ type: data, sequence: second }, { type: messageType.done, sequence: second, flags: interrupted });
    await settled();
    const third = port.last[0]?.sequence ?? 0;
    port.answer({ type: data, sequence: third }, { type: messageType.done, sequence: third });
    expect([await result, port.sent.length, new Set([first, second, third]).size]).toEqual([[expect.anything()], 3, 3]);
  });

  it("give up when they are interrupted each time", async () => {
    const { port, result } = await start((socket) => socket.dump(dumpRequest()));
    for (let attempt = 0; attempt < 10; attempt++) {
      const sequence = port.last[0]?.sequence ?? 0;
      port.answer({ type: messageType.done, sequence, flags: messageFlag.dumpInterrupted });
      await settled();
    }
    expect([await failureOf(result), port.sent.length]).toEqual(["INTERRUPTED", 10]);
  });

  it("are read again after an overrun", async () => {
    const { port, result } = await start((socket) => socket.dump(dumpRequest()));
    port.overrun();
    await settled();
    port.answer({ type: messageType.done, sequence: port.last[0]?.sequence ?? 0 });
    expect([await result, port.sent.length]).toEqual([[], 2]);
  });

  it("run one at a time, since the kernel refuses a second one, while requests pass them by", async () => {
    const { port } = await start((socket) =>
      Promise.all([socket.dump(dumpRequest()), socket.dump(dumpRequest()), socket.request(request())]),
    );
    const dumps = port.sent.flat().filter(({ flags }) => (flags & messageFlag.dump) === messageFlag.dump);
    expect([dumps.length, port.sent.length]).toEqual([1, 2]);
    port.answer({ type: messageType.done, sequence: dumps[0]?.sequence ?? 0 });
    await settled();
    expect(port.sent).toHaveLength(3);
  });

  it("that the kernel refuses fail with its reason, and the next one goes on", async () => {
    const { port, result } = await start(async (socket) => [
      await failureOf(socket.dump(dumpRequest())),
      await socket.dump(dumpRequest()),
    ]);
    port.answer({ type: messageType.done, sequence: port.last[0]?.sequence ?? 0, body: encodeValue(s32, -95) });
    await settled();
    port.answer({ type: messageType.done, sequence: port.last[0]?.sequence ?? 0 });
    expect(await result).toEqual(["NOT_SUPPORTED", []]);
  });
});
