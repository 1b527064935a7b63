/** ADD and DEL as a runtime executes them: Debian's reference plugins with host-local, and ours with all that is behind it. */
import { join } from "node:path";
import { type Instance, openInstance } from "../fixtures/instance.ts";
import { createNamespace, type Namespace } from "../fixtures/namespace.ts";
import { brindleSubjects, type Command, debianSubject, type Subject } from "./cniSubjects.ts";
import { elapsedMs, median, type Row } from "./row.ts";

const podsInTurn = 32;
const podsAtOnce = 16;
const rounds = 3;

type Mode = "one at a time" | "16 at once";
/** Milliseconds of one call, the median. */
type Figures = Readonly<Record<Mode, Readonly<Record<Command, number>>>>;
type Measured = Readonly<Record<"bridge" | "ptp" | "ipv4" | "dualStack", Figures>>;

/** All subjects are measured at the first row that asks, since a DEL needs its ADD and a lab takes its time. */
let measuredOnce: Promise<Measured> | undefined;

export const cniRows: readonly Row[] = (["one at a time", "16 at once"] as const).flatMap((mode) =>
  (["ADD", "DEL"] as const).flatMap((command): Row[] => [
    ...(["bridge", "ptp"] as const).map((type) =>
      row(`CNI ${command}, ${mode} (${type})`, (measured) => ({
        anchor: { name: `${type} + host-local`, figure: measured[type][mode][command] },
        ours: measured.ipv4[mode][command],
      })),
    ),
    row(`CNI ${command}, ${mode} (both families)`, (measured) => ({
      anchor: { name: "ours, IPv4 alone", figure: measured.ipv4[mode][command] },
      ours: measured.dualStack[mode][command],
    })),
  ]),
);

function row(name: string, pick: (measured: Measured) => Awaited<ReturnType<Row["measure"]>>): Row {
  const measure: Row["measure"] = async () => {
    measuredOnce ??= measureAll();
    return pick(await measuredOnce);
  };
  return { name, unit: "ms, median", better: "lower", measure };
}

/** In an instance of its own: etcd, agent and router must not run beside the rows of others. */
async function measureAll(): Promise<Measured> {
  await using instance = await openInstance();
  const { ipv4, dualStack } = await brindleSubjects(instance);
  return {
    bridge: await measure(await debianSubject(instance, "bridge"), instance),
    ptp: await measure(await debianSubject(instance, "ptp"), instance),
    ipv4: await measure(ipv4, instance),
    dualStack: await measure(dualStack, instance),
  };
}

async function measure(subject: Subject, instance: Instance): Promise<Figures> {
  // The first one makes what later ones find: the bridge, the address block, code that is compiled.
  await lives(subject, { pods: 1, atOnce: 1 }, instance);
  const inTurn = await lives(subject, { pods: podsInTurn, atOnce: 1 }, instance);
  const atOnce = await lives(subject, { pods: rounds * podsAtOnce, atOnce: podsAtOnce }, instance);
  return { "one at a time": inTurn, "16 at once": atOnce };
}

async function lives(
  subject: Subject,
  { pods, atOnce }: { readonly pods: number; readonly atOnce: number },
  instance: Instance,
): Promise<Record<Command, number>> {
  const adds: number[] = [];
  const dels: number[] = [];
  for (let done = 0; done < pods; done += atOnce) {
    await using namespaces = new AsyncDisposableStack();
    const sandboxes: Namespace[] = [];
    for (let pod = 0; pod < atOnce; pod += 1) {
      podNumber += 1;
      sandboxes.push(namespaces.use(await createNamespace(`pod-${podNumber}`, { instance })));
    }
    adds.push(...(await Promise.all(sandboxes.map((sandbox) => elapsedMs(() => call(subject, "ADD", sandbox))))));
    dels.push(...(await Promise.all(sandboxes.map((sandbox) => elapsedMs(() => call(subject, "DEL", sandbox))))));
  }
  return { ADD: median(adds), DEL: median(dels) };
}

/** Of the last pod: a name that came back would be another container of the same pod. */
let podNumber = 0;

function call({ node, type, callOf }: Subject, command: Command, sandbox: Namespace): Promise<string> {
  const { env, config } = callOf(command, sandbox);
  return node.exec(join(env.CNI_PATH ?? "", type), [], { env, input: config });
}
