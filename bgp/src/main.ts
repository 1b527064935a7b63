/** The process of `brindle-bgp`: its command line, its signals, its control socket and its exit code. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { ControlError } from "@brindle/net";
import { callControl } from "@brindle/net/shell/controlClient";
import { Command } from "commander";
import workspace from "../package.json" with { type: "json" };
import { messageOf } from "./error.ts";
import { Daemon } from "./shell/daemon/daemon.ts";
import { Endpoints } from "./shell/daemon/endpoints.ts";
import { daemonHandlers } from "./shell/daemon/handlers.ts";
import { OperatorLog, standardOutput } from "./shell/daemon/operatorLog.ts";
import { readWishFile } from "./shell/daemon/readWish.ts";

interface Flags {
  readonly config: string;
  readonly check?: true;
  readonly socket?: string;
  readonly record?: string;
}

const callTimeoutMs = 30_000;
/** How long the end waits for whoever reads the log. */
const lastLineMs = 1_000;

const program = new Command("brindle-bgp")
  .version(workspace.version)
  .description("A BGP speaker that does what its file says. SIGHUP reads the file anew, SIGTERM ends it.")
  .requiredOption("-c, --config <file>", "its YAML")
  .option("--check", "say what is wrong with the file, and end; with --socket, also what a reload would cost")
  .option("--socket <path>", "of a daemon that runs, for --check")
  .option("--record <file>", "write down all that happens and all that is done, without passwords; a new file")
  .action(async (flags: Flags) => {
    if (flags.check) await check(flags);
    else if (flags.socket !== undefined) program.error("--socket goes with --check");
    else await run(flags);
  });

program.parseAsync().catch((error: unknown) => {
  const isExpected = error instanceof ControlError || (error instanceof Error && error.name === "BgpError");
  process.stderr.write(`${isExpected ? messageOf(error) : ((error as Error).stack ?? error)}\n`);
  process.exit(1);
});

async function check({ config, socket }: Flags): Promise<void> {
  const { wish } = await readWishFile(config);
  if (socket === undefined) {
    const { peers, dynamicPeers } = wish.config;
    const ranges = dynamicPeers ? `${dynamicPeers.length} ranges of peers, ` : "";
    print(`${config}: well-formed: ${peers.length} peers, ${ranges}${wish.originated.length} own prefixes`);
    return;
  }
  const params = { text: await readFile(config, "utf8"), file: resolve(config) };
  const plan = await callControl(socket, "bgp.plan", params, { timeoutMs: callTimeoutMs });
  for (const line of (plan as { lines: readonly string[] }).lines) print(line); // What the daemon promises to answer.
}

async function run({ config: path, record }: Flags): Promise<void> {
  const ended = Promise.withResolvers<void>();
  const log = new OperatorLog(standardOutput());
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => ended.resolve());
  const started = Promise.withResolvers<Daemon>();
  // What comes before the start is over has its turn behind it: the file may have been read by then.
  process.on("SIGHUP", () => void started.promise.then((daemon) => daemon.reloadAndLog()));
  let present: Daemon | null = null;
  const handlers = daemonHandlers(() => present);
  const endpoints = new Endpoints({ handlers, speaker: () => present?.speaker ?? null, onInternalError });
  const starting = Daemon.start(
    { path, ...(record !== undefined && { recordTo: record }) },
    { log: (line) => log.line(line), onFailed: ended.reject, endpoints },
  );
  const daemon = await Promise.race([starting, ended.promise]).catch((error: unknown) => {
    abandon(endpoints);
    throw error;
  });
  if (!daemon) {
    abandon(endpoints);
    process.exit(0); // No peer knows of it yet.
  }
  present = daemon;
  await using parts = new AsyncDisposableStack();
  parts.use(endpoints);
  log.line(`brindle-bgp ${workspace.version} runs; brindlectl bgp summary --socket ${daemon.controlSocket}`);
  started.resolve(daemon);
  await ended.promise;
  await daemon.end();
  log.line("ended");
  await log.drained({ deadlineMs: lastLineMs });
}

/** Removes the control socket, and waits for no caller: the process ends. */
function abandon(endpoints: Endpoints): void {
  void endpoints[Symbol.asyncDispose]();
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function onInternalError(method: string, error: unknown): void {
  process.stderr.write(`${method} failed: ${error instanceof Error ? error.stack : String(error)}\n`);
}
