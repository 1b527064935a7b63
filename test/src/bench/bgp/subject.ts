/** What is measured: BIRD or our daemon (`ourDaemon.ts`), as a router with so many scripted neighbours, under one interface. */
import { readdir, readFile } from "node:fs/promises";
import type { PeerConfig, SpeakerConfig } from "@brindle/bgp";
import type { Instance } from "../../fixtures/instance.ts";
import type { NamespaceView } from "../../fixtures/namespace.ts";
import { startBird } from "../../fixtures/routers/bird.ts";
import { nowMs } from "./scriptedPeer.ts";

export const subjectAddress = "10.99.0.1";
export const subjectAsn = 64_496;

export interface Neighbour {
  readonly name: string;
  readonly address: string;
  readonly asn: number;
  readonly holdSeconds: number;
  /** Whether it hears routes. */
  readonly hears: boolean;
  /** RFC 4456: a client of ours, for a neighbour of our own AS. */
  readonly reflected?: boolean;
  readonly families?: readonly (4 | 6)[];
}

export interface Subject extends AsyncDisposable {
  readonly name: "BIRD" | "ours";
  readonly pid: number;
  /** Routes in its table. */
  routes(): Promise<number>;
  watchDelays?(): Promise<void>;
  longestTurn?(): Promise<number>;
}

export type StartSubject = (
  at: NamespaceView,
  neighbours: readonly Neighbour[],
  instance: Instance,
) => Promise<Subject>;

export const startBirdSubject: StartSubject = async (at, neighbours, instance) => {
  const bird = await startBird({ namespace: at, config: birdConfig(neighbours), instance });
  return {
    name: "BIRD",
    pid: await birdPid(bird.configFile),
    routes: async () => Number(/(\d+) of \d+ routes/.exec(await bird.show("show route count"))?.[1] ?? 0),
    [Symbol.asyncDispose]: () => bird[Symbol.asyncDispose](),
  };
};

export async function birdPid(configFile: string): Promise<number> {
  for (const entry of await readdir("/proc")) {
    const line = await readFile(`/proc/${entry}/cmdline`, "utf8").catch(() => "");
    const [command = "", ...args] = line.split("\0");
    if (/(^|\/)bird$/.test(command) && args.includes(configFile)) return Number(entry);
  }
  throw new RangeError("no process of BIRD has this configuration");
}

export function ourConfig(neighbours: readonly Neighbour[]): SpeakerConfig {
  const peers = neighbours.map((neighbour): PeerConfig => {
    const { name, address, asn, holdSeconds, hears, reflected, families } = neighbour;
    return {
      name,
      role: "peer",
      address,
      port: 179,
      asn,
      localAddress: subjectAddress,
      passive: true,
      holdSeconds,
      connectRetrySeconds: 5,
      families: families ?? [4],
      nextHop: { 6: "fd00::1" },
      importPolicy: { accept: "all" },
      exportPolicy: { accept: hears ? "all" : [] },
      ...(reflected && { routeReflectorClient: true }),
    };
  });
  return { asn: subjectAsn, bgpId: subjectAddress, listen: [{ address: subjectAddress, port: 179 }], peers };
}

function birdConfig(neighbours: readonly Neighbour[]): string {
  const protocols = neighbours.map(({ name, address, asn, holdSeconds, hears, reflected, families = [4] }) => {
    const channels = families.map((family) => `ipv${family} { import all; export ${hears ? "all" : "none"}; };`);
    return `protocol bgp ${name} {
  local ${subjectAddress} as ${subjectAsn};
  neighbor ${address} as ${asn};
  passive on; multihop; hold time ${holdSeconds};
  ${reflected ? "rr client;" : ""}
  ${channels.join("\n")}
}`;
  });
  return `router id ${subjectAddress};
log stderr { error, fatal, bug };
protocol device { scan time 60; }
${protocols.join("\n")}
`;
}

/** Processor time of a process with all its threads, milliseconds. */
export async function cpuMs(pid: number): Promise<number> {
  let sum = 0;
  for (const task of await readdir(`/proc/${pid}/task`)) {
    const text = await readFile(`/proc/${pid}/task/${task}/schedstat`, "utf8").catch(() => "0");
    sum += Number(text.split(" ")[0]) / 1e6;
  }
  return sum;
}

export async function peakMegabytes(pid: number): Promise<number> {
  return megabytesOf(pid, "VmHWM");
}

export async function residentMegabytes(pid: number): Promise<number> {
  return megabytesOf(pid, "VmRSS");
}

async function megabytesOf(pid: number, field: string): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024;
}

/** When the subject, holding so many routes, was last busy: told once it has been idle for a while. */
export async function quietWith(
  subject: Subject,
  routes: number,
  { deadlineMs = 120_000 }: { readonly deadlineMs?: number } = {},
): Promise<number> {
  const endMs = nowMs() + deadlineMs;
  for (;;) {
    const quietMs = await quietSinceMs(subject.pid, endMs);
    const held = await subject.routes();
    if (held === routes) return quietMs;
    if (nowMs() > endMs) throw new RangeError(`${subject.name} holds ${held} routes of ${routes}`);
  }
}

async function quietSinceMs(pid: number, endMs: number): Promise<number> {
  let busyMs = nowMs();
  let [before, beforeMs] = [await cpuMs(pid), busyMs];
  while (nowMs() - busyMs < 500 && nowMs() < endMs) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    const [cpu, atMs] = [await cpuMs(pid), nowMs()];
    if (cpu - before > 0.15 * (atMs - beforeMs)) busyMs = atMs;
    [before, beforeMs] = [cpu, atMs];
  }
  return busyMs;
}
