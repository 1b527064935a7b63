/** Many sessions: how long they take to come up, and what they cost when nothing happens. */
import type { Instance } from "../../fixtures/instance.ts";
import type { Measured, Row } from "../row.ts";
import { inArena, makeNeighbours, scripted } from "./arena.ts";
import { startOurs } from "./ourDaemon.ts";
import { cpuMs, residentMegabytes, type StartSubject, startBirdSubject } from "./subject.ts";

const many = 1_000;
const storm = 500;
const deadlineMs = 20_000;
const idleHoldSeconds = 90;
/** So long that every session has its turn to send a keepalive and to hear one. */
const idleMs = (idleHoldSeconds * 1_000) / 3;

interface Dialled {
  readonly ms: number;
  readonly up: number;
}

interface Idle {
  readonly megabytes: number;
  readonly percent: number;
}

export const dialledRow: Row = {
  name: `bgp: ${many.toLocaleString("en")} sessions dialled, 8 at a time`,
  unit: "ms",
  better: "lower",
  target: () => 500,
  measure: (instance) => dialled(instance, many, 8),
};

export const stormRow: Row = {
  name: `bgp: ${storm} sessions dialled at once`,
  unit: "ms",
  better: "lower",
  target: () => 1_000,
  measure: (instance) => dialled(instance, storm, storm),
};

const idleSeen = new WeakMap<Instance, Promise<readonly [bird: Idle, ours: Idle]>>();

export const idleMemoryRow: Row = {
  name: `bgp: ${many.toLocaleString("en")} idle sessions, memory`,
  unit: "MB",
  better: "lower",
  target: () => 100,
  async measure(instance) {
    const [bird, ours] = await idleOfBoth(instance);
    return { anchor: { name: "BIRD", figure: bird.megabytes }, ours: ours.megabytes };
  },
};

export const idleProcessorRow: Row = {
  name: `bgp: ${many.toLocaleString("en")} idle sessions, hold time ${idleHoldSeconds} s, processor`,
  unit: "% of a core",
  better: "lower",
  target: () => 1,
  async measure(instance) {
    const [bird, ours] = await idleOfBoth(instance);
    return { anchor: { name: "BIRD", figure: bird.percent }, ours: ours.percent };
  },
};

async function dialled(instance: Instance, count: number, inFlight: number): Promise<Measured> {
  const runs: Record<"bird" | "ours", Dialled[]> = { bird: [], ours: [] };
  for (let repetition = 0; repetition < 3; repetition += 1) {
    runs.bird.push(await dialAll(startBirdSubject, instance, { count, inFlight }));
    runs.ours.push(await dialAll(startOurs, instance, { count, inFlight }));
  }
  const best = (all: readonly Dialled[]): Dialled =>
    all.toSorted((a, b) => b.up - a.up || a.ms - b.ms)[0] ?? { ms: 0, up: 0 };
  const [bird, ours] = [best(runs.bird), best(runs.ours)];
  const notes = [`up after ${deadlineMs / 1_000} s: ${bird.up} of BIRD's, ${ours.up} of ours`];
  // Who does not get all of them up has taken for ever.
  const figure = ({ ms, up }: Dialled): number => (up === count ? ms : deadlineMs);
  return { anchor: { name: "BIRD", figure: figure(bird) }, ours: figure(ours), notes };
}

function dialAll(
  start: StartSubject,
  instance: Instance,
  { count, inFlight }: { readonly count: number; readonly inFlight: number },
): Promise<Dialled> {
  const neighbours = makeNeighbours("p", count, { hears: false });
  return inArena({ start, neighbours, instance }, ({ feeders }) => {
    const specs = neighbours.map((each) => scripted(each));
    return feeders.call("open", specs, inFlight, deadlineMs);
  });
}

async function idleOfBoth(instance: Instance): Promise<readonly [bird: Idle, ours: Idle]> {
  const known = idleSeen.get(instance);
  if (known) return known;
  const seen = (async () => [await idle(startBirdSubject, instance), await idle(startOurs, instance)] as const)();
  idleSeen.set(instance, seen);
  return seen;
}

function idle(start: StartSubject, instance: Instance): Promise<Idle> {
  const neighbours = makeNeighbours("p", many, { hears: false, holdSeconds: idleHoldSeconds });
  return inArena({ start, neighbours, instance }, async ({ subject, feeders }) => {
    const specs = neighbours.map((each) => scripted(each));
    const { up } = await feeders.call("open", specs, 8, deadlineMs);
    if (up < 0.99 * many) throw new RangeError(`${up} of ${many} sessions with ${subject.name} came up`);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const before = await cpuMs(subject.pid);
    await new Promise((resolve) => setTimeout(resolve, idleMs));
    const percent = (100 * ((await cpuMs(subject.pid)) - before)) / idleMs;
    return { megabytes: await residentMegabytes(subject.pid), percent };
  });
}
