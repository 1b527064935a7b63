/**
 * How a command is declared: one value in one file of `commands/`, listed in its registry. The declaration is light; what
 * a command needs to run is imported by its `run`, so that `brindlectl --help` does not wait for a datastore's client.
 */
import type { Command } from "commander";
import type { Ports } from "./ports.ts";

/** 0 when all that was asked for was done, 1 when some of it was not. A wrong command line is a `CliError`. */
export type ExitCode = 0 | 1;

export interface Example {
  readonly line: string;
  readonly does: string;
}

/** `Arguments` and `Options` are what `declare` makes of the command line: commander types neither. */
export interface CommandDefinition<
  Arguments extends readonly unknown[] = readonly unknown[],
  Options extends object = object,
> {
  /** As it is typed: `get`, `bgp peers`. */
  readonly name: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  /** What a person should know before the list of options; some sentences. */
  readonly details: string;
  readonly examples: readonly Example[];
  declare(command: Command): void;
  run(args: Arguments, options: Options, ports: Ports): Promise<ExitCode>;
}
