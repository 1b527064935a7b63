/**
 * `npm run fuzz -- bgp [messages]`: as `campaign.test.ts`, for as long as one likes; with the memory that it takes. Ends
 * with exit code 1 where that grows.
 *
 * `npm run fuzz -- bgp-live HOST PORT RANGE [messages]`: the same peer, AS 65066, over TCP against any speaker.
 */
import { parsePrefix } from "@brindle/net";
import { runCampaign } from "../fuzz/campaign.ts";
import { judgeMemory, type MemorySample } from "../fuzz/memory.ts";
import { seededRandom } from "../wire/testing.ts";
import { fuzzLive } from "./liveFuzz.ts";

const samplesWanted = 20;
const usage = `usage: npm run fuzz -- bgp [number of messages]
       npm run fuzz -- bgp-live HOST PORT RANGE-OF-OUR-ADDRESSES [number of messages]
`;

const seed = Number(process.env.BRINDLE_SEED ?? Date.now() % 2 ** 31);
const [what, ...args] = process.argv.slice(2);
if (what === "bgp") campaign(args[0] ?? "10000000");
else if (what === "bgp-live") await attack(args);
else refuse();

function campaign(count: string): void {
  const collect = globalThis.gc;
  if (!/^\d+$/.test(count) || !collect) {
    refuse();
    return;
  }
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
}

async function attack([host, port = "", range = "", count = "100000"]: readonly string[]): Promise<void> {
  const from = parsePrefix(range);
  if (host === undefined || !/^\d+$/.test(port) || !from || !/^\d+$/.test(count)) {
    refuse();
    return;
  }
  process.stdout.write(`BRINDLE_SEED=${seed}, ${count} messages to ${host}\n`);
  const result = await fuzzLive({ host, port: Number(port), from, asn: 65066 }, Number(count), seededRandom(seed));
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

function refuse(): void {
  process.stderr.write(usage);
  process.exitCode = 2;
}

function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}
