/**
 * The limits that a pod's annotations ask for. Whoever adds a pod refuses it where there are problems; of one that runs each
 * stays at the nearest that may be asked for, or is left out, as Calico has it.
 */
import { codepointOf, type QosControls } from "../kinds/qosControls.ts";
import { parseQuantity } from "./quantity.ts";

type Control = keyof QosControls;

/** What may be asked for: quantities of Kubernetes, both ends included. */
interface Bounds {
  readonly min: string;
  readonly max: string;
  readonly example: string;
}

const bandwidth: Bounds = { min: "1k", max: "1P", example: "10M" };
/** 4 GiB in bits, less one byte: the kernel counts the bytes in 32 bits. */
const burst: Bounds = { min: "1k", max: String(0xffff_ffff * 8), example: "4Mi" };
/** Always more than the bandwidth. */
const peakrate: Bounds = { min: "1.01k", max: "1.01P", example: "20M" };
const minburst: Bounds = { min: "1k", max: "100M", example: "1500" };
/** XT_LIMIT_SCALE: the kernel counts no more in a second. */
const packets: Bounds = { min: "1", max: "10k", example: "1000" };
const connections: Bounds = { min: "1", max: String(0xffff_ffff), example: "100" };

const bounds: Readonly<Record<string, Bounds>> = {
  Bandwidth: bandwidth,
  Burst: burst,
  Peakrate: peakrate,
  Minburst: minburst,
  PacketRate: packets,
  PacketBurst: packets,
  MaxConnections: connections,
};

const asksForLimit = /^(qos\.projectcalico\.org\/|kubernetes\.io\/(in|e)gress-bandwidth$)/;
const nothingAsked: PodQos = { controls: null, problems: [] };

const directions = ["ingress", "egress"] as const;
const prefix = "qos.projectcalico.org/";
/** Of every pod that asks for a bandwidth and for no burst: 4 Gi bits, half a gigabyte. */
const burstByDefault = 2 ** 32;
const packetBurstByDefault = 5;

export interface PodQos {
  /** `null` where nothing is limited. */
  readonly controls: QosControls | null;
  /** Each begins with the annotation's name. */
  readonly problems: readonly string[];
}

export function readPodQos(annotations: Readonly<Record<string, string>>): PodQos {
  // Nine in ten ask for nothing, and each Pod of a cluster is read.
  if (!Object.keys(annotations).some((name) => asksForLimit.test(name))) return nothingAsked;
  const problems: string[] = [];
  const read = new Map<string, number>();
  const take = (control: string, { name, text, bounds: within }: { name: string; text: string; bounds: Bounds }) => {
    const { value, problem } = quantityWithin(text, within);
    if (problem !== null) problems.push(`${name}: ${problem}`);
    if (value !== null) read.set(control, value);
  };
  for (const direction of directions) {
    const name = `kubernetes.io/${direction}-bandwidth`;
    const text = annotations[name];
    if (text !== undefined) take(`${direction}Bandwidth`, { name, text, bounds: bandwidth });
  }
  for (const [name, text] of Object.entries(annotations)) {
    if (!name.startsWith(prefix) || name === dscpAnnotation) continue;
    const control = name.slice(prefix.length);
    const within = bounds[control.replace(/^(in|e)gress/, "")];
    if (!within || !/^(in|e)gress/.test(control)) problems.push(`${name}: no such limit is known`);
    else take(control, { name, text, bounds: within });
  }
  for (const direction of directions) complete(direction, read, problems);
  const dscp = readCodepoint(annotations[dscpAnnotation], problems);
  const numbers = Object.fromEntries(
    order.flatMap((control) => (read.has(control) ? [[control, read.get(control)]] : [])),
  );
  const controls: QosControls = { ...numbers, ...(dscp !== null && { dscp }) };
  return { controls: Object.keys(controls).length > 0 ? controls : null, problems };
}

/** Of what the pod sends. */
export const dscpAnnotation: string = `${prefix}dscp`;

/** As Calico's struct has its fields. */
const order: readonly Control[] = [
  ...["Bandwidth", "Burst", "Peakrate", "Minburst", "PacketRate", "PacketBurst", "MaxConnections"].flatMap((what) =>
    directions.map((direction) => `${direction}${what}` as Control),
  ),
];

/** What only means something beside another one goes without it; what is left open gets Calico's value. */
function complete(direction: (typeof directions)[number], read: Map<string, number>, problems: string[]): void {
  const [rate = 0, peak = 0] = [read.get(`${direction}Bandwidth`), read.get(`${direction}Peakrate`)];
  const drop = (what: string, why: string) => {
    const control = `${direction}${what}`;
    if (!read.delete(control)) return;
    problems.push(`${prefix}${control}: ${why}`);
  };
  const needs = (what: string) => `means nothing without ${prefix}${direction}${what}`;
  if (rate === 0) drop("Burst", needs("Bandwidth"));
  if (rate === 0) drop("Peakrate", needs("Bandwidth"));
  else if (peak !== 0 && peak <= rate) drop("Peakrate", "must be greater than the bandwidth");
  if (!read.has(`${direction}Peakrate`)) drop("Minburst", needs("Peakrate"));
  if (!read.has(`${direction}PacketRate`)) drop("PacketBurst", needs("PacketRate"));
  setDefault(read, { of: `${direction}Bandwidth`, name: `${direction}Burst`, value: burstByDefault });
  setDefault(read, { of: `${direction}PacketRate`, name: `${direction}PacketBurst`, value: packetBurstByDefault });
}

function setDefault(read: Map<string, number>, rest: { of: string; name: string; value: number }): void {
  if (read.has(rest.of) && !read.has(rest.name)) read.set(rest.name, rest.value);
}

function quantityWithin(text: string, { min, max, example }: Bounds): { value: number | null; problem: string | null } {
  const value = parseQuantity(text);
  if (value === null) return { value, problem: `${JSON.stringify(text)} is no quantity such as ${example}` };
  const [least, most] = [min, max].map((bound) => parseQuantity(bound) ?? 0n) as [bigint, bigint];
  if (value < least) return { value: Number(least), problem: `${text} is less than ${min}` };
  if (value > most) return { value: Number(most), problem: `${text} is more than ${max}` };
  return { value: Number(value), problem: null };
}

function readCodepoint(text: string | undefined, problems: string[]): number | string | null {
  if (text === undefined) return null;
  if (codepointOf(text) !== null) return /^\d+$/.test(text) ? Number(text) : text;
  problems.push(
    `${dscpAnnotation}: ${JSON.stringify(text)} is no codepoint from 0 to 63, nor a name such as EF or AF11`,
  );
  return null;
}
