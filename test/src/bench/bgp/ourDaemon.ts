/** `brindle-bgp` as what is measured: started as its user starts it, and asked as `brindlectl` asks. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { SpeakerSummary } from "@brindle/bgp";
import { callControl } from "@brindle/net/shell";
import type { Daemon } from "../../fixtures/command.ts";
import type { Instance } from "../../fixtures/instance.ts";
import type { NamespaceView } from "../../fixtures/namespace.ts";
import { waitFor } from "../../fixtures/waitFor.ts";
import { type Neighbour, type StartSubject, type Subject, subjectAddress, subjectAsn } from "./subject.ts";

const launcher = fileURLToPath(new URL("../../../../bgp/bin/brindle-bgp.js", import.meta.url));
const delayProbe = fileURLToPath(new URL("delayProbe.js", import.meta.url));

export const startOurs: StartSubject = (at, neighbours, instance) => start({ at, neighbours, instance });

/** The same with something in it that watches how long a turn of its event loop takes. */
export const startOursWatched: StartSubject = (at, neighbours, instance) =>
  start({ at, neighbours, instance, node: [`--import=${delayProbe}`] });

interface Start {
  readonly at: NamespaceView;
  readonly neighbours: readonly Neighbour[];
  readonly instance: Instance;
  /** Node's own arguments. */
  readonly node?: readonly string[];
}

async function start({ at, neighbours, instance, node = [] }: Start): Promise<Subject> {
  const folder = await instance.createDirectory("bench");
  const [file, socket, delays] = ["speaker.yaml", "bgp.sock", "delays"].map((name) => join(folder, name)) as Paths;
  // JSON is YAML, too.
  await writeFile(file, JSON.stringify(settings(neighbours, socket)));
  const given = process.env.BENCH_NODE_ARGS?.split(" ") ?? [];
  const args = [...node, ...given, launcher, "-c", file];
  const daemon = at.spawn(process.execPath, args, { env: { BENCH_DELAYS: delays } });
  await running(daemon);
  return {
    name: "ours",
    pid: daemon.pid,
    routes: async () => accepted((await callControl(socket, "bgp.summary", {}, { timeoutMs })) as SpeakerSummary),
    watchDelays: async () => daemon.kill("SIGUSR2"),
    longestTurn: () => longestTurn(daemon, delays),
    [Symbol.asyncDispose]: async () => {
      daemon.kill("SIGKILL"); // A thousand sessions would be told why.
      await daemon.exited;
    },
  };
}

type Paths = [file: string, socket: string, delays: string];

const timeoutMs = 30_000;

async function running(daemon: Daemon): Promise<void> {
  await waitFor(
    () => {
      daemon.assertRunning();
      return daemon.output().includes("runs;");
    },
    { what: "brindle-bgp runs", deadlineMs: timeoutMs },
  );
}

async function longestTurn(daemon: Daemon, delays: string): Promise<number> {
  daemon.kill("SIGUSR2");
  let ms = 0;
  await waitFor(
    async () => {
      ms = Number(await readFile(delays, "utf8").catch(() => ""));
      return ms > 0;
    },
    { what: "the probe writes the longest turn", deadlineMs: timeoutMs },
  );
  return ms;
}

function accepted({ peers }: SpeakerSummary): number {
  return peers.reduce((sum, peer) => sum + (peer.accepted ?? 0), 0);
}

/** The daemon's file: neighbours in bulk, of one template. */
function settings(neighbours: readonly Neighbour[], controlSocket: string): object {
  const families = ["ipv4", "ipv6"];
  return {
    asNumber: subjectAsn,
    routerID: subjectAddress,
    listen: [{ address: subjectAddress, port: 179 }],
    controlSocket,
    templates: {
      scripted: {
        passive: true,
        localAddress: subjectAddress,
        families: ["ipv4"],
        nextHop: { ipv6: "fd00::1" },
        importPolicy: "accept",
        exportPolicy: "reject",
      },
    },
    peers: neighbours.map((neighbour) => ({
      name: neighbour.name,
      peerIP: neighbour.address,
      asNumber: neighbour.asn,
      template: "scripted",
      holdTime: `${neighbour.holdSeconds}s`,
      ...(neighbour.hears && { exportPolicy: "accept" }),
      ...(neighbour.families && { families: neighbour.families.map((family) => families[family === 4 ? 0 : 1]) }),
      ...(neighbour.reflected && { routeReflectorClient: true }),
    })),
  };
}
