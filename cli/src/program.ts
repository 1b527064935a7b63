/** The command line as commander reads it, made from the registry. Help and mistakes go where the ports say. */
import { Command, CommanderError, Option } from "commander";
import type { CommandDefinition, ExitCode } from "./command.ts";
import { commands, groups } from "./commands/registry.ts";
import { usage } from "./error.ts";
import type { Ports } from "./ports.ts";

export interface GlobalOptions {
  readonly config?: string;
  readonly etcd?: string;
  readonly datastore?: string;
  readonly kubeconfig?: string;
  readonly socket: string;
  readonly timeout: number;
}

/** Where the texts of commander go. */
export interface HelpOutput {
  out(text: string): void;
  err(text: string): void;
}

/** Runs one command line. `portsFor` is called for commands alone, not for their help. */
export async function runProgram(
  args: readonly string[],
  portsFor: (options: GlobalOptions) => Ports,
  output: HelpOutput,
): Promise<ExitCode | 2> {
  let exitCode: ExitCode = 0;
  const program = rootProgram(output);
  for (const definition of commands) {
    const command = placeOf(definition.name, program);
    describe(command, definition);
    // commander hands over the arguments one by one, then the options and the command.
    command.action(async (...given: unknown[]) => {
      const positional = given.slice(0, -2);
      exitCode = await definition.run(positional, command.opts(), portsFor(program.opts()));
    });
  }
  try {
    await program.parseAsync([...args], { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    throw error;
  }
}

function rootProgram({ out, err }: HelpOutput): Command {
  return new Command("brindlectl")
    .description("Writes the resources of a Brindle network, and shows what its agents know.")
    .addOption(
      new Option("--datastore <type>", "else DATASTORE_TYPE, else what the other settings name").choices([
        "etcdv3",
        "kubernetes",
      ]),
    )
    .addOption(new Option("--etcd <url,…>", "etcd as the datastore; else ETCD_ENDPOINTS, else http://127.0.0.1:2379"))
    .addOption(new Option("--kubeconfig <file>", "Kubernetes as the datastore; else KUBECONFIG, else ~/.kube/config"))
    .addOption(new Option("-c, --config <file>", "of calicoctl's form; else /etc/calico/calicoctl.cfg, if it is there"))
    .addOption(new Option("--socket <path>", "of this node's agent").default("/run/brindle/agent.sock"))
    .addOption(
      new Option("--timeout <time>", "how long to wait for an answer")
        .default(5_000, "5s")
        .argParser((text: string) => parseTimeout(text)),
    )
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: out, writeErr: err })
    .showHelpAfterError("(--help tells more)")
    .exitOverride()
    .addHelpText("after", environmentHelp);
}

/** The command of this name, below its groups where the name has several words. */
function placeOf(name: string, program: Command): Command {
  const words = name.split(" ");
  const last = words.pop() ?? "";
  let place = program;
  for (const [i, word] of words.entries()) {
    const group = place.commands.find((known) => known.name() === word) ?? place.command(word);
    place = group.description(
      groups[
        name
          .split(" ")
          .slice(0, i + 1)
          .join(" ")
      ] ?? "",
    );
  }
  return place.command(last);
}

function describe(command: Command, definition: CommandDefinition): void {
  const examples = definition.examples.map(({ line, does }) => `  ${line}\n      ${does}`).join("\n");
  command.summary(definition.summary).description(`${capitalised(definition.summary)}.\n\n${definition.details}`);
  definition.declare(command);
  command.addHelpText("after", `\nExamples:\n${examples}`);
}

const environmentHelp = `
Environment, named as in Calico:
  DATASTORE_TYPE                     etcdv3 or kubernetes; unless told kubernetes where KUBECONFIG is set and no
                                     endpoint of etcd, else etcdv3
  ETCD_ENDPOINTS                     the datastore, where --etcd is not given
  ETCD_CA_CERT_FILE, ETCD_CERT_FILE, ETCD_KEY_FILE   files of PEM for TLS
  ETCD_USERNAME, ETCD_PASSWORD       a user of etcd; a password is never an option
  KUBECONFIG, K8S_CURRENT_CONTEXT    the cluster, where --kubeconfig is not given

Exit codes: 0 done, 1 failed, 2 the command line is wrong.`;

/** `5s`, `500ms`, or seconds. In milliseconds. */
function parseTimeout(text: string): number {
  const [, number, unit = "s"] = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text) ?? [];
  const ms = Number(number) * (unitMs[unit] ?? 0);
  if (ms >= 1 && ms <= 3_600_000) return ms;
  throw usage(`--timeout ${text} is no time from 1ms to 60m, like 5s`);
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000 };

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
