/** A million routes: into the table, on to ten peers, and over to a second path when the first one is lost. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Instance } from "../../fixtures/instance.ts";
import type { Measured, Row } from "../row.ts";
import { type Arena, inArena, makeNeighbours, openAll, untilSilent } from "./arena.ts";
import { type Feed, makeFeed } from "./feed.ts";
import { measureFloor } from "./floor.ts";
import { startOurs, startOursWatched } from "./ourDaemon.ts";
import type { Neighbour, StartSubject } from "./subject.ts";
import { cpuMs, peakMegabytes, quietWith, startBirdSubject } from "./subject.ts";

const count = Number(process.env.BENCH_PREFIXES ?? 1_000_000);
const thousands = count.toLocaleString("en");
const repetitions = 3;
const sinkCount = 10;

const [feeder, second] = makeNeighbours("f", 2, { hears: false }) as [Neighbour, Neighbour];
const sinks = makeNeighbours("s", sinkCount).map((sink, i) => ({ ...sink, asn: 65_101 + i }));

interface Run {
  readonly ms: number;
  readonly megabytes: number;
  readonly notes: readonly string[];
}

export const intoRibRow: Row = {
  name: `bgp: ${thousands} routes of one peer into the table, until quiet`,
  unit: "ms",
  better: "lower",
  target: (bird) => bird,
  async measure(instance) {
    const { file, feed } = await storedFeed(instance, feeder);
    const run = (start: StartSubject): Promise<Run> =>
      inArena({ start, neighbours: [feeder], instance }, async ({ subject, feeders }) => {
        await openAll(feeders, [feeder]);
        const startMs = await feeders.call("send", feeder.name, file);
        const before = await cpuMs(subject.pid);
        const quietMs = await quietWith(subject, count);
        const cpu = (await cpuMs(subject.pid)) - before;
        const notes = [`${cpu.toFixed(0)} ms of processor time`];
        return { ms: quietMs - startMs, megabytes: await peakMegabytes(subject.pid), notes };
      });
    const floor = measureFloor(feed.bytes);
    const notes = [
      `floor: ${floor.parseMs.toFixed(0)} ms to read every byte of ${feed.bytes.length.toLocaleString("en")} once`,
    ];
    return bestOfBoth(run, notes);
  },
};

export const onToTenRow: Row = {
  name: `bgp: ${thousands} routes on to ${sinkCount} peers`,
  unit: "ms",
  better: "lower",
  target: (bird) => 0.4 * bird,
  async measure(instance) {
    const { file } = await storedFeed(instance, feeder);
    const run = (start: StartSubject): Promise<Run> =>
      inArena({ start, neighbours: [feeder, ...sinks], instance }, async (arena) => {
        await openAll(arena.feeders, [feeder]);
        await openAll(arena.sinks, sinks);
        const startMs = await arena.feeders.call("send", feeder.name, file);
        const heard = await hearAll(arena, count);
        const megabytes = await peakMegabytes(arena.subject.pid);
        const updates = heard[0]?.updates ?? 0;
        return { ms: last(heard) - startMs, megabytes, notes: [`${updates.toLocaleString("en")} UPDATEs a peer`] };
      });
    const floorMs = await tenWrites(instance, file);
    return bestOfBoth(run, [
      `floor: ${floorMs.toFixed(0)} ms to write the feed to ${sinkCount} connections and nothing else`,
    ]);
  },
};

/** Two feeders with the same prefixes; the better one is lost, and comes back. */
export const convergenceRow: Row = {
  name: `bgp: ${thousands} routes over to a second path and back`,
  unit: "ms",
  better: "lower",
  target: (bird) => bird,
  async measure(instance) {
    const better = await storedFeed(instance, feeder);
    const worse = await storedFeed(instance, second, 3);
    const sink = sinks.slice(0, 1);
    const run = (start: StartSubject): Promise<Run> =>
      inArena({ start, neighbours: [feeder, second, ...sink], instance }, async (arena) => {
        const names = sink.map(({ name }) => name);
        await openAll(arena.feeders, [feeder, second]);
        await openAll(arena.sinks, sink);
        await arena.feeders.call("send", second.name, worse.file);
        await hearAll(arena, count, names);
        await arena.feeders.call("send", feeder.name, better.file);
        await untilSilent(arena.sinks, names);
        await arena.sinks.call("forget", names);

        const lostMs = await arena.feeders.call("close", [feeder.name]);
        const away = last(await hearAll(arena, count, names)) - lostMs;
        await arena.sinks.call("forget", names);
        await openAll(arena.feeders, [feeder]);
        const backMs = await arena.feeders.call("send", feeder.name, better.file);
        const back = last(await hearAll(arena, count, names)) - backMs;
        const notes = [`away ${away.toFixed(0)} ms, back ${back.toFixed(0)} ms`];
        return { ms: away + back, megabytes: await peakMegabytes(arena.subject.pid), notes };
      });
    return bestOfBoth(run);
  },
};

/** How late a keepalive to a second peer is at worst while all that goes on; nothing of BIRD's is compared. */
export const keepaliveRow: Row = {
  name: `bgp: longest a keepalive is late while ${thousands} routes load and go to ${sinkCount} peers`,
  unit: "ms",
  better: "lower",
  target: () => 100,
  async measure(instance) {
    const { file } = await storedFeed(instance, feeder);
    const [healthy] = makeNeighbours("h", 1, { hears: false, holdSeconds: 3, asn: 65_090 }) as [Neighbour];
    const run = (start: StartSubject): Promise<{ late: number; turn: number | undefined }> =>
      inArena({ start, neighbours: [feeder, healthy, ...sinks], instance }, async (arena) => {
        await openAll(arena.feeders, [feeder, healthy]);
        await openAll(arena.sinks, sinks);
        await arena.subject.watchDelays?.();
        await arena.feeders.call("forget", [healthy.name]);
        for (let round = 0; round < repetitions; round += 1) {
          await arena.feeders.call("send", feeder.name, file);
          await hearAll(arena, count);
          await arena.feeders.call("close", [feeder.name]);
          await untilSilent(
            arena.sinks,
            sinks.map(({ name }) => name),
          );
          await arena.sinks.call(
            "forget",
            sinks.map(({ name }) => name),
          );
          await openAll(arena.feeders, [feeder]);
        }
        const times = await arena.feeders.call("keepalives", healthy.name);
        const gaps = times.slice(1).map((at, i) => at - (times[i] ?? at));
        // A keepalive is due a third of the hold time after the last one at the latest.
        return { late: Math.max(0, ...gaps) - 1_000, turn: await arena.subject.longestTurn?.() };
      });
    const bird = await run(startBirdSubject);
    const ours = await run(startOursWatched);
    const notes = [`our longest turn of the event loop: ${(ours.turn ?? 0).toFixed(1)} ms`];
    return {
      anchor: { name: "BIRD", figure: Math.max(0, bird.late) },
      ours: Math.max(ours.late, ours.turn ?? 0),
      notes,
    };
  },
};

async function storedFeed(
  instance: Instance,
  from: Neighbour,
  extraHops = 0,
): Promise<{ readonly file: string; readonly feed: Feed }> {
  const feed = makeFeed({ prefixes: count, seed: 7, asn: from.asn, nextHop: from.address, extraHops });
  const file = join(await instance.createDirectory("bench"), "feed");
  await writeFile(file, feed.bytes);
  return { file, feed };
}

async function hearAll(arena: Arena, wanted: number, names: readonly string[] = sinks.map(({ name }) => name)) {
  await untilSilent(arena.sinks, names);
  const heard = await arena.sinks.call("heard", names);
  for (const { announced } of heard) {
    if (announced < wanted) throw new RangeError(`${arena.subject.name} told a peer ${announced} routes of ${wanted}`);
  }
  return heard;
}

function last(heard: readonly { readonly lastAtMs: number }[]): number {
  return Math.max(...heard.map(({ lastAtMs }) => lastAtMs));
}

/** The best of a few runs of each, in turn, so that what else the machine does hits both. */
async function bestOfBoth(
  run: (start: StartSubject) => Promise<Run>,
  notes: readonly string[] = [],
): Promise<Measured> {
  const best = new Map<StartSubject, Run>();
  for (let repetition = 0; repetition < repetitions; repetition += 1) {
    for (const start of [startBirdSubject, startOurs]) {
      const one = await run(start);
      if (one.ms < (best.get(start)?.ms ?? Number.POSITIVE_INFINITY)) best.set(start, one);
    }
  }
  const [bird, ours] = [best.get(startBirdSubject), best.get(startOurs)];
  if (!bird || !ours) throw new RangeError("nothing was measured");
  const described = (name: string, one: Run): string =>
    [`${name}: ${one.megabytes.toFixed(0)} MB at most`, ...one.notes].join(", ");
  return {
    anchor: { name: "BIRD", figure: bird.ms },
    ours: ours.ms,
    notes: [described("BIRD", bird), described("ours", ours), ...notes],
  };
}

async function tenWrites(instance: Instance, file: string): Promise<number> {
  const bytes = await readFile(file);
  if (bytes.length === 0) throw new RangeError("the feed is empty");
  const start: StartSubject = async () => ({
    name: "ours",
    pid: process.pid,
    routes: async () => 0,
    [Symbol.asyncDispose]: async () => {},
  });
  const [listener] = sinks as [Neighbour];
  return inArena({ start, neighbours: sinks, instance }, async ({ feeders, sinks: readers }) => {
    const written = feeders.call("writeToAll", file, sinkCount, listener.address);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await readers.call("readAll", sinkCount, listener.address);
    return written;
  });
}
