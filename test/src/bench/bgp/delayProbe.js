/**
 * Loaded into a daemon that is measured: SIGUSR2 begins to watch how long a turn of its event loop takes, a second one
 * writes the longest, milliseconds. JavaScript, since what reads TypeScript would be measured along.
 */
import { writeFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";

const delay = monitorEventLoopDelay({ resolution: 1 });
let isWatching = false;

process.on("SIGUSR2", () => {
  if (isWatching) writeFileSync(process.env.BENCH_DELAYS, String(delay.max / 1e6));
  isWatching = true;
  delay.reset();
  delay.enable();
});
