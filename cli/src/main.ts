/** The process of `brindlectl`: its command line, its streams and its exit code. */
import workspace from "../package.json" with { type: "json" };
import { runProgram } from "./program.ts";
import { World } from "./shell/world.ts";

const { version } = workspace;

// Whoever reads our output may stop early, as `head` does: that is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

// `-o=wide`, which kubectl takes, as `-o wide`.
const args = process.argv
  .slice(2)
  .flatMap((word) => (/^-[A-Za-z]=/.test(word) ? [word.slice(0, 2), word.slice(3)] : [word]));
process.exitCode = await main(args);

async function main(args: readonly string[]): Promise<number> {
  await using worlds = new AsyncDisposableStack();
  try {
    return await runProgram(args, (options) => worlds.use(new World(version, options)), {
      out: (text) => process.stdout.write(text),
      err: (text) => process.stderr.write(text),
    });
  } catch (error) {
    const { describeFailure } = await import("./failure.ts");
    const failure = describeFailure(error);
    console.error(failure ? failure.text : error);
    return failure?.exitCode ?? 1;
  }
}
