/**
 * The limits that a pod asks for by annotations, and who sees to them: we, but for `kubernetes.io/*-bandwidth` where the network's
 * list has a plugin that takes bandwidths. Two buckets for one interface are refused by the kernel, and with it the pod.
 */
import { type QosControls, readPodQos } from "@brindle/api";
import { CniError } from "./error.ts";
import type { NetworkLists } from "./ports.ts";
import type { Annotations } from "./requested.ts";

const ofKubernetes = /^kubernetes\.io\/(in|e)gress-bandwidth$/;
const ofCalico = /^qos\.projectcalico\.org\/(in|e)gressBandwidth$/;

const ofBandwidth = /^(in|e)gress(Bandwidth|Burst|Peakrate|Minburst)$/;

/** Who limits bandwidth: `unknown` where nobody can tell what the list has, as with one that is in no file. */
export type BandwidthOwner = "us" | "plugin" | "unknown";

export async function bandwidthOwner(
  annotations: Annotations,
  { network, lists }: { readonly network: string; readonly lists: NetworkLists | undefined },
): Promise<BandwidthOwner> {
  if (!asksForBandwidth(annotations)) return "us";
  const takes = (await lists?.takes(network, "bandwidth")) ?? null;
  return takes === null ? "unknown" : takes ? "plugin" : "us";
}

/** Where nobody can tell what the list has, it is taken for one that has the plugin. */
export async function isPluginsWork(
  annotations: Annotations,
  where: { readonly network: string; readonly lists: NetworkLists | undefined },
): Promise<boolean> {
  return (await bandwidthOwner(annotations, where)) !== "us";
}

/** As the runtime hands them on: bits a second, and bits. Without a burst, or with one that is greater, the greatest. */
export function limitsByRuntime(where: string, bandwidth: unknown): QosControls | null {
  if (bandwidth === undefined || bandwidth === null) return null;
  if (typeof bandwidth !== "object") throw refused(`${where}: must be an object`);
  // containerd writes them as IngressRate and so on, which Go reads as well.
  const asked = new Map(Object.entries(bandwidth).map(([name, value]) => [name.toLowerCase(), value as unknown]));
  const numberOf = (name: string): number => {
    const value = asked.get(name.toLowerCase()) ?? 0;
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
    throw refused(`${where}.${name}: must be a number of bits`);
  };
  const controls = (["ingress", "egress"] as const).flatMap((direction) => {
    const [rate, burst] = [numberOf(`${direction}Rate`), numberOf(`${direction}Burst`)];
    if (rate === 0) return [];
    const within = burst === 0 ? burstBitsMax : Math.min(burst, burstBitsMax);
    return [Object.entries({ [`${direction}Bandwidth`]: rate, [`${direction}Burst`]: within })].flat();
  });
  return controls.length > 0 ? Object.fromEntries(controls) : null;
}

/** The kernel counts bytes of it in 32 bits. */
const burstBitsMax = 0xffff_ffff * 8;

function asksForBandwidth(annotations: Annotations): boolean {
  return Object.keys(annotations).some((name) => ofKubernetes.test(name));
}

/** What we see to, of an endpoint's. */
export function ownLimits(controls: QosControls | null | undefined, isBandwidthPlugins: boolean): QosControls | null {
  if (!controls || !isBandwidthPlugins) return controls ?? null;
  const others = Object.entries(controls).filter(([control]) => !ofBandwidth.test(control));
  return others.length > 0 ? Object.fromEntries(others) : null;
}

/** Rejects what cannot be done, with the annotation's name. */
export function limitsAskedFor(annotations: Annotations, isBandwidthPlugins: boolean): QosControls | null {
  const { controls, problems } = readPodQos(annotations);
  const [problem] = problems;
  if (problem !== undefined) throw refused(problem);
  const twice = Object.keys(annotations).find((name) => ofCalico.test(name));
  if (isBandwidthPlugins && twice !== undefined)
    throw refused(
      `${twice}: the plugin bandwidth in the network's list sees to kubernetes.io/*-bandwidth: use one or the other`,
    );
  return ownLimits(controls, isBandwidthPlugins);
}

function refused(message: string): CniError {
  return new CniError({ code: "INVALID_CONFIG", message });
}
