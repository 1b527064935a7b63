/** ADD and DEL as a runtime executes them: Debian's reference plugins with host-local, and ours with all that is behind it. */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Instance, openInstance } from "../fixtures/instance.ts";
import { createNamespace, type Namespace } from "../fixtures/namespace.ts";
import { removalsAtOnce } from "./cniRemovals.ts";
import { brindleSubjects, type Command, debianSubject, type Subject } from "./cniSubjects.ts";
import type { DeniedProbe } from "./deniedProbe.ts";
import { type PluginCall, PluginRunner } from "./pluginRunner.ts";
import { type Held, memoryOf } from "./processMemory.ts";
import { median, type Row } from "./row.ts";

const podsAtOnce = 16;
/** Of a subject in each mode, by turns with the other subjects: what else the machine does meets all of them. */
const rounds = 4;
/** The first pods make what later ones find: the bridge, the block of addresses, code that is compiled. */
const roundsBefore = 6;
const podsOfNode = 500;
/** The kernel takes away the namespaces of the round before, of other subjects too, when nobody asks for them any more. */
const restMs = 500;

type Mode = "one at a time" | "16 at once";
/** Milliseconds of one call, the median. */
type Figures = Readonly<Record<Mode, Readonly<Record<Command, number>>>>;
type SubjectName = "bridge" | "ptp" | "ipv4" | "dualStack";

interface Measured {
  readonly calls: Readonly<Record<SubjectName, Figures>>;
  /** Pods a second, until a node has all of them. */
  readonly filling: Readonly<Record<"bridge" | "ipv4", number>>;
  /** Milliseconds until the kernel is clean of 128 pods. */
  readonly removal: Readonly<Record<"bridge" | "ipv4", number>>;
  /** Of the agent, without pods and with them. */
  readonly memory: { readonly empty: Held; readonly full: Held };
  /** What came of probes that policy denies, while pods with IPv4 were added. */
  readonly probes: string;
}

/** All subjects are measured at the first row that asks, since a DEL needs its ADD and a lab takes its time. */
let measuredOnce: Promise<Measured> | undefined;

const bytesAPodMax = 20_000;

/** By mode and command: what share of bridge's time ours may take. */
const shares: Readonly<Record<Mode, Partial<Record<Command, number>>>> = {
  "one at a time": { ADD: 0.5, DEL: 0.12 },
  "16 at once": { ADD: 0.3 },
};

export const cniRows: readonly Row[] = [
  ...(["one at a time", "16 at once"] as const).flatMap((mode) =>
    (["ADD", "DEL"] as const).flatMap((command) => callRows(mode, command)),
  ),
  {
    name: `CNI ADD, ${podsOfNode} pods of a node (bridge)`,
    unit: "pods/s",
    better: "higher",
    target: (anchor) => 3 * anchor,
    measure: async () => {
      const { filling } = await measuredAll();
      return { anchor: { name: "bridge + host-local", figure: filling.bridge }, ours: filling.ipv4 };
    },
  },
  {
    name: "CNI DEL, 128 at once, until the kernel is clean",
    unit: "ms",
    better: "lower",
    target: () => 150,
    measure: async () => {
      const { removal } = await measuredAll();
      return {
        anchor: { name: "bridge + host-local", figure: removal.bridge },
        ours: removal.ipv4,
        notes: ["ours is asked by its socket, without starting executables; bridge's 128 are started, 16 at once"],
      };
    },
  },
  {
    name: `CNI agent's memory, a pod of ${podsOfNode}`,
    unit: "bytes that live",
    better: "lower",
    target: () => bytesAPodMax,
    measure: async () => {
      const { memory } = await measuredAll();
      const aPod = (of: keyof Held) => (memory.full[of] - memory.empty[of]) / podsOfNode;
      const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
      return {
        anchor: { name: "none", figure: 0 },
        ours: aPod("live"),
        notes: [
          `without pods ${megabytes(memory.empty.live)} live and ${megabytes(memory.empty.resident)} are resident; a pod adds ${Math.round(aPod("resident"))} resident bytes`,
        ],
      };
    },
  },
];

function callRows(mode: Mode, command: Command): Row[] {
  const share = shares[mode][command];
  return [
    ...(["bridge", "ptp"] as const).map((type): Row => {
      const target = type === "bridge" && share !== undefined ? { target: (anchor: number) => share * anchor } : {};
      return {
        ...row(`CNI ${command}, ${mode} (${type})`, ({ calls, probes }) => ({
          anchor: { name: `${type} + host-local`, figure: calls[type][mode][command] },
          ours: calls.ipv4[mode][command],
          notes: command === "ADD" && type === "bridge" ? [probes] : [],
        })),
        ...target,
      };
    }),
    row(`CNI ${command}, ${mode} (both families)`, ({ calls }) => ({
      anchor: { name: "ours, IPv4 alone", figure: calls.ipv4[mode][command] },
      ours: calls.dualStack[mode][command],
    })),
  ];
}

function row(name: string, pick: (measured: Measured) => Awaited<ReturnType<Row["measure"]>>): Row {
  return { name, unit: "ms, median", better: "lower", measure: async () => pick(await measuredAll()) };
}

function measuredAll(): Promise<Measured> {
  measuredOnce ??= measureAll();
  return measuredOnce;
}

/** In an instance of its own: etcd, agent and router must not run beside the rows of others. */
async function measureAll(): Promise<Measured> {
  await using instance = await openInstance();
  const { ipv4, dualStack, socket, agentProcess, probe } = await brindleSubjects(instance);
  await using runners = new AsyncDisposableStack();
  const on = async (subject: Subject): Promise<Pods> => {
    const runner = await PluginRunner.start(subject.node, await instance.createDirectory("calls"));
    return new Pods(subject, { instance, runner: runners.use(runner) });
  };
  const pods = {
    bridge: await on(await debianSubject(instance, "bridge")),
    ptp: await on(await debianSubject(instance, "ptp")),
    ipv4: await on(ipv4),
    dualStack: await on(dualStack),
  };
  const { bridge, ipv4: ours } = pods;
  const { calls, told } = await measuredCalls(pods, probe);
  const filling = { bridge: await bridge.fill(), ipv4: await ours.fill() };
  const removal = { bridge: await bridge.removeAtOnce(), ipv4: await ours.removeAtOnce(socket) };
  // After all that is timed: an open inspector costs time.
  const held = () => memoryOf(ipv4.node, agentProcess);
  const empty = await held();
  const memory = { empty, full: await ours.whileFull(held) };
  return { calls, filling, removal, memory, probes: told };
}

/** Probes go to the addresses of our pods all the time, beside the calls of others too, so that they cost all the same. */
async function measuredCalls(
  pods: Readonly<Record<SubjectName, Pods>>,
  probe: () => Promise<DeniedProbe>,
): Promise<{ readonly calls: Measured["calls"]; readonly told: string }> {
  await using denied = await probe();
  const names = Object.keys(pods) as SubjectName[];
  const onAdded = (name: SubjectName): OnAdded =>
    name === "ipv4" || name === "dualStack" ? (sandboxes) => denied.assertNone(sandboxes) : () => {};
  const round = async (mode: Mode): Promise<[SubjectName, Times][]> => {
    const all: [SubjectName, Times][] = [];
    for (const name of names) all.push([name, await pods[name].lives(mode, onAdded(name))]);
    return all;
  };
  const youngest = await pods.ipv4.lives("one at a time", onAdded("ipv4"));
  const early = new Map(await round("one at a time"));
  for (let done = 1; done < roundsBefore; done++) await round("one at a time");
  const measured: Record<Mode, [SubjectName, Times][]> = { "one at a time": [], "16 at once": [] };
  for (let done = 0; done < rounds; done++) {
    for (const mode of ["one at a time", "16 at once"] as const) measured[mode].push(...(await round(mode)));
  }
  const figures = (of: SubjectName, mode: Mode): Readonly<Record<Command, number>> => {
    const times = measured[mode].filter(([name]) => name === of).map(([, each]) => each);
    return { ADD: median(times.flatMap(({ ADD }) => ADD)), DEL: median(times.flatMap(({ DEL }) => DEL)) };
  };
  const calls = Object.fromEntries(
    names.map((name) => [
      name,
      { "one at a time": figures(name, "one at a time"), "16 at once": figures(name, "16 at once") },
    ]),
  ) as Measured["calls"];
  const young = [youngest, early.get("ipv4")].map((times) => `${median(times?.ADD ?? []).toFixed(1)} ms`);
  const told = `the first ${podsAtOnce} ADDs of an agent that became ready some seconds ago take ${young[0]}, the next ones ${young[1]}; ${denied.told()}`;
  return { calls, told };
}

/** Milliseconds of each call. */
type Times = Readonly<Record<Command, readonly number[]>>;

type OnAdded = (sandboxes: readonly Namespace[]) => void;

/** Of the last pod: a name that came back would be another container of the same pod. */
let podNumber = 0;

class Pods {
  readonly #subject: Subject;
  readonly #instance: Instance;
  readonly #runner: PluginRunner;

  constructor(subject: Subject, { instance, runner }: { readonly instance: Instance; readonly runner: PluginRunner }) {
    this.#subject = subject;
    this.#instance = instance;
    this.#runner = runner;
  }

  /** A round of pods that come, and go when all are there. `onAdded` sees the sandboxes of those that came, before they go. */
  async lives(mode: Mode, onAdded: OnAdded): Promise<Times> {
    const atOnce = mode === "16 at once" ? podsAtOnce : 1;
    return this.#withSandboxes(podsAtOnce, async (sandboxes) => {
      const added = await this.#run("ADD", sandboxes, atOnce);
      onAdded(sandboxes);
      const removed = await this.#run("DEL", sandboxes, atOnce);
      return { ADD: added.callsMs, DEL: removed.callsMs };
    });
  }

  async fill(): Promise<number> {
    return this.#withSandboxes(podsOfNode, async (sandboxes) => {
      const { elapsedMs } = await this.#run("ADD", sandboxes, podsAtOnce);
      await this.#run("DEL", sandboxes, podsAtOnce);
      return (podsOfNode / elapsedMs) * 1_000;
    });
  }

  /** What is seen while the node has them all. */
  async whileFull<T>(look: () => Promise<T>): Promise<T> {
    return this.#withSandboxes(podsOfNode, async (sandboxes) => {
      await this.#run("ADD", sandboxes, podsAtOnce);
      const seen = await look();
      await this.#run("DEL", sandboxes, podsAtOnce);
      return seen;
    });
  }

  /** Through the socket of an agent, or by its executable. */
  async removeAtOnce(socket?: string): Promise<number> {
    return this.#withSandboxes(128, async (sandboxes) => {
      await this.#run("ADD", sandboxes, podsAtOnce);
      const calls = sandboxes.map((sandbox) => this.#subject.callOf("DEL", sandbox));
      if (socket !== undefined) return removalsAtOnce(calls, { socket, node: this.#subject.node });
      return (await this.#run("DEL", sandboxes, podsAtOnce)).elapsedMs;
    });
  }

  #run(command: Command, sandboxes: readonly Namespace[], atOnce: number) {
    const calls = sandboxes.map((sandbox): PluginCall => {
      const call = this.#subject.callOf(command, sandbox);
      return { ...call, plugin: join(call.env.CNI_PATH ?? "", this.#subject.type) };
    });
    return this.#runner.run(calls, { atOnce });
  }

  async #withSandboxes<T>(count: number, work: (sandboxes: readonly Namespace[]) => Promise<T>): Promise<T> {
    await using namespaces = new AsyncDisposableStack();
    const sandboxes: Namespace[] = [];
    for (let pod = 0; pod < count; pod += 1) {
      podNumber += 1;
      sandboxes.push(namespaces.use(await createNamespace(`pod-${podNumber}`, { instance: this.#instance })));
    }
    await delay(restMs);
    return await work(sandboxes); // Their namespaces go when this is over.
  }
}
