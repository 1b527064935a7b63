/**
 * `npm run soak -- NAME [--for 10m] [--seed N]`: random histories for as long as one likes, each repeated by its seed; without a time
 * as many as its registry entry asks for, or ten minutes.
 * Ends with exit code 1 at the first that does not hold, and says how to see that one again.
 */
import { readOptions } from "./options.ts";
import { soaks } from "./registry.ts";
import { type Rounds, type RoundsOptions, runRounds } from "./rounds.ts";
import type { Soak } from "./soak.ts";

const tellEveryMs = 30_000;

async function main(args: readonly string[]): Promise<number> {
  const someSeed = Date.now() % 2 ** 31;
  const names = soaks.map(({ name }) => name);
  const { name, forMs, seed } = readOptions(args, names, someSeed);
  const soak = soaks.find((each) => each.name === name);
  if (!soak) return 2;
  console.log(`${name}: ${soak.what}; from seed ${seed} on`);
  const startMs = performance.now();
  let toldMs = startMs;
  await using opened = await soak.open();
  const result = await runRounds(opened, {
    seed,
    ...(forMs === null ? unlessTold(soak) : { forMs }),
    nowMs: () => performance.now(),
    onRound: (sofar) => {
      if (performance.now() - toldMs < tellEveryMs) return;
      toldMs = performance.now();
      console.log(`${Math.round((toldMs - startMs) / 1000)} s: ${shown(sofar)}, ${residentMib()} MiB resident`);
    },
  });
  console.log(`${shown(result)}: ${result.failure ? "FAILED" : "all held"}`);
  if (!result.failure) return 0;
  console.error(result.failure.error);
  console.error(`again: npm run soak -- ${name} --for 0s --seed ${result.failure.seed}`);
  return 1;
}

/** How long a run is for which nobody gave a time. */
function unlessTold({ least }: Soak): Pick<RoundsOptions, "forMs" | "least"> {
  return least ? { forMs: 0, least } : { forMs: 600_000 };
}

function shown({ rounds, counts }: Rounds): string {
  const figures = Object.entries({ rounds, ...counts });
  return figures.map(([name, count]) => `${count.toLocaleString("en")} ${name}`).join(", ");
}

function residentMib(): number {
  return Math.round(process.memoryUsage.rss() / 2 ** 20);
}

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  // A wrong command line needs no stack.
  const isUsage = error instanceof RangeError || error instanceof TypeError;
  console.error(isUsage ? error.message : error);
  return 2;
});
process.exit();
