/** Limits of one endpoint, as Calico stores them: what comes to the pod is its ingress. */
import * as z from "zod";
import { integer } from "./fields.ts";
import { field, object, optional, withOpenApi } from "./schema.ts";

export interface QosControls {
  /** Bits a second. */
  readonly ingressBandwidth?: number;
  readonly egressBandwidth?: number;
  /** Bits that may go at once. */
  readonly ingressBurst?: number;
  readonly egressBurst?: number;
  /** Bits a second, of bursts. */
  readonly ingressPeakrate?: number;
  readonly egressPeakrate?: number;
  /** Bytes that may go at once beyond the peak rate: a packet's, most often. */
  readonly ingressMinburst?: number;
  readonly egressMinburst?: number;
  /** Packets a second. */
  readonly ingressPacketRate?: number;
  readonly egressPacketRate?: number;
  readonly ingressPacketBurst?: number;
  readonly egressPacketBurst?: number;
  readonly ingressMaxConnections?: number;
  readonly egressMaxConnections?: number;
  /** A number, or the name of a class. */
  readonly dscp?: number | string;
}

/** Of RFC 2474, RFC 2597 and RFC 3246. */
const codepoints: Readonly<Record<string, number>> = {
  ...{ DF: 0, EF: 46 },
  ...{ CS0: 0, CS1: 8, CS2: 16, CS3: 24, CS4: 32, CS5: 40, CS6: 48 },
  ...{ AF11: 10, AF12: 12, AF13: 14, AF21: 18, AF22: 20, AF23: 22 },
  ...{ AF31: 26, AF32: 28, AF33: 30, AF41: 34, AF42: 36, AF43: 38 },
};
const codepointMax = 63;

/** The number of a codepoint by its number or name; `null` for what is none. */
export function codepointOf(value: number | string | undefined): number | null {
  if (value === undefined) return null;
  const text = String(value).trim().toUpperCase();
  const number = /^\d+$/.test(text) ? Number(text) : codepoints[text];
  return number !== undefined && number <= codepointMax ? number : null;
}

/** 0 to 63, or a name as `AF11`. */
const codepoint: z.ZodType<number | string> = withOpenApi(
  z.union([z.number(), z.string()], { error: "is no codepoint" }),
  { "x-kubernetes-int-or-string": true },
);
const number = integer(0, Number.MAX_SAFE_INTEGER);
const limit = (description: string) => optional(field(number, description));
const bandwidth = "Bits a second; 0 or left out for no limit.";
const burst = "Bits that may go at once.";
const peakrate = "Bits a second that no burst goes beyond; greater than the bandwidth.";
const minburst = "Bytes that may go at once beyond the peak rate; a packet's where it is less.";
const packetRate = "Packets a second; 0 or left out for no limit.";
const packetBurst = "Packets that may come at once.";
const maxConnections = "TCP connections at a time; 0 or left out for no limit.";

export const qosControls: z.ZodType<QosControls> = object<QosControls>({
  ingressBandwidth: limit(bandwidth),
  egressBandwidth: limit(bandwidth),
  ingressBurst: limit(burst),
  egressBurst: limit(burst),
  ingressPeakrate: limit(peakrate),
  egressPeakrate: limit(peakrate),
  ingressMinburst: limit(minburst),
  egressMinburst: limit(minburst),
  ingressPacketRate: limit(packetRate),
  egressPacketRate: limit(packetRate),
  ingressPacketBurst: limit(packetBurst),
  egressPacketBurst: limit(packetBurst),
  ingressMaxConnections: limit(maxConnections),
  egressMaxConnections: limit(maxConnections),
  dscp: optional(field(codepoint, "The differentiated services codepoint of what the pod sends out of the cluster.")),
});
