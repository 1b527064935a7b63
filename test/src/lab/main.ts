/** `npm run lab`: builds the lab, shows it, and lets a person play with it. */
import { Command } from "commander";
import { shareCompiledCode } from "../fixtures/compileCache.ts";
import { openInstance } from "../fixtures/instance.ts";
import { labInstance, podAdd, podDelete, shell, status, takeDown } from "./commands.ts";
import { startLab } from "./lab.ts";
import { labFabric } from "./topology/fabric.ts";
import { runTour } from "./tour/tour.ts";

const program = new Command("npm run lab --")
  .description("Two racks of real routers, three nodes and a host outside, in namespaces of this machine.")
  .option("--once", "end after the tour, also on a terminal")
  .action(async ({ once = false }: { once?: boolean }) => up({ stays: !once && process.stdout.isTTY === true }));
program
  .command("shell")
  .argument("<machine>", "a node, a router, client or mgmt")
  .description("a shell on a machine of the lab, with the tools that live there")
  .action(async (machine: string) => {
    process.exitCode = await shell(machine);
  });
program.command("status").description("what the lab is made of").action(status);
const pod = program.command("pod").description("pods");
pod
  .command("add")
  .argument("<name>")
  .requiredOption("--node <node>", "the node it runs on")
  .option("--label <key=value...>", "its labels", [])
  .action((name: string, { node, label }: { node: string; label: string[] }) => podAdd(name, node, label));
pod.command("del").argument("<name>").action(podDelete);
program.command("down").description("ends the lab and removes all of it").action(takeDown);

async function up({ stays }: { stays: boolean }): Promise<void> {
  shareCompiledCode();
  const startMs = performance.now();
  await using instance = await openInstance(labInstance);
  const interrupted = new Promise<"interrupted">((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => resolve("interrupted"));
  });
  const elapsed = (): string => `${((performance.now() - startMs) / 1000).toFixed(1)} s`;
  const work = async (): Promise<"done"> => {
    const lab = await startLab(labFabric, instance, (line) => console.log(`[${elapsed()}] ${line}`));
    console.log(`The lab is up after ${elapsed()}.`);
    await runTour(lab, console.log);
    return "done";
  };
  const end = await Promise.race([work(), interrupted]);
  if (end === "interrupted") process.exitCode = 130;
  else if (stays) {
    console.log(
      "\nThe lab stays up until Ctrl-C. In another terminal: npm run lab -- shell node1, -- status, -- pod add ...",
    );
    await interrupted;
  }
}

try {
  await program.parseAsync();
} catch (error) {
  console.error(`\n${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
// Daemons' pipes would hold us otherwise; what they belong to is gone by now.
process.exit();
