/** Durations as Go's `time.Duration` writes them, which is how Calico stores them: `90s` becomes `1m30s`, `5m` becomes `5m0s`. */

/** Part by part a number and its unit; signs, which Go takes too, mean nothing for a setting. */
export const goDurationForm: RegExp = /^(([0-9]+[.]?[0-9]*|[.][0-9]+)(ns|us|µs|ms|s|m|h))+$|^0$/;

const nanosecondsOf: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** `null` for what is no duration, or too long for 64 bits of nanoseconds. */
export function goDuration(text: string): string | null {
  const nanoseconds = parseNanoseconds(text);
  return nanoseconds === null ? null : formatNanoseconds(nanoseconds);
}

export function durationMs(text: string): number | null {
  const nanoseconds = parseNanoseconds(text);
  return nanoseconds === null ? null : nanoseconds / 1e6;
}

const nanosecondsMax = 2 ** 63;

function parseNanoseconds(text: string): number | null {
  if (!goDurationForm.test(text)) return null;
  let sum = 0;
  for (const [, number, unit] of text.matchAll(/([0-9.]+)([a-zµ]+)/g)) {
    sum += Number(number) * (nanosecondsOf[unit ?? ""] ?? Number.NaN);
  }
  return sum < nanosecondsMax ? Math.trunc(sum) : null;
}

/** Below a second in the largest unit that leaves a whole part; from there in hours, minutes and seconds, from the first that is not zero. */
function formatNanoseconds(nanoseconds: number): string {
  if (nanoseconds === 0) return "0s";
  if (nanoseconds < 1e3) return `${nanoseconds}ns`;
  if (nanoseconds < 1e6) return `${nanoseconds / 1e3}µs`;
  if (nanoseconds < 1e9) return `${nanoseconds / 1e6}ms`;
  const minutes = Math.floor(nanoseconds / 60e9);
  const seconds = `${(nanoseconds - minutes * 60e9) / 1e9}s`;
  if (minutes === 0) return seconds;
  const hours = Math.floor(minutes / 60);
  return hours === 0 ? `${minutes}m${seconds}` : `${hours}h${minutes % 60}m${seconds}`;
}
