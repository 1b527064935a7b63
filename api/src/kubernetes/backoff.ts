/** How long to wait before the next attempt: half fixed, half random, doubling up to a bound. */

const retryDelayMsMin = 100;
export const retryDelayMsMax = 10_000;

export function retryDelayMs(random: () => number, failures: number): number {
  const ceiling = Math.min(retryDelayMsMax, retryDelayMsMin * 2 ** Math.max(0, failures - 1));
  return ceiling / 2 + (random() * ceiling) / 2;
}
