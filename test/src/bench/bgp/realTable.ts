/**
 * A real full table through the router as a route reflector: from one client to another, and what comes out is held
 * against what went in, route by route, attribute by attribute.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { decodeUpdate, type PathAttributes } from "@brindle/bgp";
import type { Instance } from "../../fixtures/instance.ts";
import { recording } from "../../fixtures/recordings.ts";
import type { Row } from "../row.ts";
import { inArena, scripted, untilSilent } from "./arena.ts";
import { readMrt } from "./mrt.ts";
import { startOurs } from "./ourDaemon.ts";
import { cpuMs, type Neighbour, type StartSubject, startBirdSubject, subjectAsn } from "./subject.ts";

const repetitions = 3;
const client = { asn: subjectAsn, holdSeconds: 240, hears: true, reflected: true } as const;
const from: Neighbour = { ...client, name: "clientA", address: "10.99.4.1" };
const to: Neighbour = { ...client, name: "clientB", address: "10.99.4.2" };
const originator = 0x0a630401;
const cluster = 0x0a630001;

const table = recording("mrt/updates.et-header.2015.gz");

export const realTableRow: Row = {
  name: "bgp: a real full table through a route reflector",
  unit: "ms",
  better: "lower",
  target: (bird) => bird,
  lack: async () => (table === null ? "BRINDLE_RECORDINGS names no folder with recorded tables" : null),
  async measure(instance) {
    const path = table ?? "";
    const { updates, fourOctetAs } = readMrt(path);
    const directory = await instance.createDirectory("bench");
    const file = join(directory, "table");
    await writeFile(file, Buffer.concat(updates));
    const run = (start: StartSubject): Promise<Run> =>
      reflect(start, { file, twoOctetAs: !fourOctetAs, directory, instance });
    const [birds, all]: [Run[], Run[]] = [[], []];
    for (let repetition = 0; repetition < repetitions; repetition += 1) {
      birds.push(await run(startBirdSubject));
      all.push(await run(startOurs));
    }
    const [bird, ours] = [fastest(birds), fastest(all)];
    const wanted = tableOf(Buffer.concat(updates), { fourOctetAs });
    const notes = [
      ...compare(wanted, tableOf(ours.stream, { fourOctetAs: true })),
      `BIRD passed on ${bird.routes} routes`,
      `processor time: ${bird.cpu.toFixed(0)} ms of BIRD, ${ours.cpu.toFixed(0)} ms of ours`,
    ];
    return { anchor: { name: "BIRD", figure: bird.ms }, ours: ours.ms, notes };
  },
};

/**
 * Of a few runs of each, in turn, so that what else the machine does hits both. One that was taken for silent too early has
 * fewer routes, and is no run.
 */
function fastest(runs: readonly Run[]): Run {
  const most = Math.max(...runs.map(({ routes }) => routes));
  const [first] = runs.filter(({ routes }) => routes > 0.99 * most).toSorted((a, b) => a.ms - b.ms);
  if (!first) throw new RangeError("nothing was measured");
  return first;
}

interface Run {
  readonly ms: number;
  readonly cpu: number;
  readonly routes: number;
  readonly stream: Buffer;
}

interface Reflection {
  readonly file: string;
  readonly twoOctetAs: boolean;
  readonly directory: string;
  readonly instance: Instance;
}

function reflect(start: StartSubject, { file, twoOctetAs, directory, instance }: Reflection): Promise<Run> {
  return inArena({ start, neighbours: [from, to], instance }, async ({ subject, feeders, sinks }) => {
    await feeders.call("open", [scripted(from, { twoOctetAs })], 1, 10_000);
    await sinks.call("open", [scripted(to)], 1, 10_000);
    const before = await cpuMs(subject.pid);
    const startMs = await feeders.call("send", from.name, file);
    await untilSilent(sinks, [to.name]);
    const cpu = (await cpuMs(subject.pid)) - before;
    const [heard] = await sinks.call("heard", [to.name]);
    const stream = join(directory, `stream-${subject.name}`);
    await sinks.call("store", to.name, stream);
    const ms = (heard?.lastAtMs ?? 0) - startMs;
    return { ms, cpu, routes: heard?.announced ?? 0, stream: await readFile(stream) };
  });
}

interface HeldRoute {
  readonly nextHop: bigint;
  readonly attributes: PathAttributes;
}

interface Held {
  readonly routes: ReadonlyMap<string, HeldRoute>;
  /** Prefixes whose last announcement may not be used, by why. */
  readonly refused: ReadonlyMap<string, string>;
}

/** What a router holds that has read these messages. */
function tableOf(stream: Buffer, { fourOctetAs }: { readonly fourOctetAs: boolean }): Held {
  const routes = new Map<string, HeldRoute>();
  const refused = new Map<string, string>();
  for (let at = 0; at + 19 <= stream.length; at += stream.readUInt16BE(at + 16)) {
    if (stream[at + 18] !== 2) continue;
    const bytes = stream.subarray(at, at + stream.readUInt16BE(at + 16));
    const decoded = decodeUpdate(bytes, { fourOctetAs, external: false, families: [4] });
    if (decoded.kind === "fault") throw new RangeError(decoded.reason);
    const { withdrawn, announced, attributes, faults } = decoded.message;
    const reason = faults.find(({ done }) => done === "withdrawRoutes")?.reason;
    for (const text of withdrawn.flatMap(texts)) {
      routes.delete(text);
      if (reason) refused.set(text, reason);
    }
    for (const { prefixes, nextHop } of announced) {
      for (const text of texts(prefixes)) {
        if (attributes) routes.set(text, { nextHop: nextHop.value, attributes });
        refused.delete(text);
      }
    }
  }
  return { routes, refused };
}

function texts({ words }: { readonly words: Uint32Array }): string[] {
  const all: string[] = [];
  for (let i = 0; i < words.length; i += 2) {
    const word = words[i] ?? 0;
    all.push(`${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}/${words[i + 1]}`);
  }
  return all;
}

/** Throws at any route that is missing, came from nowhere, or is not what it was but for what a reflector adds. */
function compare(wanted: Held, got: Held): string[] {
  for (const [prefix, { nextHop, attributes }] of wanted.routes) {
    const { localPref = 100, originatorId = originator, clusterList = [] } = attributes;
    const asReflected = { ...attributes, localPref, originatorId, clusterList: [cluster, ...clusterList] };
    const other = got.routes.get(prefix);
    if (!other || other.nextHop !== nextHop || !isDeepStrictEqual(sorted(other.attributes), sorted(asReflected))) {
      throw new RangeError(
        `${prefix} came back as ${JSON.stringify(other?.attributes)}, not ${JSON.stringify(asReflected)}`,
      );
    }
  }
  if (got.routes.size !== wanted.routes.size)
    throw new RangeError(`${got.routes.size} routes came back of ${wanted.routes.size}`);
  const reasons = Map.groupBy(wanted.refused, ([, reason]) => reason);
  const left = [...reasons].map(([reason, all]) => {
    const named = all.slice(0, 4).map(([prefix]) => prefix);
    return `not passed on: ${all.length}, for ${reason} (${named.join(", ")}${all.length > 4 ? ", ..." : ""})`;
  });
  return [`${wanted.routes.size.toLocaleString("en")} routes came back with equal attributes`, ...left];
}

function sorted(attributes: PathAttributes): Record<string, unknown> {
  return Object.fromEntries(Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1)));
}
