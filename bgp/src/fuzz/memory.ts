/** Whether a long run leaves anything behind: what a process holds after a full collection, again and again. */

export interface MemorySample {
  /** Sent until then. */
  readonly messages: number;
  /** Of objects and buffers that are in use. */
  readonly liveBytes: number;
  /** What the process takes of the machine: live ones, and what its allocators keep for later. */
  readonly residentBytes: number;
}

export interface MemoryVerdict {
  readonly verdict: "flat" | "grows" | "unknown";
  /** Of live ones, from the first sample that counts to the last. */
  readonly liveBytesPerMessage: number;
  /** The most of the last third over the most of the first. */
  readonly residentRatio: number;
}

/** While code is still being compiled and pools are being filled, growth says nothing. */
const warmUpMessages = 1_000_000;
const samplesMin = 6;
/**
 * A table entry that every session leaves behind is some fifty bytes in thirty messages. V8 itself takes a fifth of a
 * byte for its lists of what it has optimized.
 */
const liveBytesPerMessageMax = 1;
/** An allocator's own waves are a few hundredths. */
const residentRatioMax = 1.1;

/** `unknown` for a run that is too short. */
export function judgeMemory(samples: readonly MemorySample[]): MemoryVerdict {
  const counted = samples.filter(({ messages }) => messages >= warmUpMessages);
  const [first, last] = [counted[0], counted.at(-1)];
  if (!first || !last || counted.length < samplesMin)
    return { verdict: "unknown", liveBytesPerMessage: Number.NaN, residentRatio: Number.NaN };
  const third = Math.floor(counted.length / 3);
  const liveBytesPerMessage = (last.liveBytes - first.liveBytes) / (last.messages - first.messages);
  const residentRatio = mostResident(counted.slice(-third)) / mostResident(counted.slice(0, third));
  const grows = liveBytesPerMessage > liveBytesPerMessageMax || residentRatio > residentRatioMax;
  return { verdict: grows ? "grows" : "flat", liveBytesPerMessage, residentRatio };
}

function mostResident(samples: readonly MemorySample[]): number {
  return Math.max(...samples.map(({ residentBytes }) => residentBytes));
}
