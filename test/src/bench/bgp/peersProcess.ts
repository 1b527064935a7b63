/** A process of scripted peers in their namespace, told what to do over the channel to the benchmark. */
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { answerCalls } from "./benchProcess.ts";
import { type Heard, nowMs, ScriptedPeer, type ScriptedPeerSpec } from "./scriptedPeer.ts";

const peers = new Map<string, ScriptedPeer>();

function peer(name: string): ScriptedPeer {
  const found = peers.get(name);
  if (!found) throw new RangeError(`there is no scripted peer ${name}`);
  return found;
}

const calls = {
  /** Dials all, so many at a time; gives the time it took and how many came up before the deadline. */
  async open(specs: readonly ScriptedPeerSpec[], inFlight: number, deadlineMs: number): Promise<Opened> {
    const startMs = nowMs();
    let up = 0;
    let lastUpMs = startMs;
    const waiting = [...specs];
    const dial = async (spec: ScriptedPeerSpec): Promise<void> => {
      const one = new ScriptedPeer(spec);
      peers.set(spec.name, one);
      while (nowMs() - startMs < deadlineMs) {
        try {
          await one.open();
          up += 1;
          lastUpMs = nowMs();
          return;
        } catch {
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      }
    };
    const worker = async (): Promise<void> => {
      for (let spec = waiting.shift(); spec; spec = waiting.shift()) await dial(spec);
    };
    const late = new Promise((resolve) => setTimeout(resolve, deadlineMs));
    await Promise.race([late, Promise.all(Array.from({ length: Math.min(inFlight, specs.length) }, worker))]);
    return { up, ms: lastUpMs - startMs };
  },
  /** Gives the time of the first byte. */
  async send(name: string, file: string): Promise<number> {
    return peer(name).send(readFileSync(file));
  },
  async close(names: readonly string[]): Promise<number> {
    const startMs = nowMs();
    for (const name of names) peer(name).close();
    return startMs;
  },
  async forget(names: readonly string[]): Promise<void> {
    for (const name of names) peer(name).forget();
  },
  async lastChunksAtMs(names: readonly string[]): Promise<number[]> {
    return names.map((name) => peer(name).lastChunkAtMs());
  },
  async heard(names: readonly string[]): Promise<Heard[]> {
    return names.map((name) => peer(name).heard());
  },
  async up(names: readonly string[]): Promise<number> {
    return names.filter((name) => peer(name).isUp).length;
  },
  async keepalives(name: string): Promise<number[]> {
    return peer(name).keepalivesAtMs;
  },
  async store(name: string, file: string): Promise<void> {
    writeFileSync(file, peer(name).stream());
  },
  /** The floor under every speaker: these bytes written to so many connections that are only read. Milliseconds. */
  async writeToAll(file: string, count: number, address: string): Promise<number> {
    const bytes = readFileSync(file);
    const { promise, resolve } = Promise.withResolvers<number>();
    let startMs = 0;
    let done = 0;
    const server = createServer({ noDelay: true }, async (socket) => {
      startMs ||= nowMs();
      for (let at = 0; at < bytes.length; at += 65_536) {
        if (!socket.write(bytes.subarray(at, at + 65_536)))
          await new Promise((drained) => socket.once("drain", drained));
      }
      socket.end();
      socket.on("close", () => {
        done += 1;
        if (done === count) resolve(nowMs() - startMs);
      });
    });
    server.listen({ host: address, port: 1790 });
    const ms = await promise;
    server.close();
    return ms;
  },
  async readAll(count: number, address: string): Promise<void> {
    const { createConnection } = await import("node:net");
    const one = (): Promise<unknown> =>
      new Promise((resolve, reject) => {
        const socket = createConnection({ host: address, port: 1790 });
        socket.on("data", () => {});
        socket.on("error", reject);
        socket.on("close", resolve);
      });
    await Promise.all(Array.from({ length: count }, one));
  },
};

export interface Opened {
  readonly up: number;
  readonly ms: number;
}

export type PeerCalls = typeof calls;

answerCalls(calls);
