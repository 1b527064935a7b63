/** Which stations are told what (RFC 7854). Plain data, as the rest of `SpeakerConfig`. */
import type { MonitoredTable } from "./messages.ts";

export interface BmpCollector {
  readonly address: string;
  readonly port: number;
  /** The tables whose routes it is told; sessions that come and go it hears of in any case. */
  readonly monitor: readonly MonitoredTable[];
  /** How often it is told counts; 0 for never. */
  readonly statisticsSeconds: number;
  /** The wait before it is dialled again; it doubles with each failure in a row. 30 unless given. */
  readonly retrySeconds?: number;
}

/** Unique, and what a person reads. */
export function collectorName({ address, port }: Pick<BmpCollector, "address" | "port">): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
