/** `npm run fuzz -- bgp [messages]`: as `campaign.test.ts`, for as long as one likes; with the memory that it takes. */

import { runCampaign } from "../fuzz/campaign.ts";
import { seededRandom } from "../wire/testing.ts";

const [what, count = "10000000"] = process.argv.slice(2);
if (what !== "bgp" || !/^\d+$/.test(count)) {
  process.stderr.write("usage: npm run fuzz -- bgp [number of messages]\n");
  process.exit(2);
}
const seed = Number(process.env.BRINDLE_SEED ?? Date.now() % 2 ** 31);
process.stdout.write(`BRINDLE_SEED=${seed}, ${count} messages\n`);
const startMs = performance.now();
let told = 0;
const result = runCampaign(Number(count), seededRandom(seed), (sent) => {
  if (sent - told < 500_000) return;
  told = sent;
  const mib = Math.round(process.memoryUsage.rss() / 2 ** 20);
  process.stdout.write(
    `${sent} messages, ${Math.round((performance.now() - startMs) / 1000)} s, ${mib} MiB resident\n`,
  );
});
process.stdout.write(`${JSON.stringify({ ...result, notifications: Object.fromEntries(result.notifications) })}\n`);
