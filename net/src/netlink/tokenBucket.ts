/** What a token bucket (tbf) lets through: its settings as the kernel takes and tells them. */
import { type AttributeTable, decodeAttributes, encodeAttributes } from "./attribute.ts";
import { type StructCodec, structCodec } from "./struct.ts";
import { binary, u32, u64 } from "./value.ts";

export interface TokenBucket {
  readonly bytesPerSecond: bigint;
  /** How much may go at once. A packet that is larger never passes. */
  readonly burstBytes: number;
  /** How much may wait; what comes beyond it is dropped. */
  readonly limitBytes: number;
  /** No burst goes faster than this either. */
  readonly peak: { readonly bytesPerSecond: bigint; readonly burstBytes: number } | null;
}

/** struct tc_tbf_qopt: two of struct tc_ratespec, and three numbers. */
interface Parameters {
  readonly [field: string]: number;
  readonly linkLayer: number;
  readonly rate: number;
  readonly peakLinkLayer: number;
  readonly peakRate: number;
  readonly limit: number;
  readonly buffer: number;
  readonly mtu: number;
}

const parameters: StructCodec<Parameters> = structCodec<Parameters>([
  ["cellLog", "u8"],
  ["linkLayer", "u8"],
  ["overhead", "u16"],
  ["cellAlign", "u16"],
  ["mpu", "u16"],
  ["rate", "u32"],
  ["peakCellLog", "u8"],
  ["peakLinkLayer", "u8"],
  ["peakOverhead", "u16"],
  ["peakCellAlign", "u16"],
  ["peakMpu", "u16"],
  ["peakRate", "u32"],
  ["limit", "u32"],
  ["buffer", "u32"],
  ["mtu", "u32"],
]);

interface BucketAttributes {
  readonly parameters?: Uint8Array;
  readonly rate?: bigint;
  readonly peakRate?: bigint;
  readonly burst?: number;
  readonly peakBurst?: number;
}

/** TCA_TBF_* */
const bucketAttributes: AttributeTable<BucketAttributes> = {
  parameters: { type: 1, codec: binary },
  rate: { type: 4, codec: u64 },
  peakRate: { type: 5, codec: u64 },
  burst: { type: 6, codec: u32 },
  peakBurst: { type: 7, codec: u32 },
};

/** TC_LINKLAYER_ETHERNET: said, so that the kernel wants no table of times (TCA_TBF_RTAB) to guess it from. */
const ethernet = 1;
const u32Max = 0xffff_ffffn;
/** PSCHED_TICKS2NS: the kernel tells bursts as times, in units of so many nanoseconds. */
const nanosecondsPerTick = 64;

export function encodeTokenBucket({ bytesPerSecond, burstBytes, limitBytes, peak }: TokenBucket): Uint8Array {
  const limit = Math.min(limitBytes, Number(u32Max));
  const told = {
    ...{ linkLayer: ethernet, rate: low(bytesPerSecond), limit },
    ...(peak && { peakLinkLayer: ethernet, peakRate: low(peak.bytesPerSecond) }),
  };
  return encodeAttributes(bucketAttributes, {
    parameters: parameters.encode(told),
    burst: burstBytes,
    ...(bytesPerSecond > u32Max && { rate: bytesPerSecond }),
    ...(peak && { peakBurst: peak.burstBytes }),
    ...(peak && peak.bytesPerSecond > u32Max && { peakRate: peak.bytesPerSecond }),
  });
}

/** Of the bursts the kernel keeps how long they take, so they come back as nearly what was said. */
export function readTokenBucket(options: Uint8Array): TokenBucket | null {
  const attributes = decodeAttributes(bucketAttributes, options);
  const told = attributes?.parameters && parameters.decode(attributes.parameters);
  if (!told) return null;
  const bytesPerSecond = attributes.rate ?? BigInt(told.rate);
  const peakRate = attributes.peakRate ?? BigInt(told.peakRate);
  return {
    bytesPerSecond,
    burstBytes: bytesIn(told.buffer, bytesPerSecond),
    limitBytes: told.limit,
    peak: peakRate > 0n ? { bytesPerSecond: peakRate, burstBytes: bytesIn(told.mtu, peakRate) } : null,
  };
}

function bytesIn(ticks: number, bytesPerSecond: bigint): number {
  return Number((BigInt(ticks) * BigInt(nanosecondsPerTick) * bytesPerSecond) / 1_000_000_000n);
}

/** What is greater stands in an attribute of its own beside it. */
function low(rate: bigint): number {
  return Number(rate > u32Max ? u32Max : rate);
}
