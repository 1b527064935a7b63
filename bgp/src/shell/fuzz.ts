/**
 * `npm run fuzz -- bgp [messages]`: as `campaign.test.ts`, for as long as one likes; with the memory that it takes. Ends
 * with exit code 1 where that grows.
 */

import { runCampaign } from "../fuzz/campaign.ts";
import { judgeMemory, type MemorySample } from "../fuzz/memory.ts";
import { seededRandom } from "../wire/testing.ts";

const samplesWanted = 20;

const [what, count = "10000000"] = process.argv.slice(2);
const collect = globalThis.gc;
if (what !== "bgp" || !/^\d+$/.test(count) || !collect) {
  process.stderr.write("usage: npm run fuzz -- bgp [number of messages]\n");
  process.exit(2);
}
const seed = Number(process.env.BRINDLE_SEED ?? Date.now() % 2 ** 31);
process.stdout.write(`BRINDLE_SEED=${seed}, ${count} messages\n`);
const startMs = performance.now();
const samples: MemorySample[] = [];
const result = runCampaign(Number(count), seededRandom(seed), (sent) => {
  if (sent < ((samples.length + 1) * Number(count)) / samplesWanted) return;
  collect(); // What is left then is in use.
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  samples.push({ messages: sent, liveBytes: heapUsed + arrayBuffers, residentBytes: rss });
  const seconds = Math.round((performance.now() - startMs) / 1000);
  const memory = `${mib(heapUsed + arrayBuffers)} MiB in use, ${mib(rss)} MiB resident`;
  process.stdout.write(`${sent} messages, ${seconds} s, ${memory}\n`);
});
process.stdout.write(`${JSON.stringify({ ...result, notifications: Object.fromEntries(result.notifications) })}\n`);
const { verdict, liveBytesPerMessage, residentRatio } = judgeMemory(samples);
process.stdout.write(
  verdict === "unknown"
    ? "memory: too short a run to say whether it grows\n"
    : `memory: ${verdict}: ${liveBytesPerMessage.toFixed(2)} bytes in use a message more, the last third's most resident ${residentRatio.toFixed(2)} of the first's\n`,
);
if (verdict === "grows") process.exitCode = 1;

function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}
