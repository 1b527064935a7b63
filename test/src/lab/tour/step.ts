import { isDeepStrictEqual } from "node:util";
import { exec, run } from "../../fixtures/command.ts";
import { FixtureError } from "../../fixtures/error.ts";
import { waitFor } from "../../fixtures/waitFor.ts";
import type { Lab } from "../lab.ts";
import type { Pod } from "../runtime.ts";

/** One stop of the tour. What it returns is its part of the table at the end. */
export interface Step {
  readonly title: string;
  run(tour: Tour): Promise<Finding[]>;
}

export interface Finding {
  /** A sentence that was found true. */
  readonly what: string;
  readonly figure: string;
}

const outputLinesMax = 16;

/** What a step has at hand: it prints what it does, and it looks at counterparts only. */
export class Tour {
  readonly lab: Lab;
  readonly #print: (line: string) => void;

  constructor(lab: Lab, print: (line: string) => void) {
    this.lab = lab;
    this.#print = print;
  }

  say(line: string): void {
    this.#print(`  ${line}`);
  }

  /** Types a command on a machine, shows it with its real output, and hands that back. */
  async type(machine: string, command: string, input?: string): Promise<string> {
    this.#print(`  ${machine}# ${command}`);
    if (input !== undefined) this.#show(input, Number.POSITIVE_INFINITY);
    const outcome = await this.lab.type(machine, command, input);
    this.#show(outcome.stdout + outcome.stderr, outputLinesMax);
    if (outcome.exitCode !== 0) {
      throw new FixtureError({ code: "COMMAND_FAILED", command: `${machine}# ${command}`, ...outcome });
    }
    return outcome.stdout;
  }

  /** The same in a pod's namespace; a bad exit code is an answer. */
  async inPod(pod: Pod, command: string): Promise<{ readonly ok: boolean; readonly stdout: string }> {
    this.#print(`  ${pod.name}# ${command}`);
    const inside = [`--net=/run/netns/${pod.namespace}`, "--", "bash", "--norc", "-c"];
    const line = `${command} 2>&1; echo "exit $?"`;
    const stdout = await exec("nsenter", [...inside, line], { deadlineMs: 15_000 });
    const [, output = "", exit = ""] = /^([\s\S]*)exit (\d+)\n$/.exec(stdout) ?? [];
    this.#show(output, outputLinesMax);
    if (exit !== "0") this.#print(`    (exit code ${exit})`);
    return { ok: exit === "0", stdout: output };
  }

  /** Runs a command in a pod without showing it, for looks that are repeated. */
  async quietly(pod: Pod, command: string): Promise<string> {
    const inside = [`--net=/run/netns/${pod.namespace}`, "--", "bash", "--norc", "-c", command];
    return (await run("nsenter", inside, { deadlineMs: 15_000 })).stdout;
  }

  /** Waits until what is seen is what is expected; the failure shows both. */
  async expect(what: string, expected: unknown, look: () => Promise<unknown>, deadlineMs = 15_000): Promise<void> {
    await waitFor(
      async (saw) => {
        const seen = await look();
        saw(seen);
        return isDeepStrictEqual(seen, expected);
      },
      { what: `${what}, expected ${JSON.stringify(expected)}`, deadlineMs, intervalMs: 100 },
    );
  }

  #show(output: string, linesMax: number): void {
    const lines = output.trimEnd().split("\n");
    for (const line of lines.slice(0, linesMax)) this.#print(`    ${line}`);
    if (lines.length > linesMax) this.#print(`    … ${lines.length - linesMax} more lines`);
  }
}
